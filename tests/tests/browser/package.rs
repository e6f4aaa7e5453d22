//! The npm package: packed, installed, and used in another project.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tests::chrome::Chrome;
use xtask::server::{Server, Site};

use crate::api::opaque;
use crate::fixture::{assert_same, png, upscaled, waves};
use crate::frameworks::{copy, output, program, project, sharpen};
use crate::page::to_image;
use crate::site::POLICY;

/// A page without a bundler, beside a copy of the installed folder.
const PLAIN: &str =
    "<!doctype html><title>Plain</title><script type=module src=uprez/element.js></script>";

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_installed_package_has_types_and_can_be_bundled_and_run() {
    let Some(project) = project("tests/browser/package", "vite-typescript") else {
        return;
    };
    output(&project, &mut program(&project, "tsc"));
    let exports = "const names = [await import('uprez'), await import('uprez/element'), await import('uprez/react'),
        await import('uprez-burn')].map(Object.keys); \
        console.log(JSON.stringify(names));";
    let names = output(
        &project,
        Command::new("node").args(["--input-type=module", "-e", exports]),
    );
    assert_eq!(
        names.trim(),
        r#"[["UprezError","Upscaler","importModel","load","preload"],["UprezImg"],[],[]]"#,
        "on a server"
    );
    output(&project, program(&project, "vite").arg("build"));

    let image = opaque(waves(44, 30));
    let site = tempfile::tempdir().unwrap();
    copy(&project.join("dist"), &site.path().join("built"));
    copy(
        &project.join("node_modules/uprez"),
        &site.path().join("uprez"),
    );
    let file = |name, bytes: &[u8]| std::fs::write(site.path().join(name), bytes).unwrap();
    file("image.png", &png(&image));
    file("plain.html", PLAIN.as_bytes());
    let served = Site::default().mount("/", site.path().to_path_buf());
    let served = served.with_policy(&format!("{POLICY}; img-src 'self' blob:"));
    let server = Server::start(served.unwrap(), Some(0)).unwrap();
    let chrome = Chrome::start(&["--disable-features=WebGPU"], site.path());
    for page in ["/plain.html", "/built/index.html"] {
        chrome.go(&server.url(page));
        sharpen(&chrome);
    }
    chrome.wait_until("window.sharpen", PATIENCE);
    let found = chrome.run("return window.sharpen('/image.png');", &[]);
    assert_eq!(found["code"], "too-large");
    assert_eq!(found["sides"], json!([176, 120]));
    assert_eq!(
        (&found["engine"], &found["type"]),
        (&json!("cpu"), &json!("image/webp"))
    );
    assert_eq!(
        (&found["rows"], &found["kept"]),
        (&json!(1), &json!("image/png"))
    );
    assert!(found["steps"].as_u64() >= Some(2), "{}", found["steps"]);
    let expected = upscaled(&tests::shipped("fast-x2").unwrap(), &image);
    assert_same(&to_image(found), &expected);

    // Burn's operators are found in the package uprez-burn, once that is imported.
    let script = "return await window.burn('/image.png').then(String, ({ code, message }) => `${code}: ${message}`)";
    let missing = chrome.run(script, &[]);
    let missing = missing.as_str().unwrap();
    assert!(missing.starts_with("no-engine: "), "{missing}");
    assert!(missing.contains("npm install uprez-burn@"), "{missing}");
    chrome.run("await window.importBurn()", &[]);
    assert_eq!(chrome.run(script, &[]), json!("burn-cpu 88"));
}
