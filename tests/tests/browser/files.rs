//! Files that are empty, enormous, or changed after they were chosen.

use serde_json::json;

use crate::api::run;
use crate::fixture::{png, tiny_model, waves};
use crate::page::{
    choose, choose_all, click_auto, is_error, message, settle, state, with_tiny_model,
};
use crate::site::{Gpu, PLAIN, Visit};

#[test]
fn empty_and_enormous_files_are_refused_unread() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let script = "const [model] = arguments;
        const upscaler = await load(model);
        let reads = 0;
        const vast = new File(['x'], 'vast.png');
        Object.defineProperty(vast, 'size', { value: 16e9 });
        vast.arrayBuffer = async () => { reads += 1; return new ArrayBuffer(1); };
        const failures = [];
        for (const file of [new File([], 'empty.png'), vast]) failures.push(await failure(upscaler.upscale(file)));
        return { reads, failures };";
    let found = run(&visit, script, &[visit.url("tiny.bpk")]);
    assert_eq!(found["reads"], 0);
    let [empty, vast] = [0, 1].map(|i| &found["failures"][i]);
    assert_eq!(empty["code"], "not-an-image");
    assert_eq!(empty["message"], "the file is empty: it holds no image");
    assert_eq!(vast["code"], "too-large");
    let said = vast["message"].as_str().unwrap();
    assert!(
        said.starts_with("the file has 16000 MB; image files of up to 640 MB"),
        "{said}"
    );
    visit.finish();
}

/// The app says what to do, and neither the other images nor their results are lost.
#[test]
fn files_that_change_or_disappear_are_named() {
    let visit = with_tiny_model();
    click_auto(&visit);
    let files = [
        ("a.png", 31),
        ("changed.png", 33),
        ("gone.png", 35),
        ("z.png", 37),
    ];
    let bytes = files.map(|(_, width)| png(&waves(width, 20)));
    let named: Vec<(&str, &[u8])> = files
        .iter()
        .zip(&bytes)
        .map(|((name, _), bytes)| (*name, bytes.as_slice()))
        .collect();
    choose_all(&visit, &named);
    let read = "document.querySelectorAll('#images [data-state=waiting]').length === 4";
    visit.chrome.wait_until(read, crate::page::PATIENCE);
    let changed = visit.file("changed.png", &png(&waves(90, 70)));
    std::fs::remove_file(changed.with_file_name("gone.png")).unwrap();
    visit.chrome.click("#start");
    settle(&visit);
    for name in ["changed.png", "gone.png"] {
        assert_eq!(state(&visit, name), "failed", "{name}");
        let said = message(&visit, name);
        assert!(
            said.starts_with("The file cannot be read") && said.ends_with("choose it again."),
            "{said}"
        );
        assert!(is_error(&visit, name));
    }
    for name in ["a.png", "z.png"] {
        assert_eq!(state(&visit, name), "done", "{name}");
    }
    // The file as it is now can be chosen.
    choose(&visit, "new.png", &png(&waves(20, 20)));
    visit.chrome.wait_until(
        "document.querySelectorAll('#images [data-state=waiting]').length === 1",
        crate::page::PATIENCE,
    );
    assert_eq!(
        visit
            .chrome
            .run("return document.querySelectorAll('#images li').length", &[]),
        json!(5)
    );
    visit.finish();
}
