//! Builds the site for static hosts and the npm packages, and prints the sizes of the site's files.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::files::{clear, names};
use crate::site::{self, Site};
use crate::{hosting, package, tools, wasm};

/// Engines that a page may load, each a build of its own.
const ENGINES: [&str; 2] = ["cpu", "webgpu"];

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

/// Makes the wasm builds, the site, and the npm packages.
pub fn build(bindgen: &Path) -> anyhow::Result<Site> {
    wasm::build(bindgen)?;
    check_version()?;
    let (www, folder) = (crate::root().join("www"), folder()?);
    clear(&folder)?;
    let site = site::build(&www, &folder)?;
    hosting::list_files(&folder)?;
    package::copy_licences(&folder)?;
    hosting::compress(&folder)?;
    hosting::write_settings(&folder)?;
    package::build(&www)?;
    Ok(site)
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

/// Builds the site and the packages, prints the table of sizes, and fails if `load` fetches too much.
pub fn run() -> anyhow::Result<()> {
    tools::ensure_target()?;
    let site = build(&tools::wasm_bindgen()?)?;
    println!("| file | raw | gzip | brotli |\n|---|---|---|---|");
    for name in names(&site.folder)? {
        if !hosting::is_compressed(&name) {
            row(&measure(&site.folder, std::slice::from_ref(&name), &name)?);
        }
    }
    let loaded = loaded(&site)?;
    for (file, _) in &loaded {
        row(&Sizes {
            name: format!("**{}**", file.name),
            ..*file
        });
    }
    println!("\nThe site is in {}", site.folder.display());
    println!("The npm packages are in {}", package::folder("")?.display());
    ensure_allowed(&loaded)
}

/// Fails if `load` fetches too much of a site.
pub fn check(site: &Site) -> anyhow::Result<()> {
    ensure_allowed(&loaded(site)?)
}

/// The sizes of all that `load` fetches from a page that imports `uprez.js`, for each model and engine, and the most
/// kilobytes.
fn loaded(site: &Site) -> anyhow::Result<Vec<(Sizes, f64)>> {
    let mut found = Vec::new();
    for (model, most) in LOADED_KB {
        for engine in ENGINES {
            let mut files = site.modules("uprez")?;
            files.extend(["uprez.js".into(), format!("models/{model}.bpk")]);
            for name in [format!("workers/{engine}.js"), site::wasm_path(engine)] {
                files.push(site.path(&name)?.into());
            }
            let name = format!("what `load(\"{model}\")` fetches for the engine `{engine}`");
            found.push((measure(&site.folder, &files, &name)?, most));
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

fn row(
    Sizes {
        name,
        raw,
        gzip,
        brotli,
    }: &Sizes,
) {
    let [raw, gzip, brotli] =
        [raw, gzip, brotli].map(|bytes| format!("{:.1} KB", *bytes as f64 / 1000.0));
    println!("| {name} | {raw} | {gzip} | {brotli} |");
}

/// The sizes of some files together.
fn measure(folder: &Path, files: &[String], name: &str) -> anyhow::Result<Sizes> {
    let mut sizes = Sizes {
        name: name.into(),
        raw: 0,
        gzip: 0,
        brotli: 0,
    };
    for file in files {
        let [raw, gzip, brotli] = hosting::sizes(&folder.join(file))?;
        sizes.raw += raw;
        sizes.gzip += gzip;
        sizes.brotli += brotli;
    }
    Ok(sizes)
}
