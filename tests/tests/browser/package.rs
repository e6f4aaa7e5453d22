//! The npm package: packed, installed, and used in another project.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tests::chrome::Chrome;
use xtask::server::{Server, Site};

use crate::api::opaque;
use crate::fixture::{assert_same, png, upscaled, waves};
use crate::page::to_image;
use crate::site::POLICY;

/// A page without a bundler, beside a copy of the installed folder.
const PLAIN: &str =
    "<!doctype html><title>Plain</title><script type=module src=uprez/element.js></script>";

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program in a folder, and returns its output; panics with it if the program fails.
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

/// A project that has installed the packed package; `None` without npm.
fn project() -> Option<PathBuf> {
    if Command::new("npm").arg("--version").output().is_err() {
        println!("NOT RUN: the test of the npm package needs npm: install Node.js");
        return None;
    }
    let folder = xtask::target_dir().unwrap().join("test-package");
    std::fs::create_dir_all(&folder).unwrap();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/package");
    copy(&template, &folder);
    // npm does not replace a package of the same name and version.
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
fn the_installed_package_has_types_and_can_be_bundled_and_run() {
    let Some(project) = project() else { return };
    node(&project, "npx", &["tsc"]);
    let exports = "const names = [await import('uprez'), await import('uprez/element')].map(Object.keys); \
        console.log(JSON.stringify(names));";
    let names = node(&project, "node", &["--input-type=module", "-e", exports]);
    assert_eq!(
        names.trim(),
        r#"[["UprezError","Upscaler","importModel","load","preload"],["UprezImg"]]"#,
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
}

/// Adds an <img> to the page, and waits until it is upscaled.
fn sharpen(chrome: &Chrome) {
    let script = "const img = Object.assign(new Image(), { src: '/image.png', width: 88, height: 60, alt: 'Waves' });
        img.dataset.upscale = '';
        document.body.append(img);";
    chrome.run(script, &[]);
    chrome.wait_until(
        "document.querySelector('img').dataset.upscaleState === 'sharp'",
        PATIENCE,
    );
}
