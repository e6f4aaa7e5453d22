//! WebGPU, and the fallback to the CPU.

use serde_json::{Value, json};

use crate::api::{opaque, run};
use crate::app_offline::reload;
use crate::fixture::{
    assert_same, png, png_without_alpha, tiny_model, upscaled, waves, without_graph,
};
use crate::page::{
    canvas, choose, choose_tiny_model, settle, state, text, to_image, wait_for_result,
};
use crate::site::{Gpu, PAGE, PLAIN, Visit};

fn upscale(gpu: Gpu, engine: &str) -> (Visit, Value) {
    upscale_with(&tiny_model(), gpu, engine)
}

fn upscale_with(model: &[u8], gpu: Gpu, engine: &str) -> (Visit, Value) {
    let visit = Visit::of(PLAIN, gpu);
    visit.file("tiny.bpk", model);
    visit.file("image.png", &png(&waves(70, 45)));
    let script = "const [model, url, engine] = arguments;
        try {
            const upscaler = await load(model, { engine });
            const before = upscaler.engine;
            const image = plain(await upscaler.upscale(await fetchBlob(url)));
            return { before, after: upscaler.engine, ...image };
        } catch ({ code, message }) {
            return { code, message };
        }";
    let args = [visit.url("tiny.bpk"), visit.url("image.png"), json!(engine)];
    let found = run(&visit, script, &args);
    (visit, found)
}

/// The builds that the browser has fetched.
fn builds(visit: &Visit) -> Vec<&'static str> {
    let requests = visit.requests();
    let fetched = |build: &&str| {
        requests
            .iter()
            .any(|url| url.contains(&format!("/pkg/{build}/")))
    };
    ["cpu", "webgpu", "burn"]
        .into_iter()
        .filter(fetched)
        .collect()
}

#[test]
fn webgpu_computes_the_pixels_of_the_cpu() {
    let (visit, found) = upscale(Gpu::Software, "webgpu");
    assert_eq!(
        (&found["before"], &found["after"]),
        (&json!("webgpu"), &json!("webgpu")),
        "{found}"
    );
    assert_same(&to_image(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(
        builds(&visit),
        ["webgpu"],
        "each build is fetched only when it is used"
    );
    visit.finish();
}

#[test]
fn burns_operators_run_records_without_a_graph_and_those_that_ask_for_them() {
    let unplanned = without_graph(tiny_model());
    for (model, gpu, engine, runs, fetched) in [
        (
            &unplanned,
            Gpu::None,
            "auto",
            "burn-cpu",
            &["cpu", "burn"][..],
        ),
        (&unplanned, Gpu::None, "cpu", "burn-cpu", &["cpu", "burn"]),
        (
            &unplanned,
            Gpu::Software,
            "webgpu",
            "burn-webgpu",
            &["webgpu", "burn"],
        ),
        (&tiny_model(), Gpu::None, "burn-cpu", "burn-cpu", &["burn"]),
        (
            &tiny_model(),
            Gpu::Software,
            "burn-webgpu",
            "burn-webgpu",
            &["burn"],
        ),
    ] {
        let (visit, found) = upscale_with(model, gpu, engine);
        assert_eq!(found["after"], runs, "{engine}: {found}");
        assert_same(&to_image(found), &upscaled(model, &waves(70, 45)));
        assert_eq!(builds(&visit), fetched, "{engine}");
        visit.finish();
    }
}

#[test]
fn without_webgpu_the_cpu_is_used_and_reported() {
    let (visit, found) = upscale(Gpu::None, "auto");
    assert_eq!(
        (&found["before"], &found["after"]),
        (&json!("cpu"), &json!("cpu")),
        "{found}"
    );
    assert_same(&to_image(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(
        builds(&visit),
        ["cpu"],
        "each build is fetched only when it is used"
    );
    visit.finish();
}

#[test]
fn asking_for_missing_webgpu_fails() {
    let (visit, found) = upscale(Gpu::None, "webgpu");
    assert_eq!(found["code"], "no-webgpu", "{found}");
    visit.finish();
}

#[test]
fn a_software_gpu_is_not_used_automatically() {
    let (visit, found) = upscale(Gpu::Software, "auto");
    assert_eq!(found["after"], "cpu", "{found}");
    visit.finish();
}

/// As on a device with a GPU: the software adapter claims to be one.
#[test]
fn the_app_uses_a_gpu_automatically() {
    let visit = Visit::of(PAGE, Gpu::Software);
    let claim = "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false });";
    let params = json!({ "source": claim });
    let command = "Page.addScriptToEvaluateOnNewDocument";
    visit.chrome.cdp(command, params);
    reload(&visit);
    let engine = visit
        .chrome
        .run("return document.querySelector('#engine').value", &[]);
    assert_eq!(engine, "auto");
    choose_tiny_model(&visit);
    let image = opaque(waves(70, 45));
    choose(&visit, "waves.png", &png_without_alpha(&image));
    settle(&visit);
    assert_eq!(state(&visit, "waves.png"), "done");
    wait_for_result(&visit, "waves.png");
    let facts = text(&visit, "#facts");
    assert!(facts.contains("WebGPU"), "{facts}");
    assert_same(&canvas(&visit, "#after"), &upscaled(&tiny_model(), &image));
    visit.finish();
}

#[test]
fn the_cpu_is_used_if_the_gpu_cannot_be_opened() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("image.png", &png(&waves(70, 45)));
    // The page sees an adapter, but its worker does not.
    let script = "const [model, url] = arguments;
        const adapter = { info: { isFallbackAdapter: false } };
        Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => adapter } });
        const upscaler = await load(model);
        return { engine: upscaler.engine, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
    let found = run(
        &visit,
        script,
        &[visit.url("tiny.bpk"), visit.url("image.png")],
    );
    assert_eq!(found["engine"], "cpu", "{found}");
    assert_same(&to_image(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(builds(&visit), ["cpu", "webgpu"]);
    visit.finish();
}

#[test]
fn the_cpu_finishes_after_a_lost_gpu() {
    let visit = Visit::of(PLAIN, Gpu::Software);
    let image = waves(1200, 900);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("image.png", &png(&image));
    let script = "const [model, url] = arguments;
        const upscaler = await load(model, { engine: 'webgpu' });
        const blob = await fetchBlob(url);
        window.lost = { done: 0 };
        const onProgress = ({ done }) => { window.lost.done = done; };
        upscaler.upscale(blob, { onProgress }).then(
            (image) => Object.assign(window.lost, { engine: upscaler.engine, image }),
            ({ message }) => Object.assign(window.lost, { engine: `none: ${message}` }),
        );
        return upscaler.engine;";
    let args = [visit.url("tiny.bpk"), visit.url("image.png")];
    assert_eq!(run(&visit, script, &args), "webgpu");
    let patience = std::time::Duration::from_secs(120);
    visit.chrome.wait_until("window.lost.done > 0", patience);
    assert_eq!(
        visit.chrome.run("return window.lost.engine ?? ''", &[]),
        "",
        "it was done too early"
    );
    visit.chrome.cdp("Browser.crashGpuProcess", json!({}));
    visit.chrome.wait_until("window.lost.engine", patience);
    // Four million pixels are too many for WebDriver: compare three rows.
    let script = "const { engine, image: { width, height, data } } = window.lost;
        const rows = [0, height / 2, height - 1].flatMap((y) => Array.from(data.slice(4 * y * width, 4 * (y + 1) * width)));
        return { engine, width, height: 3, data: rows };";
    let found = visit.chrome.run(script, &[]);
    assert_eq!(found["engine"], "cpu");
    let whole = upscaled(&tiny_model(), &image);
    let rows = [0, whole.height() / 2, whole.height() - 1];
    let expected = image::RgbaImage::from_fn(whole.width(), 3, |x, i| {
        *whole.get_pixel(x, rows[i as usize])
    });
    assert_same(&to_image(found), &expected);
    visit.finish();
}
