//! Images that are left as they are, and the reasons.

use serde_json::json;

use super::{IMAGES, OWN, Scene};
use crate::fixture::{blocks_jpeg, png, waves};
use crate::format::{gif, read};
use crate::site::POLICY;

/// A PNG with the chunk of animations before its pixels.
fn animated_png() -> Vec<u8> {
    let still = png(&waves(60, 40));
    let (header, rest) = still.split_at(33);
    // Two frames in an endless loop.
    let control = b"\0\0\0\x08acTL\0\0\0\x02\0\0\0\0\xf3\x8d\x93\x70";
    [header, control, rest].concat()
}

#[test]
fn images_that_are_large_enough_animated_or_vector() {
    let scene = Scene::new();
    scene.file("moving.gif", &gif(2));
    scene.file("still.gif", &gif(1));
    scene.file("moving.png", &animated_png());
    scene.file("moving.webp", &read("moving.webp"));
    scene.file("moving.avif", &read("moving.avif"));
    scene.file(
        "lines.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><path d='M0 0 60 40' stroke='red'/></svg>",
    );
    scene.file("double.png", &png(&waves(120, 80)));
    scene.pixel_ratio(2.0);
    scene.show(
        "<p><img id=natural data-upscale src=double.png width=60 height=40 alt=>
        <p><img id=dense data-upscale srcset='small.png 1x, double.png 2x' width=60 height=40 alt=>
        <p><img id=gif data-upscale src=moving.gif width=30 height=30 alt=>
        <p><img id=png data-upscale src=moving.png width=90 height=60 alt=>
        <p><img id=webp data-upscale src=moving.webp width=90 height=60 alt=>
        <p><img id=avif data-upscale src=moving.avif width=90 height=60 alt=>
        <p><img id=svg data-upscale src=lines.svg width=90 height=60 alt=>",
    );
    for (id, reason) in [
        ("natural", "large-enough"),
        ("dense", "large-enough"),
        ("gif", "animated"),
        ("png", "animated"),
        ("webp", "animated"),
        ("avif", "animated"),
        ("svg", "vector"),
    ] {
        assert_eq!(scene.skipped(id), reason, "{id}");
    }
    assert_eq!(scene.work(), [""; 0]);
    // The same elements without these reasons.
    scene.show(
        "<p><img id=dense data-upscale=tiny.bpk srcset='small.png 1x, double.png 2x' width=120 height=80 alt=>
        <p><img id=gif data-upscale=tiny.bpk src=still.gif width=30 height=30 alt=>",
    );
    assert_eq!(scene.sharp("dense"), [240, 160]);
    assert_eq!(scene.sharp("gif"), [60, 60]);
    scene.finish();
}

#[test]
fn devices_that_save_data_or_have_little_memory() {
    let page = "<img id=a data-upscale src=small.png width=240 height=160 alt=>";
    for (reason, script) in [
        ("save-data", "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"),
        ("little-memory", "Object.defineProperty(navigator, 'deviceMemory', { value: 1 })"),
        (
            "reduced-data",
            "const { matchMedia } = window;
            window.matchMedia = (query) =>
                query.includes('prefers-reduced-data') ? { matches: true } : matchMedia.call(window, query)",
        ),
    ] {
        let scene = Scene::new();
        scene.beforehand(script);
        scene.show(page);
        assert_eq!(scene.skipped("a"), reason);
        assert_eq!(scene.work(), [""; 0]);
        assert_eq!(scene.run("return events.map(({ state }) => state)"), json!(["skipped"]));
        scene.finish();
    }
}

/// A script that replaces the estimate.
fn estimate(ms: u32) -> String {
    format!(
        "import {{ Upscaler }} from '/uprez/uprez.js';
        Upscaler.prototype.estimate = async () => ({{ ms: {ms} }});"
    )
}

#[test]
fn images_that_would_take_longer_than_their_budget() {
    let scene = Scene::new();
    scene.file("estimate.js", estimate(11_000).as_bytes());
    scene.show(
        "<script type=module src=estimate.js></script>
        <p><img id=usual data-upscale=tiny.bpk src=small.png width=240 height=160 alt=>
        <p><img id=enough data-upscale=tiny.bpk data-upscale-budget=12 src=small.png width=90 height=60 alt=>
        <p><uprez-img id=own model=tiny.bpk budget=8 src=small.png width=120 height=80 alt=></uprez-img>",
    );
    assert_eq!(scene.skipped("usual"), "too-slow");
    assert_eq!(scene.skipped("own"), "too-slow");
    assert_eq!(
        scene.run("return own.matches(':state(skipped)')"),
        json!(true)
    );
    assert_eq!(scene.sharp("enough"), [90, 60]);
    scene.finish();
}

#[test]
fn images_that_take_much_longer_than_estimated() {
    let scene = Scene::new();
    scene.file("estimate.js", estimate(0).as_bytes());
    scene.show(
        "<script type=module src=estimate.js></script>
        <p><img id=late data-upscale=tiny.bpk data-upscale-budget=0 src=small.png width=240 height=160 alt=>
        <p><img id=next data-upscale=tiny.bpk src=small.png width=90 height=60 alt=>",
    );
    assert_eq!(scene.skipped("late"), "too-slow");
    assert_eq!(scene.sharp("next"), [90, 60]);
    scene.finish();
}

/// A model that never arrives must not hold up the images behind it.
#[test]
fn models_that_do_not_arrive() {
    let scene = Scene::new();
    scene.beforehand(
        "const { fetch } = window;
        window.fetch = (url, ...rest) => `${url}`.endsWith('never.bpk') ? new Promise(() => {}) : fetch(url, ...rest)",
    );
    scene.show(
        "<p><img id=late data-upscale=never.bpk data-upscale-budget=0.2 src=small.png width=240 height=160 alt=>
        <p><img id=next data-upscale=tiny.bpk src=small.png width=90 height=60 alt=>",
    );
    assert_eq!(scene.skipped("late"), "too-slow");
    assert_eq!(scene.sharp("next"), [90, 60]);
    scene.finish();
}

#[test]
fn files_that_end_too_early() {
    let scene = Scene::new();
    let jpeg = blocks_jpeg();
    scene.file("half.jpg", &jpeg[..jpeg.len() - 40]);
    scene.file("whole.jpg", &jpeg);
    scene.show(
        "<p><img id=half data-upscale=tiny.bpk src=half.jpg width=128 height=64 alt=>
        <p><img id=whole data-upscale=tiny.bpk src=whole.jpg width=128 height=64 alt=>",
    );
    assert_eq!(scene.skipped("half"), "incomplete-file");
    assert_eq!(scene.sharp("whole"), [128, 64]);
    scene.finish();
}

#[test]
fn images_of_other_sites() {
    let other = Scene::new();
    let address = other.server.url(&format!("{OWN}small.png"));
    let origin = other.server.url("");
    let scene = Scene::with_policy(&format!("{POLICY}; {IMAGES} {origin}"));
    scene.show(&format!(
        "<img id=a data-upscale=tiny.bpk src={address} width=240 height=160 alt=>
        <img id=b data-upscale=tiny.bpk src=small.png width=240 height=160 alt=>"
    ));
    assert_eq!(scene.skipped("a"), "cross-origin");
    assert!(
        !scene
            .run("return document.querySelector('#a').style.content")
            .as_str()
            .unwrap()
            .contains("blob")
    );
    scene.sharp("b");
    scene.finish();
}

#[test]
fn a_failure_does_not_affect_the_next_image() {
    let scene = Scene::new();
    scene.file("gone.png", &png(&waves(30, 20)));
    scene.show(
        "<p><img id=model data-upscale=nowhere.bpk src=small.png width=240 height=160 alt=>
        <p><img id=gone data-upscale=tiny.bpk src=gone.png width=60 height=40 alt=>
        <p><img id=fine data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>",
    );
    scene.wait_until("document.querySelector('#gone').complete");
    std::fs::remove_file(scene.files.path().join("gone.png")).unwrap();
    assert_eq!(scene.skipped("model"), "no-model");
    assert_eq!(scene.skipped("gone"), "failed");
    assert_eq!(scene.sharp("fine"), [120, 80]);
    scene.finish();
}

#[test]
fn browsers_without_simd() {
    let scene = Scene::new();
    scene.beforehand("WebAssembly.validate = () => false");
    scene.show("<img id=a data-upscale src=small.png width=240 height=160 alt=>");
    assert_eq!(scene.skipped("a"), "no-simd");
    scene.finish();
}
