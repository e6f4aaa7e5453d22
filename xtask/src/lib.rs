//! The project's own commands, and what browser tests borrow from them.

pub mod bench;
pub mod run;
pub mod server;
pub mod test;
pub mod tools;
pub mod wasm;

use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
