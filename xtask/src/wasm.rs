//! The page's wasm: one build for each device.

use std::path::Path;
use std::process::Command;

use crate::run::{cargo, run};
use crate::tools::TARGET;

/// The builds by the names of their folders in `www/pkg`, and the features of the crate `web`.
pub const BUILDS: [(&str, &str); 2] = [("cpu", "ndarray"), ("gpu", "webgpu")];

/// Flags of every wasm build: they are the same everywhere, so that builds share what they can.
pub const RUSTFLAGS: &str = "-C target-feature=+simd128";

/// Builds both and puts them into `www/pkg`.
pub fn build(bindgen: &Path) -> anyhow::Result<()> {
    for (name, feature) in BUILDS {
        eprintln!("Building the wasm for the {name} (the first time takes minutes)");
        run(cargo()
            .args(["build", "--release", "--package", "web", "--target", TARGET])
            .args(["--no-default-features", "--features", feature])
            .env("RUSTFLAGS", RUSTFLAGS))?;
        let folder = crate::root().join("www/pkg").join(name);
        let wasm = crate::root()
            .join("target")
            .join(TARGET)
            .join("release/web.wasm");
        run(Command::new(bindgen)
            .arg(wasm)
            .args([
                "--target",
                "web",
                "--no-typescript",
                "--remove-name-section",
                "--out-name",
                "web",
                "--out-dir",
            ])
            .arg(folder))?;
    }
    Ok(())
}
