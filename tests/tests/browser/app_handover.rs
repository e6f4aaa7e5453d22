//! Results that leave the app in other ways than one by one, and files that other apps give to it.

use image::RgbaImage;
use serde_json::{Value, json};

use crate::api::opaque;
use crate::app_download::unzip;
use crate::app_inputs::{drop_folder, folder};
use crate::fixture::{assert_same, png, png_without_alpha, tiny_model, upscaled, waves};
use crate::page::{
    PATIENCE, canvas, choose, choose_all, choose_tiny_model, error, set, settle, state, text,
    to_image, wait_for_result, with_tiny_model,
};
use crate::site::{Gpu, PAGE, Visit};

#[test]
fn a_zip_has_the_folders_of_the_images() {
    let folder = folder();
    let root = folder.path().file_name().unwrap().to_str().unwrap();
    let expected = [format!("{root}/a-x2.png"), format!("{root}/inner/b-x2.png")];
    for dropped in [true, false] {
        let visit = with_tiny_model();
        match dropped {
            true => drop_folder(&visit, folder.path()),
            false => {
                let path = folder.path().display().to_string();
                visit.chrome.type_into("#folder", &path);
            }
        }
        visit.chrome.wait_until(
            "document.querySelectorAll('#images [data-state=done]').length === 2",
            PATIENCE,
        );
        settle(&visit);
        visit.chrome.click("#download-all");
        let entries = unzip(&std::fs::read(visit.download("uprez.zip")).unwrap());
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        assert_eq!(names, expected, "dropped: {dropped}");
        visit.finish();
    }
}

/// Chooses a folder of the origin's private file system, since a script cannot use the browser's dialogue.
const PICK: &str = "const root = await navigator.storage.getDirectory();
    window.results = await root.getDirectoryHandle('results', { create: true });
    window.showDirectoryPicker = async () => results;";

/// The paths and sizes of all files of that folder.
const FILES: &str = "const list = async (folder, path) => {
        const found = {};
        for await (const [name, handle] of folder.entries()) {
            if (handle.kind === 'directory') Object.assign(found, await list(handle, `${path}${name}/`));
            else found[path + name] = (await handle.getFile()).size;
        }
        return found;
    };
    return await list(results, '');";

#[test]
fn results_are_written_into_a_folder_as_they_are_done() {
    let visit = with_tiny_model();
    visit.chrome.run(PICK, &[]);
    let existing = "const handle = await results.getFileHandle('a-x2.png', { create: true });
        const stream = await handle.createWritable();
        await stream.write('mine');
        await stream.close();";
    visit.chrome.run(existing, &[]);
    let files = || visit.chrome.run(FILES, &[]);
    // Nothing would be lost by leaving the page: all results are written.
    let unsaved = "const event = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(event);
        return event.defaultPrevented;";
    let wait = |count: usize| {
        let done =
            format!("document.querySelectorAll('#images [data-state=done]').length === {count}");
        visit.chrome.wait_until(&done, PATIENCE);
        let saved = format!("!(() => {{ {unsaved} }})()");
        visit.chrome.wait_until(&saved, PATIENCE);
    };
    choose_all(
        &visit,
        &[
            ("a.png", &png(&waves(20, 18))),
            ("b.png", &png(&waves(22, 18))),
        ],
    );
    settle(&visit);
    visit.chrome.click("#save-all");
    wait(2);
    // Later ones follow by themselves, in their folders.
    let folder = folder();
    drop_folder(&visit, folder.path());
    wait(4);
    assert_eq!(text(&visit, "#save-all"), "Stop saving to results");
    visit.chrome.click("#save-all");
    assert_eq!(text(&visit, "#save-all"), "Save to a folder");
    choose(&visit, "c.png", &png(&waves(24, 18)));
    settle(&visit);
    assert_eq!(state(&visit, "c.png"), "done");
    let found = files();
    let root = folder.path().file_name().unwrap().to_str().unwrap();
    let mut expected = vec![
        "a-x2 (2).png".to_string(),
        "a-x2.png".to_string(),
        "b-x2.png".to_string(),
        format!("{root}/a-x2.png"),
        format!("{root}/inner/b-x2.png"),
    ];
    expected.sort();
    let mut names: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, expected);
    assert_eq!(found["a-x2.png"], 4, "a file that existed has changed");
    assert!(found["b-x2.png"].as_u64() > Some(100));
    // Closing the page loses results that are not written yet, and no others.
    assert_eq!(visit.chrome.run(unsaved, &[]), json!(true));
    visit.chrome.click("[aria-label='Remove c.png']");
    assert_eq!(visit.chrome.run(unsaved, &[]), json!(false));
    visit.finish();
}

#[test]
fn a_folder_that_refuses_files_loses_nothing() {
    let visit = with_tiny_model();
    let refuse = "window.showDirectoryPicker = async () => ({
        name: 'full',
        getFileHandle: async () => { throw new DOMException('no space left', 'QuotaExceededError'); },
    });";
    visit.chrome.run(refuse, &[]);
    choose_all(
        &visit,
        &[
            ("a.png", &png(&waves(20, 18))),
            ("b.png", &png(&waves(22, 18))),
        ],
    );
    settle(&visit);
    visit.chrome.click("#save-all");
    visit
        .chrome
        .wait_until("!document.querySelector('#error').hidden", PATIENCE);
    let said = error(&visit);
    assert!(
        said.contains("full") && said.contains("no space left"),
        "{said}"
    );
    assert_eq!(text(&visit, "#save-all"), "Save to a folder");
    visit.chrome.click("[aria-label='Download b.png']");
    assert!(visit.download("b-x2.png").exists());
    visit.finish();
}

/// A result in any format is copied as PNG, and shared as it is.
#[test]
fn a_result_can_be_copied_and_shared() {
    let visit = Visit::of(PAGE, Gpu::None);
    let replace = "navigator.clipboard.write = async ([item]) => { window.copied = await item.getType('image/png'); };
        navigator.canShare = ({ files }) => files.length === 1;
        navigator.share = async ({ files: [file] }) => { window.shared = file; };";
    visit.chrome.run(replace, &[]);
    choose_tiny_model(&visit);
    set(&visit, "type", "image/jpeg");
    choose(
        &visit,
        "waves.png",
        &png_without_alpha(&opaque(waves(40, 28))),
    );
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    visit.chrome.click("#copy");
    visit.chrome.wait_until("window.copied", PATIENCE);
    assert_eq!(text(&visit, "#status"), "The result is in the clipboard.");
    visit.chrome.click("#share");
    visit.chrome.wait_until("window.shared", PATIENCE);
    let found = visit.chrome.run(
        "const { width, height } = await createImageBitmap(copied);
        return [copied.type, width, height, shared.type, shared.name];",
        &[],
    );
    assert_eq!(
        found,
        json!(["image/png", 80, 56, "image/jpeg", "waves-x2.jpg"])
    );
    // The user closes the system's dialogue; then the system refuses.
    let refuse =
        "navigator.share = async () => { throw new DOMException('closed', 'AbortError'); };";
    visit.chrome.run(refuse, &[]);
    visit.chrome.click("#share");
    assert_eq!(error(&visit), "");
    let refuse = "navigator.share = async () => { throw new DOMException('not allowed', 'NotAllowedError'); };";
    visit.chrome.run(refuse, &[]);
    visit.chrome.click("#share");
    visit
        .chrome
        .wait_until("!document.querySelector('#error').hidden", PATIENCE);
    assert_eq!(error(&visit), "Not allowed.");
    visit.finish();
}

/// The part of an image that differs from another one, as a share of its pixels.
fn share_of(found: &RgbaImage, part: impl Fn(&image::Rgba<u8>) -> bool) -> f64 {
    let pixels = found.pixels().filter(|pixel| part(pixel)).count();
    pixels as f64 / (found.width() * found.height()) as f64
}

#[test]
fn parts_of_a_result_are_shown_while_it_is_computed() {
    let visit = with_tiny_model();
    let image = opaque(waves(480, 400));
    // The canvas after the first tile, and how it was shown at the last one.
    let script = "const tiles = document.querySelector('#tiles');
        const context = tiles.getContext('2d');
        window.seen = null;
        window.onTile = () => {
            const { width, height } = tiles;
            window.seen ??= { width, height, data: Array.from(context.getImageData(0, 0, width, height).data) };
            window.display = getComputedStyle(tiles.parentElement).display;
        };
        context.putImageData = (...tile) => {
            CanvasRenderingContext2D.prototype.putImageData.apply(context, tile);
            window.onTile();
        };";
    visit.chrome.run(script, &[]);
    choose(&visit, "large.png", &png_without_alpha(&image));
    settle(&visit);
    wait_for_result(&visit, "large.png");
    let mut seen = visit.chrome.run("return [seen, display]", &[]);
    assert_eq!(seen[1], "block");
    let found = to_image(seen[0].take());
    let expected = upscaled(&tiny_model(), &image);
    assert_eq!(found.dimensions(), expected.dimensions());
    let done = share_of(&found, |pixel| pixel[3] == 255);
    assert!(done > 0.0, "no tile was shown");
    for (x, y, pixel) in found.enumerate_pixels().filter(|(.., pixel)| pixel[3] > 0) {
        let expected = expected.get_pixel(x, y);
        let apart = pixel.0.iter().zip(expected.0).map(|(a, b)| a.abs_diff(b));
        assert!(apart.max() <= Some(1), "({x}, {y})");
    }
    // The result takes their place.
    let after = visit
        .chrome
        .run("return document.querySelector('#tiles').width", &[]);
    assert_eq!(after, json!(1));
    assert_same(&canvas(&visit, "#after"), &expected);
    // One that is cancelled is shown as it was; it is larger than the canvas for tiles.
    let script = "window.tileWidth = 0;
        window.onTile = () => {
            window.tileWidth = document.querySelector('#tiles').width;
            document.querySelector(\"[aria-label='Cancel cancelled.png']\").click();
        };";
    visit.chrome.run(script, &[]);
    choose(
        &visit,
        "cancelled.png",
        &png_without_alpha(&opaque(waves(2400, 1800))),
    );
    visit.chrome.wait_until("window.tileWidth > 1", PATIENCE);
    visit
        .chrome
        .wait_until("document.querySelector('#tiles').width === 1", PATIENCE);
    settle(&visit);
    visit.finish();
}

#[test]
fn shared_files_are_taken_once() {
    let visit = Visit::of(PAGE, Gpu::None);
    visit
        .chrome
        .wait_until("navigator.serviceWorker.controller", PATIENCE);
    let manifest = visit.chrome.run(
        "return await (await fetch(document.querySelector('link[rel=manifest]').href)).json()",
        &[],
    );
    let target = &manifest["share_target"];
    assert_eq!(target["method"], "POST");
    assert!(manifest["file_handlers"][0]["accept"]["image/png"].is_array());
    visit.file("waves.png", &png(&waves(20, 18)));
    // As the system sends it.
    let script = "const [url, { action, enctype, params }] = arguments;
        const blob = await (await fetch(url)).blob();
        const transfer = new DataTransfer();
        for (const name of ['Sommer 1.png', 'b.png']) transfer.items.add(new File([blob], name, { type: 'image/png' }));
        const form = Object.assign(document.createElement('form'), { method: 'POST', action, enctype });
        const input = Object.assign(document.createElement('input'), { type: 'file', multiple: true });
        input.name = params.files[0].name;
        input.files = transfer.files;
        form.append(input);
        document.body.append(form);
        form.submit();";
    let args = [visit.url("waves.png"), target.clone()];
    visit.chrome.run(script, &args);
    visit.chrome.wait_until(
        "document.querySelectorAll('#images li').length === 2",
        PATIENCE,
    );
    settle(&visit);
    for name in ["Sommer 1.png", "b.png"] {
        assert_eq!(state(&visit, name), "done");
    }
    let address = visit.chrome.run("return location.href", &[]);
    assert_eq!(address, json!(format!("{}{PAGE}", visit.origin())));
    let kept = "return (await caches.keys()).filter((name) => name.startsWith('uprez-shared'))";
    assert_eq!(visit.chrome.run(kept, &[]), json!([]));
    visit
        .chrome
        .go(&format!("{}{PAGE}?shared=failed", visit.origin()));
    visit.chrome.wait_until(
        "document.querySelector('#error')?.checkVisibility()",
        PATIENCE,
    );
    assert!(error(&visit).contains("disk"), "{}", error(&visit));
    visit.finish();
}

#[test]
fn files_that_are_opened_with_the_app_are_taken() {
    let visit = Visit::of(PAGE, Gpu::None);
    let queue = "Object.defineProperty(window, 'launchQueue', {
        value: { setConsumer: (consumer) => { window.launch = consumer; } },
    });";
    let source = json!({ "source": queue });
    visit
        .chrome
        .cdp("Page.addScriptToEvaluateOnNewDocument", source);
    visit.chrome.go(&format!("{}{PAGE}", visit.origin()));
    visit
        .chrome
        .wait_until("document.querySelector('#model')?.length", PATIENCE);
    visit.file("waves.png", &png(&waves(20, 18)));
    let script = "const blob = await (await fetch(arguments[0])).blob();
        const file = new File([blob], 'opened.png', { type: 'image/png' });
        const gone = async () => { throw new DOMException('it was deleted', 'NotFoundError'); };
        await launch({ files: [{ getFile: async () => file }] });
        await launch({ files: [] });
        await launch({ files: [{ getFile: gone }] });";
    let Value::Null = visit.chrome.run(script, &[visit.url("waves.png")]) else {
        panic!("nothing is returned")
    };
    visit.chrome.wait_until(
        "document.querySelector('#images li')?.dataset.state === 'done'",
        PATIENCE,
    );
    assert_eq!(state(&visit, "opened.png"), "done");
    assert_eq!(error(&visit), "It was deleted.");
    visit.finish();
}
