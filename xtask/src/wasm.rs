//! The page's wasm: six builds of the crate `web`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::run::{cargo, run};
use crate::tools::TARGET;

/// A build of the crate `web`.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Name of the folder in `www/pkg`.
    pub name: &'static str,
    /// The feature of the crate `web`.
    pub feature: &'static str,
    /// Cargo's profile: `page` gives a small wasm, but would take too long for Burn.
    pub profile: &'static str,
}

/// All builds; each is loaded only when it is used.
///
/// Their compiler flags are in `.cargo/config.toml` and must be the same for all, or each build would compile the
/// dependencies again.
pub const BUILDS: [Build; 6] = [
    Build {
        name: "cpu",
        feature: "cpu",
        profile: "page",
    },
    Build {
        name: "webgpu",
        feature: "webgpu",
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
        name: "import",
        feature: "import",
        profile: "page",
    },
    Build {
        name: "burn",
        feature: "burn-wgpu",
        profile: "burn",
    },
];

/// Makes all builds in `www/pkg`.
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
                // Workers get the compiled wasm, and bundlers would include the file a second time.
                "--omit-default-module-path",
                "--out-name",
                "web",
                "--out-dir",
            ])
            .arg(crate::root().join("www/pkg").join(name)))?;
        shorten_hashes(&crate::root().join("www/pkg").join(name))?;
    }
    Ok(())
}

/// Prefix of wasm-bindgen's import names, the number of hexadecimal digits of the hash at their end, and how many of
/// them are kept.
const IMPORT: &str = "__wbg_";
const HASH_DIGITS: usize = 16;
const KEPT_DIGITS: usize = 6;

/// Sets the last digits of the hashes in import names to zero, because hashes do not compress: this saves kilobytes. The
/// digits that stay still keep a script from taking another version's import for its own.
fn shorten_hashes(folder: &Path) -> anyhow::Result<()> {
    let (script, wasm) = (folder.join("web.js"), folder.join("web_bg.wasm"));
    let mut text = std::fs::read_to_string(&script)?;
    let mut bytes = std::fs::read(&wasm)?;
    let mut taken = BTreeMap::new();
    for name in hashed_names(&text) {
        let kept = &name[..name.len() - HASH_DIGITS + KEPT_DIGITS];
        let short = format!("{kept:0<width$}", width = name.len());
        if let Some(other) = taken.insert(short.clone(), name.clone()) {
            ensure!(
                other == name,
                "{other} and {name} have the same first digits"
            );
        }
        let place = bytes
            .windows(name.len())
            .position(|part| part == name.as_bytes());
        let place = place.with_context(|| format!("{} imports no {name}", wasm.display()))?;
        bytes[place..place + name.len()].copy_from_slice(short.as_bytes());
        text = text.replace(&name, &short);
    }
    std::fs::write(script, text)?;
    Ok(std::fs::write(wasm, bytes)?)
}

/// The import names that end with a hash.
fn hashed_names(text: &str) -> Vec<String> {
    let names = text.match_indices(IMPORT).map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        &rest[..end.unwrap_or(rest.len())]
    });
    let hashed = |name: &&str| {
        let hash = name.len().checked_sub(HASH_DIGITS);
        let hash = hash.and_then(|start| name.get(start..));
        hash.is_some_and(|hash| hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let mut names: Vec<_> = names.filter(hashed).map(String::from).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_shortened_in_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let [script, wasm] = ["web.js", "web_bg.wasm"].map(|name| folder.path().join(name));
        let text =
            "{ __wbg_new_0123456789abcdef: f, __wbg_new_fedcba9876543210: g, __wbg_free: h }";
        std::fs::write(&script, text).unwrap();
        std::fs::write(
            &wasm,
            b"\x00\x1a__wbg_new_fedcba9876543210\x1a__wbg_new_0123456789abcdef\xff",
        )
        .unwrap();
        shorten_hashes(folder.path()).unwrap();
        let text = std::fs::read_to_string(&script).unwrap();
        assert_eq!(
            text,
            "{ __wbg_new_0123450000000000: f, __wbg_new_fedcba0000000000: g, __wbg_free: h }"
        );
        let bytes = b"\x00\x1a__wbg_new_fedcba0000000000\x1a__wbg_new_0123450000000000\xff";
        assert_eq!(std::fs::read(&wasm).unwrap(), bytes);
        // Two that could be taken for each other, and one that is missing.
        let same = "{ __wbg_new_0123456789abcdef: f, __wbg_new_0123456789abcdee: g }";
        std::fs::write(&script, same).unwrap();
        std::fs::write(&wasm, same).unwrap();
        assert!(shorten_hashes(folder.path()).is_err());
        std::fs::write(&script, "{ __wbg_new_0123456789abcdef: f }").unwrap();
        std::fs::write(&wasm, b"").unwrap();
        assert!(shorten_hashes(folder.path()).is_err());
    }
}
