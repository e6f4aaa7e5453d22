//! The main paths of module and element.

use serde_json::json;

use super::{Kind, turned_jpeg};
use crate::any_browser::Visit;
use crate::api::opaque;
use crate::fixture::{assert_same, png, png_without_alpha, tiny_model, upscaled, waves};
use crate::page::{PATIENCE, to_image};
use crate::site::{FILES, Opened, PAGE, PLAIN, POLICY};
use crate::target::resized;

/// Largest mean difference between pixels before and after encoding, of 255.
const MEAN_LOSS: f64 = 2.0;

pub fn the_module_computes_the_native_pixels(kind: Kind) {
    let visit = kind.open(PLAIN);
    let model = visit.url("tiny.bpk", &tiny_model());
    let (jpeg, upright) = turned_jpeg();
    let script = "const [model, url, engine, target] = arguments;
        const upscaler = await load(model, { engine });
        const image = await upscaler.upscale(await fetchBlob(url), target);
        return { engine: upscaler.engine, ...plain(image) };";
    let large = opaque(waves(301, 210));
    for (file, image, target) in [
        (png(&waves(67, 43)), &waves(67, 43), None),
        // More than one tile.
        (png_without_alpha(&large), &large, None),
        (jpeg, &upright, None),
        (png_without_alpha(&large), &large, Some([473, 330])),
    ] {
        let (target, expected) = match target {
            None => (json!({}), upscaled(&tiny_model(), image)),
            Some([width, height]) => {
                let target = json!({ "width": width, "height": height });
                (target, resized(image, 1, width, height))
            }
        };
        let url = visit.url("image", &file);
        let found = visit.run(script, &[model.clone(), url, json!(kind.engine()), target]);
        assert_eq!(found["engine"], kind.engine());
        assert_same(&to_image(found), &expected);
    }
    visit.finish();
}

pub fn the_module_encodes_what_the_browser_can(kind: Kind) {
    let visit = kind.open(PLAIN);
    let image = opaque(waves(40, 28));
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("image.png", &png_without_alpha(&image)),
    ];
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        const results = {};
        for (const type of ['image/png', 'image/jpeg', 'image/webp']) {
            const result = upscaler.upscale(await fetchBlob(url), { width: 60, as: 'blob', type });
            results[type] = await result.then(
                async (blob) => ({ type: blob.type, bytes: Array.from(new Uint8Array(await blob.arrayBuffer())) }),
                ({ code, message }) => ({ code, message }),
            );
        }
        return results;";
    let found = visit.run(script, &urls);
    for kind_of_file in ["image/png", "image/jpeg", "image/webp"] {
        let result = &found[kind_of_file];
        if kind_of_file == "image/webp" && !kind.encodes_webp() {
            assert_eq!(result["code"], "no-encoder", "{result}");
            continue;
        }
        assert_eq!(result["type"], kind_of_file, "{}", result["message"]);
        let bytes: Vec<u8> = serde_json::from_value(result["bytes"].clone()).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap().into_rgba8();
        assert_eq!(decoded.dimensions(), (60, 42));
        if kind_of_file == "image/png" {
            assert_same(&decoded, &resized(&image, 1, 60, 42));
        }
    }
    visit.finish();
}

pub fn the_element_shows_the_native_pixels(kind: Kind) {
    let policy = format!("{POLICY}; img-src 'self' blob:");
    let dist = xtask::dist::folder().unwrap();
    let visit = Visit::at(dist, &policy, PLAIN, |downloads| kind.start(downloads));
    let image = opaque(waves(120, 80));
    visit.file("small.png", &png_without_alpha(&image));
    visit.file("tiny.bpk", &tiny_model());
    visit.file(
        "style.css",
        b"body { margin: 0 } img { vertical-align: top }",
    );
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Third-party page</title>
        <link rel=stylesheet href=style.css><script type=module src={PAGE}element.js></script>
        <body><img id=a data-upscale=tiny.bpk src=small.png width=240 height=160 alt=Waves>"
    );
    visit.file("page.html", page.as_bytes());
    visit.go(&format!("{FILES}page.html"));
    let settled = "document.querySelector('#a').dataset.upscaleState === 'sharp'
        || document.querySelector('#a').dataset.upscaleReason";
    visit.session().wait_until(settled, PATIENCE);
    let script = "const { dataset, currentSrc } = document.querySelector('#a');
        return { ...dataset, currentSrc, ratio: devicePixelRatio };";
    let found = visit.run(script, &[]);
    assert_eq!(found["upscaleState"], "sharp", "{found}");
    assert_eq!(
        found["ratio"],
        json!(1),
        "the screenshot's pixels are CSS pixels"
    );
    let expected = upscaled(&tiny_model(), &image);
    let difference = || {
        let screenshot = image::load_from_memory(&visit.session().screenshot()).unwrap();
        let shown = screenshot.crop_imm(0, 0, 240, 160).into_rgba8();
        let apart = shown.iter().zip(expected.iter());
        let sum: u64 = apart.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / expected.len() as f64
    };
    // The result may be shown a frame later. It is encoded: with losses where the browser encodes WebP.
    let frames = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        difference()
    });
    let after = frames.take_while(|after| *after > MEAN_LOSS).count();
    let after = if after < 100 {
        difference()
    } else {
        f64::INFINITY
    };
    visit.run("document.querySelector('#a').style.content = ''", &[]);
    let before = difference();
    println!("mean difference {after} of 255 after, {before} before");
    assert!(
        after <= MEAN_LOSS,
        "{after}/255 apart; without the element {before}"
    );
    assert!(
        before > 2.0 * MEAN_LOSS,
        "the small image has nearly the same pixels: {before}"
    );
    visit.finish();
}
