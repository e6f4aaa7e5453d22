//! The module in Firefox, whose JavaScript engine is independent of Chromium: results of the CPU engine.
//!
//! Firefox runs scripts of WebDriver in a sandbox with its own globals: a `Uint8Array` created there is not an instance
//! of the page's `Uint8Array`.

use image::metadata::Orientation;
use serde_json::{Value, json};
use tests::firefox::Firefox;

use crate::any_browser::Visit;
use crate::api::opaque;
use crate::fixture::{
    assert_same, blocks_jpeg, png, png_without_alpha, tiny_model, upscaled, waves,
    with_orientation, without_graph,
};
use crate::page::to_image;
use crate::site::PLAIN;

/// Opens [`PLAIN`], with WebGPU (if any, in software) or without.
fn open(webgpu: bool) -> Visit {
    open_with(&[
        ("dom.webgpu.enabled", json!(webgpu)),
        ("gfx.webgpu.ignore-blocklist", json!(webgpu)),
    ])
}

/// The same with preferences of `about:config`.
fn open_with(preferences: &[(&str, Value)]) -> Visit {
    Visit::new(PLAIN, |downloads| {
        Box::new(Firefox::start(preferences, downloads))
    })
}

#[test]
fn firefox_computes_the_native_pixels_with_alpha_and_without() {
    let visit = open(false);
    let jpeg = blocks_jpeg();
    let mut turned = image::load_from_memory(&jpeg).unwrap();
    turned.apply_orientation(Orientation::from_exif(6).unwrap());
    for (file, image) in [
        (png(&waves(67, 43)), waves(67, 43)),
        // More than one tile.
        (
            png_without_alpha(&opaque(waves(301, 210))),
            opaque(waves(301, 210)),
        ),
        (with_orientation(&jpeg, 6), turned.into_rgba8()),
        (png(&waves(1, 1)), waves(1, 1)),
    ] {
        let script = "const [url] = arguments;
            const upscaler = await load('fast-x2', { engine: 'cpu' });
            return plain(await upscaler.upscale(await fetchBlob(url)));";
        let found = visit.run(script, &[visit.url("image", &file)]);
        let expected = upscaled(&tests::shipped("fast-x2").unwrap(), &image);
        assert_same(&to_image(found), &expected);
    }
    visit.finish();
}

#[test]
fn firefox_supports_every_kind_of_source() {
    let visit = open(false);
    let image = opaque(waves(31, 22));
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("image.png", &png_without_alpha(&image)),
    ];
    let script = "const [model, url] = arguments;
        const bitmap = await createImageBitmap(await fetchBlob(url));
        const { width, height } = bitmap;
        const canvas = Object.assign(document.createElement('canvas'), { width, height });
        const context = canvas.getContext('2d');
        context.drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(width, height);
        offscreen.getContext('2d').drawImage(bitmap, 0, 0);
        const img = Object.assign(new Image(), { src: url });
        const data = context.getImageData(0, 0, width, height);
        const upscaler = await load(await fetchBlob(model), { engine: 'cpu' });
        const results = [];
        for (const source of [bitmap, canvas, offscreen, img, data]) {
            results.push(plain(await upscaler.upscale(source)));
        }
        return results;";
    let found = visit.run(script, &urls);
    let expected = upscaled(&tiny_model(), &image);
    let results = found.as_array().unwrap();
    assert_eq!(results.len(), 5);
    for result in results {
        assert_same(&to_image(result.clone()), &expected);
    }
    visit.finish();
}

#[test]
fn firefox_computes_the_same_with_any_number_of_workers() {
    let visit = open(false);
    let url = visit.url("image.png", &png_without_alpha(&opaque(waves(530, 310))));
    let script = "const [url] = arguments;
        const blob = await fetchBlob(url);
        let started = 0;
        const Original = window.Worker;
        window.Worker = class extends Original {
            constructor(...args) { super(...args); started += 1; }
        };
        const results = [];
        for (const workers of [1, 2, 3]) {
            started = 0;
            const upscaler = await load('fast-x2', { engine: 'cpu', workers });
            const { data } = await upscaler.upscale(blob);
            upscaler.dispose();
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
            results.push([started, workers, Array.from(hash).join()]);
        }
        return results;";
    let found = visit.run(script, &[url]);
    let results = found.as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        assert_eq!(result[0], result[1], "as many workers as were asked for");
        assert_eq!(result[2], results[0][2], "{found}");
    }
    visit.finish();
}

#[test]
fn firefox_rejects_at_once_on_abort_and_stays_usable() {
    let visit = open(false);
    let image = waves(30, 20);
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("small.png", &png(&image)),
        visit.url("large.png", &png(&waves(2000, 1500))),
    ];
    let script = "const [model, small, large] = arguments;
        const upscaler = await load(model, { engine: 'cpu' });
        const [smallBlob, largeBlob] = [await fetchBlob(small), await fetchBlob(large)];
        const controller = new AbortController();
        let reached = 0, whole, order = [];
        const error = await failure(upscaler.upscale(largeBlob, {
            signal: controller.signal,
            onProgress: ({ done, total }) => {
                [reached, whole] = [done, total];
                if (done !== 3) return;
                setTimeout(() => order.push('next task'));
                controller.abort();
            },
        }));
        order.push('rejected');
        return { error, reached, whole, order, ...plain(await upscaler.upscale(smallBlob)) };";
    let found = visit.run(script, &urls);
    assert_eq!(found["error"]["name"], "AbortError", "{}", found["error"]);
    assert_eq!(found["reached"], 3);
    assert!(found["whole"].as_u64() > Some(8), "{}", found["whole"]);
    assert_eq!(found["order"][0], "rejected", "{}", found["order"]);
    assert_same(&to_image(found), &upscaled(&tiny_model(), &image));
    visit.finish();
}

#[test]
fn firefox_falls_back_to_the_cpu_and_reports_errors() {
    // A software GPU is not used automatically.
    for webgpu in [true, false] {
        let visit = open(webgpu);
        let has = visit.run("return navigator.gpu !== undefined", &[]);
        assert_eq!(has, json!(webgpu));
        let script = "const upscaler = await load('fast-x2');
            return [upscaler.engine, await failure(upscaler.upscale(new Blob(['text'])))];";
        let found = visit.run(script, &[]);
        assert_eq!(found[0], "cpu", "navigator.gpu: {webgpu}");
        assert_eq!(found[1]["code"], "not-an-image", "{found}");
        visit.finish();
    }
    let visit = open(false);
    let script = "return await failure(load('fast-x2', { engine: 'webgpu' }));";
    let found = visit.run(script, &[]);
    assert_eq!(found["code"], "no-webgpu", "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("no WebGPU"), "{message}");
    visit.finish();
}

#[test]
fn firefox_runs_burns_operators() {
    let visit = open(false);
    let model = without_graph(tiny_model());
    let urls = [
        visit.url("model.bpk", &model),
        visit.url("image.png", &png(&waves(70, 45))),
    ];
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'cpu' });
        return { engine: upscaler.engine, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
    let found = visit.run(script, &urls);
    assert_eq!(found["engine"], "burn-cpu");
    assert_same(&to_image(found), &upscaled(&model, &waves(70, 45)));
    visit.finish();
}

/// As in Tor Browser and LibreWolf.
#[test]
fn firefox_that_resists_fingerprinting_upscales_files_and_refuses_canvases() {
    let visit = open_with(&[("privacy.resistFingerprinting", json!(true))]);
    let image = opaque(waves(67, 43));
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("image.png", &png_without_alpha(&image)),
    ];
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        const img = Object.assign(new Image(), { src: url });
        await img.decode();
        return {
            drawn: await failure(upscaler.upscale(img)),
            encoded: await failure(upscaler.upscale(url, { as: 'blob' })),
            ...plain(await upscaler.upscale(await fetchBlob(url))),
        };";
    let found = visit.run(script, &urls);
    for name in ["drawn", "encoded"] {
        assert_eq!(found[name]["code"], "no-pixels", "{}", found[name]);
    }
    assert_same(&to_image(found), &upscaled(&tiny_model(), &image));
    visit.finish();
}

/// Parts, files that are written row by row, metadata, and what Firefox's canvases can hold.
#[test]
fn firefox_delivers_parts_large_files_and_metadata() {
    let visit = open(false);
    let image = opaque(waves(700, 610));
    let urls = [
        visit.url("tiny.bpk", &tiny_model()),
        visit.url("large.png", &png_without_alpha(&image)),
        visit.url("small.png", &png_without_alpha(&opaque(waves(31, 22)))),
        visit.url("photo.jpg", &crate::metadata::photograph()),
    ];
    let script = "const [model, large, small, photo] = arguments;
        const upscaler = await load(await fetchBlob(model), { engine: 'cpu' });
        let [tiles, pixels] = [0, 0];
        const onTile = ({ image }) => {
            tiles += 1;
            pixels += image.data.length / 4;
        };
        const size = await upscaler.upscale(await fetchBlob(large), { as: 'tiles', onTile });
        const limits = [];
        for (const [type, width] of [['image/jpeg', 70000], ['image/webp', 20000], ['image/png', 70000]]) {
            limits.push(await failure(upscaler.estimate({ width, height: 10 }, { width, as: 'blob', type })));
        }
        const holds = (side) => {
            const context = new OffscreenCanvas(side, 1).getContext('2d');
            context.fillRect(side - 1, 0, 1, 1);
            return context.getImageData(side - 1, 0, 1, 1).data[3] === 255;
        };
        const side = [65535, 32767].find((side) => { try { return holds(side); } catch { return false; } });
        const kept = await upscaler.upscale(await fetchBlob(photo), { as: 'blob', metadata: 'keep' });
        const text = new TextDecoder('latin1').decode(await kept.arrayBuffer());
        const blob = await fetchBlob(small);
        const whole = await upscaler.upscale(blob, { width: 400 });
        // Less memory than the result needs.
        Object.defineProperty(navigator, 'deviceMemory', { value: 0.001 });
        const refused = await failure(upscaler.upscale(blob, { width: 400 }));
        const file = await upscaler.upscale(blob, { width: 400, as: 'blob' });
        const context = new OffscreenCanvas(whole.width, whole.height).getContext('2d');
        context.drawImage(await createImageBitmap(file), 0, 0);
        const found = context.getImageData(0, 0, whole.width, whole.height);
        const same = found.data.every((value, i) => value === whole.data[i]);
        return {
            tiles, pixels, size, limits, side, same, refused,
            kept: [text.includes('Camera'), text.includes('Somebody'), text.includes('LATITUDE')],
        };";
    let found = visit.run(script, &urls);
    assert!(found["tiles"].as_u64() > Some(1), "{found}");
    assert_eq!(found["pixels"], 1400 * 1220);
    assert_eq!(found["size"], json!({ "width": 1400, "height": 1220 }));
    // Firefox's canvases differ by version.
    let side = &found["side"];
    for (i, fits) in [
        (0, format!("up to {side} × ")),
        (1, "up to 16383 × 8".into()),
    ] {
        let message = found["limits"][i]["message"].as_str().unwrap_or_default();
        assert!(message.contains(&fits), "{side}: {}", found["limits"]);
    }
    assert_eq!(found["limits"][2], "nothing failed");
    assert_eq!(found["refused"]["code"], "too-large");
    assert_eq!(found["same"], true);
    assert_eq!(found["kept"], json!([true, true, false]));
    visit.finish();
}

/// Where Firefox's canvases have Display P3, it is converted or kept; elsewhere the error says so.
#[test]
fn firefox_takes_no_display_p3_for_srgb() {
    let visit = open(false);
    let urls = [visit.url("tiny.bpk", &tiny_model())];
    let script = "const [model] = arguments;
        const upscaler = await load(await fetchBlob(model), { engine: 'cpu' });
        const image = new ImageData(new Uint8ClampedArray(4 * 8 * 8), 8, 8, { colorSpace: 'display-p3' });
        for (let i = 0; i < image.data.length; i += 4) image.data.set([204, 102, 51, 255], i);
        const converted = await upscaler.upscale(image);
        const kept = await upscaler.upscale(image, { colorSpace: 'display-p3' }).catch((error) => error);
        const middle = ({ data }) => Array.from(data.slice(4 * 120, 4 * 120 + 3));
        return {
            space: image.colorSpace ?? 'srgb',
            converted: middle(converted),
            kept: kept.code ?? middle(kept),
        };";
    let found = visit.run(script, &urls);
    let wide = found["space"] == "display-p3";
    // The first one was computed by CSS Color 4's formulas; a random network changes colours a little.
    let expected = if wide { [219, 94, 31] } else { [204, 102, 51] };
    for (channel, expected) in expected.into_iter().enumerate() {
        let value = found["converted"][channel].as_i64().unwrap();
        assert!((value - expected).abs() <= 30, "{found}");
    }
    assert!(found["kept"] == "no-display-p3" || wide, "{found}");
    println!("Firefox: {found}");
    visit.finish();
}
