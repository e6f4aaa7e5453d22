//! The served site, and a browser that looks at it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;
use xtask::server::{Server, Site};

use tests::chrome::Chrome;

/// Where the page lies: anywhere but at the root.
pub const PAGE: &str = "/some/where/";

/// A page of somebody else's that uses the module.
pub const PLAIN: &str = "/plain/";

/// Files of the test's own.
const FILES: &str = "/files/";

/// Where the browser reports what the policy forbade.
const REPORTS: &str = "/policy-report";

/// What the page has to live with.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// Whether the browser has WebGPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    /// No WebGPU at all.
    None,
    /// A software adapter.
    Software,
}

/// A site and a browser; whoever has one calls [`Visit::finish`] at the end.
pub struct Visit {
    /// The browser.
    pub chrome: Chrome,
    server: Server,
    /// Where the server was when the browser came.
    origin: String,
    files: TempDir,
    downloads: TempDir,
}

impl Visit {
    /// Opens [`PAGE`], [`PLAIN`], or another page beside the former.
    pub fn of(path: &str, gpu: Gpu) -> Self {
        // What ships, not what it is made of.
        Self::at(xtask::dist::folder().unwrap(), path, gpu)
    }

    /// The same for a site that lies in another folder.
    pub fn at(dist: PathBuf, path: &str, gpu: Gpu) -> Self {
        let files = tempfile::tempdir().unwrap();
        let downloads = tempfile::tempdir().unwrap();
        for build in xtask::wasm::BUILDS {
            let wasm = dist.join("pkg").join(build.name).join("web_bg.wasm");
            assert!(
                wasm.exists(),
                "{} is missing: run `cargo xtask dist` once",
                wasm.display()
            );
        }
        let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/plain");
        let site = Site::default()
            .mount(PAGE, dist)
            .mount(PLAIN, plain)
            .mount(FILES, files.path().to_path_buf())
            .with_policy(&format!("{POLICY}; report-uri {REPORTS}"))
            .unwrap();
        let server = Server::start(site, Some(0)).unwrap();
        let flags: &[&str] = match gpu {
            Gpu::None => &["--disable-features=WebGPU"],
            Gpu::Software => &SOFTWARE_WEBGPU_FLAGS,
        };
        let chrome = Chrome::start(flags, downloads.path());
        chrome.go(&server.url(path));
        let visit = Self {
            chrome,
            origin: server.url(""),
            server,
            files,
            downloads,
        };
        let ready = match path {
            PLAIN => "window.load",
            PAGE => "document.querySelector('#model').length",
            _ => "document.readyState === 'complete'",
        };
        visit.chrome.wait_until(ready, Duration::from_secs(20));
        visit
    }

    /// Puts a file where the browser can choose it, and the page can fetch it from [`Visit::url`].
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The address of a file of [`Visit::file`].
    pub fn url(&self, name: &str) -> Value {
        json!(format!("{}{FILES}{name}", self.origin))
    }

    /// The file that the browser has downloaded under this name, once it is whole.
    pub fn download(&self, name: &str) -> PathBuf {
        let path = self.downloads.path().join(name);
        for _ in 0..200 {
            if path.exists() {
                return path;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let files = std::fs::read_dir(self.downloads.path()).unwrap();
        let files: Vec<_> = files.map(|entry| entry.unwrap().file_name()).collect();
        panic!("for ten seconds no {name} was downloaded, but {files:?}");
    }

    /// Ends the server: from now on the browser is alone.
    pub fn disconnect(&mut self) {
        assert_eq!(self.violations(), [""; 0], "the security policy was broken");
        self.server = Server::start(Site::default(), Some(0)).unwrap();
    }

    /// The paths that the server was asked for.
    pub fn requests(&self) -> Vec<String> {
        self.server
            .requests()
            .into_iter()
            .map(|entry| entry.url)
            .collect()
    }

    /// What the policy forbade, as the browser reported it.
    pub fn violations(&self) -> Vec<String> {
        let requests = self.server.requests().into_iter();
        requests
            .filter(|entry| entry.url == REPORTS)
            .map(|entry| entry.body)
            .collect()
    }

    /// Requests to anyone but the server.
    pub fn foreign_requests(&self) -> Vec<String> {
        let own = format!("{}/", self.origin);
        let leaves = |url: &String| url.starts_with("http") || url.starts_with("ws");
        let urls = self.chrome.requests().into_iter();
        urls.filter(|url| leaves(url) && !url.starts_with(&own))
            .collect()
    }

    /// Holds the page to its promises: no broken policy, nothing asked of strangers.
    pub fn finish(self) {
        assert_eq!(self.violations(), [""; 0], "the security policy was broken");
        let foreign = self.foreign_requests();
        assert_eq!(foreign, [""; 0], "requests to strangers");
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let name = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        let path = screenshots().join(format!("failed-{name}.png"));
        // A browser that is gone cannot show why: the panic under way says it better.
        let picture = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eprintln!("the browser's console: {:#?}", self.chrome.log("browser"));
            self.chrome.screenshot()
        }));
        if picture.is_ok_and(|picture| std::fs::write(&path, picture).is_ok()) {
            eprintln!("what it showed: {}", path.display());
        }
    }
}

/// The folder for pictures of the page.
pub fn screenshots() -> PathBuf {
    let folder = xtask::target_dir().unwrap().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
