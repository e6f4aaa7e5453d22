//! The licences of what the wasm contains: `THIRD-PARTY.md`, made by cargo-about and kept in the repository.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::run::{self, cargo, output};
use crate::tools::{self, TARGET};
use crate::wasm::BUILDS;

/// The file with the licences.
pub fn file() -> PathBuf {
    crate::root().join("THIRD-PARTY.md")
}

fn features() -> String {
    BUILDS.map(|build| build.feature).join(" ")
}

/// Writes the file, which takes minutes.
pub fn run() -> anyhow::Result<()> {
    let folder = crate::root().join("xtask/licences");
    let mut about = Command::new(tools::cargo_about()?);
    about.args(["generate", "--offline", "--fail", "--no-default-features"]);
    about.args(["--features", &features()]);
    about
        .arg("--manifest-path")
        .arg(crate::root().join("web/Cargo.toml"));
    about.arg("--config").arg(folder.join("about.toml"));
    about
        .arg("--output-file")
        .arg(file())
        .arg(folder.join("third-party.hbs"));
    run::run(&mut about)?;
    check()
}

/// Fails unless the file names every crate of the wasm in its version.
pub fn check() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file()).context("THIRD-PARTY.md is missing")?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
    let named: BTreeSet<_> = lines.collect();
    let mut tree = cargo();
    tree.args([
        "tree",
        "--package",
        "web",
        "--target",
        TARGET,
        "--no-default-features",
    ]);
    tree.args([
        "--features",
        &features(),
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let tree = output(&mut tree).context("`cargo tree` failed")?;
    let missing = missing(&tree, &named);
    ensure!(
        missing.is_empty(),
        "THIRD-PARTY.md lacks {}: run `cargo xtask licences`",
        missing.into_iter().collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// Crates of a tree, `name vVERSION (…)`, that are not named as `name VERSION`; those of this project have a path.
fn missing(tree: &str, named: &BTreeSet<&str>) -> BTreeSet<String> {
    let crates = tree
        .lines()
        .filter(|line| !line.contains("(/") && !line.contains(":\\"));
    let name = |line: &str| Some(line.split(" (").next()?.trim().replacen(" v", " ", 1));
    crates
        .filter_map(name)
        .filter(|name| !named.contains(name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_in_another_version_are_missing() {
        let tree = "web v0.1.0 (/some/where/web)\nserde v1.0.2\nserde_derive v1.0.2 (proc-macro)\nimage v0.2.0 (*)";
        let named = ["serde 1.0.2", "image 0.1.9"].into();
        let found: Vec<_> = missing(tree, &named).into_iter().collect();
        assert_eq!(found, ["image 0.2.0", "serde_derive 1.0.2"]);
    }
}
