//! How an upscaled image is shown.

use serde_json::json;

use super::{OWN, Scene};
use crate::fixture::{png, waves};

#[test]
fn an_image_is_upscaled_in_place() {
    let scene = Scene::new();
    scene.show(
        "<h1>Words before</h1><img id=a data-upscale src=small.png width=240 height=160 alt=Waves>
        <p>Words after</p>",
    );
    scene.wait_until("document.querySelector('#a').complete");
    let before = scene.chrome.screenshot();
    assert_eq!(scene.sharp("a"), [240, 160]);
    let img = scene.run(
        "const { src, alt, dataset, naturalWidth, currentSrc } = document.querySelector('#a');
        return { src, alt, state: dataset.upscaleState, naturalWidth, same: src === currentSrc }",
    );
    let src = scene.server.url(&format!("{OWN}small.png"));
    assert_eq!(
        img,
        json!({ "src": src, "alt": "Waves", "state": "sharp", "naturalWidth": 60, "same": true })
    );
    let after = scene.chrome.screenshot();
    assert!(before != after, "nothing has changed on the screen");
    // The alternative text stays.
    let tree = scene.chrome.cdp("Accessibility.getFullAXTree", json!({}));
    assert!(tree.to_string().contains("Waves"));
    // Nothing but the image has changed.
    scene.run("document.querySelector('#a').style.content = ''");
    let small = scene.chrome.screenshot();
    let [before, small] = [before, small].map(|png| image::load_from_memory(&png).unwrap());
    assert!(before == small, "something else has changed, too");
    scene.finish();
}

#[test]
fn nothing_begins_before_the_largest_paint() {
    let scene = Scene::new();
    scene.file("large.png", &png(&waves(400, 300)));
    scene.file(
        "late.js",
        b"addEventListener('load', () => setTimeout(() => { late.src = 'large.png' }, 300))",
    );
    scene.show(
        "<img id=a data-upscale src=small.png width=90 height=60 alt=>
        <img id=late width=400 height=300 alt=><script src=late.js></script>",
    );
    scene.sharp("a");
    let [late, loading, library] = [
        "paints.find(({ element }) => element?.id === 'late').startTime",
        "events[0].at",
        "performance.getEntriesByType('resource').find(({ name }) => name.includes('/assets/uprez-')).startTime",
    ]
    .map(|moment| scene.run(&format!("return {moment}")).as_f64().unwrap());
    assert!(
        late < loading && loading < library,
        "{late}, {loading}, {library}"
    );
    scene.finish();
}

#[test]
fn one_at_a_time_and_the_nearest_first() {
    let scene = Scene::new();
    // All of them are near the viewport, which starts at the last one.
    let img = |id: &str| {
        format!(
            "<p><img id={id} data-upscale=tiny.bpk src=small.png width=240 height=160 alt=></p>"
        )
    };
    let page = format!("{}{}{}<p class=far></p>", img("a"), img("b"), img("c"));
    scene.beforehand("addEventListener('DOMContentLoaded', () => c.scrollIntoView())");
    scene.show(&page);
    for id in ["a", "b", "c"] {
        scene.sharp(id);
    }
    let order = scene.run("return events.map(({ id, state }) => `${id} ${state}`)");
    let expected =
        ["c", "b", "a"].map(|id| ["loading", "sharp"].map(|state| format!("{id} {state}")));
    assert_eq!(order, json!(expected.concat()));
    scene.finish();
}

#[test]
fn the_size_is_the_displayed_size_of_the_whole_image() {
    let scene = Scene::new();
    scene.pixel_ratio(2.0);
    let img = |class: &str| {
        format!("<p><img id={class} class={class} data-upscale=tiny.bpk src=small.png alt=></p>")
    };
    let classes = ["auto", "wide", "cover", "contain", "none"];
    scene.show(&classes.map(img).concat());
    // 60 × 40 pixels, at two device pixels per CSS pixel.
    for (class, expected) in [
        ("auto", [120, 80]),
        ("wide", [800, 533]),
        ("cover", [400, 267]),
        ("contain", [300, 200]),
        ("none", [120, 80]),
    ] {
        assert_eq!(scene.sharp(class), expected, "{class}");
    }
    let boxes = scene.run(
        "return [...document.images].map((img) => {
            const { width, height } = img.getBoundingClientRect();
            return [width, height].map((side) => side.toFixed(1)).join(' × ');
        })",
    );
    let sides = [
        "60.0 × 40.0",
        "400.0 × 266.7",
        "200.0 × 100.0",
        "200.0 × 100.0",
        "200.0 × 100.0",
    ];
    assert_eq!(boxes, json!(sides));
    scene.finish();
}

#[test]
fn an_element_of_its_own_and_one_around_an_img() {
    let scene = Scene::new();
    // The created <img> takes up room late, so nothing may follow it.
    scene.show(
        "<p><uprez-img id=around model=tiny.bpk><picture><source srcset=small.png>
            <img src=nowhere.png width=120 height=80 alt=Inside></picture></uprez-img>
        <p><uprez-img id=own model=tiny.bpk src=small.png width=150 height=100 alt=Made></uprez-img>",
    );
    assert_eq!(scene.sharp("around"), [120, 80]);
    let event = scene.run(
        "return new Promise((resolve) => {
            const tell = () => resolve([own.matches(':state(sharp)'), own.matches(':state(loading)')]);
            if (own.getAttribute('state') === 'sharp') tell();
            else own.addEventListener('uprez-sharp', tell);
        })",
    );
    assert_eq!(event, json!([true, false]));
    let img = "const { src, alt, width, height } = own.img;
        return [src.split('/').at(-1), alt, width, height, own.contains(own.img)]";
    assert_eq!(scene.run(img), json!(["small.png", "Made", 150, 100, true]));
    // Changed attributes are copied to the <img>, which is upscaled again.
    scene.run("own.setAttribute('alt', 'Other'); own.setAttribute('width', 300); own.setAttribute('height', 200)");
    scene.wait_until("events.some(({ width }) => width === 300)");
    assert_eq!(scene.run("return own.img.alt"), json!("Other"));
    scene.run("own.setAttribute('src', 'record.js')");
    scene.wait_until("!own.hasAttribute('state') && !own.matches(':state(sharp)')");
    assert_eq!(
        scene.run("own.remove(); around.remove(); await 0; return alive.size"),
        json!(0)
    );
    scene.finish();
}

#[test]
fn importing_it_without_a_document_does_nothing() {
    let scene = Scene::new();
    scene.show("");
    scene.file(
        "server.js",
        b"import('/uprez/element.js').then(({ UprezImg }) => postMessage(typeof UprezImg))",
    );
    // A worker has no document, like a server.
    let script = "return new Promise((resolve, reject) => {
        const worker = new Worker('server.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
    })";
    assert_eq!(scene.run(script), json!("function"));
    scene.finish();
}

/// A script that replaces upscaling: it passes on the upper half of a red result, and waits until that is shown.
const HALF: &str = "import { Upscaler } from '/uprez/uprez.js';
    Upscaler.prototype.estimate = async () => ({ ms: 0 });
    Upscaler.prototype.upscale = async (source, { width, height, signal, onTile }) => {
        window.hasTiles = Boolean(onTile);
        const context = new OffscreenCanvas(width, height).getContext('2d');
        context.fillStyle = 'red';
        context.fillRect(0, 0, width, height);
        const half = { x: 0, y: 0, width, height: height / 2 };
        onTile?.({ ...half, image: context.getImageData(0, 0, width, half.height) });
        const img = document.querySelector('[data-upscale-state=loading]');
        while (onTile && !img.style.content) await new Promise((resolve) => setTimeout(resolve, 10));
        window.partial = { content: img.style.content, state: img.dataset.upscaleState };
        const shown = new Image();
        shown.src = /url\\(\"(.*?)\"/.exec(img.style.content)?.[1];
        if (onTile) await shown.decode();
        context.drawImage(img, 0, 0, width, height);
        if (onTile) context.drawImage(shown, 0, 0, width, height);
        const colour = (y) => Array.from(context.getImageData(width / 2, y, 1, 1).data);
        Object.assign(partial, { top: colour(5), bottom: colour(height - 5) });
        if (window.fails) throw new Error('it failed');
        return await context.canvas.convertToBlob();
    };";

#[test]
fn parts_are_shown_while_the_state_is_still_loading() {
    let scene = Scene::new();
    scene.file("half.js", HALF.as_bytes());
    // A blue image.
    let blue = image::RgbaImage::from_pixel(60, 40, image::Rgba([0, 0, 255, 255]));
    scene.file("blue.png", &png(&blue));
    // Of different sizes, as results are kept.
    let mut width = 120;
    for (fails, end) in [(false, "sharp"), (true, "skipped")] {
        scene.beforehand(&format!("window.fails = {fails};"));
        for html in [
            "<img id=a data-upscale=tiny.bpk data-upscale-progressive src=blue.png WIDTH alt=>",
            "<uprez-img id=a progressive model=tiny.bpk src=blue.png WIDTH alt=></uprez-img>",
        ] {
            width += 30;
            let size = format!("width={width} height={}", width * 2 / 3);
            let html = html.replace("WIDTH", &size);
            scene.show(&format!("<script type=module src=half.js></script>{html}"));
            scene.wait_for("a", end);
            let partial = scene.run("return partial");
            assert_eq!(partial["state"], "loading");
            let [top, bottom] = ["top", "bottom"].map(|place| {
                let colour = &partial[place];
                [0, 2].map(|channel| colour[channel].as_u64().unwrap())
            });
            assert!(top[0] > 200 && top[1] < 60, "{partial}");
            assert!(bottom[0] < 60 && bottom[1] > 200, "{partial}");
            let content = "const img = document.querySelector('img'); return img.style.content";
            let is_shown = scene.run(content) != json!("");
            assert_eq!(is_shown, end == "sharp");
            // Images in between are freed.
            let alive = scene.run("return alive.size");
            assert_eq!(alive, json!(u8::from(is_shown)));
        }
    }
    // Only when asked for.
    scene.beforehand("window.fails = false;");
    scene.show(
        "<script type=module src=half.js></script>
        <img id=a data-upscale=tiny.bpk src=blue.png width=240 height=160 alt=>",
    );
    scene.sharp("a");
    assert_eq!(scene.run("return hasTiles"), json!(false));
    assert_eq!(scene.run("return partial.content"), json!(""));
    scene.finish();
}

/// With the library itself.
#[test]
fn progressive_images_become_sharp() {
    let scene = Scene::new();
    scene.file("large.png", &png(&waves(500, 400)));
    scene.show(
        "<p><img id=a data-upscale=tiny.bpk data-upscale-progressive src=large.png width=750 height=600 alt=>",
    );
    assert_eq!(scene.sharp("a"), [750, 600]);
    assert_eq!(scene.run("return alive.size"), json!(1));
    scene.finish();
}
