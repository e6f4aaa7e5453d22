//! The app with one image, and functions shared by all tests of the app.

use std::time::Duration;

use image::RgbaImage;
use image::metadata::Orientation;
use serde_json::{Value, json};

use crate::fixture::{
    assert_same, blocks_jpeg, on_black, png, png_of_size, tiny_model, upscaled, waves,
    with_orientation,
};
use crate::site::{Gpu, Opened, PAGE, Visit};

pub const PATIENCE: Duration = Duration::from_secs(120);

/// The app, with a small model of the user selected.
pub fn with_tiny_model() -> Visit {
    let visit = Visit::of(PAGE, Gpu::None);
    choose_tiny_model(&visit);
    visit
}

/// Adds a small model of the user.
pub fn choose_tiny_model(visit: &impl Opened) {
    choose(visit, "tiny.bpk", &tiny_model());
    let chosen = "document.querySelector('#model').selectedOptions[0]?.text.includes('tiny')";
    visit.session().wait_until(chosen, PATIENCE);
    settle(visit);
}

/// Chooses a file.
pub fn choose(visit: &impl Opened, name: &str, bytes: &[u8]) {
    choose_all(visit, &[(name, bytes)]);
}

/// Chooses several files at once.
pub fn choose_all(visit: &impl Opened, files: &[(&str, &[u8])]) {
    let paths = files.iter().map(|(name, bytes)| visit.file(name, bytes));
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    visit.session().type_into("#file", &paths.join("\n"));
}

/// Switches "Start automatically" off, or on again.
pub fn click_auto(visit: &Visit) {
    visit
        .chrome
        .run("document.querySelector('#more').open = true", &[]);
    visit.chrome.click("#auto");
}

/// Waits until there is no work left.
pub fn settle(visit: &impl Opened) {
    visit
        .session()
        .wait_until("!('busy' in document.body.dataset)", PATIENCE);
}

/// The text of an element, without no-break spaces.
pub fn text(visit: &impl Opened, css: &str) -> String {
    let text = visit.session().run(
        "return document.querySelector(arguments[0]).textContent.replaceAll('\u{a0}', ' ')",
        &[json!(css)],
    );
    text.as_str().unwrap_or_default().trim().to_string()
}

/// Selector of the list entry of an image.
pub fn entry(name: &str) -> String {
    format!("#images li:has([aria-label='Remove {name}'])")
}

/// The state of an image.
pub fn state(visit: &impl Opened, name: &str) -> String {
    let script = "return document.querySelector(arguments[0]).dataset.state";
    let state = visit.session().run(script, &[json!(entry(name))]);
    state.as_str().unwrap_or_default().to_string()
}

/// The error or notice of an image; empty if there is none.
pub fn message(visit: &impl Opened, name: &str) -> String {
    shown_text(visit, &format!("{} .card-message", entry(name)))
}

/// Whether [`message`] is shown as an error.
pub fn is_error(visit: &impl Opened, name: &str) -> bool {
    let script = "return document.querySelector(arguments[0]).classList.contains('is-error')";
    let css = format!("{} .card-message", entry(name));
    visit.session().run(script, &[json!(css)]) == json!(true)
}

/// The error of the page, which belongs to no image; empty if there is none.
pub fn error(visit: &impl Opened) -> String {
    shown_text(visit, "#error")
}

/// The notice of the page; empty if there is none.
pub fn notice(visit: &impl Opened) -> String {
    shown_text(visit, "#notice")
}

fn shown_text(visit: &impl Opened, css: &str) -> String {
    let script = "return document.querySelector(arguments[0]).checkVisibility()";
    match visit.session().run(script, &[json!(css)]) {
        Value::Bool(true) => text(visit, css),
        _ => String::new(),
    }
}

/// Changes a field of the settings.
pub fn set(visit: &impl Opened, id: &str, value: &str) {
    let script = "const field = document.getElementById(arguments[0]);
        field.value = arguments[1];
        field.dispatchEvent(new Event('input', { bubbles: true }));
        field.dispatchEvent(new Event('change', { bubbles: true }));";
    visit.session().run(script, &[json!(id), json!(value)]);
}

/// Waits until the viewer shows the result of an image.
pub fn wait_for_result(visit: &impl Opened, name: &str) {
    let script = format!(
        "document.querySelector('#viewer').dataset.shows === 'result'
            && document.querySelector('#viewer-name').textContent === {name:?}"
    );
    visit.session().wait_until(&script, PATIENCE);
}

/// The pixels of a canvas.
pub fn canvas(visit: &impl Opened, css: &str) -> RgbaImage {
    let script = "const shown = document.querySelector(arguments[0]);
        const { width, height } = shown;
        const context = new OffscreenCanvas(width, height).getContext('2d');
        context.drawImage(shown, 0, 0);
        const { data } = context.getImageData(0, 0, width, height);
        return { width, height, data: Array.from(data) };";
    to_image(visit.session().run(script, &[json!(css)]))
}

/// `{ width, height, data }` as an image.
pub fn to_image(value: serde_json::Value) -> RgbaImage {
    let side = |name: &str| value[name].as_u64().unwrap() as u32;
    let bytes = value["data"].as_array().unwrap().iter();
    let bytes = bytes.map(|byte| byte.as_u64().unwrap() as u8).collect();
    RgbaImage::from_raw(side("width"), side("height"), bytes).unwrap()
}

/// Chooses an image, and compares the result in the viewer with the native one.
fn assert_upscaled(visit: &Visit, name: &str, bytes: &[u8], image: &RgbaImage) {
    choose(visit, name, bytes);
    settle(visit);
    assert_eq!(state(visit, name), "done", "{}", message(visit, name));
    wait_for_result(visit, name);
    let expected = on_black(&upscaled(&tiny_model(), image));
    assert_same(&on_black(&canvas(visit, "#after")), &expected);
}

#[test]
fn a_png_with_alpha_has_the_right_pixels() {
    let visit = with_tiny_model();
    let image = waves(40, 28);
    assert_upscaled(&visit, "waves.png", &png(&image), &image);
    assert_eq!(canvas(&visit, "#before").dimensions(), (40, 28));

    visit.chrome.click("#download");
    let file = image::open(visit.download("waves-x2.png")).unwrap();
    let expected = on_black(&upscaled(&tiny_model(), &image));
    assert_same(&on_black(&file.into_rgba8()), &expected);

    let facts = text(&visit, "#facts");
    for fact in ["40 × 28", "80 × 56", "tiny", "CPU"] {
        assert!(facts.contains(fact), "{fact} is missing from: {facts}");
    }
    visit.finish();
}

#[test]
fn the_exif_orientation_is_applied() {
    let visit = with_tiny_model();
    let jpeg = blocks_jpeg();
    let upright = image::load_from_memory(&jpeg).unwrap();
    for exif in [1, 6, 8, 7] {
        let mut image = upright.clone();
        image.apply_orientation(Orientation::from_exif(exif).unwrap());
        let (name, bytes) = (format!("turned-{exif}.jpg"), with_orientation(&jpeg, exif));
        assert_upscaled(&visit, &name, &bytes, &image.into_rgba8());
    }
    visit.finish();
}

#[test]
fn a_large_image_can_be_cancelled() {
    let visit = with_tiny_model();
    choose(&visit, "large.png", &png(&waves(2400, 1800)));
    let begun = "document.querySelector('#images progress').value > 0";
    visit.chrome.wait_until(begun, PATIENCE);
    visit.chrome.click("[aria-label='Cancel large.png']");
    visit
        .chrome
        .wait_until("!('busy' in document.body.dataset)", Duration::from_secs(5));
    assert_eq!(state(&visit, "large.png"), "cancelled");
    assert_eq!(message(&visit, "large.png"), "");
    let status = text(&visit, "#status");
    assert!(status.contains("cancelled"), "{status}");

    let image = waves(20, 20);
    assert_upscaled(&visit, "small.png", &png(&image), &image);
    visit.finish();
}

#[test]
fn errors_are_sentences() {
    let visit = with_tiny_model();
    let damaged = &png(&waves(30, 30))[..400];
    let cases: [(&str, &[u8], &str); 5] = [
        (
            "notes.png",
            b"this is a text",
            "decode this file as an image",
        ),
        ("empty.jpg", b"", "image"),
        ("damaged.png", damaged, "image"),
        ("huge.png", &png_of_size(60_000, 50_000), "megapixel"),
        ("broken.bpk", b"this is no model", "model"),
    ];
    for (name, bytes, word) in cases {
        choose(&visit, name, bytes);
        let error = if name.ends_with(".bpk") {
            visit
                .chrome
                .wait_until("!document.querySelector('#error').hidden", PATIENCE);
            error(&visit)
        } else {
            settle(&visit);
            message(&visit, name)
        };
        assert!(error.contains(word), "{name}: {error:?}");
        assert!(
            error.starts_with(char::is_uppercase) && error.ends_with('.'),
            "{name}: {error:?}"
        );
    }
    let image = waves(12, 12);
    assert_upscaled(&visit, "small.png", &png(&image), &image);
    assert_eq!(
        error(&visit),
        "",
        "the error stays although the next image is fine"
    );
    assert_ne!(message(&visit, "damaged.png"), "", "an error is lost");
    visit.finish();
}

/// Key codes of WebDriver.
const TAB: char = '\u{e004}';
const END: char = '\u{e010}';
const HOME: char = '\u{e011}';
const LEFT: char = '\u{e012}';
const RIGHT: char = '\u{e014}';

#[test]
fn the_slider_works_by_keyboard_mouse_and_touch() {
    let visit = with_tiny_model();
    choose(&visit, "waves.png", &png(&waves(300, 120)));
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    let value = || {
        let value = visit.chrome.run(
            "return document.querySelector('#divider').ariaValueNow",
            &[],
        );
        value.as_str().unwrap_or_default().parse::<i64>().unwrap()
    };
    let focused = "return document.activeElement?.id";
    let reached = (0..40).any(|_| {
        visit.chrome.press(&[TAB]);
        visit.chrome.run(focused, &[]) == json!("divider")
    });
    assert!(reached, "forty times Tab, and never at the slider");
    let start = value();
    visit.chrome.press(&[RIGHT, RIGHT]);
    assert!(
        value() > start,
        "{} after two steps to the right of {start}",
        value()
    );
    visit.chrome.press(&[LEFT, LEFT]);
    assert_eq!(value(), start);
    visit.chrome.press(&[HOME]);
    assert_eq!(value(), 0);
    visit.chrome.press(&[LEFT]);
    assert_eq!(value(), 0);
    visit.chrome.press(&[END]);
    assert_eq!(value(), 100);

    let script = "const area = document.querySelector('#viewer');
        area.scrollIntoView({ block: 'center', behavior: 'instant' });
        const { left, top, width, height } = area.getBoundingClientRect();
        return [left, top, width, height].map(Math.round);";
    for (pointer, percent) in [("mouse", 25), ("touch", 75)] {
        let area = visit.chrome.run(script, &[]);
        let area: Vec<i64> = area
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_i64().unwrap())
            .collect();
        let [left, top, width, height] = area[..] else {
            panic!("four numbers: {area:?}")
        };
        let at = |percent: i64| [left + width * percent / 100, top + height / 2];
        visit.chrome.drag(pointer, at(50), at(percent));
        assert!(
            (value() - percent).abs() <= 2,
            "{pointer}: {} instead of {percent}",
            value()
        );
        let shown = "return getComputedStyle(document.querySelector('#viewer')).getPropertyValue('--split')";
        let shown = visit.chrome.run(shown, &[]);
        let shown = shown
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('%')
            .parse::<f64>();
        assert!(
            (shown.unwrap() - percent as f64).abs() <= 2.0,
            "{pointer}: the image stays"
        );
    }
    visit.finish();
}
