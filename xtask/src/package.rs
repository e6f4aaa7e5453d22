//! What makes the site's folder a package for npm, and tells the page which files it has.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

/// Writes `package.json`, the licences, and `files.json`, by which the page's service worker keeps all
/// `files` (paths below `folder`): `version` changes whenever any of them does.
pub fn write(folder: &Path, files: &[String]) -> anyhow::Result<()> {
    let mut hasher = DefaultHasher::new();
    let mut list = Vec::new();
    for name in files {
        let bytes = std::fs::read(folder.join(name)).with_context(|| format!("no {name}"))?;
        hasher.write(name.as_bytes());
        hasher.write(&bytes);
        list.push(json!({ "path": name, "bytes": bytes.len() }));
    }
    let version = format!("{:016x}", hasher.finish());
    write_json(
        &folder.join("files.json"),
        &json!({ "version": version, "files": list }),
    )?;
    write_json(&folder.join("package.json"), &manifest())?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        std::fs::copy(crate::root().join(name), folder.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}

fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// See <https://docs.npmjs.com/cli/configuring-npm/package-json> and
/// <https://nodejs.org/api/packages.html#exports>.
fn manifest() -> Value {
    let with_types = |name: &str| json!({ "types": format!("./{name}.d.ts"), "default": format!("./{name}.js") });
    json!({
        "name": "uprez",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Upscales pictures on the visitor's machine, by networks on WebGPU or on the CPU.",
        "keywords": ["super-resolution", "upscale", "image", "webgpu", "wasm"],
        "license": env!("CARGO_PKG_LICENSE"),
        "repository": env!("CARGO_PKG_REPOSITORY"),
        "type": "module",
        "types": "./uprez.d.ts",
        "exports": {
            ".": with_types("uprez"),
            "./element": with_types("element"),
            "./worker": "./worker-lean.js",
            "./wasm/*": "./pkg/*/web_bg.wasm",
            "./models/*": "./models/*",
            "./package.json": "./package.json",
        },
        // To import the element is to define it: bundlers must not take that for nothing.
        "sideEffects": ["./element.js"],
    })
}
