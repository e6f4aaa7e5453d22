//! The npm packages: `uprez`, and `uprez-burn` with Burn's operators.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::bundle::{self, Job};
use crate::files::{clear, copy, files, write, write_json};
use crate::node::npm;
use crate::run::run;
use crate::site::{PUBLIC, wasm_path, whole, write_public, write_workers};

/// Name of the package with Burn's operators, and of the build of the crate `web` that it contains.
const BURN: (&str, &str) = ("uprez-burn", "burn");

/// The builds that the package `uprez` contains.
const BUILDS: [&str; 5] = ["cpu", "webgpu", "decode", "resize", "import"];

/// The models that it contains; `lib/fetch.js` has their addresses.
const MODELS: [&str; 4] = ["fast-x2.bpk", "fast-x4.bpk", "photo-x2.bpk", "README.md"];

/// Frameworks for whose templates it has types.
const FRAMEWORKS: [&str; 5] = ["preact", "react", "solid", "svelte", "vue"];

const LICENCES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.md"];

/// The folder of a package, `uprez` or `uprez-burn`.
pub fn folder(name: &str) -> anyhow::Result<PathBuf> {
    Ok(crate::target_dir()?.join("packages").join(name))
}

/// Copies the licences of this project and of all that its wasm contains.
pub fn copy_licences(to: &Path) -> anyhow::Result<()> {
    for name in LICENCES {
        copy(&crate::root().join(name), &to.join(name))?;
    }
    Ok(())
}

/// Writes both packages.
pub fn build(www: &Path) -> anyhow::Result<()> {
    build_uprez(www, &folder("uprez")?)?;
    build_burn(www, &folder(BURN.0)?)
}

fn build_uprez(www: &Path, to: &Path) -> anyhow::Result<()> {
    clear(to)?;
    write_workers(www, to, &BUILDS, "workers/[name].js")?;
    for build in BUILDS {
        copy(&www.join(wasm_path(build)), &to.join(wasm_path(build)))?;
    }
    let entry =
        |(name, types): (&str, &str)| (name.to_string(), www.join(types.replace(".d.ts", ".js")));
    let modules = bundle::run(&[Job {
        entries: PUBLIC.map(entry).into(),
        folder: to.into(),
        entry_names: "lib/[name].js".into(),
        chunk_names: "lib/[name].js".into(),
        whole: whole(www),
        replaced: [(www.join("lib/burn.js"), www.join("npm/burn.js"))].into(),
        ..Job::default()
    }])?;
    write_public(www, to, &modules[0])?;
    for model in MODELS {
        copy(
            &www.join("models").join(model),
            &to.join("models").join(model),
        )?;
    }
    let typings = www.join("npm/typings");
    for path in files(&typings)? {
        copy(
            &path,
            &to.join("typings").join(path.strip_prefix(&typings)?),
        )?;
    }
    for framework in FRAMEWORKS {
        let path = to.join(format!("typings/{framework}.js"));
        write(&path, b"// Types only.\nexport {};\n")?;
    }
    copy(&www.join("README.md"), &to.join("README.md"))?;
    copy_licences(to)?;
    write_json(&to.join("package.json"), &manifest())
}

fn build_burn(www: &Path, to: &Path) -> anyhow::Result<()> {
    let (package, build) = BURN;
    clear(to)?;
    write_workers(www, to, &[build], "workers/[name].js")?;
    copy(&www.join(wasm_path(build)), &to.join(wasm_path(build)))?;
    bundle::run(&[Job {
        entries: [(package.into(), www.join("npm/uprez-burn.js"))].into(),
        folder: to.into(),
        entry_names: "lib/[name].js".into(),
        ..Job::default()
    }])?;
    write(&to.join("lib/uprez-burn.d.ts"), b"export {};\n")?;
    copy(&www.join("npm/uprez-burn.md"), &to.join("README.md"))?;
    copy_licences(to)?;
    let mut manifest = about(
        package,
        "Burn's operators for uprez: its engines burn-webgpu and burn-cpu, for comparison.",
    );
    manifest["exports"] = json!({
        ".": "./lib/uprez-burn.js",
        "./package.json": "./package.json",
    });
    manifest["files"] = json!(["lib", "workers", "pkg", "LICENSE-*", "THIRD-PARTY.md"]);
    manifest["sideEffects"] = json!(["./lib/uprez-burn.js"]);
    manifest["peerDependencies"] = json!({ "uprez": env!("CARGO_PKG_VERSION") });
    write_json(&to.join("package.json"), &manifest)
}

/// The fields of both packages.
fn about(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "keywords": ["super-resolution", "upscale", "image", "webgpu", "wasm"],
        "license": env!("CARGO_PKG_LICENSE"),
        "repository": { "type": "git", "url": format!("git+{}.git", env!("CARGO_PKG_REPOSITORY")) },
        "type": "module",
    })
}

/// See <https://docs.npmjs.com/cli/configuring-npm/package-json> and
/// <https://nodejs.org/api/packages.html#exports>.
fn manifest() -> Value {
    let mut manifest = about(
        "uprez",
        "Upscales images in the browser with small neural networks, on WebGPU or on the CPU.",
    );
    // TypeScript finds the types of each module beside it.
    let mut exports = Map::new();
    exports.insert(".".into(), "./uprez.js".into());
    exports.insert("./element".into(), "./element.js".into());
    for framework in FRAMEWORKS {
        let path = format!("./typings/{framework}.js");
        exports.insert(format!("./{framework}"), path.into());
    }
    for (name, path) in [
        ("./workers/*", "./workers/*.js"),
        ("./wasm/*", "./pkg/*/web_bg.wasm"),
        ("./models/*", "./models/*"),
        ("./package.json", "./package.json"),
    ] {
        exports.insert(name.into(), path.into());
    }
    manifest["exports"] = exports.into();
    manifest["types"] = "./uprez.d.ts".into();
    manifest["files"] = json!([
        "*.js",
        "*.d.ts",
        "lib",
        "typings",
        "workers",
        "pkg",
        "models",
        "LICENSE-*",
        "THIRD-PARTY.md",
    ]);
    // Importing the element defines it: bundlers must not drop the import.
    manifest["sideEffects"] = json!(["./element.js", "./lib/element.js"]);
    manifest
}

/// Packs a built package into an archive in the folder `to`, and returns the archive's path.
pub fn pack(name: &str, to: &Path) -> anyhow::Result<PathBuf> {
    run(npm()
        .args(["pack", "--silent", "--pack-destination"])
        .arg(to)
        .arg(folder(name)?))?;
    Ok(to.join(format!("{name}-{}.tgz", env!("CARGO_PKG_VERSION"))))
}

/// Packs both packages, and has publint and Are The Types Wrong look for mistakes in them.
pub fn check() -> anyhow::Result<()> {
    let programs = bundle::tools()?.join("node_modules/.bin");
    for name in ["uprez", BURN.0] {
        let archive = pack(name, &folder("")?)?;
        run(Command::new(programs.join("publint"))
            .arg("--strict")
            .arg(&archive))?;
        // The packages hold modules only, as browsers load them.
        run(Command::new(programs.join("attw"))
            .args(["--profile", "esm-only", "--no-color"])
            .arg(&archive))?;
    }
    Ok(())
}
