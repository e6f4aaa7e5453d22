//! The npm packages, installed and built by projects of other bundlers and frameworks, and run in a browser.
//!
//! Most are ignored, since npm takes long to install them: `cargo xtask frameworks` runs all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tests::chrome::Chrome;
use xtask::node::npm;
use xtask::server::{Server, Site};

use crate::api::opaque;
use crate::fixture::{png, waves};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program in a folder, and returns its output; panics with it if the program fails.
pub fn output(folder: &Path, command: &mut Command) -> String {
    let output = command.current_dir(folder).output();
    let output = output.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}\n{err}");
    out
}

/// A copy of a project that has installed the packed packages; `None` without npm.
pub fn project(template: &str, name: &str) -> Option<PathBuf> {
    if npm().arg("--version").output().is_err() {
        println!("NOT RUN: the test of the npm packages in {name} needs npm: install Node.js");
        return None;
    }
    let folder = xtask::target_dir()
        .unwrap()
        .join("test-packages")
        .join(name);
    std::fs::create_dir_all(&folder).unwrap();
    // npm does not replace a package of the same name and version.
    for old in [
        "package-lock.json",
        "node_modules/uprez",
        "node_modules/uprez-burn",
        "dist",
    ] {
        let old = folder.join(old);
        let _ = if old.is_dir() {
            std::fs::remove_dir_all(old)
        } else {
            std::fs::remove_file(old)
        };
    }
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(template),
        &folder,
    );
    for package in ["uprez", "uprez-burn"] {
        // Into this folder: tests run at the same time.
        let archive = xtask::package::pack(package, &folder).unwrap();
        std::fs::rename(archive, folder.join(format!("{package}.tgz"))).unwrap();
    }
    output(
        &folder,
        npm().args(["install", "--no-audit", "--no-fund", "--silent"]),
    );
    Some(folder)
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
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

/// A program that npm installed in a project.
pub fn program(project: &Path, name: &str) -> Command {
    Command::new(project.join("node_modules/.bin").join(name))
}

/// Adds an <img> to the page, and waits until it is upscaled.
pub fn sharpen(chrome: &Chrome) {
    let script = "const img = Object.assign(new Image(), { src: '/image.png', width: 88, height: 60, alt: 'Waves' });
        img.dataset.upscale = '';
        document.body.append(img);";
    chrome.run(script, &[]);
    wait_until_sharp(chrome);
}

fn wait_until_sharp(chrome: &Chrome) {
    let sharp = "document.querySelector('img')?.dataset.upscaleState === 'sharp'";
    chrome.wait_until(sharp, PATIENCE);
}

/// A project's build, served from the root of a site.
struct Built {
    chrome: Chrome,
    _server: Server,
    _files: [TempDir; 2],
}

impl Built {
    fn open(folder: &Path) -> Self {
        let [site, downloads] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        copy(folder, site.path());
        std::fs::write(site.path().join("image.png"), png(&opaque(waves(44, 30)))).unwrap();
        let served = Site::default().mount("/", site.path().to_path_buf());
        let server = Server::start(served, Some(0)).unwrap();
        let chrome = Chrome::start(&["--disable-features=WebGPU"], downloads.path());
        chrome.go(&server.url("/"));
        Self {
            chrome,
            _server: server,
            _files: [site, downloads],
        }
    }

    /// Upscales by the module, which needs two workers and a module that is imported dynamically, and by the element.
    fn upscales(&self) {
        self.chrome.wait_until("window.upscale", PATIENCE);
        let size = self
            .chrome
            .run("return await window.upscale('/image.png')", &[]);
        assert_eq!(size, json!([66, 45]));
    }
}

/// Installs and builds the project `tests/frameworks/NAME`; its build is in the folder `dist`.
fn build(name: &str) -> Option<Built> {
    let project = project(&format!("frameworks/{name}"), name)?;
    output(
        &project,
        npm()
            .args(["run", "build"])
            .env("NEXT_TELEMETRY_DISABLED", "1"),
    );
    let built = project.join("dist");
    if project.join("public").exists() {
        copy(&project.join("public"), &built);
    }
    Some(Built::open(&built))
}

fn check(name: &str) {
    let Some(built) = build(name) else { return };
    built.upscales();
    sharpen(&built.chrome);
}

#[test]
fn esbuild() {
    check("esbuild");
}

#[test]
#[ignore = "installs from npm: cargo xtask frameworks"]
fn rollup() {
    check("rollup");
}

#[test]
#[ignore = "installs from npm: cargo xtask frameworks"]
fn vite() {
    check("vite");
}

#[test]
#[ignore = "installs from npm: cargo xtask frameworks"]
fn webpack() {
    check("webpack");
}

#[test]
#[ignore = "installs from npm: cargo xtask frameworks"]
fn next() {
    let Some(built) = build("next") else { return };
    // The page has an <img> of its own.
    wait_until_sharp(&built.chrome);
    built.upscales();
}

#[test]
#[ignore = "installs from npm: cargo xtask frameworks"]
fn typings() {
    let Some(project) = project("frameworks/typings", "typings") else {
        return;
    };
    for framework in ["react", "preact", "solid", "svelte"] {
        output(&project, program(&project, "tsc").args(["-p", framework]));
    }
    output(&project, program(&project, "vue-tsc").args(["-p", "vue"]));
    let mut svelte = program(&project, "svelte-check");
    output(
        &project,
        svelte.args(["--workspace", "svelte", "--fail-on-warnings"]),
    );
}
