//! Builds the site for static hosts, which is also the npm package, and prints the sizes of its files.

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

/// The modules of `www/lib` that `uprez.js` imports at once; the others are imported only when needed.
const MODULES: [&str; 10] = [
    "lib/uprez.js",
    "lib/canvas-check.js",
    "lib/error.js",
    "lib/fetch.js",
    "lib/image-header.js",
    "lib/pool.js",
    "lib/scheduler.js",
    "lib/source.js",
    "lib/target.js",
    "lib/worker-client.js",
];

/// Engines that a page may load, each a build of its own.
const ENGINES: [&str; 2] = ["cpu", "webgpu"];

/// Files that `load` fetches beside [`MODULES`] for an engine, from a page that imports `uprez.js`.
fn loaded_files(engine: &str, model: &str) -> [String; 7] {
    [
        "uprez.js".into(),
        format!("workers/{engine}.js"),
        "workers/worker-server.js".into(),
        "workers/worker-upscale.js".into(),
        format!("pkg/{engine}/web.js"),
        format!("pkg/{engine}/web_bg.wasm"),
        format!("models/{model}.bpk"),
    ]
}

/// Models, and the most kilobytes (of 1000 bytes) with gzip of all that `load` fetches for each.
const LOADED_KB: [(&str, f64); 2] = [("fast-x2", 160.0), ("photo-x2", 260.0)];

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

/// Builds the site: `www` with the wasm, its scripts minified.
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
        copied().with_context(|| format!("cannot copy {} to {}", path.display(), to.display()))?;
    }
    package::write_entries(&to, &MODULES)?;
    check_version()?;
    package::write(&to, &names(&to)?)
}

/// Fails if the library's scripts say another version than the packages.
fn check_version() -> anyhow::Result<()> {
    let path = crate::root().join("www/lib/version.js");
    let version = env!("CARGO_PKG_VERSION");
    let text = std::fs::read_to_string(&path)?;
    ensure!(
        text.contains(&format!("VERSION = \"{version}\"")),
        "{} has to say VERSION = \"{version}\"",
        path.display()
    );
    Ok(())
}

/// The paths of all files in a folder, sorted, with slashes.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let name = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        name.to_string_lossy().replace('\\', "/")
    };
    Ok(files(folder)?.iter().map(name).collect())
}

/// Minifies a module: no comments or spaces, short names for everything that is not exported.
fn minified(text: &str) -> anyhow::Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
    let wrong = parsed.diagnostics.first().map(ToString::to_string);
    ensure!(
        wrong.is_none(),
        "not valid JavaScript: {}",
        wrong.unwrap_or_default()
    );
    let names = Mangler::new().build(&parsed.program);
    let codegen = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(Some(names.scoping))
        .with_private_member_mappings(Some(names.class_private_mappings));
    Ok(codegen.build(&parsed.program).code)
}

/// Builds the site, prints the table of sizes, and fails if `load` fetches too much.
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
    let loaded = loaded(&root)?;
    for (file, _) in &loaded {
        row(
            &format!("**{}**", file.name),
            [file.raw, file.gzip, file.brotli],
        );
    }
    println!("\nThe site is in {}", root.display());
    ensure_allowed(&loaded)
}

/// Fails if `load` fetches too much of the site, which has been built.
pub fn check() -> anyhow::Result<()> {
    ensure_allowed(&loaded(&folder()?)?)
}

/// The sizes of all that `load` fetches, for each model and engine, and the most kilobytes.
fn loaded(root: &Path) -> anyhow::Result<Vec<(Sizes, f64)>> {
    let mut found = Vec::new();
    for (model, most) in LOADED_KB {
        for engine in ENGINES {
            let mut sum = Sizes {
                name: format!("what `load(\"{model}\")` fetches for the engine `{engine}`"),
                raw: 0,
                gzip: 0,
                brotli: 0,
            };
            let names = MODULES.map(String::from).into_iter();
            for name in names.chain(loaded_files(engine, model)) {
                let file = measure(&root.join(&name), name)?;
                sum.raw += file.raw;
                sum.gzip += file.gzip;
                sum.brotli += file.brotli;
            }
            found.push((sum, most));
        }
    }
    Ok(found)
}

fn ensure_allowed(loaded: &[(Sizes, f64)]) -> anyhow::Result<()> {
    for (file, most) in loaded {
        let kilobytes = file.gzip as f64 / 1000.0;
        ensure!(
            kilobytes <= *most,
            "{}: {kilobytes:.1} KB with gzip, more than the {most} KB allowed",
            file.name
        );
    }
    Ok(())
}

fn row(name: &str, sizes: [usize; 3]) {
    let [raw, gzip, brotli] = sizes.map(|bytes| format!("{:.1} KB", bytes as f64 / 1000.0));
    println!("| {name} | {raw} | {gzip} | {brotli} |");
}

/// All files in a folder and its subfolders, sorted.
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

/// Two levels below the best, which would take minutes for the build with Burn's operators.
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
