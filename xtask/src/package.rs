//! Makes the site's folder an npm package, and lists its files for the service worker.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MODULE: &str = "lib/uprez.js";
const ELEMENT: &str = "element/element.js";

/// Writes the entry modules `uprez.js` and `element.js` with their types, for pages that import from a copy of the
/// folder. The former also imports all `modules` of the library, so that a page fetches them at the same time.
pub fn write_entries(folder: &Path, modules: &[&str]) -> anyhow::Result<()> {
    let others = modules.iter().filter(|module| **module != MODULE);
    let imports: String = others
        .map(|module| format!("import\"./{module}\";"))
        .collect();
    for (entry, module, imports) in [
        ("uprez.js", MODULE, imports.as_str()),
        ("uprez.d.ts", MODULE, ""),
        ("element.js", ELEMENT, ""),
        ("element.d.ts", ELEMENT, ""),
    ] {
        let path = folder.join(entry);
        std::fs::write(&path, format!("export*from\"./{module}\";{imports}"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Writes `package.json`, the licences, and `files.json`, the list of `files` (paths in `folder`) that the page's
/// service worker caches; its `version` is a hash of all of them.
pub fn write(folder: &Path, files: &[String]) -> anyhow::Result<()> {
    let mut hasher = DefaultHasher::new();
    let mut list = Vec::new();
    for name in files {
        let bytes = std::fs::read(folder.join(name)).with_context(|| format!("no {name}"))?;
        hasher.write(name.as_bytes());
        hasher.write(&bytes);
        list.push(json!({ "path": name, "bytes": bytes.len(), "integrity": integrity(&bytes) }));
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

/// A file's hash as browsers compare it: <https://www.w3.org/TR/sri/>.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}

fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// See <https://docs.npmjs.com/cli/configuring-npm/package-json> and
/// <https://nodejs.org/api/packages.html#exports>.
fn manifest() -> Value {
    let with_types = |module: &str| {
        let types = format!("./{}.d.ts", module.trim_end_matches(".js"));
        json!({ "types": types, "default": format!("./{module}") })
    };
    json!({
        "name": "uprez",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Upscales images in the browser with small neural networks, on WebGPU or on the CPU.",
        "keywords": ["super-resolution", "upscale", "image", "webgpu", "wasm"],
        "license": env!("CARGO_PKG_LICENSE"),
        "repository": env!("CARGO_PKG_REPOSITORY"),
        "type": "module",
        "types": "./lib/uprez.d.ts",
        "exports": {
            ".": with_types(MODULE),
            "./element": with_types(ELEMENT),
            "./workers/*": "./workers/*.js",
            "./wasm/*": "./pkg/*/web_bg.wasm",
            "./models/*": "./models/*",
            "./package.json": "./package.json",
        },
        // Importing the element defines it: bundlers must not drop the import.
        "sideEffects": ["./element.js", "./element/element.js"],
    })
}
