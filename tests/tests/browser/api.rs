//! The module, used by a third-party page.

use image::{Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::fixture::{assert_same, model_file, png, tiny_model, upscaled, waves};
use crate::page::to_image;
use crate::site::{Gpu, PLAIN, Visit};

/// Functions for all scripts.
pub const HELPERS: &str = "
    const fetchBlob = async (url) => (await fetch(url)).blob();
    const plain = ({ width, height, data }) => ({ width, height, data: Array.from(data) });
    const failure = (promise) => promise.then(
        () => 'nothing failed',
        ({ name, code, message }) => ({ name, code, message }),
    );
";

/// Runs a script with [`HELPERS`].
pub fn run(visit: &Visit, script: &str, args: &[Value]) -> Value {
    visit.chrome.run(&format!("{HELPERS}{script}"), args)
}

/// A third-party page, with the URLs of a small model and an image.
pub fn plain_page(image: &RgbaImage) -> (Visit, [Value; 2]) {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("image.png", &png(image));
    let urls = [visit.url("tiny.bpk"), visit.url("image.png")];
    (visit, urls)
}

/// The image without alpha.
pub fn opaque(mut image: RgbaImage) -> RgbaImage {
    image
        .pixels_mut()
        .for_each(|Rgba([.., alpha])| *alpha = 255);
    image
}

#[test]
fn every_pixel_and_its_alpha_is_right() {
    let image = waves(67, 43);
    let (visit, urls) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        return plain(await upscaler.upscale(await fetchBlob(url)));";
    assert_same(
        &to_image(run(&visit, script, &urls)),
        &upscaled(&tiny_model(), &image),
    );
    visit.finish();
}

#[test]
fn every_kind_of_source_and_of_model_gives_the_same() {
    let image = opaque(waves(31, 22));
    let (visit, urls) = plain_page(&image);
    let expected = upscaled(&tiny_model(), &image);
    let script = "const [model, url, kind] = arguments;
        const blob = await fetchBlob(url);
        const bitmap = await createImageBitmap(blob);
        const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
        canvas.getContext('2d').drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
        offscreen.getContext('2d').drawImage(bitmap, 0, 0);
        const img = Object.assign(new Image(), { src: url });
        const sources = {
            blob, bitmap, canvas, offscreen, img,
            data: canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height),
        };
        const bytes = await (await fetchBlob(model)).arrayBuffer();
        const models = { blob: new Blob([bytes]), bitmap: bytes, canvas: new Uint8Array(bytes), img: new URL(model) };
        const upscaler = await load(models[kind] ?? model, { engine: 'cpu' });
        return plain(await upscaler.upscale(sources[kind]));";
    for kind in ["blob", "data", "bitmap", "canvas", "offscreen", "img"] {
        let [model, url] = &urls;
        let found = run(&visit, script, &[model.clone(), url.clone(), json!(kind)]);
        assert_same(&to_image(found), &expected);
    }
    visit.finish();
}

/// Asserts that a page computes the same as natively.
fn assert_native(visit: &Visit, model: &[u8], (width, height): (u32, u32)) {
    let image = waves(width, height);
    visit.file("model.bpk", model);
    visit.file("image.png", &png(&image));
    let script = "const [model, url] = arguments;
        const upscaler = await load(model);
        const image = await upscaler.upscale(await fetchBlob(url));
        upscaler.dispose();
        return plain(image);";
    let urls = [visit.url("model.bpk"), visit.url("image.png")];
    assert_same(
        &to_image(run(visit, script, &urls)),
        &upscaled(model, &image),
    );
}

#[test]
fn images_of_any_size_at_every_scale() {
    let visit = Visit::of(PLAIN, Gpu::None);
    for scale in 2..=4 {
        let models = [
            format!("kind = \"plain\"\nscale = {scale}\nwidth = 5\ndepth = 1\nskip = \"bicubic\""),
            format!(
                "kind = \"plain\"\nscale = {scale}\ncolour = \"rgb\"\nwidth = 4\ndepth = 0\nlong_skip = true"
            ),
            format!("kind = \"srcnn\"\nscale = {scale}\nmaps = [6, 5]"),
        ];
        for model in models {
            // One pixel, one row, and more than one tile with an odd rest.
            for size in [(1, 1), (5, 1), (101, 98)] {
                assert_native(&visit, &model_file(&model), size);
            }
        }
    }
    visit.finish();
}

#[test]
fn every_network_runs_in_a_page() {
    let visit = Visit::of(PLAIN, Gpu::None);
    for network in tests::small_networks() {
        for size in [(1, 1), (101, 30)] {
            assert_native(&visit, &model_file(network), size);
        }
    }
    visit.finish();
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    let image = waves(530, 310);
    let (visit, urls) = plain_page(&image);
    let script = "const [model, url] = arguments;
        const blob = await fetchBlob(url);
        const started = [];
        const Original = Worker;
        window.Worker = class extends Original {
            constructor(...args) { super(...args); started.push(args[0].href); }
        };
        const results = [];
        for (const workers of [1, 2, 3, 7]) {
            const before = started.length;
            const upscaler = await load(model, { engine: 'cpu', workers });
            const { data } = await upscaler.upscale(blob);
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
            results.push({ workers, started: started.length - before, hash: hash.join() });
            upscaler.dispose();
        }
        return results;";
    let found = run(&visit, script, &urls);
    let results = found.as_array().unwrap();
    for result in results {
        assert_eq!(result["hash"], results[0]["hash"], "{found}");
        // One more decodes the image, which has alpha.
        let started = result["started"].as_u64().unwrap();
        assert_eq!(Some(started - 1), result["workers"].as_u64(), "{found}");
    }
    visit.finish();
}

#[test]
fn a_record_is_used_at_its_smaller_scales() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let record = model_file("kind = \"lapsrn\"\nscale = 8\nwidth = 6\ndepth = 2");
    let image = waves(101, 30);
    visit.file("model.bpk", &record);
    visit.file("image.png", &png(&image));
    let urls = [visit.url("model.bpk"), visit.url("image.png")];
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { scale: 2 });
        const { scale, scales } = upscaler.info;
        return {
            scale, scales, ...plain(await upscaler.upscale(await fetchBlob(url))),
            unknown: await failure(load(model, { scale: 3 })),
            senseless: await failure(load(model, { scale: 'two' })),
        };";
    let found = run(&visit, script, &urls);
    assert_eq!(found["scale"], 2);
    assert_eq!(found["scales"], json!([2, 4, 8]));
    assert_eq!(found["unknown"]["code"], "unknown-scale");
    let message = found["unknown"]["message"].as_str().unwrap();
    assert!(message.contains("×2, ×4 or ×8, not ×3"), "{message}");
    assert_eq!(found["senseless"]["name"], "TypeError");
    let device = burn::tensor::Device::flex();
    let (network, metadata) = model::record::read_at(&record, Some(2), &device).unwrap();
    let doubling = model::record::write(&network, &metadata).unwrap();
    assert_same(&to_image(found), &upscaled(&doubling, &image));
    visit.finish();
}

#[test]
fn shipped_models_compute_the_same_as_natively() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let list = std::fs::read(xtask::root().join("www/models/index.json")).unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    assert!(list.iter().any(|model| model["name"] == "fast-x2"));
    let image = waves(52, 37);
    visit.file("image.png", &png(&image));
    for name in list.iter().map(|model| model["name"].as_str().unwrap()) {
        let script = "const [name, url] = arguments;
            const upscaler = await load(name);
            const { engine, info } = upscaler;
            return { engine, info, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
        let found = run(&visit, script, &[json!(name), visit.url("image.png")]);
        let record = tests::shipped(name).unwrap();
        let metadata = model::record::metadata(&record).unwrap();
        assert_eq!(found["engine"], "cpu");
        assert_eq!(found["info"]["name"], json!(metadata.name));
        assert_eq!(found["info"]["scale"], json!(metadata.network.spec().scale));
        assert_eq!(found["info"]["parameters"], json!(metadata.parameters));
        assert_same(&to_image(found), &upscaled(&record, &image));
    }
    visit.finish();
}

#[test]
fn aborting_rejects_at_once_and_the_upscaler_stays_usable() {
    let image = waves(30, 20);
    let (visit, [model, url]) = plain_page(&image);
    visit.file("large.png", &png(&waves(2000, 1500)));
    let script = "const [model, small, large] = arguments;
        const upscaler = await load(model);
        const [smallBlob, largeBlob] = [await fetchBlob(small), await fetchBlob(large)];
        const controller = new AbortController();
        const progress = [], order = [];
        let nextTask;
        const long = upscaler.upscale(largeBlob, {
            signal: controller.signal,
            onProgress: ({ done, total }) => {
                progress.push([done, total]);
                if (done !== 3) return;
                nextTask = new Promise(setTimeout).then(() => order.push('next task'));
                controller.abort();
            },
        });
        const waiting = upscaler.upscale(smallBlob);
        const error = await failure(long);
        order.push('rejected');
        const before = await failure(upscaler.upscale(smallBlob, { signal: AbortSignal.abort() }));
        const after = plain(await upscaler.upscale(smallBlob));
        await nextTask;
        return {
            error, before, progress, order, waiting: plain(await waiting), after,
        };";
    let found = run(&visit, script, &[model, url, visit.url("large.png")]);
    assert_eq!(found["error"]["name"], "AbortError", "{}", found["error"]);
    assert_eq!(found["before"]["name"], "AbortError", "{}", found["before"]);
    let progress = found["progress"].as_array().unwrap();
    assert_eq!(progress[0][0], 0);
    let total = &progress[0][1];
    for (i, step) in progress.iter().enumerate() {
        assert_eq!(step, &json!([i, total]), "tile by tile");
    }
    assert_eq!(progress.len(), 4, "no progress after the abort");
    assert!(total.as_u64() > Some(8), "{total}");
    // By order instead of time, as the machine may be busy.
    assert_eq!(found["order"], json!(["rejected", "next task"]));
    let expected = upscaled(&tiny_model(), &image);
    assert_same(&to_image(found["waiting"].clone()), &expected);
    assert_same(&to_image(found["after"].clone()), &expected);
    visit.finish();
}

#[test]
fn failures_have_codes() {
    let (visit, [model, url]) = plain_page(&waves(9, 9));
    visit.file("text.bpk", b"no model at all");
    let mut cut = tiny_model();
    cut.truncate(cut.len() / 2);
    visit.file("cut.bpk", &cut);
    let script = "const [model, url, text, cut] = arguments;
        const upscaler = await load(model);
        const tooLarge = { width: 30000, height: 30000 };
        return {
            'bad-model': await failure(load(text)),
            'bad-model ': await failure(load(cut)),
            'no-model': await failure(load(new URL('missing.bpk', model))),
            'not-an-image': await failure(upscaler.upscale(new Blob(['text']))),
            'not-an-image ': await failure(upscaler.upscale(await fetchBlob(text))),
            TypeError: await failure(load(model, { engine: 'quantum' })),
            'TypeError ': await failure(load(model, { workers: 0 })),
            'no-simd': await (async () => {
                const { validate } = WebAssembly;
                WebAssembly.validate = () => false;
                const found = await failure(load(model));
                WebAssembly.validate = validate;
                return found;
            })(),
            disposed: await failure((upscaler.dispose(), upscaler.upscale(await fetchBlob(url)))),
        };";
    let args = [model, url, visit.url("text.bpk"), visit.url("cut.bpk")];
    let found = run(&visit, script, &args);
    for (expected, failure) in found.as_object().unwrap() {
        let kind = failure["code"]
            .as_str()
            .or(failure["name"].as_str())
            .unwrap_or_default();
        assert_eq!(kind, expected.trim(), "{failure}");
        assert!(
            failure["message"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{failure}"
        );
    }
    visit.finish();
}
