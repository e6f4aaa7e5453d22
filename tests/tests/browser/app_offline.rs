//! Installation, offline use, and updates.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{png, waves};
use crate::page::{PATIENCE, choose, settle, state, text, wait_for_result};
use crate::site::{Gpu, Opened, PAGE, Visit};

pub fn wait_until_kept(visit: &impl Opened) {
    visit
        .session()
        .wait_until("navigator.serviceWorker.controller", PATIENCE);
}

pub fn reload(visit: &impl Opened) {
    visit
        .session()
        .run("window.isOld = true; location.reload()", &[]);
    let ready = "!window.isOld && document.readyState === 'complete' && document.querySelector('#model')?.length";
    visit.session().wait_until(ready, PATIENCE);
}

#[test]
fn the_page_works_offline() {
    let mut visit = Visit::of(PAGE, Gpu::None);
    wait_until_kept(&visit);
    visit.disconnect();
    let gone = "return await fetch('files.json').then(() => false, () => true)";
    assert_eq!(
        visit.chrome.run(gone, &[]),
        json!(true),
        "the page is not offline"
    );
    reload(&visit);
    // An example, an image with alpha for our decoder, and another size for the resizer.
    visit.chrome.click(".example");
    settle(&visit);
    wait_for_result(&visit, "capitol.webp");
    crate::page::set(&visit, "size", "1.5");
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "done");
    visit.chrome.go(&format!(
        "{}digits.html",
        visit
            .chrome
            .run("return location.href", &[])
            .as_str()
            .unwrap()
    ));
    visit.chrome.wait_until(
        "document.querySelector('#status').textContent.includes('Draw a digit')",
        PATIENCE,
    );
    visit.finish();
}

/// A copy of the site, to change its files.
pub fn copy_of_the_site() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&xtask::dist::folder().unwrap(), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn list(site: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(site.join("files.json")).unwrap()).unwrap()
}

/// Publishes a new version of the site, with another title.
pub fn publish(site: &Path, version: &str) {
    let page = site.join("index.html");
    let html = std::fs::read_to_string(&page).unwrap();
    let (start, end) = (
        html.find("<title>").unwrap(),
        html.find("</title>").unwrap(),
    );
    std::fs::write(
        &page,
        format!("{}<title>{version}{}", &html[..start], &html[end..]),
    )
    .unwrap();
    let mut files = list(site);
    files["version"] = json!(version);
    let page = files["files"].as_array_mut().unwrap().iter_mut();
    for file in page.filter(|file| file["path"] == "index.html") {
        let bytes = std::fs::read(site.join("index.html")).unwrap();
        file["integrity"] = json!(xtask::files::integrity(&bytes));
    }
    std::fs::write(site.join("files.json"), files.to_string()).unwrap();
}

#[test]
fn a_new_version_is_offered_and_replaces_all_files() {
    let site = copy_of_the_site();
    let visit = Visit::at(site.path().to_path_buf(), PAGE, Gpu::None);
    wait_until_kept(&visit);
    let first = list(site.path())["version"].clone();
    publish(site.path(), "second");
    reload(&visit);
    // The cached version is shown while the new one is fetched.
    assert_ne!(
        visit.chrome.run("return document.title", &[]),
        json!("second")
    );
    visit.chrome.wait_until(
        "document.querySelector('#update').checkVisibility()",
        PATIENCE,
    );
    assert!(text(&visit, "#update").contains("New version"));
    // Another copy of the site, and a tab that would lose results.
    let script = "await caches.open('uprez-app https://example.org/other/ 1');
        window.refusing = new BroadcastChannel('uprez-update /some/where/');
        refusing.onmessage = () => refusing.postMessage('must-not-reload');
        window.other = window.open(location.href);";
    visit.chrome.run(script, &[]);
    visit.chrome.wait_until(
        "other.document.querySelector('#model')?.length && other.navigator.serviceWorker.controller",
        PATIENCE,
    );
    visit.chrome.click("#update-now");
    visit.chrome.wait_until(
        "document.querySelector('#update-refused').checkVisibility()",
        PATIENCE,
    );
    visit.chrome.run("refusing.close()", &[]);
    visit.chrome.click("#update-now");
    visit.chrome.wait_until(
        "document.title === 'second' && document.querySelector('#model')?.length",
        PATIENCE,
    );
    let names = visit.chrome.run("return (await caches.keys()).sort()", &[]);
    let own = format!("uprez-app {}{PAGE} second", visit.origin());
    assert_eq!(
        names,
        json!([own, "uprez-app https://example.org/other/ 1"]),
        "{first} was the first one"
    );
    // Both tabs have moved.
    let is_second = |target: &Value| target["title"] == "second";
    for _ in 0..100 {
        let targets = visit.chrome.cdp("Target.getTargets", json!({}));
        let targets = targets["targetInfos"].as_array().unwrap();
        let pages = targets.iter().filter(|target| target["type"] == "page");
        if pages.clone().count() == 2 && pages.clone().all(is_second) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let targets = visit.chrome.cdp("Target.getTargets", json!({}));
    let targets = targets["targetInfos"].as_array().unwrap();
    assert_eq!(targets.iter().filter(|target| is_second(target)).count(), 2);
    // Nothing of the first version is left.
    let script = "const cache = await caches.open(arguments[0]);
        return await (await cache.match('index.html')).text();";
    let kept = visit.chrome.run(script, &[json!(own)]);
    assert!(kept.as_str().unwrap().contains("<title>second"), "{kept}");

    // Without the list of files, as in development, the cache is not used.
    std::fs::remove_file(site.path().join("files.json")).unwrap();
    let page = site.path().join("index.html");
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::write(&page, html.replace("<title>second", "<title>third")).unwrap();
    visit.chrome.run("location.reload()", &[]);
    visit
        .chrome
        .wait_until("document.title === 'third'", PATIENCE);
    visit
        .chrome
        .wait_until("!navigator.serviceWorker.controller", PATIENCE);
    visit.finish();
}

/// The service worker answers for the site's own files alone, and only with those of its version.
#[test]
fn other_files_queries_and_versions_come_from_the_server() {
    let site = copy_of_the_site();
    for name in ["photo", "extra"] {
        std::fs::write(site.path().join(name), "one").unwrap();
    }
    let visit = Visit::at(site.path().to_path_buf(), PAGE, Gpu::None);
    wait_until_kept(&visit);
    let read = "const [path] = arguments;
        return await fetch(path).then((response) => response.text(), () => 'failed')";
    let read = |path: &str| visit.chrome.run(read, &[json!(path)]);
    for path in ["photo", "photo?id=1", "icon.svg?id=1"] {
        assert!(read(path).as_str().unwrap().len() > 2);
    }
    for name in ["photo", "icon.svg"] {
        std::fs::write(site.path().join(name), "another").unwrap();
    }
    assert_eq!(read("photo"), json!("another"));
    assert_eq!(read("photo?id=2"), json!("another"));
    assert_eq!(read("icon.svg?id=2"), json!("another"));
    assert_ne!(read("icon.svg"), json!("another"), "it is of this version");
    // A file that is fetched later, of another version: Burn's operators.
    let list = list(site.path());
    let mut paths = list["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap());
    let wasm = paths.find(|path| path.starts_with("pkg/burn/")).unwrap();
    std::fs::write(site.path().join(wasm), "another").unwrap();
    assert_eq!(read(wasm), json!("failed"));
    // A page is the same with any query.
    visit
        .chrome
        .go(&format!("{}{PAGE}?source=pwa", visit.origin()));
    visit
        .chrome
        .wait_until("document.querySelector('#model')?.length", PATIENCE);
    visit.finish();
}

#[test]
fn the_list_of_files_is_complete() {
    let site = xtask::dist::folder().unwrap();
    let list = list(&site);
    let files = list["files"].as_array().unwrap();
    for file in files {
        let path = site.join(file["path"].as_str().unwrap());
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert_eq!(file["bytes"].as_u64(), Some(bytes), "{}", path.display());
    }
    for needed in [
        "index.html",
        "assets/app-",
        "assets/uprez-",
        "workers/cpu-",
        "workers/webgpu-",
        "sw.js",
        "pkg/cpu/web_bg-",
        "pkg/webgpu/web_bg-",
        "models/index.json",
    ] {
        let is_it = |file: &Value| {
            file["path"]
                .as_str()
                .is_some_and(|path| path.starts_with(needed))
        };
        assert!(files.iter().any(is_it), "{needed} is missing");
    }
    assert!(list["version"].as_str().unwrap().len() >= 8);
}

#[test]
fn the_app_can_be_installed() {
    let visit = Visit::of(PAGE, Gpu::None);
    let script = "const response = await fetch(document.querySelector('link[rel=manifest]').href);
        return await response.json();";
    let manifest = visit.chrome.run(script, &[]);
    for key in ["name", "short_name", "start_url", "display", "theme_color"] {
        assert!(manifest[key].is_string(), "{key} is missing");
    }
    let icons = manifest["icons"].as_array().unwrap();
    for icon in icons.iter().filter(|icon| icon["type"] == "image/png") {
        let path = xtask::dist::folder()
            .unwrap()
            .join(icon["src"].as_str().unwrap());
        let image = image::open(path).unwrap();
        assert_eq!(
            icon["sizes"],
            format!("{}x{}", image.width(), image.height())
        );
    }
    assert!(icons.iter().any(|icon| icon["purpose"] == "maskable"));
    // The browser finds no reason against it.
    wait_until_kept(&visit);
    let errors = visit.chrome.cdp("Page.getInstallabilityErrors", json!({}));
    let errors = errors["installabilityErrors"].as_array().unwrap();
    let ids: Vec<_> = errors
        .iter()
        .map(|error| error["errorId"].as_str().unwrap())
        .collect();
    // Reported for temporary profiles.
    let about_the_page = ids.iter().filter(|id| **id != "in-incognito");
    assert_eq!(about_the_page.count(), 0, "{ids:?}");
    visit.finish();
}
