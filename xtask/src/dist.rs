//! The site as it is served, and what its files weigh.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{tools, wasm};

/// What `load("fast-x2")` fetches.
const SMALL_BUILD: [&str; 10] = [
    "uprez.js",
    "pool.js",
    "source.js",
    "header.js",
    "connection.js",
    "error.js",
    "worker.js",
    "pkg/lean/web.js",
    "pkg/lean/web_bg.wasm",
    "models/fast-x2.bpk",
];

/// What it may weigh with gzip, in kilobytes of 1000.
const SMALL_BUILD_KB: f64 = 160.0;

/// A file's sizes in bytes.
struct Sizes {
    name: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Builds everything, prints a table, and fails where the small build is over its budget.
pub fn run() -> anyhow::Result<()> {
    tools::ensure_target()?;
    wasm::build(&tools::wasm_bindgen()?)?;
    let root = crate::root().join("www");
    let mut sizes = Vec::new();
    for path in files(&root)? {
        let name = path.strip_prefix(&root).unwrap_or(&path);
        let name = name.to_string_lossy().replace('\\', "/");
        sizes.push(measure(&path, name)?);
    }
    println!("| file | raw | gzip | brotli |\n|---|---|---|---|");
    for file in &sizes {
        row(&file.name, [file.raw, file.gzip, file.brotli]);
    }
    let small: Vec<&Sizes> = sizes
        .iter()
        .filter(|file| SMALL_BUILD.contains(&file.name.as_str()))
        .collect();
    ensure!(
        small.len() == SMALL_BUILD.len(),
        "of the small build there is only {}",
        small
            .iter()
            .map(|file| file.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    );
    let sum = |size: fn(&Sizes) -> usize| small.iter().map(|file| size(file)).sum();
    let gzip = sum(|file| file.gzip);
    row(
        "**what `load(\"fast-x2\")` fetches**",
        [sum(|file| file.raw), gzip, sum(|file| file.brotli)],
    );
    let kilobytes = gzip as f64 / 1000.0;
    ensure!(
        kilobytes <= SMALL_BUILD_KB,
        "the small build has {kilobytes:.1} KB with gzip, and {SMALL_BUILD_KB} KB are allowed"
    );
    Ok(())
}

fn row(name: &str, sizes: [usize; 3]) {
    let [raw, gzip, brotli] = sizes.map(|bytes| format!("{:.1} KB", bytes as f64 / 1000.0));
    println!("| {name} | {raw} | {gzip} | {brotli} |");
}

/// All files below a folder, by name.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
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

fn measure(path: &Path, name: String) -> anyhow::Result<Sizes> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bytes)?;
    let mut brotli =
        brotli::CompressorWriter::new(Vec::new(), 1 << 16, BROTLI_QUALITY, BROTLI_WINDOW);
    brotli.write_all(&bytes)?;
    Ok(Sizes {
        name,
        raw: bytes.len(),
        gzip: gzip.finish()?.len(),
        brotli: brotli.into_inner().len(),
    })
}

/// What static hosts compress with beforehand.
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW: u32 = 22;
