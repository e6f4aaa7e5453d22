//! The files on another origin than the page, as from a CDN.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::chrome::Chrome;
use xtask::server::{Server, Site};

use crate::fixture::{png, tiny_model, waves};

const PATIENCE: Duration = Duration::from_secs(60);

/// A page on an origin of its own, and the files on another.
struct Page {
    chrome: Chrome,
    own: Server,
    cdn: Server,
    _folders: [TempDir; 2],
}

impl Page {
    /// Opens a page whose policy contains `CDN` for the other origin.
    fn new(policy: Option<&str>) -> Self {
        let [files, downloads] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let dist = || xtask::dist::folder().unwrap();
        let cdn = Site::default()
            .mount("/uprez/", dist())
            .open_to_other_origins();
        let cdn = Server::start(cdn, Some(0)).unwrap();
        let own = Site::default()
            .mount("/copy/", dist())
            .mount("/", files.path().to_path_buf());
        let own = match policy {
            Some(policy) => own
                .with_policy(&policy.replace("CDN", &cdn.url("")))
                .unwrap(),
            None => own,
        };
        let own = Server::start(own, Some(0)).unwrap();
        let html = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>A page</title><script src=events.js></script>
            <script type=module src=\"{}\"></script>
            <img id=a data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>",
            cdn.url("/uprez/element.js")
        );
        let events = "addEventListener('uprez-sharp', () => { window.sharp = true; });
            addEventListener('uprez-skipped', ({ detail }) => { window.skipped = detail.reason; });";
        for (name, bytes) in [
            ("page.html", html.as_bytes()),
            ("events.js", events.as_bytes()),
            ("small.png", &png(&waves(60, 40))),
            ("tiny.bpk", &tiny_model()),
        ] {
            std::fs::write(files.path().join(name), bytes).unwrap();
        }
        let chrome = Chrome::start(&["--disable-features=WebGPU"], downloads.path());
        chrome.go(&own.url("/page.html"));
        Self {
            chrome,
            own,
            cdn,
            _folders: [files, downloads],
        }
    }

    /// Upscales an image with the module on the other origin; the result's width and height, or an error.
    fn upscale(&self, options: Value) -> Value {
        let script = "const [module, options] = arguments;
            try {
                const { load } = await import(module);
                const upscaler = await load(new URL('/tiny.bpk', location), options);
                const source = await (await fetch('/small.png')).blob();
                // Another size, for the worker that resizes, and alpha, for the one that decodes.
                const { width, height } = await upscaler.upscale(source, { scale: 1.5 });
                return [width, height];
            } catch ({ code, message }) {
                return { code, message };
            }";
        let module = json!(self.cdn.url("/uprez/uprez.js"));
        self.chrome.run(script, &[module, options])
    }
}

/// The CSP of a page that uses the files of another origin, without `worker-src`.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' CDN; connect-src 'self' CDN; \
    img-src 'self' blob:";

#[test]
fn one_tag_from_another_origin_works() {
    for policy in [None, Some(&*format!("{POLICY}; worker-src blob: CDN"))] {
        let page = Page::new(policy);
        page.chrome
            .wait_until("window.sharp || window.skipped", PATIENCE);
        let skipped = page.chrome.run("return window.skipped ?? null", &[]);
        assert_eq!(skipped, Value::Null, "with the policy {policy:?}");
        assert_eq!(
            page.upscale(json!({})),
            json!([90, 60]),
            "with the policy {policy:?}"
        );
    }
}

#[test]
fn a_policy_without_blob_urls_needs_a_copy_on_the_own_origin() {
    let page = Page::new(Some(POLICY));
    page.chrome
        .wait_until("window.sharp || window.skipped", PATIENCE);
    assert_eq!(
        page.chrome.run("return window.skipped", &[]),
        json!("worker-failed")
    );
    let failure = page.upscale(json!({}));
    let message = failure["message"].as_str().unwrap();
    for word in ["worker-src blob:", "base", &page.cdn.url("")] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(
        page.upscale(json!({ "base": page.own.url("/copy/") })),
        json!([90, 60])
    );
}
