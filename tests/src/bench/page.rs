//! A browser on the benchmark's page, `tests/bench/page`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;
use xtask::server::{Server, Site};

use super::median;
use crate::chrome::Chrome;

/// How long a page may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// The site, the benchmark's pages, the peer, and files of the benchmark's own.
pub struct Served {
    server: Server,
    files: TempDir,
}

impl Served {
    /// Serves all of it; `peer` holds the files of onnxruntime-web, where they are needed.
    pub fn start(peer: Option<PathBuf>) -> anyhow::Result<Self> {
        let root = xtask::root();
        let files = tempfile::tempdir()?;
        let mut site = Site::default()
            .mount("/", xtask::dist::folder()?)
            .mount("/page/", root.join("tests/bench/page"))
            .mount("/onnx/", root.join("tests/bench/onnx"))
            .mount("/files/", files.path().to_path_buf());
        if let Some(peer) = peer {
            site = site.mount("/ort/", peer);
        }
        let server = Server::start(site, Some(0))?;
        Ok(Self { server, files })
    }

    /// Where a file has to lie to be served as `/files/NAME`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A browser without WebGPU, with a fresh profile.
    pub fn browser(&self) -> Chrome {
        Chrome::start(&["--disable-features=WebGPU"], self.folder())
    }

    fn folder(&self) -> &Path {
        self.files.path()
    }

    /// A browser that has the benchmark's page open.
    pub fn open(&self) -> Page {
        self.page(self.browser())
    }

    /// The same with WebGPU in software.
    pub fn open_with_gpu(&self) -> Page {
        self.page(Chrome::start(&SOFTWARE_WEBGPU_FLAGS, self.folder()))
    }

    fn page(&self, chrome: Chrome) -> Page {
        chrome.go(&self.server.url("/page/?dist=/ort/"));
        chrome.wait_until("window.uprez_bench && window.ort_bench", PATIENCE);
        Page { chrome }
    }

    /// Milliseconds from navigation to a page's first image, in a fresh browser.
    pub fn first_picture(&self, path: &str) -> anyhow::Result<f64> {
        let chrome = self.browser();
        // A browser that starts has other things to do.
        std::thread::sleep(Duration::from_secs(1));
        chrome.go(&self.server.url(path));
        // Seldom enough to disturb nobody.
        let ended = chrome.run(
            "while (!(window.first_picture_ms || window.first_picture_error)) {
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            return window.first_picture_ms || window.first_picture_error;",
            &[],
        );
        ended
            .as_f64()
            .with_context(|| format!("{path} showed no picture: {ended}"))
    }
}

/// The benchmark's page; its functions stand in `tests/bench/page/page.js`.
pub struct Page {
    chrome: Chrome,
}

impl Page {
    /// Calls a function of the page.
    pub fn call(&self, function: &str, args: &[Value]) -> Value {
        let body = format!("return await {function}(...arguments);");
        // Functions with a dot keep their `this`.
        self.chrome.run(&body, args)
    }

    /// Loads a model for the CPU under a name, with so many workers, or as many as there are if nobody
    /// says.
    pub fn load(&self, name: &str, model: &str, workers: Option<usize>) {
        self.load_on(name, model, workers, "cpu");
    }

    /// The same for another engine.
    pub fn load_on(&self, name: &str, model: &str, workers: Option<usize>, engine: &str) {
        let args = [json!(name), json!(model), json!(workers), json!(engine)];
        self.call("uprez_bench.load", &args);
    }

    /// Median milliseconds of a function that takes `args`, a number of runs that don't count, and
    /// one of those that do.
    pub fn time(
        &self,
        function: &str,
        args: &[Value],
        [warm_up, runs]: [usize; 2],
    ) -> anyhow::Result<f64> {
        let counts = [json!(warm_up), json!(runs)];
        let times: Vec<f64> =
            serde_json::from_value(self.call(function, &[args, &counts].concat()))?;
        Ok(median(&times))
    }
}
