//! A served site, and a browser that opens it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;
use xtask::server::{Server, Site};

use tests::chrome::Chrome;
use tests::webdriver::Session;

/// Path of the page: a subfolder, because the page must work under any path.
pub const PAGE: &str = "/some/where/";

/// Path of a third-party page that uses the module.
pub const PLAIN: &str = "/plain/";

/// Path of the scripts before they are bundled, for tests of single modules.
const SOURCE: &str = "/source/";

/// Path of the files of a test.
pub const FILES: &str = "/files/";

/// The CSP that the page must work with.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// Patience with the start of a page.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the browser has WebGPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    /// No WebGPU at all.
    None,
    /// A software adapter.
    Software,
}

/// The site as it is published, a third-party page, and the files of a test.
pub struct Served {
    site: Server,
    /// Takes the reports of violations of the CSP, also when the site is gone.
    reports: Server,
    /// Scheme, host and port of the site.
    origin: String,
}

impl Served {
    /// Starts the servers; the site has a CSP that reports its violations.
    pub fn start(dist: PathBuf, files: &Path, policy: &str) -> Self {
        let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/plain");
        let reports = Server::start(Site::default(), Some(0)).unwrap();
        let site = Site::default()
            .mount(PAGE, dist)
            .mount(PLAIN, plain)
            .mount(SOURCE, xtask::root().join("www"))
            .mount(FILES, files.to_path_buf())
            .with_policy(&format!("{policy}; report-uri {}", reports.url("/")))
            .unwrap();
        let site = Server::start(site, Some(0)).unwrap();
        Self {
            origin: site.url(""),
            site,
            reports,
        }
    }

    /// Scheme, host and port of the site.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The paths of all requests to the site.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.site.requests().into_iter();
        requests.map(|entry| entry.url).collect()
    }

    /// Ends the site's server, as if the browser were offline.
    pub fn disconnect(&mut self) {
        self.site = Server::start(Site::default(), Some(0)).unwrap();
    }

    /// The violations of the CSP that a browser has reported.
    pub fn violations(&self) -> Vec<String> {
        let requests = self.reports.requests().into_iter();
        let reports = requests.filter(|entry| entry.method == "POST");
        reports.map(|entry| entry.body).collect()
    }

    /// Waits until so many violations are reported; returns those that were after ten seconds at the latest.
    pub fn wait_for_violations(&self, count: usize) -> Vec<String> {
        for _ in 0..200 {
            if self.violations().len() >= count {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.violations()
    }
}

/// An expression that is true when the scripts of a page have begun.
pub fn ready(path: &str) -> &'static str {
    match path {
        PLAIN => "window.load",
        PAGE => "document.querySelector('#model')?.length",
        _ => "document.readyState === 'complete'",
    }
}

/// Waits until a file is downloaded.
pub fn downloaded(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    for _ in 0..200 {
        if path.exists() {
            return path;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let files = std::fs::read_dir(folder).unwrap();
    let files: Vec<_> = files.map(|entry| entry.unwrap().file_name()).collect();
    panic!("for ten seconds no {name} was downloaded, but {files:?}");
}

/// A page in any browser.
pub trait Opened {
    /// The browser.
    fn session(&self) -> &Session;

    /// Folder of the files that the browser can choose, and the page can fetch.
    fn files(&self) -> &Path;

    /// Writes a file that the browser can choose, and the page can fetch.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.files().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Opened for Visit {
    fn session(&self) -> &Session {
        &self.chrome
    }

    fn files(&self) -> &Path {
        self.files.path()
    }
}

/// A site and a browser; tests call [`Visit::finish`] at the end.
pub struct Visit {
    /// The browser.
    pub chrome: Chrome,
    served: Served,
    files: TempDir,
    downloads: TempDir,
}

impl Visit {
    /// Opens [`PAGE`], [`PLAIN`], or another page beside the former.
    pub fn of(path: &str, gpu: Gpu) -> Self {
        // The site as it is published.
        Self::at(xtask::dist::folder().unwrap(), path, gpu)
    }

    /// The same for a site in another folder.
    pub fn at(dist: PathBuf, path: &str, gpu: Gpu) -> Self {
        let files = tempfile::tempdir().unwrap();
        let downloads = tempfile::tempdir().unwrap();
        assert!(
            dist.join("index.html").exists(),
            "{} has no site: run `cargo xtask dist` once",
            dist.display()
        );
        let served = Served::start(dist, files.path(), POLICY);
        let flags: &[&str] = match gpu {
            Gpu::None => &["--disable-features=WebGPU"],
            Gpu::Software => &SOFTWARE_WEBGPU_FLAGS,
        };
        let chrome = Chrome::start(flags, downloads.path());
        chrome.go(&format!("{}{path}", served.origin()));
        let visit = Self {
            chrome,
            served,
            files,
            downloads,
        };
        visit.chrome.wait_until(ready(path), PATIENCE);
        visit
    }

    /// See [`Opened::file`].
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        Opened::file(self, name, bytes)
    }

    /// The URL of a file of [`Visit::file`].
    pub fn url(&self, name: &str) -> Value {
        json!(format!("{}{FILES}{name}", self.origin()))
    }

    /// Waits until a file of this name is downloaded.
    pub fn download(&self, name: &str) -> PathBuf {
        downloaded(self.downloads.path(), name)
    }

    /// The servers.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// Scheme, host and port of the site.
    pub fn origin(&self) -> &str {
        self.served.origin()
    }

    /// See [`Served::disconnect`].
    pub fn disconnect(&mut self) {
        self.served.disconnect();
    }

    /// See [`Served::requests`].
    pub fn requests(&self) -> Vec<String> {
        self.served.requests()
    }

    /// Requests to other servers.
    pub fn foreign_requests(&self) -> Vec<String> {
        let own = format!("{}/", self.origin());
        let leaves = |url: &String| url.starts_with("http") || url.starts_with("ws");
        let urls = self.chrome.requests().into_iter();
        urls.filter(|url| leaves(url) && !url.starts_with(&own))
            .collect()
    }

    /// Asserts that there were no CSP violations and no requests to other servers.
    pub fn finish(self) {
        assert_eq!(self.served.violations(), [""; 0], "CSP violations");
        let foreign = self.foreign_requests();
        assert_eq!(foreign, [""; 0], "requests to other servers");
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
        // The browser may be gone: the panic that runs already says more.
        let screenshot = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eprintln!("the browser's console: {:#?}", self.chrome.log("browser"));
            self.chrome.screenshot()
        }));
        if screenshot.is_ok_and(|png| std::fs::write(&path, png).is_ok()) {
            eprintln!("what it showed: {}", path.display());
        }
    }
}

/// The folder for screenshots.
pub fn screenshots() -> PathBuf {
    let folder = xtask::target_dir().unwrap().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
