//! The site as static hosts serve it, which is the package for npm, too; and what its files weigh.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::Mangler;
use oxc_parser::Parser;
use oxc_span::SourceType;

use crate::{package, tools, wasm};

/// What `load("fast-x2")` fetches.
const SMALL_BUILD: [&str; 16] = [
    "uprez.js",
    "fetch.js",
    "pool.js",
    "source.js",
    "header.js",
    "target.js",
    "truth.js",
    "turns.js",
    "connection.js",
    "error.js",
    "worker-lean.js",
    "upscaling.js",
    "serve.js",
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

/// The site's folder.
pub fn folder() -> anyhow::Result<PathBuf> {
    Ok(crate::target_dir()?.join("dist"))
}

/// Builds the site: `www` with the wasm, its scripts without comments, spaces and long names.
pub fn build(bindgen: &Path) -> anyhow::Result<()> {
    wasm::build(bindgen)?;
    let (from, to) = (crate::root().join("www"), folder()?);
    if to.exists() {
        std::fs::remove_dir_all(&to).with_context(|| format!("cannot clear {}", to.display()))?;
    }
    for path in files(&from)? {
        let target = to.join(path.strip_prefix(&from).unwrap_or(&path));
        let copied = || -> anyhow::Result<()> {
            std::fs::create_dir_all(target.parent().unwrap_or(&to))?;
            if path.extension().is_some_and(|ending| ending == "js") {
                std::fs::write(&target, minified(&std::fs::read_to_string(&path)?)?)?;
            } else {
                std::fs::copy(&path, &target)?;
            }
            Ok(())
        };
        copied().with_context(|| format!("cannot bring {} to {}", path.display(), to.display()))?;
    }
    package::write(&to, &names(&to)?)
}

/// The names of all files below a folder, with slashes, in their order.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let name = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        name.to_string_lossy().replace('\\', "/")
    };
    Ok(files(folder)?.iter().map(name).collect())
}

/// A module's text without comments and spaces, and with short names for what only it knows.
fn minified(text: &str) -> anyhow::Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
    let wrong = parsed.diagnostics.first().map(ToString::to_string);
    ensure!(
        wrong.is_none(),
        "it is no JavaScript: {}",
        wrong.unwrap_or_default()
    );
    let names = Mangler::new().build(&parsed.program);
    let codegen = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(Some(names.scoping))
        .with_private_member_mappings(Some(names.class_private_mappings));
    Ok(codegen.build(&parsed.program).code)
}

/// Builds the site, prints a table, and fails where the small build is over its budget.
pub fn run() -> anyhow::Result<()> {
    tools::ensure_target()?;
    build(&tools::wasm_bindgen()?)?;
    let root = folder()?;
    let mut sizes = Vec::new();
    for name in names(&root)? {
        sizes.push(measure(&root.join(&name), name)?);
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
    println!("\nThe site lies in {}", root.display());
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

/// Two levels below the best, which takes minutes for Burn's operators.
const BROTLI_QUALITY: u32 = 9;
const BROTLI_WINDOW: u32 = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_lose_comments_and_long_names_and_nothing_else() {
        let text = "// why\nexport const answer = (long) => `${long} // no comment` /* why */ + /\\/\\//.source;\n";
        let small = minified(text).unwrap();
        let [before, after] = ["export const answer=", "=>`${"];
        let name = small
            .strip_prefix(before)
            .and_then(|rest| rest.split_once(after));
        let (name, rest) = name.unwrap();
        assert_eq!(name.len(), 1, "{small}");
        assert_eq!(
            rest.trim(),
            format!("{name}}} // no comment`+/\\/\\//.source;")
        );
        assert!(minified("export const = 1").is_err());
    }
}
