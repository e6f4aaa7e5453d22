//! A browser with the benchmark's page, `tests/bench/page`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;
use xtask::server::{Server, Site};

use super::median;
use crate::chrome::Chrome;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server for the site, the benchmark's pages, the peer, and additional files.
pub struct Served {
    server: Server,
    files: TempDir,
}

impl Served {
    /// Starts the server; `peer` is the folder of onnxruntime-web's files, if needed.
    pub fn start(peer: Option<PathBuf>) -> anyhow::Result<Self> {
        let root = xtask::root();
        let files = tempfile::tempdir()?;
        let mut site = Site::default()
            .mount("/", xtask::dist::folder()?)
            .mount("/source/", root.join("www"))
            .mount("/page/", root.join("tests/bench/page"))
            .mount("/onnx/", root.join("tests/bench/onnx"))
            .mount("/files/", files.path().to_path_buf());
        if let Some(peer) = peer {
            site = site.mount("/ort/", peer);
        }
        let server = Server::start(site, Some(0))?;
        Ok(Self { server, files })
    }

    /// Path of the file that is served as `/files/NAME`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Starts a browser with a fresh profile, without WebGPU.
    pub fn browser(&self) -> Chrome {
        Chrome::start(&["--disable-features=WebGPU"], self.folder())
    }

    fn folder(&self) -> &Path {
        self.files.path()
    }

    /// Opens the benchmark's page in a new browser.
    pub fn open(&self) -> Page {
        self.page(self.browser())
    }

    /// Like [`Served::open`], with software WebGPU.
    pub fn open_with_gpu(&self) -> Page {
        self.page(Chrome::start(&SOFTWARE_WEBGPU_FLAGS, self.folder()))
    }

    fn page(&self, chrome: Chrome) -> Page {
        chrome.go(&self.server.url("/page/?dist=/ort/"));
        chrome.wait_until("window.uprez_bench && window.ort_bench", PATIENCE);
        Page { chrome }
    }

    /// Milliseconds from navigation to a page's first image, in a fresh browser.
    pub fn first_image(&self, path: &str) -> anyhow::Result<f64> {
        let chrome = self.browser();
        // Wait until the browser has finished starting.
        std::thread::sleep(Duration::from_secs(1));
        chrome.go(&self.server.url(path));
        // Poll rarely enough not to disturb the measurement.
        let ended = chrome.run(
            "while (!(window.first_image_ms || window.first_image_error)) {
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            return window.first_image_ms || window.first_image_error;",
            &[],
        );
        ended
            .as_f64()
            .with_context(|| format!("{path} showed no picture: {ended}"))
    }

    /// The longest task on the app's main thread in milliseconds, from choosing an image to its result, in a fresh
    /// browser; browsers report those above 50 ms.
    pub fn longest_task(&self, name: &str) -> anyhow::Result<f64> {
        let chrome = self.browser();
        chrome.go(&self.server.url("/"));
        chrome.wait_until("!('busy' in document.body.dataset)", PATIENCE);
        chrome.run(
            "window.longest = 0;
            new PerformanceObserver((list) => {
                for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
            }).observe({ type: 'longtask' });",
            &[],
        );
        chrome.type_into("#file", &self.file(name).display().to_string());
        // Each question is a task, too.
        let has_ended = "return ['done', 'failed'].includes(document.querySelector('#images li')?.dataset.state)";
        while chrome.run(has_ended, &[]) != json!(true) {
            std::thread::sleep(Duration::from_millis(500));
        }
        chrome.wait_until(
            "document.querySelector('#viewer').dataset.shows === 'result'",
            PATIENCE,
        );
        chrome
            .run("return longest", &[])
            .as_f64()
            .context("no time of the longest task")
    }
}

/// The benchmark's page; its functions are defined in `tests/bench/page/page.js`.
pub struct Page {
    chrome: Chrome,
}

impl Page {
    /// The browser that shows the page.
    pub fn browser(&self) -> &Chrome {
        &self.chrome
    }

    /// Calls a function of the page.
    pub fn call(&self, function: &str, args: &[Value]) -> Value {
        let body = format!("return await {function}(...arguments);");
        // Calling a method by its dotted name keeps its `this`.
        self.chrome.run(&body, args)
    }

    /// Loads a model for the CPU under a name, with this number of workers, or the page's default number.
    pub fn load(&self, name: &str, model: &str, workers: Option<usize>) {
        self.load_on(name, model, workers, "cpu");
    }

    /// Like [`Page::load`], with an engine of choice.
    pub fn load_on(&self, name: &str, model: &str, workers: Option<usize>, engine: &str) {
        let args = [json!(name), json!(model), json!(workers), json!(engine)];
        self.call("uprez_bench.load", &args);
    }

    /// Median milliseconds of a function of the page whose last two arguments, after `args`, are the number of warm-up
    /// runs and the number of timed runs.
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
