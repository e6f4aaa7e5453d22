//! Files that the site and the npm packages consist of.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// All files in a folder and its subfolders, sorted.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.file_name().is_some_and(|name| name != ".gitignore") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The paths of all files in a folder, sorted, with slashes.
pub fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let name = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        name.to_string_lossy().replace('\\', "/")
    };
    Ok(files(folder)?.iter().map(name).collect())
}

/// An empty folder in the place of one that may exist.
pub fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

/// Reads a file.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file, and the folders that it needs.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, bytes)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a JSON file.
pub fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    write(
        path,
        (serde_json::to_string_pretty(value)? + "\n").as_bytes(),
    )
}

/// Copies a file, and makes the folders that it needs.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    write(to, &read(from)?)
}

/// A file's hash as browsers compare it: <https://www.w3.org/TR/sri/>.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}
