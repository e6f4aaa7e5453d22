//! Results that are larger than memory or a canvas, and results in parts.

use serde_json::{Value, json};

use crate::api::{opaque, plain_page, run};
use crate::fixture::{assert_same, tiny_model, upscaled, waves};
use crate::page::to_image;
use crate::site::{Gpu, PLAIN, Visit};

/// Puts parts together: each pixel once.
const ASSEMBLE: &str = "const assemble = (tiles, { width, height }) => {
        const data = new Uint8ClampedArray(4 * width * height);
        let pixels = 0;
        for (const { x, y, image } of tiles) {
            for (let row = 0; row < image.height; row += 1) {
                const start = 4 * ((y + row) * width + x);
                data.set(image.data.subarray(4 * row * image.width, 4 * (row + 1) * image.width), start);
            }
            pixels += image.width * image.height;
        }
        if (pixels !== width * height) throw new Error(`${pixels} pixels for ${width} × ${height}`);
        return { width, height, data };
    };";

#[test]
fn results_can_be_taken_in_parts() {
    let image = opaque(waves(700, 610));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url, options] = arguments;
        window.upscaler ??= await load(model, { engine: 'cpu', workers: 2 });
        const tiles = [];
        let waiting = 0;
        let most = 0;
        const onTile = async (tile) => {
            waiting += 1;
            most = Math.max(most, waiting);
            await new Promise((resolve) => setTimeout(resolve));
            // The memory is used again.
            const { data, width, height } = tile.image;
            tiles.push({ ...tile, image: new ImageData(data.slice(), width, height) });
            waiting -= 1;
        };
        const result = await upscaler.upscale(await fetchBlob(url), { ...options, onTile });
        const { width, height } = result;
        const size = width ? { width, height } : await createImageBitmap(result);
        return { tiles: tiles.length, waiting, most, ...plain(assemble(tiles, size)) };";
    let script = format!("{ASSEMBLE}{script}");
    let run = |options: Value| run(&visit, &script, &[model.clone(), url.clone(), options]);
    let expected = upscaled(&tiny_model(), &image);
    for kind in ["tiles", "imagedata", "blob"] {
        let found = run(json!({ "as": kind }));
        assert!(found["tiles"].as_u64() > Some(1), "{}", found["tiles"]);
        // A worker waits for what it has passed on.
        assert_eq!(found["waiting"], 0);
        assert!(found["most"].as_u64() <= Some(2), "{}", found["most"]);
        assert_same(&to_image(found), &expected);
    }
    let whole = crate::api::run(
        &visit,
        "const [url] = arguments; return plain(await upscaler.upscale(await fetchBlob(url), { width: 901 }));",
        std::slice::from_ref(&url),
    );
    let whole = to_image(whole);
    for kind in ["tiles", "imagedata", "bitmap", "blob"] {
        let found = run(json!({ "as": kind, "width": 901 }));
        assert!(found["tiles"].as_u64() > Some(1), "{}", found["tiles"]);
        assert!(to_image(found) == whole, "{kind}");
    }
    visit.finish();
}

#[test]
fn an_error_of_the_caller_ends_the_call() {
    let (visit, [model, url]) = plain_page(&opaque(waves(31, 22)));
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu', workers: 1 });
        const blob = await fetchBlob(url);
        const onTile = () => { throw new Error('the disk is full'); };
        const failures = [];
        for (const scale of [2, 1.5]) failures.push(await failure(upscaler.upscale(blob, { scale, as: 'tiles', onTile })));
        failures.push(await failure(upscaler.upscale(blob, { as: 'tiles' })));
        const { width } = await upscaler.upscale(blob);
        return { failures, width };";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found["failures"][0]["message"], "the disk is full");
    assert_eq!(found["failures"][1]["message"], "the disk is full");
    assert_eq!(found["failures"][2]["name"], "TypeError");
    assert_eq!(found["width"], 62);
    visit.finish();
}

/// The largest image that can be upscaled, for devices that tell their memory, and those that do not.
#[test]
fn a_device_that_does_not_tell_its_memory_is_not_trusted() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    let script = "const [model, memory, touches] = arguments;
        window.upscaler ??= await load(model);
        Object.defineProperty(navigator, 'deviceMemory', { value: memory ?? undefined, configurable: true });
        Object.defineProperty(navigator, 'maxTouchPoints', { value: touches, configurable: true });
        return failure(upscaler.estimate({ width: 20000, height: 20000 }, { width: 20000 }));";
    for (memory, touches, fits) in [
        (json!(8), 0, "160.0 megapixels"),
        (json!(0.5), 5, "20.0 megapixels"),
        (Value::Null, 0, "80.0 megapixels"),
        (Value::Null, 5, "40.0 megapixels"),
    ] {
        let args = [visit.url("tiny.bpk"), memory, json!(touches)];
        let found = run(&visit, script, &args);
        assert_eq!(found["code"], "too-large");
        let message = found["message"].as_str().unwrap();
        assert!(message.contains(fits), "{message}");
    }
    visit.finish();
}

/// As on iOS before version 18: drawing on a canvas of more than 4096² pixels has no effect.
const SMALL_CANVAS: &str =
    "Object.defineProperty(navigator, 'userAgentData', { value: undefined });
    const { getContext } = OffscreenCanvas.prototype;
    OffscreenCanvas.prototype.getContext = function (...args) {
        const canvas = this.width * this.height > 4096 ** 2 ? new OffscreenCanvas(1, 1) : this;
        return getContext.apply(canvas, args);
    };";

#[test]
fn results_larger_than_a_canvas_are_written_row_by_row_or_refused_before_the_work() {
    let image = waves(60, 48);
    let (visit, [model, url]) = plain_page(&image);
    visit.chrome.run(SMALL_CANVAS, &[]);
    // Random rows of the file, since all of it is 80 MB.
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu' });
        const blob = await fetchBlob(url);
        const refused = {};
        for (const [name, options] of Object.entries({
            jpeg: { as: 'blob', type: 'image/jpeg' },
            bitmap: { as: 'bitmap' },
        })) {
            let tiles = 0;
            const onTile = () => { tiles += 1; };
            refused[name] = await failure(upscaler.upscale(blob, { width: 5000, ...options, onTile }));
            refused[name].tiles = tiles;
            refused[name].estimate = await failure(upscaler.estimate({ width: 60, height: 48 }, { width: 5000, ...options }));
        }
        const png = await upscaler.upscale(blob, { width: 5000, as: 'blob' });
        const image = await upscaler.upscale(blob, { width: 5000 });
        const bitmap = await createImageBitmap(png, { premultiplyAlpha: 'none' });
        // Both through a canvas, which rounds colours where alpha is low.
        const row = async (source, y) => {
            const context = new OffscreenCanvas(image.width, 1).getContext('2d');
            context.drawImage(await createImageBitmap(source, 0, y, image.width, 1), 0, 0);
            return context.getImageData(0, 0, image.width, 1).data;
        };
        let apart = 0;
        for (let y = 0; y < image.height; y += 37) {
            const [found, expected] = [await row(bitmap, y), await row(image, y)];
            found.forEach((value, i) => { apart = Math.max(apart, Math.abs(value - expected[i])); });
        }
        return { refused, type: png.type, size: [bitmap.width, bitmap.height], apart };";
    let found = run(&visit, script, &[model, url]);
    for (kind, name) in [("jpeg", "JPEG"), ("bitmap", "a bitmap")] {
        let refused = &found["refused"][kind];
        assert_eq!(refused["code"], "too-large");
        assert_eq!(refused["tiles"], 0, "refused after work");
        let message = refused["message"].as_str().unwrap();
        assert_eq!(refused["estimate"]["message"], message);
        assert!(
            message.contains("the result has 5000 × 4000 pixels"),
            "{message}"
        );
        let fits = format!("up to 4579 × 3663 pixels (16.8 megapixels) fit into {name} here");
        assert!(message.contains(&fits), "{message}");
    }
    assert_eq!(found["type"], "image/png");
    assert_eq!(found["size"], json!([5000, 4000]));
    assert!(found["apart"].as_u64() <= Some(1), "{}", found["apart"]);
    visit.finish();
}

/// PNG and parts need no memory for the whole result; WebP has a longest side.
#[test]
fn results_larger_than_memory_and_formats() {
    let image = opaque(waves(60, 48));
    let (visit, [model, url]) = plain_page(&image);
    let script = "const [model, url] = arguments;
        Object.defineProperty(navigator, 'deviceMemory', { value: 0.25 });
        const upscaler = await load(model, { engine: 'cpu' });
        const blob = await fetchBlob(url);
        const whole = await failure(upscaler.upscale(blob, { width: 4000 }));
        let pixels = 0;
        const onTile = ({ width, height }) => { pixels += width * height; };
        const size = await upscaler.upscale(blob, { width: 4000, as: 'tiles', onTile });
        const png = await createImageBitmap(await upscaler.upscale(blob, { width: 4000, as: 'blob' }));
        const limits = [];
        for (const type of ['image/webp', 'image/jpeg', 'image/png']) {
            limits.push(await failure(upscaler.estimate({ width: 7000, height: 10 }, { width: 70000, as: 'blob', type })));
        }
        return { whole, pixels, size, png: [png.width, png.height], limits };";
    let found = run(&visit, script, &[model, url]);
    assert_eq!(found["whole"]["code"], "too-large");
    assert_eq!(found["size"], json!({ "width": 4000, "height": 3200 }));
    assert_eq!(found["pixels"], 4000 * 3200);
    assert_eq!(found["png"], json!([4000, 3200]));
    for (i, fits) in [(0, "16383 × 23"), (1, "65535 × 93")] {
        let message = found["limits"][i]["message"].as_str().unwrap();
        assert!(message.contains(fits), "{message}");
    }
    assert_eq!(found["limits"][2], "nothing failed");
    visit.finish();
}
