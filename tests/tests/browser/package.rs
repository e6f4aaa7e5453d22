//! The site's folder as a package: packed, installed, and used by somebody else's projects.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tests::chrome::Chrome;
use xtask::server::{Server, Site};

use crate::api::opaque;
use crate::fixture::{assert_same, png, upscaled, waves};
use crate::page::picture;
use crate::site::POLICY;

/// A page without any tool, beside the folder that npm has installed.
const PLAIN: &str =
    "<!doctype html><title>Plain</title><script type=module src=uprez/element.js></script>";

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program of Node's in a folder; what it prints is shown if it fails.
fn node(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}:\n{out}\n{err}");
    out
}

/// A project that has installed the package as npm packs it; `None` where there is no npm.
fn project() -> Option<PathBuf> {
    if Command::new("npm").arg("--version").output().is_err() {
        println!(
            "NOT RUN: the package is packed, installed and built, but npm is missing: install Node.js"
        );
        return None;
    }
    let folder = xtask::target_dir().unwrap().join("test-package");
    std::fs::create_dir_all(&folder).unwrap();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/package");
    copy(&template, &folder);
    // npm takes a package of the same name and version for the one that it has.
    for old in ["package-lock.json", "node_modules/uprez"] {
        let old = folder.join(old);
        let _ = if old.is_dir() {
            std::fs::remove_dir_all(old)
        } else {
            std::fs::remove_file(old)
        };
    }
    let dist = xtask::dist::folder().unwrap();
    let packed = node(
        &folder,
        "npm",
        &["pack", "--silent", dist.to_str().unwrap()],
    );
    std::fs::rename(folder.join(packed.trim()), folder.join("uprez.tgz")).unwrap();
    node(
        &folder,
        "npm",
        &["install", "--no-audit", "--no-fund", "--silent"],
    );
    Some(folder)
}

/// Copies all that is in a folder into another.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, target).unwrap()),
        }
    }
}

#[test]
fn installed_it_is_typed_built_and_run() {
    let Some(project) = project() else { return };
    node(&project, "npx", &["tsc"]);
    let exports = "const names = [await import('uprez'), await import('uprez/element')].map(Object.keys); \
        console.log(JSON.stringify(names));";
    let names = node(&project, "node", &["--input-type=module", "-e", exports]);
    assert_eq!(
        names.trim(),
        r#"[["UprezError","Upscaler","load","preload"],["UprezImg"]]"#,
        "on a server"
    );
    node(&project, "npx", &["vite", "build"]);

    let image = opaque(waves(44, 30));
    let site = tempfile::tempdir().unwrap();
    copy(&project.join("dist"), &site.path().join("built"));
    copy(
        &project.join("node_modules/uprez"),
        &site.path().join("uprez"),
    );
    let file = |name, bytes: &[u8]| std::fs::write(site.path().join(name), bytes).unwrap();
    file("picture.png", &png(&image));
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
    let found = chrome.run("return window.sharpen('/picture.png');", &[]);
    assert_eq!(found["code"], "too-large");
    assert_eq!(found["sides"], json!([176, 120]));
    assert_eq!(
        (&found["engine"], &found["type"]),
        (&json!("cpu"), &json!("image/webp"))
    );
    assert!(found["steps"].as_u64() >= Some(2), "{}", found["steps"]);
    let expected = upscaled(&tests::shipped("fast-x2").unwrap(), &image);
    assert_same(&picture(found), &expected);
}

/// Puts a picture into the page, and waits until it is sharp.
fn sharpen(chrome: &Chrome) {
    let script = "const img = Object.assign(new Image(), { src: '/picture.png', width: 88, height: 60, alt: 'Waves' });
        img.dataset.upscale = '';
        document.body.append(img);";
    chrome.run(script, &[]);
    chrome.wait_until(
        "document.querySelector('img').dataset.upscaleState === 'sharp'",
        PATIENCE,
    );
}
