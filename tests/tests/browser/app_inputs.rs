//! The ways to add files.

use std::path::Path;

use serde_json::json;

use crate::fixture::{assert_same, on_black, png, tiny_model, upscaled, waves};
use crate::page::{
    PATIENCE, canvas, choose, error, is_error, message, notice, settle, state, text,
    wait_for_result, with_tiny_model,
};
use crate::site::{Gpu, PAGE, Visit};

fn names(visit: &Visit) -> serde_json::Value {
    let script = "return [...document.querySelectorAll('.card-name')].map(({ textContent }) => textContent).sort()";
    visit.chrome.run(script, &[])
}

#[test]
fn images_can_be_dropped_and_pasted() {
    let visit = with_tiny_model();
    for (event, list) in [
        ("DragEvent", "dataTransfer"),
        ("ClipboardEvent", "clipboardData"),
    ] {
        let image = waves(if event == "DragEvent" { 21 } else { 33 }, 17);
        let name = format!("{event}.png");
        visit.file("waves.png", &png(&image));
        let script = "const [url, event, list, name] = arguments;
            const file = new File([await (await fetch(url)).blob()], name, { type: 'image/png' });
            const transfer = new DataTransfer();
            transfer.items.add(file);
            const type = event === 'DragEvent' ? 'drop' : 'paste';
            const options = { bubbles: true, cancelable: true, [list]: transfer };
            document.body.dispatchEvent(new window[event](type, options));";
        let args = [
            visit.url("waves.png"),
            json!(event),
            json!(list),
            json!(name),
        ];
        visit.chrome.run(script, &args);
        visit.chrome.wait_until(
            &format!("document.querySelector(`[aria-label='Remove {name}']`)"),
            PATIENCE,
        );
        settle(&visit);
        wait_for_result(&visit, &name);
        let found = on_black(&canvas(&visit, "#after"));
        assert_same(&found, &on_black(&upscaled(&tiny_model(), &image)));
    }
    visit.finish();
}

/// A folder with two images, one of them in a subfolder, and a text file.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("a.png"), png(&waves(20, 18))).unwrap();
    std::fs::write(folder.path().join("inner/b.png"), png(&waves(24, 16))).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not an image").unwrap();
    folder
}

/// Drops a folder on the page.
pub fn drop_folder(visit: &Visit, folder: &Path) {
    for kind in ["dragEnter", "dragOver", "drop"] {
        let data = json!({ "items": [], "files": [folder], "dragOperationsMask": 1 });
        let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
        visit.chrome.cdp("Input.dispatchDragEvent", event);
    }
}

#[test]
fn a_folder_can_be_dropped() {
    let visit = with_tiny_model();
    let folder = folder();
    drop_folder(&visit, folder.path());
    visit.chrome.wait_until(
        "document.querySelectorAll('#images li').length === 2",
        PATIENCE,
    );
    settle(&visit);
    assert_eq!(names(&visit), json!(["a.png", "b.png"]));
    assert_eq!(state(&visit, "b.png"), "done");
    visit.finish();
}

#[test]
fn a_folder_can_be_chosen() {
    let visit = with_tiny_model();
    let folder = folder();
    visit
        .chrome
        .type_into("#folder", &folder.path().display().to_string());
    visit.chrome.wait_until(
        "document.querySelectorAll('#images li').length === 2",
        PATIENCE,
    );
    settle(&visit);
    assert_eq!(names(&visit), json!(["a.png", "b.png"]));
    let left_out = "1 file was left out because it is not an image: notes.txt.";
    assert_eq!(notice(&visit), left_out);
    assert_eq!(error(&visit), "", "a notice is not an error");
    visit.chrome.click("#notice-close");
    assert_eq!(notice(&visit), "");
    visit.finish();
}

#[test]
fn a_camera_is_offered_on_touch_devices() {
    let visit = Visit::of(PAGE, Gpu::None);
    let shown = "return document.querySelector('.camera label').checkVisibility()";
    assert_eq!(visit.chrome.run(shown, &[]), json!(false));
    visit.chrome.cdp(
        "Emulation.setTouchEmulationEnabled",
        json!({ "enabled": true }),
    );
    visit.chrome.cdp(
        "Emulation.setEmulatedMedia",
        json!({ "features": [{ "name": "any-pointer", "value": "coarse" }] }),
    );
    visit.chrome.wait_until(
        "document.querySelector('.camera label').checkVisibility()",
        PATIENCE,
    );
    let input = "const { accept, type } = document.querySelector('#camera');
        return [type, accept, document.querySelector('#camera').getAttribute('capture')];";
    assert_eq!(
        visit.chrome.run(input, &[]),
        json!(["file", "image/*", "environment"])
    );
    let path = visit.file("photo.png", &png(&waves(20, 16)));
    visit
        .chrome
        .type_into("#camera", &path.display().to_string());
    settle(&visit);
    assert_eq!(state(&visit, "photo.png"), "done");
    visit.finish();
}

#[test]
fn urls_are_opened_or_refused_with_a_reason() {
    let visit = with_tiny_model();
    let open = |address: &str| {
        let script = "document.querySelector('.address').open = true;
            document.querySelector('#address').value = arguments[0];
            document.querySelector('#address-form').requestSubmit();";
        visit.chrome.run(script, &[json!(address)]);
    };
    visit.file("waves.png", &png(&waves(20, 16)));
    open(visit.url("waves.png").as_str().unwrap());
    visit.chrome.wait_until(
        "document.querySelectorAll('#images li').length === 1",
        PATIENCE,
    );
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "done");

    let script = "const response = await fetch(arguments[0]);
        return btoa(String.fromCharCode(...new Uint8Array(await response.arrayBuffer())));";
    let data = visit.chrome.run(script, &[visit.url("waves.png")]);
    open(&format!("data:image/png;base64,{}", data.as_str().unwrap()));
    visit.chrome.wait_until(
        "document.querySelectorAll('#images li').length === 2",
        PATIENCE,
    );
    settle(&visit);
    assert_eq!(state(&visit, "image.png"), "done");

    for (address, word) in [
        // No request is sent: `finish` would see it.
        ("https://stranger.invalid/image.png", "drop it here"),
        ("missing.png", "404"),
        ("http://[", "not a valid URL"),
        ("data:image/png;base64,!", "data:image/"),
    ] {
        open(address);
        visit
            .chrome
            .wait_until("!document.querySelector('#error').hidden", PATIENCE);
        let said = error(&visit);
        assert!(
            said.contains(word) && said.ends_with('.'),
            "{address}: {said}"
        );
        visit.chrome.click("#error-close");
        assert_eq!(error(&visit), "");
    }
    visit.finish();
}

#[test]
fn of_a_gif_the_first_frame_is_used_with_a_notice() {
    let visit = with_tiny_model();
    // 1 × 1 pixels: a red frame, and a white one after it.
    let header = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\xff\xff\xff";
    let frame = |code: u8| {
        let control = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
        let image = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, code, 1, 0];
        [&control[..], &image].concat()
    };
    let gif = [&header[..], &frame(0x44), &frame(0x4c), b";"].concat();
    choose(&visit, "two.gif", &gif);
    settle(&visit);
    assert_eq!(
        state(&visit, "two.gif"),
        "done",
        "{}",
        message(&visit, "two.gif")
    );
    assert!(message(&visit, "two.gif").contains("first frame"));
    assert!(!is_error(&visit, "two.gif"));
    wait_for_result(&visit, "two.gif");
    let found = canvas(&visit, "#after");
    assert_eq!(found.dimensions(), (2, 2));
    assert_eq!(found.get_pixel(0, 0).0, [255, 0, 0, 255]);
    visit.finish();
}

#[test]
fn a_model_of_the_user_shows_its_metadata() {
    let visit = with_tiny_model();
    let details = "return document.querySelector('#model-details').checkVisibility()
        && document.querySelector('#model-details').open";
    assert_eq!(visit.chrome.run(details, &[]), json!(true));
    let said = text(&visit, "#model-terms");
    for fact in ["tiny", "plain", "×2", "none"] {
        assert!(said.contains(fact), "{fact} is missing from {said}");
    }
    // A shipped one also has scores.
    let fast = tests::shipped("fast-x2").unwrap();
    choose(&visit, "copy.bpk", &fast);
    let chosen = "document.querySelector('#model').selectedOptions[0].text.includes('fast-x2')";
    visit.chrome.wait_until(chosen, PATIENCE);
    settle(&visit);
    visit.chrome.wait_until(
        "document.querySelector('#model-terms').textContent.includes('13,716')",
        PATIENCE,
    );
    let scores = text(&visit, "#model-scores");
    for score in ["Set5", "37.13", "0.9574", "33.67"] {
        assert!(scores.contains(score), "{score} is missing from {scores}");
    }
    visit.finish();
}

/// The time to read a URL grows with its length, not with its square: five million letters would take hours.
#[test]
fn long_data_urls_without_data_are_refused() {
    let visit = Visit::of(PAGE, Gpu::None);
    let script = "const { openUrl } = await import('/source/app/open-url.js');
        const refused = (url) => openUrl(url).then(() => 'opened', ({ message }) => message);
        const svg = await openUrl(`data:image/svg+xml,${'<svg/>'.repeat(1000)}`);
        return [await refused(`data:${'a'.repeat(5e6)}`), await refused('data:'), svg.size, svg.type]";
    let found = visit.chrome.run(script, &[]);
    for i in [0, 1] {
        let message = found[i].as_str().unwrap();
        assert!(message.contains("holds no image"), "{message}");
    }
    assert_eq!(
        (&found[2], &found[3]),
        (&json!(6000), &json!("image/svg+xml"))
    );
    visit.finish();
}

/// Images that are added before the list of models has arrived wait for it.
#[test]
fn images_wait_for_the_list_of_models() {
    let visit = Visit::of(PAGE, Gpu::None);
    let script = "{ const { fetch } = window;
        window.fetch = (url, ...rest) => `${url}`.endsWith('models/index.json')
            ? new Promise((go) => { window.release = () => go(fetch(url, ...rest)) }) : fetch(url, ...rest); }";
    let command = "Page.addScriptToEvaluateOnNewDocument";
    visit.chrome.cdp(command, json!({ "source": script }));
    visit.chrome.run("location.reload()", &[]);
    visit.chrome.wait_until("window.release", PATIENCE);
    choose(&visit, "early.png", &png(&waves(20, 14)));
    visit.chrome.run("release()", &[]);
    wait_for_result(&visit, "early.png");
    assert_eq!(state(&visit, "early.png"), "done");
    visit.finish();
}
