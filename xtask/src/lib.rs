//! The project's development commands, and functions that browser tests share with them.

pub mod bench;
pub mod browser;
pub mod bundle;
pub mod dist;
pub mod files;
pub mod frameworks;
pub mod fuzz;
pub mod hosting;
pub mod licences;
pub mod node;
pub mod package;
pub mod run;
pub mod server;
pub mod site;
pub mod test;
pub mod tools;
pub mod wasm;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;

/// Root folder of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's target folder, which the user may have configured.
pub fn target_dir() -> anyhow::Result<PathBuf> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    if let Some(folder) = FOLDER.get() {
        return Ok(folder.clone());
    }
    let output = run::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo cannot be started")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` failed")?;
    let folder = metadata["target_directory"].as_str();
    let folder = folder.context("`cargo metadata` names no target folder")?;
    Ok(FOLDER.get_or_init(|| folder.into()).clone())
}
