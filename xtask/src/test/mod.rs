//! Every test there is, counted at the end.

mod report;

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use clap::{Args, ValueEnum};

use self::report::Report;
use crate::browser::{self, Browser};
use crate::run::{cargo, output};
use crate::tools::{self, TARGET};
use crate::{dist, fuzz, licences, package};

/// Which tests to run.
#[derive(Args)]
pub struct TestArgs {
    /// Only some of them, for daily work: `--only lint,native`.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Format, lints, documentation, dependencies.
    Lint,
    /// Everything that runs natively.
    Native,
    /// The wasm border in a headless browser, by wasm-pack.
    Wasm,
    /// The page, end to end in Chromium; its main paths in Firefox and WebKit, too.
    Browser,
}

/// Crates that a page must never carry.
const FORBIDDEN_IN_WEB: [&str; 4] = ["clap", "burn-optim", "burn-train", "burn-dataset"];

/// Runs the tests to their end; failures are an error after all of them.
pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let wants = |kind| args.only.is_empty() || args.only.contains(&kind);
    let mut report = Report::default();
    // Missing tools are reported now, not half an hour later.
    browser::ensure(
        wants(Kind::Wasm) || wants(Kind::Browser),
        wants(Kind::Native),
    )?;
    let missing = match wants(Kind::Browser) {
        true => missing_browsers(&mut report)?,
        false => Vec::new(),
    };
    tools::ensure_target()?;
    let pack = if wants(Kind::Wasm) {
        Some(tools::wasm_pack()?)
    } else {
        None
    };
    let bindgen = if wants(Kind::Wasm) || wants(Kind::Browser) {
        Some(tools::wasm_bindgen()?)
    } else {
        None
    };

    if wants(Kind::Lint) {
        lint(&mut report);
    }
    if wants(Kind::Native) {
        let mut tests = cargo();
        // With --show-output a test that could not run everything can say so: see `Report`.
        tests.args([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--",
            "--show-output",
        ]);
        report.tests("native", &mut tests);
        match fuzz::short_round() {
            Ok(rounds) => {
                for (name, mut command) in rounds {
                    report.check(&name, &mut command);
                }
            }
            Err(error) => report.step("native: damaged inputs", || Err(error)),
        }
        sanitized(&mut report)?;
    }
    if let (Some(pack), Some(bindgen)) = (&pack, &bindgen) {
        wasm_tests(&mut report, pack, bindgen)?;
    }
    if let (Some(bindgen), true) = (&bindgen, wants(Kind::Browser)) {
        report.step("page: the site", || dist::check(&dist::build(bindgen)?));
        report.step("page: the npm packages", package::check);
        // Half of a test is waiting for a browser: two at a time take three quarters of the time.
        let apart = missing.into_iter().chain(["alone::"]);
        let skipped: Vec<_> = apart.flat_map(|tests| ["--skip", tests]).collect();
        report.tests("page: end to end", &mut browser_tests(&skipped));
        let alone = ["--test-threads", "1", "alone::"];
        report.tests("page: alone", &mut browser_tests(&alone));
    }
    for kind in Kind::value_variants().iter().filter(|kind| !wants(**kind)) {
        report.note(format!("not asked for by --only: {kind:?}").to_lowercase());
    }
    report.finish()
}

/// Names of the tests that cannot run, because their browser is missing and cannot be installed; the report says so. In
/// CI, where `CI` is set, this is an error.
fn missing_browsers(report: &mut Report) -> anyhow::Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for (name, tests, found) in [
        ("Firefox", "firefox::", browser::ensure_firefox()),
        ("WebKit", "webkit::", browser::ensure_webkit()),
    ] {
        match found {
            Err(error) if std::env::var_os("CI").is_none() => {
                report.note(format!("NOT RUN in {name}: {error:#}"));
                missing.push(tests);
            }
            found => found?,
        }
    }
    Ok(missing)
}

/// The tests in `tests/tests/browser`, with arguments for their runner.
fn browser_tests(arguments: &[&str]) -> Command {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--features", "tests/browser"]);
    tests.args(["--test", "browser", "--", "--show-output"]);
    tests.args(arguments);
    tests
}

/// The target for which Rust's toolchains carry AddressSanitizer, and which has most of the kernels.
const SANITIZED_TARGET: &str = "x86_64-unknown-linux-gnu";

/// The kernels' tests with every access to memory checked: they work on pointers, for speed.
fn sanitized(report: &mut Report) -> anyhow::Result<()> {
    let name = "native: kernels, under AddressSanitizer";
    if !cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    )) {
        report.note(format!("{name}: only on {SANITIZED_TARGET}"));
        return Ok(());
    }
    let mut tests = cargo();
    // The flag is not stable; what it does has been for years.
    tests.env("RUSTC_BOOTSTRAP", "1");
    tests.env("RUSTFLAGS", "-Zsanitizer=address");
    // Its own, or every other build would begin anew.
    tests.env("CARGO_TARGET_DIR", crate::target_dir()?.join("sanitizer"));
    tests.args([
        "test",
        "--package",
        "engine",
        "--features",
        "train,reference",
    ]);
    tests.args(["--lib", "--test", "cpu", "--target", SANITIZED_TARGET]);
    report.tests(name, &mut tests);
    Ok(())
}

fn lint(report: &mut Report) {
    report.check("lint: format", cargo().args(["fmt", "--all", "--check"]));
    report.step("lint: what a page carries", page_dependencies);
    report.step("lint: licences of that", licences::check);
    let workspace = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "tests/browser",
    ];
    report.check(
        "lint: clippy",
        cargo().args(workspace).args(["--", "-D", "warnings"]),
    );
    let doc = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    report.check(
        "lint: documentation",
        cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings"),
    );
}

/// Fails where the page would carry what belongs to training or to the command line.
fn page_dependencies() -> anyhow::Result<()> {
    let args = [
        "tree",
        "--package",
        "web",
        "--target",
        TARGET,
        "--features",
        "cpu,webgpu,decode,burn-wgpu",
    ];
    let shape = ["--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = output(cargo().args(args).args(shape));
    let tree = tree.context("`cargo tree` failed")?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let found: Vec<_> = names
        .filter(|name| FORBIDDEN_IN_WEB.contains(name))
        .collect();
    anyhow::ensure!(
        tree.starts_with("web "),
        "`cargo tree` printed something else"
    );
    anyhow::ensure!(
        found.is_empty(),
        "the page would carry {}",
        found.join(", ")
    );
    Ok(())
}

/// Features of the crate `web` with which its tests are run, and Cargo's profile. Tests compare engines, so that both
/// are in one build here.
const BORDER_TESTS: [(&str, &str); 4] = [
    ("cpu,webgpu", "page"),
    ("decode", "page"),
    ("resize", "page"),
    ("burn-wgpu", "burn"),
];

/// The wasm border's tests in headless Chrome.
fn wasm_tests(report: &mut Report, pack: &Path, bindgen: &Path) -> anyhow::Result<()> {
    let browser = Browser::find().context("the browser has vanished")?;
    let tools = bindgen.parent().context("wasm-bindgen lies nowhere")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(tools.into()).chain(std::env::split_paths(&path)))?;
    write_webdriver(&crate::root().join("web/webdriver.json"), &browser)?;
    for (features, profile) in BORDER_TESTS {
        let mut command = Command::new(pack);
        command
            .current_dir(crate::root())
            .args(["test", "--headless", "--chrome", "--mode", "no-install"])
            .arg("--chromedriver")
            .arg(&browser.driver)
            // What follows the crate is for cargo: the profile that the page's build needs anyway.
            .args(["web", "--profile", profile])
            .args(["--no-default-features", "--features", features])
            .env("PATH", &path)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300");
        report.tests(&format!("wasm border: {features}"), &mut command);
    }
    Ok(())
}

/// Tells wasm-bindgen's test runner which browser to use, and how.
fn write_webdriver(path: &Path, browser: &Browser) -> anyhow::Result<()> {
    let args = [&browser::FLAGS[..], &browser::SOFTWARE_WEBGPU_FLAGS].concat();
    let options = serde_json::json!({
        "goog:chromeOptions": { "binary": browser.chrome, "args": args }
    });
    std::fs::write(path, serde_json::to_string_pretty(&options)?)
        .with_context(|| format!("cannot write {}", path.display()))
}
