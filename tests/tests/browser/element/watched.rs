//! Images that are added, removed, moved and changed.

use serde_json::json;

use super::Scene;
use crate::fixture::{png, waves};

#[test]
fn work_starts_near_the_viewport_and_stops_far_from_it() {
    let scene = Scene::new();
    scene.file("slow.png", &png(&waves(500, 350)));
    scene.show(
        "<p><img id=slow data-upscale=srcnn-x3 data-upscale-budget=600 src=slow.png width=700 height=490 alt=>
        <p class=far><img id=far data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>",
    );
    scene.wait_for("slow", "loading");
    scene.run("scrollTo({ top: 6000, behavior: 'instant' })");
    scene.sharp("far");
    assert_eq!(
        scene.run("return [...events.map(({ id, state }) => `${id} ${state}`), slow.dataset.upscaleState ?? '']"),
        json!(["slow loading", "far loading", "far sharp", ""])
    );
    scene.run("scrollTo({ top: 0, behavior: 'instant' })");
    assert_eq!(scene.sharp("slow"), [700, 490]);
    scene.finish();
}

#[test]
fn images_in_open_shadow_roots_are_found() {
    let scene = Scene::new();
    let img = |id: &str| {
        format!("<img id={id} data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>")
    };
    scene.show(&format!(
        "<div><template shadowrootmode=open>{}</template></div><later-element></later-element>
        <p id=place></p>",
        img("declared")
    ));
    // An element that is defined later, with another one in it; and one that is added later, and removed.
    let script = format!(
        "customElements.define('inner-element', class extends HTMLElement {{
            constructor() {{ super(); this.attachShadow({{ mode: 'open' }}).innerHTML = '{}'; }}
        }});
        customElements.define('later-element', class extends HTMLElement {{
            constructor() {{
                super();
                this.attachShadow({{ mode: 'open' }}).innerHTML = '<inner-element></inner-element>{}';
            }}
        }});
        const host = document.createElement('div');
        host.attachShadow({{ mode: 'open' }});
        place.append(host);
        host.shadowRoot.innerHTML = '{}';
        window.host = host;",
        img("inner"),
        img("defined"),
        img("added")
    );
    scene.sharp("declared");
    scene.run(&script);
    for id in ["inner", "defined", "added"] {
        scene.wait_until(&format!(
            "events.some((e) => e.id === '{id}' && e.state === 'sharp')"
        ));
    }
    // A removed one shows its original again.
    let script = "const img = host.shadowRoot.querySelector('img');
        const before = alive.size;
        host.remove();
        await 0;
        return [before - alive.size, img.style.content]";
    assert_eq!(scene.run(script), json!([1, ""]));
    scene.finish();
}

#[test]
fn images_far_from_the_viewport_are_not_touched() {
    let scene = Scene::new();
    scene.show(
        "<p class=far><img id=a data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>",
    );
    scene.wait_until("paints.length > 0 || performance.now() > 3000");
    scene.pause();
    assert_eq!((scene.events(), scene.work()), (0, vec![]));
    scene.finish();
}

#[test]
fn images_that_are_added_moved_copied_and_removed() {
    let scene = Scene::new();
    scene.show("<div id=one class=room></div><div id=two class=room></div>");
    scene.run(
        "one.innerHTML = '<p><img id=a data-upscale=tiny.bpk src=small.png width=120 height=80 alt=></p>'",
    );
    scene.sharp("a");
    let events = scene.events();
    scene.run("two.append(one.firstChild)");
    scene.pause();
    assert_eq!(scene.events(), events, "a moved image was upscaled again");
    // A clone has style and state of the original, but must not use its blob URL.
    let style = scene.run(
        "const copy = two.firstChild.firstChild.cloneNode();
        copy.id = 'copy';
        one.append(copy);
        await 0;
        return copy.style.content",
    );
    assert_eq!(style, json!(""));
    scene.sharp("copy");
    assert_eq!(scene.run("return alive.size"), json!(2));
    scene.run("two.firstChild.remove()");
    scene.wait_until("alive.size === 1");
    assert_eq!(
        scene.run("return alive.has(copy.style.content.match(/blob:[^\"]*/)[0])"),
        json!(true)
    );
    // Without the attribute, the original is shown again.
    scene.run("copy.removeAttribute('data-upscale')");
    scene.wait_until("alive.size === 0");
    let rest = scene.run("return [copy.style.content, copy.dataset.upscaleState ?? '']");
    assert_eq!(rest, json!(["", ""]));
    scene.finish();
}

#[test]
fn another_src_is_upscaled() {
    let scene = Scene::new();
    scene.file("other.png", &png(&waves(90, 60)));
    scene.show("<img id=a data-upscale=tiny.bpk src=small.png width=240 height=160 alt=>");
    scene.sharp("a");
    let [state, content] = ["a.dataset.upscaleState ?? ''", "a.style.content"]
        .map(|value| scene.run(&format!("a.src = 'other.png'; await 0; return {value}")));
    assert_eq!((state, content), (json!(""), json!("")));
    scene.wait_until("a.dataset.upscaleState === 'sharp'");
    assert_eq!(scene.run("return alive.size"), json!(1));
    // A file that is not an image leaves the alternative text.
    scene.run("a.src = 'record.js'");
    scene.wait_until("alive.size === 0 && a.complete");
    scene.pause();
    assert_eq!(scene.run("return a.dataset.upscaleState ?? ''"), json!(""));
    scene.finish();
}

#[test]
fn the_img_of_a_picture_element_follows_its_source() {
    let scene = Scene::new();
    scene.pixel_ratio(1.0);
    scene.file("wide.png", &png(&waves(90, 60)));
    scene.show(
        "<picture><source media='(min-width: 900px)' srcset=wide.png>
        <img id=a data-upscale=tiny.bpk src=small.png width=240 height=160 alt=></picture>",
    );
    scene.sharp("a");
    let events = scene.events();
    let metrics = json!({ "width": 1000, "height": 600, "deviceScaleFactor": 1, "mobile": false });
    scene
        .chrome
        .cdp("Emulation.setDeviceMetricsOverride", metrics);
    scene.wait_until(&format!(
        "events.length === {events} + 2 && a.currentSrc.endsWith('wide.png')"
    ));
    assert_eq!(
        scene.run("return [a.dataset.upscaleState, alive.size]"),
        json!(["sharp", 1])
    );
    scene.finish();
}

#[test]
fn an_image_that_grew_is_upscaled_again_and_one_that_shrank_is_not() {
    let scene = Scene::new();
    scene.pixel_ratio(1.0);
    scene.show("<img id=a data-upscale=tiny.bpk src=small.png width=120 height=80 alt=>");
    scene.sharp("a");
    let events = scene.events();
    for (width, height) in [(90, 60), (138, 92)] {
        scene.run(&format!("a.width = {width}; a.height = {height}"));
        scene.pause();
        assert_eq!(scene.events(), events, "{width}");
    }
    scene.run("a.width = 180; a.height = 120");
    scene.wait_until("events.some(({ width }) => width === 180)");
    // Zoom: fewer CSS pixels, a higher ratio.
    let metrics = json!({ "width": 400, "height": 300, "deviceScaleFactor": 2, "mobile": false });
    scene
        .chrome
        .cdp("Emulation.setDeviceMetricsOverride", metrics);
    scene.wait_until("events.some(({ width }) => width === 360)");
    // The state stays `sharp`.
    assert_eq!(
        scene.run("return events.map(({ state }) => state)"),
        json!(["loading", "sharp", "sharp", "sharp"])
    );
    assert_eq!(scene.run("return alive.size"), json!(1));
    scene.finish();
}
