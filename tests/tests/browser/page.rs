//! The page, as a person uses it.

use std::time::Duration;

use image::RgbaImage;
use image::metadata::Orientation;
use serde_json::json;

use crate::fixture::{
    assert_same, blocks_jpeg, on_black, png, png_of_size, tiny_model, upscaled, waves,
    with_orientation,
};
use crate::site::{Gpu, PAGE, Visit};

const PATIENCE: Duration = Duration::from_secs(120);

/// The page, with a small model of one's own chosen in it.
fn with_tiny_model() -> Visit {
    let visit = Visit::of(PAGE, Gpu::None);
    choose(&visit, "tiny.bpk", &tiny_model());
    settle(&visit);
    assert!(text(&visit, "#model option:checked").contains("tiny"));
    visit
}

/// Chooses a file, as by the button.
fn choose(visit: &Visit, name: &str, bytes: &[u8]) {
    let path = visit.file(name, bytes);
    visit.chrome.type_into("#file", &path.display().to_string());
}

fn settle(visit: &Visit) {
    visit
        .chrome
        .wait_until("!('busy' in document.body.dataset)", PATIENCE);
}

fn text(visit: &Visit, css: &str) -> String {
    let text = visit.chrome.run(
        "return document.querySelector(arguments[0]).textContent",
        &[json!(css)],
    );
    text.as_str().unwrap_or_default().trim().to_string()
}

/// The error that is shown; empty where none is.
fn error(visit: &Visit) -> String {
    let shown = visit.chrome.run(
        "return document.querySelector('#error').checkVisibility()",
        &[],
    );
    if shown == json!(true) {
        text(visit, "#error")
    } else {
        String::new()
    }
}

/// What the canvas shows.
fn canvas(visit: &Visit, css: &str) -> RgbaImage {
    let script = "const canvas = document.querySelector(arguments[0]);
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        return { width, height, data: Array.from(data) };";
    picture(visit.chrome.run(script, &[json!(css)]))
}

/// `{ width, height, data }` as a picture.
pub fn picture(value: serde_json::Value) -> RgbaImage {
    let side = |name: &str| value[name].as_u64().unwrap() as u32;
    let bytes = value["data"].as_array().unwrap().iter();
    let bytes = bytes.map(|byte| byte.as_u64().unwrap() as u8).collect();
    RgbaImage::from_raw(side("width"), side("height"), bytes).unwrap()
}

#[test]
fn a_png_with_alpha_gives_the_right_pixels() {
    let visit = with_tiny_model();
    let image = waves(40, 28);
    choose(&visit, "waves.png", &png(&image));
    settle(&visit);
    assert_eq!(error(&visit), "");
    let expected = on_black(&upscaled(&tiny_model(), &image));
    assert_same(&on_black(&canvas(&visit, "#after")), &expected);
    assert_eq!(canvas(&visit, "#before").dimensions(), (80, 56));

    visit.chrome.click("#download");
    let file = visit.download();
    assert_eq!(file.file_name().unwrap(), "waves-x2.png");
    assert_same(
        &on_black(&image::open(file).unwrap().into_rgba8()),
        &expected,
    );

    let facts = text(&visit, "#facts");
    for fact in ["40 × 28", "80 × 56", "tiny", "CPU"] {
        assert!(facts.contains(fact), "{fact} is missing from: {facts}");
    }
    visit.finish();
}

#[test]
fn a_rotated_jpeg_stands_upright() {
    let visit = with_tiny_model();
    let jpeg = blocks_jpeg();
    let upright = image::load_from_memory(&jpeg).unwrap();
    for exif in [1, 6, 8, 7] {
        let mut image = upright.clone();
        image.apply_orientation(Orientation::from_exif(exif).unwrap());
        choose(
            &visit,
            &format!("turned-{exif}.jpg"),
            &with_orientation(&jpeg, exif),
        );
        settle(&visit);
        assert_eq!(error(&visit), "");
        assert_same(
            &canvas(&visit, "#after"),
            &upscaled(&tiny_model(), &image.into_rgba8()),
        );
    }
    visit.finish();
}

#[test]
fn pictures_can_be_dropped_and_pasted() {
    let visit = with_tiny_model();
    for (event, list) in [
        ("DragEvent", "dataTransfer"),
        ("ClipboardEvent", "clipboardData"),
    ] {
        let image = waves(if event == "DragEvent" { 21 } else { 33 }, 17);
        visit.file("waves.png", &png(&image));
        let script = "const [url, event, list] = arguments;
            const file = new File([await (await fetch(url)).blob()], 'waves.png', { type: 'image/png' });
            const transfer = new DataTransfer();
            transfer.items.add(file);
            const type = event === 'DragEvent' ? 'drop' : 'paste';
            const options = { bubbles: true, cancelable: true, [list]: transfer };
            document.body.dispatchEvent(new window[event](type, options));";
        visit
            .chrome
            .run(script, &[visit.url("waves.png"), json!(event), json!(list)]);
        settle(&visit);
        assert_eq!(error(&visit), "");
        let found = on_black(&canvas(&visit, "#after"));
        assert_same(&found, &on_black(&upscaled(&tiny_model(), &image)));
    }
    visit.finish();
}

#[test]
fn a_long_one_can_be_cancelled_and_the_page_used_again() {
    let visit = with_tiny_model();
    choose(&visit, "large.png", &png(&waves(2400, 1800)));
    visit
        .chrome
        .wait_until("document.querySelector('#progress').value > 0", PATIENCE);
    visit.chrome.click("#cancel");
    visit
        .chrome
        .wait_until("!('busy' in document.body.dataset)", Duration::from_secs(5));
    assert_eq!(error(&visit), "");
    assert!(
        text(&visit, "#status").contains("ancelled"),
        "{}",
        text(&visit, "#status")
    );

    let image = waves(20, 20);
    choose(&visit, "small.png", &png(&image));
    settle(&visit);
    let found = on_black(&canvas(&visit, "#after"));
    assert_same(&found, &on_black(&upscaled(&tiny_model(), &image)));
    visit.finish();
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let visit = with_tiny_model();
    let damaged = &png(&waves(30, 30))[..400];
    let cases: [(&str, &[u8], &str); 5] = [
        ("notes.png", b"this is a text", "picture"),
        ("empty.jpg", b"", "picture"),
        ("damaged.png", damaged, "picture"),
        ("huge.png", &png_of_size(60_000, 50_000), "megapixel"),
        ("broken.bpk", b"this is no model", "model"),
    ];
    for (name, bytes, word) in cases {
        choose(&visit, name, bytes);
        settle(&visit);
        let error = error(&visit);
        assert!(error.contains(word), "{name}: {error:?}");
        assert!(
            error.starts_with(char::is_uppercase) && error.ends_with('.'),
            "{name}: {error:?}"
        );
    }
    let image = waves(12, 12);
    choose(&visit, "small.png", &png(&image));
    settle(&visit);
    assert_eq!(
        error(&visit),
        "",
        "the error stays although the next picture is fine"
    );
    let found = on_black(&canvas(&visit, "#after"));
    assert_same(&found, &on_black(&upscaled(&tiny_model(), &image)));
    visit.finish();
}

/// WebDriver's names of keys.
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
    let value = || {
        let value = visit.chrome.run(
            "return document.querySelector('#divider').ariaValueNow",
            &[],
        );
        value.as_str().unwrap_or_default().parse::<i64>().unwrap()
    };
    // It is reached by the keyboard alone …
    let focused = "return document.activeElement?.id";
    let reached = (0..30).any(|_| {
        visit.chrome.press(&[TAB]);
        visit.chrome.run(focused, &[]) == json!("divider")
    });
    assert!(reached, "thirty times Tab, and never at the slider");
    // … and moved by it.
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

    let script = "const area = document.querySelector('#compare');
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
        let shown = "return getComputedStyle(document.querySelector('#compare')).getPropertyValue('--split')";
        let shown = visit.chrome.run(shown, &[]);
        let shown = shown
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('%')
            .parse::<f64>();
        assert!(
            (shown.unwrap() - percent as f64).abs() <= 2.0,
            "{pointer}: the picture stays"
        );
    }
    visit.finish();
}
