//! The page's wasm: one build for each device.

use std::path::Path;
use std::process::Command;

use crate::run::{cargo, run};
use crate::tools::TARGET;

/// The builds: their folders in `www/pkg`, and the features of the crate `web`.
///
/// Flags for all of them stand in `.cargo/config.toml`: they must not differ from build to build,
/// or the dependencies would be compiled for each anew.
pub const BUILDS: [(&str, &str); 2] = [("cpu", "ndarray"), ("gpu", "webgpu")];

/// Makes both builds and puts them into `www/pkg`.
pub fn build(bindgen: &Path) -> anyhow::Result<()> {
    for (name, feature) in BUILDS {
        eprintln!("Building the wasm for the {name} (the first time takes minutes)");
        run(cargo()
            .args(["build", "--release", "--package", "web", "--target", TARGET])
            .args(["--no-default-features", "--features", feature]))?;
        let wasm = crate::target_dir()?.join(TARGET).join("release/web.wasm");
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
            .arg(crate::root().join("www/pkg").join(name)))?;
    }
    Ok(())
}
