//! Results kept for later visits, and how long models stay loaded.

use serde_json::json;

use super::Scene;
use crate::fixture::{png, waves};

const PAGE: &str = "<img id=a data-upscale=tiny.bpk src=small.png width=240 height=160 alt=>";

/// Names of all entries in Cache Storage.
const KEPT: &str = "const cache = await caches.open('uprez-pictures-1');
    return (await cache.keys()).map(({ url }) => new URL(url).searchParams.get('url').split('/').at(-1))";

#[test]
fn a_second_visit_computes_nothing() {
    let scene = Scene::new();
    scene.show(PAGE);
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(false));
    scene.wait_until("(await (await caches.open('uprez-pictures-1')).keys()).length === 1");
    let first = scene.work();
    for needed in ["/assets/uprez-", "/cpu/web_bg-", "tiny.bpk"] {
        assert!(first.iter().any(|url| url.contains(needed)), "{first:?}");
    }
    let shown = scene.chrome.screenshot();
    scene.show(PAGE);
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(true));
    // The model's file tells whether the result is still the same.
    let second = &scene.work()[first.len()..];
    let is_work = |url: &&String| {
        url.contains("/assets/uprez-") || url.contains("/workers/") || url.ends_with(".wasm")
    };
    assert_eq!(second.iter().filter(is_work).count(), 0, "{second:?}");
    assert_eq!(scene.run("return workers.size"), json!(0));
    let [shown, again] =
        [shown, scene.chrome.screenshot()].map(|png| image::load_from_memory(&png).unwrap());
    assert!(shown == again, "another image was kept");
    // Another size, another model, another file of the same name.
    scene.show(&PAGE.replace("width=240 height=160", "width=120 height=80"));
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(false));
    // The same model under another name, and another one under the same name.
    let tiny = std::fs::read(scene.files.path().join("tiny.bpk")).unwrap();
    scene.file("other.bpk", &tiny);
    scene.show(&PAGE.replace("tiny", "other"));
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(true));
    let other = crate::fixture::model_file("kind = \"plain\"\nscale = 2\nwidth = 4\ndepth = 0");
    scene.file("tiny.bpk", &other);
    scene.show(PAGE);
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(false));
    scene.file("small.png", &png(&waves(90, 60)));
    scene.show(PAGE);
    assert_eq!(scene.wait_for("a", "sharp")["fromCache"], json!(false));
    scene.finish();
}

#[test]
fn the_oldest_entries_are_deleted_when_there_is_no_room() {
    let scene = Scene::new();
    scene.show("");
    // Each claims 30 MB, and at most 50 MB are kept.
    scene.run(
        "const cache = await caches.open('uprez-pictures-1');
        for (const url of ['oldest', 'older']) {
            const headers = { 'x-uprez-bytes': '30000000' };
            await cache.put(`/.uprez/?url=${url}`, new Response('', { headers }));
        }",
    );
    scene.show(PAGE);
    scene.sharp("a");
    scene.wait_until("await caches.match('/.uprez/?url=oldest') === undefined");
    scene.wait_until("(await (await caches.open('uprez-pictures-1')).keys()).length === 2");
    assert_eq!(scene.run(KEPT), json!(["older", "small.png"]));
    scene.finish();
}

#[test]
fn storage_that_is_refused_or_full_is_not_an_error() {
    for script in [
        "CacheStorage.prototype.open = async () => { throw new DOMException('no', 'SecurityError') }",
        "Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError') }",
    ] {
        let scene = Scene::new();
        scene.beforehand(script);
        scene.beforehand("window.rejected = []; addEventListener('unhandledrejection', ({ reason }) => rejected.push(`${reason}`))");
        scene.show(PAGE);
        scene.sharp("a");
        scene.pause();
        assert_eq!(scene.run("return rejected"), json!([]));
        scene.finish();
    }
}

#[test]
fn an_idle_model_is_freed_and_loaded_again() {
    let scene = Scene::new();
    // Shortens the wait of half a minute.
    scene.beforehand(
        "const { setTimeout } = window;
        window.setTimeout = (call, ms, ...args) => setTimeout(call, ms === 30_000 ? 1000 : ms, ...args)",
    );
    scene.show(PAGE);
    scene.sharp("a");
    assert!(scene.run("return workers.size").as_u64() > Some(0));
    scene.wait_until("workers.size === 0");
    scene
        .run("document.querySelector('#a').width = 400; document.querySelector('#a').height = 300");
    scene.wait_until("events.some(({ width }) => width === 450)");
    scene.finish();
}
