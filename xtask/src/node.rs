//! Programs that are installed from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::run::run;

/// Installs the packages of the list `package.json` in the folder `source` into `target/NAME`, unless these versions are
/// installed already; returns that folder.
pub fn install(source: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = crate::target_dir()?.join(name);
    let (list, lock) = (
        folder.join("package.json"),
        folder.join("package-lock.json"),
    );
    let wanted = std::fs::read(source.join("package.json"))?;
    // npm writes the second file when it has finished.
    if lock.exists() && std::fs::read(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    eprintln!("Installing npm packages into {} (once)", folder.display());
    std::fs::create_dir_all(&folder)?;
    let _ = std::fs::remove_file(&lock);
    std::fs::write(&list, wanted)?;
    run(npm()
        .args(["install", "--no-audit", "--no-fund", "--silent"])
        .current_dir(&folder))
    .context("npm is needed: install Node.js 20.19 or newer from https://nodejs.org")?;
    Ok(folder)
}

/// npm's command line.
pub fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}
