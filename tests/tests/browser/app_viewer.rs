//! The viewer: zoom, position, and holding to compare.

use serde_json::{Value, json};

use crate::fixture::{png, waves};
use crate::page::{choose_all, settle, wait_for_result, with_tiny_model};
use crate::site::Visit;

/// The app with an image of 300 × 120 pixels and its result in the viewer.
fn viewing() -> Visit {
    let visit = with_tiny_model();
    choose_all(&visit, &[("waves.png", &png(&waves(300, 120)))]);
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    visit
}

/// Left, top, width and height of both images in the viewer; asserts that they are the same.
fn place(visit: &Visit) -> [f64; 4] {
    let script = "return ['before', 'after'].map((id) => {
          const { left, top, width, height } = document.getElementById(id).getBoundingClientRect();
          const area = document.querySelector('#viewer').getBoundingClientRect();
          return [left - area.left, top - area.top, width, height];
        })";
    let places = visit.chrome.run(script, &[]);
    assert_eq!(
        places[0], places[1],
        "original and result are not in the same place"
    );
    std::array::from_fn(|i| places[0][i].as_f64().unwrap())
}

/// The displayed zoom, in percent.
fn zoom(visit: &Visit) -> i64 {
    let said = visit
        .chrome
        .run("return document.querySelector('#zoom').value", &[]);
    let said = said.as_str().unwrap().trim_end_matches(" %");
    said.parse().unwrap()
}

/// The middle of the viewer, in CSS pixels of the page.
fn middle(visit: &Visit) -> [f64; 2] {
    let script = "const area = document.querySelector('#viewer').getBoundingClientRect();
        return [area.left + area.width / 2, area.top + area.height / 2];";
    let middle = visit.chrome.run(script, &[]);
    [0, 1].map(|i| middle[i].as_f64().unwrap().round())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1.0
}

#[test]
fn keys_zoom_and_move_both_images() {
    let visit = viewing();
    visit
        .chrome
        .run("document.querySelector('#viewer').focus()", &[]);
    let whole = place(&visit);
    visit.chrome.press(&['1']);
    let [_, _, width, height] = place(&visit);
    assert!(
        close(width, 600.0) && close(height, 240.0),
        "100 % is {width} × {height}"
    );
    assert_eq!(zoom(&visit), 100);
    visit.chrome.press(&['+', '+', '+', '+', '+', '+']);
    let large = place(&visit);
    assert!(
        zoom(&visit) > 300 && (large[2] / 6.0 - zoom(&visit) as f64).abs() < 1.0,
        "{large:?}"
    );
    const RIGHT: char = '\u{e014}';
    visit.chrome.press(&[RIGHT]);
    assert!(
        place(&visit)[0] < large[0] - 10.0,
        "the arrow key does not move the image"
    );
    visit.chrome.press(&['-']);
    assert!(place(&visit)[2] < large[2]);
    visit.chrome.press(&['0']);
    assert_eq!(place(&visit), whole);
    // The image cannot leave the viewer.
    visit
        .chrome
        .press(&['+', '+', '+', '+', '+', '+', '+', '+']);
    visit.chrome.press(&[RIGHT; 100]);
    let script = "return document.querySelector('#viewer').clientWidth";
    let window = visit.chrome.run(script, &[]).as_f64().unwrap();
    let [left, _, width, _] = place(&visit);
    assert!(
        close(left + width, window),
        "{left} + {width} is not {window}"
    );
    visit.finish();
}

#[test]
fn wheel_drag_and_fingers_zoom_and_move_both_images() {
    let visit = viewing();
    let before = place(&visit);
    let [x, y] = middle(&visit);
    let wheel = |delta: i64| {
        let event = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": delta });
        visit.chrome.cdp("Input.dispatchMouseEvent", event);
    };
    wheel(-500);
    let zoomed = place(&visit);
    assert!(zoomed[2] > 1.5 * before[2], "{zoomed:?} after {before:?}");
    // The point under the pointer stays in place.
    let at = |[left, top, width, height]: [f64; 4]| {
        let area = visit.chrome.run("const { left, top } = document.querySelector('#viewer').getBoundingClientRect(); return [left, top]", &[]);
        let side = |i: usize| area[i].as_f64().unwrap();
        [(x - side(0) - left) / width, (y - side(1) - top) / height]
    };
    let (was, is) = (at(before), at(zoomed));
    assert!(
        (was[0] - is[0]).abs() < 0.01 && (was[1] - is[1]).abs() < 0.01,
        "{was:?}, then {is:?}"
    );

    let [px, py] = [x as i64 + 150, y as i64];
    visit.chrome.drag("mouse", [px, py], [px - 90, py]);
    let dragged = place(&visit);
    assert!(
        close(dragged[0], zoomed[0] - 90.0),
        "{dragged:?} after {zoomed:?}"
    );

    wheel(2000);
    let small = place(&visit);
    let touch = |kind: &str, points: &[[f64; 2]]| {
        let points: Vec<Value> = points
            .iter()
            .map(|[x, y]| json!({ "x": x, "y": y }))
            .collect();
        visit.chrome.cdp(
            "Input.dispatchTouchEvent",
            json!({ "type": kind, "touchPoints": points }),
        );
    };
    touch("touchStart", &[[x - 30.0, y], [x + 30.0, y]]);
    for step in 1..=6 {
        let apart = 30.0 + 15.0 * f64::from(step);
        touch("touchMove", &[[x - apart, y], [x + apart, y]]);
    }
    touch("touchEnd", &[]);
    let pinched = place(&visit);
    assert!(pinched[2] > 2.0 * small[2], "{pinched:?} after {small:?}");
    visit.finish();
}

#[test]
fn holding_shows_the_original() {
    let visit = viewing();
    let after = "return document.querySelector('#after').checkVisibility()";
    let script = "document.querySelector('#hold').scrollIntoView({ block: 'center', behavior: 'instant' });
        const { left, top, width, height } = document.querySelector('#hold').getBoundingClientRect();
        return [left + width / 2, top + height / 2];";
    let button = visit.chrome.run(script, &[]);
    let mouse = |kind: &str| {
        let event = json!({ "type": kind, "x": button[0], "y": button[1], "button": "left", "clickCount": 1 });
        visit.chrome.cdp("Input.dispatchMouseEvent", event);
        visit.chrome.run(after, &[])
    };
    assert_eq!(mouse("mousePressed"), json!(false));
    assert_eq!(mouse("mouseReleased"), json!(true));
    let key = |kind: &str| {
        let event = json!({ "type": kind, "key": " ", "code": "Space" });
        visit.chrome.cdp("Input.dispatchKeyEvent", event);
        visit.chrome.run(after, &[])
    };
    visit
        .chrome
        .run("document.querySelector('#hold').focus()", &[]);
    assert_eq!(key("keyDown"), json!(false));
    assert_eq!(key("keyUp"), json!(true));
    visit.finish();
}

#[test]
fn the_list_selects_the_image_in_the_viewer() {
    let visit = with_tiny_model();
    let (a, b) = (png(&waves(50, 40)), png(&waves(64, 32)));
    choose_all(&visit, &[("a.png", &a), ("b.png", &b)]);
    settle(&visit);
    wait_for_result(&visit, "a.png");
    visit.chrome.click("#images li:nth-child(2) .card-show");
    wait_for_result(&visit, "b.png");
    let script =
        "const { width, height } = document.querySelector('#after'); return [width, height]";
    assert_eq!(visit.chrome.run(script, &[]), json!([128, 64]));
    let current =
        "return [...document.querySelectorAll('.card-show')].map((button) => button.ariaCurrent)";
    assert_eq!(visit.chrome.run(current, &[]), json!(["false", "true"]));
    // When the image is removed, another one is shown.
    visit.chrome.click("[aria-label='Remove b.png']");
    wait_for_result(&visit, "a.png");
    visit.finish();
}

/// The main thread must not stutter: whole images belong to the workers. `cargo xtask bench page` measures its tasks.
#[test]
fn the_main_thread_touches_a_tile_at_a_time() {
    let visit = with_tiny_model();
    let script = "window.most = 0;
        window.calls = {};
        const watch = (owner, name, size) => {
            const original = owner.prototype[name];
            owner.prototype[name] = function (...args) {
                calls[name] = (calls[name] ?? 0) + 1;
                most = Math.max(most, size(this, ...args));
                return original.apply(this, args);
            };
        };
        const pixels = ({ width, height }) => width * height;
        watch(CanvasRenderingContext2D, 'getImageData', (_, x, y, width, height) => width * height);
        for (const name of ['putImageData', 'drawImage']) {
            watch(CanvasRenderingContext2D, name, (_, image) => pixels(image));
        }
        for (const name of ['toBlob', 'toDataURL']) watch(HTMLCanvasElement, name, pixels);
        watch(OffscreenCanvas, 'convertToBlob', pixels);";
    visit.chrome.run(script, &[]);
    let image = png(&waves(2400, 1700));
    choose_all(&visit, &[("large.png", &image)]);
    settle(&visit);
    wait_for_result(&visit, "large.png");
    let found = visit.chrome.run("return { most, calls }", &[]);
    let tiles = found["calls"]["putImageData"].as_u64();
    assert!(tiles > Some(10), "tiles are shown: {found}");
    // A tile is 256 × 256 pixels at most, and enlarged twice here.
    assert!(found["most"].as_u64() <= Some(512 * 512), "{found}");
    visit.finish();
}
