//! Programs that wasm builds and browser tests need; cargo installs them if they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::run::{cargo, output, run};

/// Target of wasm builds.
pub const TARGET: &str = "wasm32-unknown-unknown";

const WASM_PACK: &str = "0.15.1";

/// Packages of wasm-bindgen's CLI that process megabytes of wasm.
const BINDGEN_LOOPS: [&str; 5] = [
    "walrus",
    "wasmparser",
    "wasm-encoder",
    "leb128fmt",
    "wasm-bindgen-cli-support",
];

const GECKODRIVER: &str = "0.37.1";

const CARGO_ABOUT: &str = "0.9.3";

/// Makes sure that the Rust toolchain can build for [`TARGET`].
pub fn ensure_target() -> anyhow::Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))
        .context("rustc is missing: install Rust from https://rustup.rs")?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET);
    if library.exists() {
        return Ok(());
    }
    run(Command::new("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!("Rust cannot build for {TARGET} here: type `rustup target add {TARGET}`")
    })
}

/// wasm-bindgen's CLI, in exactly the version of Cargo.lock.
pub fn wasm_bindgen() -> anyhow::Result<PathBuf> {
    let lock = crate::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).context("Cargo.lock is missing")?;
    let version =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    let mut options = vec!["--no-default-features".into()];
    for package in BINDGEN_LOOPS {
        options.push("--config".into());
        options.push(format!("profile.dev.package.{package}.opt-level=1"));
    }
    install("wasm-bindgen-cli", "wasm-bindgen", version, &options)
}

/// wasm-pack, which runs the tests of the wasm interface.
pub fn wasm_pack() -> anyhow::Result<PathBuf> {
    install("wasm-pack", "wasm-pack", WASM_PACK, &[])
}

/// GeckoDriver, which controls Firefox.
pub fn geckodriver() -> anyhow::Result<PathBuf> {
    let options = ["--locked".into()];
    install("geckodriver", "geckodriver", GECKODRIVER, &options)
}

/// cargo-about, which collects licences.
pub fn cargo_about() -> anyhow::Result<PathBuf> {
    let options = ["--locked", "--no-default-features", "--features", "cli"].map(String::from);
    install("cargo-about", "cargo-about", CARGO_ABOUT, &options)
}

/// Path of a program in `target/tools`, whether it is installed or not.
pub fn path(program: &str) -> anyhow::Result<PathBuf> {
    let path = folder()?.join("bin").join(program);
    Ok(path.with_extension(std::env::consts::EXE_EXTENSION))
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(crate::target_dir()?.join("tools"))
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// Installs a program into `target/tools`, unless this version is installed already.
fn install(
    package: &str,
    program: &str,
    version: &str,
    options: &[String],
) -> anyhow::Result<PathBuf> {
    let (folder, path) = (folder()?, path(program)?);
    let is_right = |text: String| text.split_whitespace().any(|word| word == version);
    if output(Command::new(&path).arg("--version")).is_some_and(is_right) {
        return Ok(path);
    }
    eprintln!(
        "Installing {package} {version} into {} (once, a minute or two)",
        folder.display()
    );
    // Most tools are installed without --locked: registry mirrors may lack a version that the tool's lock file names.
    run(cargo()
        .args(["install", "--force", "--debug", package, "--version"])
        .arg(format!("={version}"))
        .arg("--root")
        .arg(&folder)
        .args(options)
        // The programs run for seconds only, so a fast build matters more than fast code. They share a profile and a
        // folder, so that common dependencies are compiled once.
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0"))?;
    ensure!(
        path.exists(),
        "cargo installed {package}, but {} is missing",
        path.display()
    );
    Ok(path)
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
