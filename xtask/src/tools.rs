//! Programs that the project's commands need, fetched where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::run::{cargo, output, run};

/// The target of wasm builds.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The version of wasm-pack that tests run with.
const WASM_PACK: &str = "0.15.1";

/// Makes sure that Rust can build for [`TARGET`].
pub fn ensure_target() -> anyhow::Result<()> {
    let sysroot = output("rustc", &["--print", "sysroot"])
        .context("rustc is missing: install it from rustup.rs")?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET);
    if library.exists() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("Rust has no {TARGET} here: type `rustup target add {TARGET}`"))
}

/// wasm-bindgen's commands, of exactly the version that Cargo.lock names.
pub fn wasm_bindgen() -> anyhow::Result<PathBuf> {
    let lock = crate::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).context("Cargo.lock is missing")?;
    let version =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    install("wasm-bindgen-cli", "wasm-bindgen", version)
}

/// wasm-pack.
pub fn wasm_pack() -> anyhow::Result<PathBuf> {
    install("wasm-pack", "wasm-pack", WASM_PACK)
}

/// The version of a package in a lock file's text.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// A program in `target/tools`, installed by cargo where it is missing or of another version.
fn install(package: &str, program: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = crate::root().join("target/tools");
    let path = folder
        .join("bin")
        .join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    let is_right = |text: String| text.split_whitespace().any(|word| word == version);
    if output(&path, &["--version"]).is_some_and(is_right) {
        return Ok(path);
    }
    eprintln!(
        "Installing {package} {version} into {} (once, a few minutes)",
        folder.display()
    );
    // Without --locked: some registry mirrors lack versions that its lock file names.
    run(cargo()
        .args([
            "install",
            "--force",
            package,
            "--version",
            &format!("={version}"),
            "--root",
        ])
        .arg(&folder))?;
    ensure!(
        path.exists(),
        "cargo installed {package}, but {} is missing",
        path.display()
    );
    Ok(path)
}

/// The browser and its driver.
pub struct Browser {
    /// Chromium or Chrome.
    pub chrome: PathBuf,
    /// Its ChromeDriver.
    pub driver: PathBuf,
}

const CHROMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// What browser tests and GPU tests need from outside of cargo, as Debian packages.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "mesa-vulkan-drivers"];

/// Finds the browser; `None` where it or its driver is missing.
pub fn find_browser() -> Option<Browser> {
    Some(Browser {
        chrome: CHROMES.iter().find_map(|name| find(name))?,
        driver: find("chromedriver")?,
    })
}

/// Finds or installs the browser, and a Vulkan driver on Linux.
pub fn ensure_browser() -> anyhow::Result<Browser> {
    let has_vulkan = || !cfg!(target_os = "linux") || vulkan_drivers();
    if let (Some(browser), true) = (find_browser(), has_vulkan()) {
        return Ok(browser);
    }
    let line = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        PACKAGES.join(" ")
    );
    let is_root = output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    if find("apt-get").is_some() && is_root {
        eprintln!("Installing {}", PACKAGES.join(", "));
        run(Command::new("sh")
            .args(["-c", &line])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    match (find_browser(), has_vulkan()) {
        (Some(browser), true) => Ok(browser),
        _ => bail!(
            "tests need Chromium or Chrome, its ChromeDriver, and a Vulkan driver; on Debian or \
             Ubuntu type: sudo sh -c '{line}'"
        ),
    }
}

fn vulkan_drivers() -> bool {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .any(|mut entries| entries.next().is_some())
}

/// A program on the PATH.
fn find(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_from_a_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
