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

const REPORTS: &str = "/policy-report";

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

/// The site as it is published, a third-party page, and the files of a test, with a CSP that reports its violations.
pub fn serve(dist: PathBuf, files: &Path, policy: &str) -> Server {
    let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/plain");
    let site = Site::default()
        .mount(PAGE, dist)
        .mount(PLAIN, plain)
        .mount(SOURCE, xtask::root().join("www"))
        .mount(FILES, files.to_path_buf())
        .with_policy(&format!("{policy}; report-uri {REPORTS}"))
        .unwrap();
    Server::start(site, Some(0)).unwrap()
}

/// The CSP violations that a browser has reported.
pub fn reports(server: &Server) -> Vec<String> {
    let requests = server.requests().into_iter();
    let reports = requests.filter(|entry| entry.url == REPORTS);
    reports.map(|entry| entry.body).collect()
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
    server: Server,
    /// Origin of the server at the start.
    origin: String,
    files: TempDir,
    downloads: TempDir,
    is_offline: bool,
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
        let server = serve(dist, files.path(), POLICY);
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
            is_offline: false,
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
        json!(format!("{}{FILES}{name}", self.origin))
    }

    /// Waits until a file of this name is downloaded.
    pub fn download(&self, name: &str) -> PathBuf {
        downloaded(self.downloads.path(), name)
    }

    /// Scheme, host and port of the site.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Ends the server, as if the browser were offline. Violations of the CSP are in the browser's console from then on.
    pub fn disconnect(&mut self) {
        assert_eq!(self.violations(), [""; 0], "CSP violations");
        self.chrome.log("browser");
        self.is_offline = true;
        self.server = Server::start(Site::default(), Some(0)).unwrap();
    }

    /// The paths of all requests to the server.
    pub fn requests(&self) -> Vec<String> {
        self.server
            .requests()
            .into_iter()
            .map(|entry| entry.url)
            .collect()
    }

    /// The CSP violations that the browser reported.
    pub fn violations(&self) -> Vec<String> {
        if self.is_offline {
            let messages = self.chrome.log("browser").into_iter();
            return messages
                .filter(|message| message.contains("Content Security Policy"))
                .collect();
        }
        reports(&self.server)
    }

    /// Requests to other servers.
    pub fn foreign_requests(&self) -> Vec<String> {
        let own = format!("{}/", self.origin);
        let leaves = |url: &String| url.starts_with("http") || url.starts_with("ws");
        let urls = self.chrome.requests().into_iter();
        urls.filter(|url| leaves(url) && !url.starts_with(&own))
            .collect()
    }

    /// Asserts that there were no CSP violations and no requests to other servers.
    pub fn finish(self) {
        assert_eq!(self.violations(), [""; 0], "CSP violations");
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
