//! Peers that are installed from npm.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// Folder of onnxruntime-web's files, in the version of `tests/bench/onnx/package.json`. Installs them if they are
/// missing.
pub fn onnxruntime_web() -> anyhow::Result<PathBuf> {
    let folder = xtask::target_dir()?.join("bench-node");
    let dist = folder.join("node_modules/onnxruntime-web/dist");
    let wanted = std::fs::read(xtask::root().join("tests/bench/onnx/package.json"))?;
    let list = folder.join("package.json");
    if dist.exists() && std::fs::read(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(dist);
    }
    eprintln!(
        "Installing onnxruntime-web from npm into {} (once)",
        folder.display()
    );
    std::fs::create_dir_all(&folder)?;
    std::fs::write(&list, wanted)?;
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(&folder)
        .status()
        .context("npm is missing: the benchmark compares with onnxruntime-web; install Node.js")?;
    ensure!(installed.success(), "npm install onnxruntime-web failed");
    Ok(dist)
}
