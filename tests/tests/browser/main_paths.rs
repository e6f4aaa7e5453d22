//! The main paths of module, element and app, the same in every browser.

use std::path::Path;

use image::RgbaImage;
use image::metadata::Orientation;
use serde_json::json;
use tests::chrome::Chrome;
use tests::firefox::Firefox;
use tests::webkit::Webkit;
use xtask::browser::SOFTWARE_WEBGPU_FLAGS;

use crate::any_browser::{Browser, Visit};
use crate::api::opaque;
use crate::app_import::{community, expected};
use crate::app_offline::{copy_of_the_site, publish, reload, wait_until_kept};
use crate::fixture::{
    assert_same, assert_within, blocks_jpeg, on_black, png, png_without_alpha, tiny_model,
    upscaled, waves, with_orientation,
};
use crate::page::{
    PATIENCE, canvas, choose, choose_tiny_model, entry, error, is_error, message, set, settle,
    state, text, to_image, wait_for_result,
};
use crate::site::{FILES, Opened, PAGE, PLAIN, POLICY};
use crate::target::resized;

/// Browser, and the engine that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chromium,
    /// WebGPU on a software adapter.
    ChromiumWebGpu,
    Firefox,
    Webkit,
}

impl Kind {
    fn start(self, downloads: &Path) -> Browser {
        match self {
            Self::Chromium => Box::new(Chrome::start(&["--disable-features=WebGPU"], downloads)),
            Self::ChromiumWebGpu => Box::new(Chrome::start(&SOFTWARE_WEBGPU_FLAGS, downloads)),
            Self::Firefox => Box::new(Firefox::start(&[], downloads)),
            Self::Webkit => Box::new(Webkit::start(downloads)),
        }
    }

    fn open(self, path: &str) -> Visit {
        Visit::new(path, |downloads| self.start(downloads))
    }

    /// The app with a small model selected, and with the engine.
    fn open_app(self) -> Visit {
        let visit = self.open(PAGE);
        if self.engine() == "webgpu" {
            set(&visit, "engine", "webgpu");
        }
        choose_tiny_model(&visit);
        visit
    }

    fn engine(self) -> &'static str {
        match self {
            Self::ChromiumWebGpu => "webgpu",
            _ => "cpu",
        }
    }

    /// The canvas of WebKitGTK encodes no WebP.
    fn encodes_webp(self) -> bool {
        self != Self::Webkit
    }
}

/// One test per browser and path.
macro_rules! tests {
    ($browser:ident, $kind:ident: $($path:ident)*) => {
        mod $browser {
            use super::Kind;

            $(#[test]
            fn $path() {
                super::$path(Kind::$kind);
            })*
        }
    };
}

tests!(chromium, Chromium:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version);

// Image after image on a software adapter takes long; the paths that do not compute are the same.
tests!(chromium_webgpu, ChromiumWebGpu:
    the_module_computes_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels);

tests!(firefox, Firefox:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version
    violations_are_reported);

tests!(webkit, Webkit:
    the_module_computes_the_native_pixels
    the_module_encodes_what_the_browser_can
    the_element_shows_the_native_pixels
    the_app_upscales_and_saves
    the_app_explains_broken_files_and_cancels
    the_app_imports_a_model_of_another_project
    the_app_works_offline
    two_tabs_move_to_a_new_version
    violations_are_reported);

/// Largest mean difference between pixels before and after encoding, of 255.
const MEAN_LOSS: f64 = 2.0;

/// A JPEG that EXIF turns, and its upright pixels.
fn turned_jpeg() -> (Vec<u8>, RgbaImage) {
    let jpeg = blocks_jpeg();
    let mut upright = image::load_from_memory(&jpeg).unwrap();
    upright.apply_orientation(Orientation::from_exif(6).unwrap());
    (with_orientation(&jpeg, 6), upright.into_rgba8())
}

fn the_module_computes_the_native_pixels(kind: Kind) {
    let visit = kind.open(PLAIN);
    let model = visit.url("tiny.bpk", &tiny_model());
    let (jpeg, upright) = turned_jpeg();
    let script = "const [model, url, engine, target] = arguments;
        const upscaler = await load(model, { engine });
        const image = await upscaler.upscale(await fetchBlob(url), target);
        return { engine: upscaler.engine, ...plain(image) };";
    let large = opaque(waves(301, 210));
    for (file, image, target) in [
        (png(&waves(67, 43)), &waves(67, 43), None),
        // More than one tile.
        (png_without_alpha(&large), &large, None),
        (jpeg, &upright, None),
        (png_without_alpha(&large), &large, Some([473, 330])),
    ] {
        let (target, expected) = match target {
            None => (json!({}), upscaled(&tiny_model(), image)),
            Some([width, height]) => {
                let target = json!({ "width": width, "height": height });
                (target, resized(image, 1, width, height))
            }
        };
        let url = visit.url("image", &file);
        let found = visit.run(script, &[model.clone(), url, json!(kind.engine()), target]);
        assert_eq!(found["engine"], kind.engine());
        assert_same(&to_image(found), &expected);
    }
    visit.finish();
}

fn the_module_encodes_what_the_browser_can(kind: Kind) {
    let visit = kind.open(PLAIN);
    let image = opaque(waves(40, 28));
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("image.png", &png_without_alpha(&image)),
    ];
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        const results = {};
        for (const type of ['image/png', 'image/jpeg', 'image/webp']) {
            const result = upscaler.upscale(await fetchBlob(url), { width: 60, as: 'blob', type });
            results[type] = await result.then(
                async (blob) => ({ type: blob.type, bytes: Array.from(new Uint8Array(await blob.arrayBuffer())) }),
                ({ code, message }) => ({ code, message }),
            );
        }
        return results;";
    let found = visit.run(script, &urls);
    for kind_of_file in ["image/png", "image/jpeg", "image/webp"] {
        let result = &found[kind_of_file];
        if kind_of_file == "image/webp" && !kind.encodes_webp() {
            assert_eq!(result["code"], "no-encoder", "{result}");
            continue;
        }
        assert_eq!(result["type"], kind_of_file, "{}", result["message"]);
        let bytes: Vec<u8> = serde_json::from_value(result["bytes"].clone()).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap().into_rgba8();
        assert_eq!(decoded.dimensions(), (60, 42));
        if kind_of_file == "image/png" {
            assert_same(&decoded, &resized(&image, 1, 60, 42));
        }
    }
    visit.finish();
}

fn the_element_shows_the_native_pixels(kind: Kind) {
    let policy = format!("{POLICY}; img-src 'self' blob:");
    let dist = xtask::dist::folder().unwrap();
    let visit = Visit::at(dist, &policy, PLAIN, |downloads| kind.start(downloads));
    let image = opaque(waves(120, 80));
    visit.file("small.png", &png_without_alpha(&image));
    visit.file("tiny.bpk", &tiny_model());
    visit.file(
        "style.css",
        b"body { margin: 0 } img { vertical-align: top }",
    );
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Third-party page</title>
        <link rel=stylesheet href=style.css><script type=module src={PAGE}element.js></script>
        <body><img id=a data-upscale=tiny.bpk src=small.png width=240 height=160 alt=Waves>"
    );
    visit.file("page.html", page.as_bytes());
    visit.go(&format!("{FILES}page.html"));
    let settled = "document.querySelector('#a').dataset.upscaleState === 'sharp'
        || document.querySelector('#a').dataset.upscaleReason";
    visit.session().wait_until(settled, PATIENCE);
    let script = "const { dataset, currentSrc } = document.querySelector('#a');
        return { ...dataset, currentSrc, ratio: devicePixelRatio };";
    let found = visit.run(script, &[]);
    assert_eq!(found["upscaleState"], "sharp", "{found}");
    assert_eq!(
        found["ratio"],
        json!(1),
        "the screenshot's pixels are CSS pixels"
    );
    let expected = upscaled(&tiny_model(), &image);
    let difference = || {
        let screenshot = image::load_from_memory(&visit.session().screenshot()).unwrap();
        let shown = screenshot.crop_imm(0, 0, 240, 160).into_rgba8();
        let apart = shown.iter().zip(expected.iter());
        let sum: u64 = apart.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / expected.len() as f64
    };
    // The result may be shown a frame later. It is encoded: with losses where the browser encodes WebP.
    let frames = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        difference()
    });
    let after = frames.take_while(|after| *after > MEAN_LOSS).count();
    let after = if after < 100 {
        difference()
    } else {
        f64::INFINITY
    };
    visit.run("document.querySelector('#a').style.content = ''", &[]);
    let before = difference();
    println!("mean difference {after} of 255 after, {before} before");
    assert!(
        after <= MEAN_LOSS,
        "{after}/255 apart; without the element {before}"
    );
    assert!(
        before > 2.0 * MEAN_LOSS,
        "the small image has nearly the same pixels: {before}"
    );
    visit.finish();
}

fn the_app_upscales_and_saves(kind: Kind) {
    let visit = kind.open_app();
    let (jpeg, upright) = turned_jpeg();
    for (name, bytes, image) in [
        ("waves.png", png(&waves(40, 28)), waves(40, 28)),
        ("turned.jpg", jpeg, upright),
    ] {
        choose(&visit, name, &bytes);
        settle(&visit);
        assert_eq!(state(&visit, name), "done", "{}", message(&visit, name));
        wait_for_result(&visit, name);
        let expected = on_black(&upscaled(&tiny_model(), &image));
        // Firefox rounds twice where alpha is low.
        let most = if kind == Kind::Firefox { 2 } else { 1 };
        assert_within(most, &on_black(&canvas(&visit, "#after")), &expected);
        let facts = text(&visit, "#facts");
        let [width, height] = [image.width(), image.height()];
        let engine = if kind.engine() == "webgpu" {
            "WebGPU"
        } else {
            "CPU"
        };
        for fact in [
            &format!("{width} × {height}"),
            &format!("{} × {}", 2 * width, 2 * height),
            engine,
        ] {
            assert!(facts.contains(fact), "{fact} is missing from: {facts}");
        }
        visit.session().click("#download");
        let file = visit.download(&name.replace(".png", "-x2.png").replace(".jpg", "-x2.png"));
        let saved = image::open(file).unwrap().into_rgba8();
        assert_same(&on_black(&saved), &expected);
    }
    let offers = visit.run(
        "return Array.from(document.querySelector('#type').options, ({ value }) => value)",
        &[],
    );
    let has_webp = offers.as_array().unwrap().contains(&json!("image/webp"));
    assert_eq!(has_webp, kind.encodes_webp(), "{offers}");
    visit.finish();
}

fn the_app_explains_broken_files_and_cancels(kind: Kind) {
    let visit = kind.open_app();
    let damaged = &png(&waves(30, 30))[..400];
    for (name, bytes) in [
        ("notes.png", &b"this is a text"[..]),
        ("damaged.png", damaged),
    ] {
        choose(&visit, name, bytes);
        settle(&visit);
        assert!(is_error(&visit, name), "{name}: {}", state(&visit, name));
        let message = message(&visit, name);
        assert!(
            message.contains("image") && message.ends_with('.'),
            "{message}"
        );
    }
    choose(&visit, "broken.bpk", b"this is no model");
    visit
        .session()
        .wait_until("!document.querySelector('#error').hidden", PATIENCE);
    assert!(error(&visit).contains("model"), "{}", error(&visit));

    // Clicks in the page, as WebDriver's click may come when the work is done.
    let script = "const [progress, cancel] = [...arguments].map((css) => () => document.querySelector(css));
        new MutationObserver((_, observer) => {
            if (!(progress()?.value > 0)) return;
            observer.disconnect();
            cancel().click();
        }).observe(document.querySelector('#images'), { subtree: true, attributeFilter: ['value'] });";
    let progress = format!("{} progress", entry("large.png"));
    let args = [json!(progress), json!("[aria-label='Cancel large.png']")];
    visit.session().run(script, &args);
    choose(&visit, "large.png", &png(&waves(2400, 1800)));
    settle(&visit);
    assert_eq!(state(&visit, "large.png"), "cancelled");
    choose(&visit, "small.png", &png(&waves(20, 20)));
    settle(&visit);
    assert_eq!(state(&visit, "small.png"), "done");
    visit.finish();
}

fn the_app_imports_a_model_of_another_project(kind: Kind) {
    let visit = kind.open(PAGE);
    let file = "realesr-general-x4.pth";
    choose(&visit, file, &community(file));
    let chosen = format!(
        "document.querySelector('#model').selectedOptions[0]?.value.startsWith('own:{file}')"
    );
    visit.session().wait_until(&chosen, PATIENCE);
    settle(&visit);
    choose(
        &visit,
        "input.png",
        &png_without_alpha(&expected("input_61x47")),
    );
    settle(&visit);
    wait_for_result(&visit, "input.png");
    let expected = expected("realesr-general-x4.61x47");
    assert_same(&canvas(&visit, "#after"), &expected);
    visit.finish();
}

fn the_app_works_offline(kind: Kind) {
    let mut visit = kind.open(PAGE);
    wait_until_kept(&visit);
    visit.disconnect();
    let gone = "return await fetch('files.json').then(() => false, () => true)";
    assert_eq!(visit.run(gone, &[]), json!(true), "the page is not offline");
    reload(&visit);
    // An example, an image with alpha for our decoder, and another size for the resizer.
    visit.session().click(".example");
    settle(&visit);
    wait_for_result(&visit, "capitol.webp");
    set(&visit, "size", "1.5");
    choose(&visit, "waves.png", &png(&waves(40, 28)));
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "done");
    visit.finish();
}

fn two_tabs_move_to_a_new_version(kind: Kind) {
    let site = copy_of_the_site();
    let folder = site.path().to_path_buf();
    let visit = Visit::at(folder, POLICY, PAGE, |downloads| kind.start(downloads));
    let title = || visit.run("return document.title", &[]);
    wait_until_kept(&visit);
    let first = title();
    publish(site.path(), "second");
    reload(&visit);
    let offered = "document.querySelector('#update').checkVisibility()";
    visit.session().wait_until(offered, PATIENCE);
    let [here, other] = visit.session().new_tab();
    visit.session().switch_to(&other);
    visit.go(PAGE);
    wait_until_kept(&visit);
    assert_eq!(
        title(),
        first,
        "a tab of the new version beside one of the old"
    );
    visit.session().switch_to(&here);
    visit.session().click("#update-now");
    let moved = "document.title === 'second' && document.querySelector('#model')?.length";
    for tab in [&here, &other] {
        visit.session().switch_to(tab);
        visit.session().wait_until(moved, PATIENCE);
    }
    let caches = visit.run("return await caches.keys()", &[]);
    let own = format!("uprez-app {}{PAGE} second", visit.origin());
    assert_eq!(caches, json!([own]));
    visit.finish();
}

/// [`Visit::finish`] can fail.
fn violations_are_reported(kind: Kind) {
    let mut visit = kind.open(PLAIN);
    let worker = b"fetch('http://stranger.invalid/').catch(() => postMessage('done'))";
    let script = "await fetch('http://stranger.invalid/').catch(() => {});
        await new Promise((resolve) => { new Worker(arguments[0]).onmessage = resolve; });";
    visit.run(script, &[visit.url("worker.js", worker)]);
    // WebKit reports none of workers, although it blocks their requests.
    let expected = if kind == Kind::Webkit { 1 } else { 2 };
    let violations = visit.served().wait_for_violations(expected);
    assert_eq!(violations.len(), expected, "{violations:?}");
    for violation in violations {
        assert!(violation.contains("connect-src"), "{violation}");
    }
    visit.disconnect();
    let script = "await fetch('http://stranger.invalid/again').catch(() => {})";
    visit.run(script, &[]);
    let violations = visit.served().wait_for_violations(expected + 1);
    assert_eq!(violations.len(), expected + 1, "offline: {violations:?}");
    visit.run("setTimeout(() => console.error('reported'))", &[]);
    visit
        .session()
        .wait_until("window.complaints.length", PATIENCE);
}
