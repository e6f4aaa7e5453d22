//! `<img data-upscale>` and `<uprez-img>` on a third-party page.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::chrome::Chrome;
use xtask::server::{Server, Site};

use crate::fixture::{WATCH_WORKERS, png, tiny_model, waves};
use crate::site::POLICY;

mod demo;
mod kept;
mod shown;
mod skipped;
mod watched;

/// Paths of this project's files, and of the page's own.
const UPREZ: &str = "/uprez/";
const OWN: &str = "/own/";
const REPORTS: &str = "/policy-report";

/// The directive that a page with the element needs beside the app's CSP.
const IMAGES: &str = "img-src 'self' blob:";

const PATIENCE: Duration = Duration::from_secs(60);

/// Records events, layout shifts and blob URLs; runs before all other scripts.
const RECORD: &str = "{
    window.events = [];
    window.shifts = [];
    window.paints = [];
    window.alive = new Set();
    for (const state of ['loading', 'sharp', 'skipped']) {
        addEventListener(`uprez-${state}`, (event) => {
            // In a shadow root, too.
            const id = event.composedPath()[0].closest('[id]').id;
            events.push({ state, id, at: performance.now(), ...event.detail });
        });
    }
    const watch = (type, list) => new PerformanceObserver((entries) => list.push(...entries.getEntries()))
        .observe({ type, buffered: true });
    watch('layout-shift', shifts);
    watch('largest-contentful-paint', paints);
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (blob) => {
        const url = createObjectURL(blob);
        alive.add(url);
        return url;
    };
    URL.revokeObjectURL = (url) => {
        alive.delete(url);
        revokeObjectURL(url);
    };
}";

/// The CSP forbids inline styles.
const STYLE: &str = "
    body { margin: 0 }
    img { vertical-align: top }
    .far { margin-top: 6000px }
    .room { height: 150px; overflow: hidden }
    .wide { width: 400px; height: auto }
    .cover { width: 200px; height: 100px; object-fit: cover }
    .contain { width: 200px; height: 100px; object-fit: contain }
    .none { width: 200px; height: 100px; object-fit: none }
";

struct Scene {
    chrome: Chrome,
    server: Server,
    files: TempDir,
    _downloads: TempDir,
}

impl Scene {
    /// A browser, and files for pages that [`Scene::show`] will write.
    fn new() -> Self {
        Self::with_policy(&format!("{POLICY}; {IMAGES}"))
    }

    fn with_policy(policy: &str) -> Self {
        let [files, downloads] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let site = Site::default()
            .mount(UPREZ, xtask::dist::folder().unwrap())
            .mount(OWN, files.path().to_path_buf())
            .with_policy(&format!("{policy}; report-uri {REPORTS}"))
            .unwrap();
        let server = Server::start(site, Some(0)).unwrap();
        let chrome = Chrome::start(&["--disable-features=WebGPU"], downloads.path());
        let scene = Self {
            chrome,
            server,
            files,
            _downloads: downloads,
        };
        scene.file("record.js", format!("{RECORD}{WATCH_WORKERS}").as_bytes());
        scene.file("style.css", STYLE.as_bytes());
        scene.file("small.png", &png(&waves(60, 40)));
        scene.file("tiny.bpk", &tiny_model());
        scene
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.files.path().join(name), bytes).unwrap();
    }

    fn show(&self, body: &str) {
        let page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>Third-party page</title>\
            <link rel=stylesheet href=style.css><script src=record.js></script>\
            <script type=module src={UPREZ}element.js></script><body>{body}"
        );
        self.file("page.html", page.as_bytes());
        self.chrome.go(&self.server.url(&format!("{OWN}page.html")));
    }

    fn run(&self, script: &str) -> Value {
        self.chrome.run(script, &[])
    }

    fn wait_until(&self, expression: &str) {
        self.chrome.wait_until(expression, PATIENCE);
    }

    /// Waits until an image is in a state, and returns the event.
    fn wait_for(&self, id: &str, state: &str) -> Value {
        let event = format!("events.findLast((e) => e.id === '{id}' && e.state === '{state}')");
        self.wait_until(&event);
        self.run(&format!("return {event}"))
    }

    fn events(&self) -> u64 {
        self.run("return events.length").as_u64().unwrap()
    }

    /// Gives an event that must not occur time to occur.
    fn pause(&self) {
        std::thread::sleep(Duration::from_millis(700));
    }

    /// Waits until an image is skipped, and returns the reason.
    fn skipped(&self, id: &str) -> String {
        let reason = self.wait_for(id, "skipped")["reason"].take();
        let attribute = self.run(&format!(
            "const img = document.querySelector('#{id}');
            return img.dataset.upscaleReason ?? img.img.dataset.upscaleReason"
        ));
        assert_eq!(reason, attribute);
        reason.as_str().unwrap().to_string()
    }

    /// Waits until an image is upscaled, and returns its size.
    fn sharp(&self, id: &str) -> [u64; 2] {
        let event = self.wait_for(id, "sharp");
        ["width", "height"].map(|side| event[side].as_u64().unwrap())
    }

    /// Runs a script at the start of every page from now on.
    fn beforehand(&self, script: &str) {
        // In a block: a top-level constant would hide the property of `window` with the same name.
        let params = json!({ "source": format!("{{ {script} }}") });
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.chrome.cdp(command, params);
    }

    fn pixel_ratio(&self, ratio: f64) {
        let metrics =
            json!({ "width": 800, "height": 600, "deviceScaleFactor": ratio, "mobile": false });
        let command = "Emulation.setDeviceMetricsOverride";
        self.chrome.cdp(command, metrics);
    }

    /// Requests for files that only upscaling needs: the library, its wasm, models.
    fn work(&self) -> Vec<String> {
        let needed = |url: &String| {
            url.contains("/assets/uprez-") || url.ends_with(".wasm") || url.ends_with(".bpk")
        };
        let requests = self.server.requests().into_iter();
        requests.map(|entry| entry.url).filter(needed).collect()
    }

    /// Asserts that there were no layout shifts and no CSP violations.
    fn finish(self) {
        let moved = self.run("return shifts.map(({ value }) => value)");
        assert_eq!(moved, json!([]), "the layout moved");
        let requests = self.server.requests().into_iter();
        let reports: Vec<_> = requests.filter(|entry| entry.url == REPORTS).collect();
        assert_eq!(reports, [], "CSP violations");
    }
}
