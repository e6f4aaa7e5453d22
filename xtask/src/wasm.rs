//! The page's wasm: four builds of the crate `web`.

use std::path::Path;
use std::process::Command;

use crate::run::{cargo, run};
use crate::tools::TARGET;

/// A build: its folder in `www/pkg`, the crate's feature, and the profile.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The folder's name.
    pub name: &'static str,
    /// The feature of the crate `web`.
    pub feature: &'static str,
    /// Cargo's profile: `page` is small and takes long, which the GPU kernels of Burn are not worth.
    pub profile: &'static str,
}

/// All of them; `lean` is what every page loads, the others come only when they are used.
///
/// Flags for all of them stand in `.cargo/config.toml`: they must not differ from build to build,
/// or the dependencies would be compiled for each anew.
pub const BUILDS: [Build; 4] = [
    Build {
        name: "lean",
        feature: "lean",
        profile: "page",
    },
    Build {
        name: "decode",
        feature: "decode",
        profile: "page",
    },
    Build {
        name: "resize",
        feature: "resize",
        profile: "page",
    },
    Build {
        name: "burn",
        feature: "burn-wgpu",
        profile: "release",
    },
];

/// Makes all builds and puts them into `www/pkg`.
pub fn build(bindgen: &Path) -> anyhow::Result<()> {
    for Build {
        name,
        feature,
        profile,
    } in BUILDS
    {
        eprintln!("Building the wasm `{name}` (the first time takes minutes)");
        run(cargo()
            .args([
                "build",
                "--profile",
                profile,
                "--package",
                "web",
                "--target",
                TARGET,
            ])
            .args(["--no-default-features", "--features", feature]))?;
        let wasm = crate::target_dir()?
            .join(TARGET)
            .join(profile)
            .join("web.wasm");
        run(Command::new(bindgen)
            .arg(wasm)
            .args([
                "--target",
                "web",
                "--no-typescript",
                "--remove-name-section",
                "--remove-producers-section",
                "--out-name",
                "web",
                "--out-dir",
            ])
            .arg(crate::root().join("www/pkg").join(name)))?;
    }
    Ok(())
}
