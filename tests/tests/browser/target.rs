//! Target sizes, and types of results.

use engine::image::Resizer;
use image::{Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::api::{opaque, plain_page, run};
use crate::fixture::{assert_same, tiny_model, upscaled, waves};
use crate::page::to_image;

/// The expected result of an image that passes through the small model `passes` times.
pub fn resized(image: &RgbaImage, passes: usize, width: u32, height: u32) -> RgbaImage {
    let mut image = image.clone();
    for _ in 0..passes {
        image = upscaled(&tiny_model(), &image);
    }
    let sides = |image: &RgbaImage| [image.width() as usize, image.height() as usize];
    let mut resizer = Resizer::new(sides(&image), [width as usize, height as usize]);
    RgbaImage::from_raw(width, height, resizer.push(image.as_raw())).unwrap()
}

#[test]
fn results_have_the_size_that_was_asked_for() {
    let image = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&image);
    let cases = [
        (json!({}), 1, [62, 44]),
        (json!({ "scale": 1.5 }), 1, [47, 33]),
        (json!({ "scale": 0.5 }), 1, [16, 11]),
        (json!({ "scale": 3.7 }), 2, [115, 81]),
        (json!({ "scale": 6 }), 2, [186, 132]),
        (json!({ "width": 50 }), 1, [50, 35]),
        (json!({ "height": 44 }), 1, [62, 44]),
        (json!({ "width": 40, "height": 40 }), 1, [40, 28]),
        (
            json!({ "width": 40, "height": 40, "fit": "outside" }),
            1,
            [56, 40],
        ),
        (
            json!({ "width": 40, "height": 70, "fit": "fill" }),
            2,
            [40, 70],
        ),
    ];
    let script = "const [model, url, target] = arguments;
        window.upscaler ??= await load(model, { engine: 'cpu', workers: 2 });
        const blob = await fetchBlob(url);
        const { ms, ...size } = await upscaler.estimate(await createImageBitmap(blob), target);
        return { ms, size, ...plain(await upscaler.upscale(blob, target)) };";
    for (target, passes, [width, height]) in cases {
        let found = run(
            &visit,
            script,
            &[model.clone(), url.clone(), target.clone()],
        );
        let size = json!({ "width": width, "height": height, "passes": passes });
        assert_eq!(found["size"], size, "{target}");
        assert!(
            found["ms"].as_f64() > Some(0.0),
            "{target}: {}",
            found["ms"]
        );
        assert_same(&to_image(found), &resized(&image, passes, width, height));
    }
    visit.finish();
}

#[test]
fn resizing_does_not_depend_on_tiles() {
    let image = opaque(waves(700, 610));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu', workers: 3 });
        let total;
        const onProgress = (progress) => { total = progress.total; };
        const image = await upscaler.upscale(await fetchBlob(url), { width: 901, onProgress });
        return { total, ...plain(image) };";
    let found = run(&visit, script, &[model, url]);
    assert!(found["total"].as_u64() > Some(2), "{}", found["total"]);
    assert_same(&to_image(found), &resized(&image, 1, 901, 785));
    visit.finish();
}

#[test]
fn results_are_pixels_bitmaps_or_files() {
    let image = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url, options] = arguments;
        window.upscaler ??= await load(model, { engine: 'cpu' });
        const result = await upscaler.upscale(await fetchBlob(url), options);
        const bitmap = await createImageBitmap(result);
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
        return { is: result.constructor.name, type: result.type ?? null, ...plain(image) };";
    for (options, is, kind, exact) in [
        (json!({ "as": "imagedata" }), "ImageData", None, true),
        (json!({ "as": "bitmap" }), "ImageBitmap", None, true),
        (json!({ "as": "blob" }), "Blob", Some("image/png"), true),
        (
            json!({ "as": "blob", "type": "image/jpeg", "quality": 1 }),
            "Blob",
            Some("image/jpeg"),
            false,
        ),
        (
            json!({ "as": "blob", "type": "image/webp", "quality": 1 }),
            "Blob",
            Some("image/webp"),
            false,
        ),
    ] {
        for (scale, width, height) in [(2.0, 62, 44), (1.5, 47, 33)] {
            let mut options = options.clone();
            options["scale"] = json!(scale);
            let found = run(
                &visit,
                script,
                &[model.clone(), url.clone(), options.clone()],
            );
            assert_eq!(found["is"], is, "{options}");
            assert_eq!(found["type"], json!(kind), "{options}");
            let expected = resized(&image, 1, width, height);
            match exact {
                true => assert_same(&to_image(found), &expected),
                false => assert_alike(&to_image(found), &expected),
            }
        }
    }
    visit.finish();
}

/// Asserts that two images are similar, as after lossy compression.
fn assert_alike(found: &RgbaImage, expected: &RgbaImage) {
    assert_eq!(found.dimensions(), expected.dimensions());
    let pairs = found.iter().zip(expected.iter());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = sum as f64 / expected.len() as f64;
    assert!(mean < 12.0, "{mean} of 255 apart on average");
}

#[test]
fn transparent_pixels_cause_no_fringes_and_no_black_in_jpeg() {
    // White on the left; transparent black on the right.
    let image = RgbaImage::from_fn(40, 30, |x, _| match x < 20 {
        true => Rgba([255; 4]),
        false => Rgba([0; 4]),
    });
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url, kind] = arguments;
        window.upscaler ??= await load(model, { engine: 'cpu' });
        const blob = await fetchBlob(url);
        const img = Object.assign(new Image(), { src: url });
        await img.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 });
        const context = canvas.getContext('2d');
        context.drawImage(img, 0, 0);
        const data = context.getImageData(0, 0, 40, 30);
        const source = { blob, img, canvas, data }[kind];
        if (kind !== 'data') return plain(await upscaler.upscale(source, { scale: 1.5 }));
        const jpeg = await upscaler.upscale(source, { as: 'blob', type: 'image/jpeg', scale: 1.5 });
        const bitmap = await createImageBitmap(jpeg);
        context.drawImage(bitmap, 0, 0);
        return plain(context.getImageData(0, 0, 40, 30));";
    for kind in ["blob", "img", "canvas", "data"] {
        let found = to_image(run(
            &visit,
            script,
            &[model.clone(), url.clone(), json!(kind)],
        ));
        let seen = found.pixels().filter(|pixel| pixel[3] > 8);
        let darkest = seen.map(|pixel| pixel[0].min(pixel[1])).min();
        assert!(darkest > Some(200), "{kind}: {darkest:?}");
    }
    visit.finish();
}

#[test]
fn invalid_options_are_refused() {
    let (visit, [model, url]) = plain_page(&waves(9, 9));
    let script = "const [model, url, options] = arguments;
        window.upscaler ??= await load(model);
        if (options.size) return failure(upscaler.estimate(options.size, options.target));
        return failure(upscaler.upscale(await fetchBlob(url), options));";
    let refused = |options: Value| run(&visit, script, &[model.clone(), url.clone(), options]);
    for options in [
        json!({ "scale": 0 }),
        json!({ "scale": "large" }),
        json!({ "width": -3 }),
        json!({ "scale": 2, "width": 30 }),
        json!({ "width": 30, "fit": "cover" }),
        json!({ "as": "file" }),
        json!({ "priority": "now" }),
    ] {
        assert_eq!(refused(options.clone())["name"], "TypeError", "{options}");
    }
    let vast = json!({ "size": { "width": 60000, "height": 50000 }, "target": { "width": 2048 } });
    for (options, code, text) in [
        (vast, "too-large", "up to 13856 × 11547 pixels"),
        (
            json!({ "scale": 10000 }),
            "too-large",
            "can be upscaled here by 10000",
        ),
        (
            json!({ "width": 100000 }),
            "too-large",
            "12649 × 12649 pixels",
        ),
        (
            json!({ "as": "blob", "type": "image/x-none" }),
            "no-encoder",
            "image/png",
        ),
    ] {
        let found = refused(options.clone());
        assert_eq!(found["code"], code, "{options}");
        let message = found["message"].as_str().unwrap();
        assert!(message.contains(text), "{message}");
    }
    visit.finish();
}

#[test]
fn urls_and_video_frames_are_sources() {
    let image = opaque(waves(31, 22));
    let (visit, [model, url]) = plain_page(&image);
    let expected = upscaled(&tiny_model(), &image);
    let script = "const [model, url, kind] = arguments;
        window.upscaler ??= await load(model);
        const sources = { string: url, url: new URL(url), frame: new VideoFrame(
            await createImageBitmap(await fetchBlob(url)), { timestamp: 0 }) };
        return plain(await upscaler.upscale(sources[kind]));";
    for kind in ["string", "url", "frame"] {
        let found = run(&visit, script, &[model.clone(), url.clone(), json!(kind)]);
        assert_same(&to_image(found), &expected);
    }
    let script = "return failure(upscaler.upscale('/nowhere.png'));";
    assert_eq!(run(&visit, script, &[])["code"], "no-image");
    visit.finish();
}
