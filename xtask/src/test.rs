//! Every test there is, counted at the end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use crate::run::{cargo, describe, output};
use crate::tools::{self, Browser, TARGET};
use crate::wasm;

/// Which tests to run.
#[derive(Args)]
pub struct TestArgs {
    /// Only one kind of them, for daily work.
    #[arg(long, value_enum)]
    only: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Format, lints, documentation, dependencies.
    Lint,
    /// Everything that runs natively.
    Native,
    /// The wasm border in a headless browser, by wasm-pack.
    Wasm,
    /// The page, end to end in a browser.
    Browser,
}

/// Crates that a page must never carry.
const FORBIDDEN_IN_WEB: [&str; 4] = ["clap", "burn-optim", "burn-train", "burn-dataset"];

/// Runs the tests; a failure is an error at the end, after all of them.
pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let wants = |kind| args.only.is_none_or(|only| only == kind);
    tools::ensure_target()?;
    let browser = tools::ensure_browser()?;
    let mut report = Report::default();
    if wants(Kind::Lint) {
        lint(&mut report);
    }
    if wants(Kind::Native) {
        // Tests of the browser are run on their own below.
        report.cargo_tests(
            "native",
            cargo().args([
                "test",
                "--workspace",
                "--no-fail-fast",
                "--",
                "--show-output",
                "--skip",
                "browser::",
            ]),
        );
    }
    if wants(Kind::Wasm) || wants(Kind::Browser) {
        let bindgen = tools::wasm_bindgen()?;
        if wants(Kind::Wasm) {
            wasm_tests(&mut report, &bindgen, &browser)?;
        }
        if wants(Kind::Browser) {
            match wasm::build(&bindgen) {
                Ok(()) => report.passed("page: wasm builds".to_string(), 1),
                Err(error) => report.failed(format!("page: wasm builds: {error:#}"), 0, 1),
            }
            report.cargo_tests(
                "browser",
                cargo()
                    .args([
                        "test",
                        "--workspace",
                        "--test",
                        "browser",
                        "--",
                        "--test-threads",
                        "1",
                    ])
                    .env("UPREZ_CHROME", &browser.chrome)
                    .env("UPREZ_CHROMEDRIVER", &browser.driver),
            );
        }
    }
    report.print()
}

fn lint(report: &mut Report) {
    report.check("format", cargo().args(["fmt", "--all", "--check"]));
    report.check(
        "clippy",
        cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    );
    report.check(
        "documentation",
        cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    );
    let name = "lint: what a page carries".to_string();
    let tree = output(
        "cargo",
        &[
            "tree",
            "--package",
            "web",
            "--target",
            TARGET,
            "--features",
            "webgpu",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ],
    );
    let found = tree.map(|tree| {
        let names = tree
            .lines()
            .filter_map(|line| line.split(' ').next().map(str::to_string));
        names
            .filter(|name| FORBIDDEN_IN_WEB.contains(&name.as_str()))
            .collect::<Vec<_>>()
    });
    match found {
        Some(found) if found.is_empty() => report.passed(name, 1),
        Some(found) => report.failed(format!("{name}: {}", found.join(", ")), 0, 1),
        None => report.failed(format!("{name}: cargo tree failed"), 0, 1),
    }
}

/// The wasm border's tests in headless Chrome, for each build.
fn wasm_tests(report: &mut Report, bindgen: &Path, browser: &Browser) -> anyhow::Result<()> {
    let pack = tools::wasm_pack()?;
    let tools = bindgen.parent().context("wasm-bindgen lies nowhere")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(tools.to_path_buf()).chain(std::env::split_paths(&path)),
    )?;
    write_webdriver(&crate::root().join("web/webdriver.json"), browser)?;
    for (name, feature) in wasm::BUILDS {
        let mut command = Command::new(&pack);
        command
            .current_dir(crate::root())
            .args([
                "test",
                "--headless",
                "--chrome",
                "--release",
                "--mode",
                "no-install",
                "--chromedriver",
            ])
            .arg(&browser.driver)
            // Behind the path everything goes to cargo; a `--` in between would go to the tests.
            .args(["web", "--no-default-features", "--features", feature])
            .env("PATH", &path)
            .env("RUSTFLAGS", wasm::RUSTFLAGS)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300");
        report.cargo_tests(&format!("wasm, {name}"), &mut command);
    }
    Ok(())
}

/// Flags that make Chromium quiet, and give it WebGPU without a GPU.
pub const CHROME_FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
];

/// Tells wasm-bindgen's test runner which browser to use, and how.
fn write_webdriver(path: &Path, browser: &Browser) -> anyhow::Result<()> {
    let options = serde_json::json!({
        "goog:chromeOptions": { "binary": browser.chrome, "args": CHROME_FLAGS }
    });
    std::fs::write(path, serde_json::to_string_pretty(&options)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What ran.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
}

impl Report {
    fn passed(&mut self, name: String, count: usize) {
        self.passed += count;
        self.lines.push(format!("{name}: {count} passed"));
    }

    fn failed(&mut self, name: String, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
        self.lines
            .push(format!("{name}: {passed} passed, {failed} FAILED"));
    }

    /// A command that passes or fails as a whole.
    fn check(&mut self, name: &str, command: &mut Command) {
        eprintln!("\n== {name}: {}", describe(command));
        let name = format!("lint: {name}");
        match command.status() {
            Ok(status) if status.success() => self.passed(name, 1),
            _ => self.failed(name, 0, 1),
        }
    }

    /// A command whose test summaries are counted.
    fn cargo_tests(&mut self, name: &str, command: &mut Command) {
        eprintln!("\n== {name}: {}", describe(command));
        let start = Instant::now();
        let (passed, failed, success, not_run) = match counted(command) {
            Ok(counts) => counts,
            Err(error) => {
                eprintln!("{error:#}");
                (0, 0, false, Vec::new())
            }
        };
        let name = format!("{name} ({:.0} s)", start.elapsed().as_secs_f64());
        if success && failed == 0 && passed > 0 {
            self.passed(name, passed);
        } else {
            // What did not build or ran nothing counts as a failure, too.
            self.failed(name, passed, failed.max(1));
        }
        self.lines.extend(not_run);
    }

    fn print(self) -> anyhow::Result<()> {
        println!("\n{}", self.lines.join("\n"));
        println!("{} passed, {} failed", self.passed, self.failed);
        ensure!(self.failed == 0, "some tests failed");
        Ok(())
    }
}

/// Runs a command, passes on what it prints, and sums up the lines `test result: …`.
fn counted(command: &mut Command) -> anyhow::Result<(usize, usize, bool, Vec<String>)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("it cannot be started")?;
    let stdout = child.stdout.take().context("it has no output")?;
    let (mut passed, mut failed, mut not_run) = (0, 0, Vec::new());
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some((p, f)) = summary(&line) {
            passed += p;
            failed += f;
        } else if line.starts_with("NOT RUN") {
            not_run.push(line);
        }
    }
    Ok((passed, failed, child.wait()?.success(), not_run))
}

/// The counts in a line such as `test result: ok. 8 passed; 0 failed; …`.
fn summary(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.trim().strip_prefix("test result:")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split(';').find(|part| part.trim().ends_with(word))?;
        part.trim().split(' ').next()?.parse().ok()
    };
    Some((count("passed")?, count("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_test_runners_say() {
        let line = "test result: FAILED. 8 passed; 2 failed; 0 ignored; 0 measured; 1 filtered out";
        assert_eq!(summary(line), Some((8, 2)));
        assert_eq!(summary("test result of something"), None);
    }
}
