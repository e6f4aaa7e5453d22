//! The demo page of the element.

use std::path::Path;

use serde_json::json;

use super::{Scene, UPREZ};
use crate::site::screenshots;

/// Limit of the total size of the images, in bytes.
const MOST: u64 = 700_000;

fn bytes(path: &str) -> u64 {
    let file = xtask::dist::folder().unwrap().join(path);
    file.metadata()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .len()
}

#[test]
fn captions_match_the_files() {
    let scene = Scene::new();
    scene
        .chrome
        .go(&scene.server.url(&format!("{UPREZ}demo.html")));
    let pairs = scene.run(
        "return [...document.querySelectorAll('.pair')].map((pair) =>
            [...pair.querySelectorAll('figure')].map((figure) => [
                figure.querySelector('img').getAttribute('src'),
                Number(figure.querySelector('strong').textContent.replace(/\\D/g, '')),
            ]))",
    );
    let pairs = pairs.as_array().unwrap();
    assert_eq!(pairs.len(), 16);
    let mut sum = 0;
    for pair in pairs {
        let [small, full] = [0, 1].map(|side| {
            let path = pair[side][0].as_str().unwrap();
            assert_eq!(pair[side][1], json!(bytes(path)), "{path}");
            bytes(path)
        });
        assert!(full as f64 <= 1.03 * small as f64, "{pair}");
        sum += small + full;
    }
    assert!(sum <= MOST, "{sum} bytes");
    let credits = std::fs::read_to_string(xtask::root().join("www/demo/CREDITS.md")).unwrap();
    for pair in pairs {
        let name = Path::new(pair[0][0].as_str().unwrap()).file_name().unwrap();
        assert!(
            credits.contains(name.to_str().unwrap()),
            "{name:?} has no credits"
        );
    }
}

#[test]
fn images_are_sharpened_and_can_be_shown_as_served() {
    let scene = Scene::new();
    scene.beforehand(
        "addEventListener('unhandledrejection', ({ reason }) => { window.rejected = `${reason}` })",
    );
    scene.beforehand(
        "window.shifts = [];
        new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value }) => value)))
            .observe({ type: 'layout-shift' })",
    );
    let devices = [("desktop", 1280, 900, 1.0), ("phone", 390, 844, 3.0)];
    for (device, width, height, ratio) in devices {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": ratio, "mobile": device == "phone",
        });
        scene
            .chrome
            .cdp("Emulation.setDeviceMetricsOverride", metrics);
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            scene.chrome.cdp(
                "Emulation.setEmulatedMedia",
                json!({ "features": [feature] }),
            );
            scene
                .chrome
                .go(&scene.server.url(&format!("{UPREZ}demo.html")));
            scene.wait_until("document.querySelectorAll('[data-upscale-state=sharp]').length > 0");
            let wider = scene.run("return document.documentElement.scrollWidth - innerWidth");
            assert!(
                wider.as_i64() <= Some(0),
                "{wider} px wider than a {device}"
            );
            let screenshot = scene.chrome.screenshot();
            std::fs::write(
                screenshots().join(format!("demo-{device}-{scheme}.png")),
                screenshot,
            )
            .unwrap();
        }
    }
    // Scroll to each image.
    scene.run(
        "for (const img of document.querySelectorAll('[data-upscale]')) {
            img.scrollIntoView({ block: 'center', behavior: 'instant' });
            while (img.dataset.upscaleState !== 'sharp') await new Promise((resolve) => setTimeout(resolve, 50));
        }
        scrollTo({ top: 0, behavior: 'instant' })",
    );
    assert_eq!(scene.run("return shifts"), json!([]), "the layout moved");
    let said = "return document.querySelector('#progress').textContent";
    assert_eq!(scene.run(said), json!("16 of 16 sharpened"));
    let content = "return getComputedStyle(document.querySelector('[data-upscale]')).content.includes('blob:')";
    assert_eq!(scene.run(content), json!(true));
    for pressed in [true, false] {
        scene.chrome.click("#as-served");
        let state = scene.run("return document.querySelector('#as-served').ariaPressed");
        assert_eq!(state, json!(pressed.to_string()));
        assert_eq!(scene.run(content), json!(!pressed));
    }
    let hold = "const img = document.querySelector('[data-upscale]');
        img.dispatchEvent(new PointerEvent(arguments[0], { bubbles: true }))";
    for (event, sharp) in [("pointerdown", false), ("pointerup", true)] {
        scene.chrome.run(hold, &[json!(event)]);
        assert_eq!(scene.run(content), json!(sharp), "{event}");
    }
    assert_eq!(scene.run("return window.rejected ?? ''"), json!(""));
}
