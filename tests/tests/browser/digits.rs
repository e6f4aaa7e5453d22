//! The page that restores drawn digits.

use std::time::Duration;

use serde_json::json;

use crate::site::{Gpu, PAGE, Visit, screenshots};

const PATIENCE: Duration = Duration::from_secs(60);

/// The mean brightness of a canvas, 0…255.
fn ink(visit: &Visit, css: &str) -> f64 {
    let script = "const canvas = document.querySelector(arguments[0]);
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((_, i) => i % 4 === 0).reduce((sum, v) => sum + v, 0) / (canvas.width * canvas.height);";
    visit.chrome.run(script, &[json!(css)]).as_f64().unwrap()
}

#[test]
fn a_drawn_digit_is_reduced_and_restored() {
    let visit = Visit::of(&format!("{PAGE}digits.html"), Gpu::None);
    let metrics = json!({ "width": 900, "height": 640, "deviceScaleFactor": 1, "mobile": false });
    visit
        .chrome
        .cdp("Emulation.setDeviceMetricsOverride", metrics);
    assert_eq!(ink(&visit, "#pad"), 0.0);
    let script = "const { left, top } = document.querySelector('#pad').getBoundingClientRect();
        return [left, top].map(Math.round);";
    let corner = visit.chrome.run(script, &[]);
    let at = |x: i64, y: i64| {
        [
            corner[0].as_i64().unwrap() + x,
            corner[1].as_i64().unwrap() + y,
        ]
    };
    // A one.
    visit.chrome.drag("mouse", at(112, 50), at(112, 176));
    let guessed = "document.querySelector('#status').textContent.startsWith('This is')";
    visit.chrome.wait_until(guessed, PATIENCE);
    for canvas in ["#pad", "#shadow", "#guess"] {
        let ink = ink(&visit, canvas);
        assert!((5.0..60.0).contains(&ink), "{canvas}: {ink}");
    }
    // The result is nearly black and white, unlike the reduced digit.
    let script = "const context = document.querySelector('#guess').getContext('2d');
        const { data } = context.getImageData(0, 0, 28, 28);
        return [14, 3].map((x) => data[4 * (14 * 28 + x)]);";
    let found = visit.chrome.run(script, &[]);
    assert!(
        found[0].as_i64() > Some(150) && found[1].as_i64() < Some(40),
        "{found}"
    );

    visit.chrome.click("#example");
    visit.chrome.wait_until(guessed, PATIENCE);
    let screenshot = visit.chrome.screenshot();
    std::fs::write(screenshots().join("digits.png"), screenshot).unwrap();
    visit.chrome.click("#clear");
    assert_eq!(ink(&visit, "#guess"), 0.0);
    visit.finish();
}
