//! The site in any of the browsers.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::webdriver::Session;

use crate::api::HELPERS;
use crate::site::{FILES, Opened, PATIENCE, POLICY, Served, downloaded, ready};

/// A browser of any kind.
pub type Browser = Box<dyn Deref<Target = Session>>;

/// Collects what the page reports as an error from now on: WebDriver has no command for that in all browsers.
const WATCH: &str = "window.complaints = [];
    addEventListener('error', ({ message }) => complaints.push(`error: ${message}`));
    addEventListener('unhandledrejection', ({ reason }) => complaints.push(`unhandled: ${reason}`));
    for (const kind of ['error', 'warn']) {
        console[kind] = (...words) => complaints.push(`console.${kind}: ${words.join(' ')}`);
    }";

/// A site and a browser; tests call [`Visit::finish`] at the end.
pub struct Visit {
    browser: Browser,
    served: Served,
    files: TempDir,
    downloads: TempDir,
}

impl Opened for Visit {
    fn session(&self) -> &Session {
        &self.browser
    }

    fn files(&self) -> &Path {
        self.files.path()
    }
}

impl Visit {
    /// Opens a page in the browser that `start` starts with a folder for downloads.
    pub fn new(path: &str, start: impl FnOnce(&Path) -> Browser) -> Self {
        Self::at(xtask::dist::folder().unwrap(), POLICY, path, start)
    }

    /// The same for a site in another folder, with another CSP.
    pub fn at(
        dist: PathBuf,
        policy: &str,
        path: &str,
        start: impl FnOnce(&Path) -> Browser,
    ) -> Self {
        let page = dist.join("index.html");
        assert!(page.exists(), "run `cargo xtask dist` once");
        let [files, downloads] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let served = Served::start(dist, files.path(), policy);
        let browser = start(downloads.path());
        let visit = Self {
            browser,
            served,
            files,
            downloads,
        };
        visit.file("watch.js", WATCH.as_bytes());
        visit.go(path);
        visit
    }

    /// Opens another path of the site.
    pub fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.origin()));
        self.browser.wait_until(ready(path), PATIENCE);
        self.watch();
    }

    /// Begins to collect errors.
    fn watch(&self) {
        // Firefox keeps WebDriver's scripts apart from those of the page.
        let script = "await new Promise((resolve, reject) => {
            const script = document.createElement('script');
            Object.assign(script, { src: arguments[0], onload: resolve, onerror: reject });
            document.head.append(script);
        });";
        let url = format!("{}{FILES}watch.js", self.origin());
        self.browser.run(script, &[json!(url)]);
    }

    /// Serves a file, and returns its URL.
    pub fn url(&self, name: &str, bytes: &[u8]) -> Value {
        self.file(name, bytes);
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

    /// Runs a script with [`HELPERS`].
    pub fn run(&self, script: &str, args: &[Value]) -> Value {
        self.browser.run(&format!("{HELPERS}{script}"), args)
    }

    /// See [`Served::disconnect`].
    pub fn disconnect(&mut self) {
        self.served.disconnect();
    }

    /// Asserts that there were no CSP violations, and no errors since [`Visit::go`]; after a reload, errors are unknown.
    pub fn finish(self) {
        assert_eq!(self.served.violations(), [""; 0], "CSP violations");
        let complaints = self.browser.run("return window.complaints ?? []", &[]);
        assert_eq!(complaints, json!([]), "errors of the page");
    }
}
