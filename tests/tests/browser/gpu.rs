//! WebGPU where there is one, the CPU where there is none.

use serde_json::{Value, json};

use crate::api::run;
use crate::fixture::{assert_same, model_file, png, tiny_model, upscaled, waves};
use crate::page::picture;
use crate::site::{Gpu, PLAIN, Visit};

/// Loads the small model and upscales a picture of these sides.
fn upscale(gpu: Gpu, engine: &str) -> (Visit, Value) {
    upscale_with(&tiny_model(), gpu, engine)
}

fn upscale_with(model: &[u8], gpu: Gpu, engine: &str) -> (Visit, Value) {
    let visit = Visit::of(PLAIN, gpu);
    visit.file("tiny.bpk", model);
    visit.file("picture.png", &png(&waves(70, 45)));
    let script = "const [model, url, engine] = arguments;
        try {
            const upscaler = await load(model, { engine });
            const before = upscaler.engine;
            const image = plain(await upscaler.upscale(await fetchBlob(url)));
            return { before, after: upscaler.engine, ...image };
        } catch ({ code, message }) {
            return { code, message };
        }";
    let args = [
        visit.url("tiny.bpk"),
        visit.url("picture.png"),
        json!(engine),
    ];
    let found = run(&visit, script, &args);
    (visit, found)
}

/// Which builds the browser has fetched.
fn builds(visit: &Visit) -> Vec<&'static str> {
    let requests = visit.requests();
    let fetched = |build: &&str| {
        requests
            .iter()
            .any(|url| url.contains(&format!("/pkg/{build}/")))
    };
    ["lean", "burn"].into_iter().filter(fetched).collect()
}

#[test]
fn webgpu_gives_the_pixels_of_the_cpu() {
    let (visit, found) = upscale(Gpu::Software, "webgpu");
    assert_eq!(
        (&found["before"], &found["after"]),
        (&json!("webgpu"), &json!("webgpu")),
        "{found}"
    );
    assert_same(&picture(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(
        builds(&visit),
        ["lean"],
        "each build is fetched only when it is used"
    );
    visit.finish();
}

#[test]
fn burns_operators_come_for_what_has_no_plan_or_when_asked_for() {
    let unplanned = model_file("kind = \"hourglass\"\nscale = 2\nwidth = 4");
    for (model, gpu, engine, runs, fetched) in [
        (
            &unplanned,
            Gpu::None,
            "auto",
            "burn-cpu",
            &["lean", "burn"][..],
        ),
        (&unplanned, Gpu::None, "cpu", "burn-cpu", &["lean", "burn"]),
        (
            &unplanned,
            Gpu::Software,
            "webgpu",
            "burn-webgpu",
            &["lean", "burn"],
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
        assert_same(&picture(found), &upscaled(model, &waves(70, 45)));
        assert_eq!(builds(&visit), fetched, "{engine}");
        visit.finish();
    }
}

#[test]
fn without_webgpu_the_cpu_does_it_and_says_so() {
    let (visit, found) = upscale(Gpu::None, "auto");
    assert_eq!(
        (&found["before"], &found["after"]),
        (&json!("cpu"), &json!("cpu")),
        "{found}"
    );
    assert_same(&picture(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(
        builds(&visit),
        ["lean"],
        "each build is fetched only when it is used"
    );
    visit.finish();
}

#[test]
fn without_webgpu_asking_for_it_fails() {
    let (visit, found) = upscale(Gpu::None, "webgpu");
    assert_eq!(found["code"], "no-webgpu", "{found}");
    visit.finish();
}

#[test]
fn a_gpu_in_software_is_no_reason_to_leave_the_cpu() {
    let (visit, found) = upscale(Gpu::Software, "auto");
    assert_eq!(found["after"], "cpu", "{found}");
    visit.finish();
}

#[test]
fn a_gpu_that_cannot_be_opened_leaves_the_work_to_the_cpu() {
    let visit = Visit::of(PLAIN, Gpu::None);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("picture.png", &png(&waves(70, 45)));
    // The page believes in a graphics card; its worker will find none.
    let script = "const [model, url] = arguments;
        const adapter = { info: { isFallbackAdapter: false } };
        Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => adapter } });
        const upscaler = await load(model);
        return { engine: upscaler.engine, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
    let found = run(
        &visit,
        script,
        &[visit.url("tiny.bpk"), visit.url("picture.png")],
    );
    assert_eq!(found["engine"], "cpu", "{found}");
    assert_same(&picture(found), &upscaled(&tiny_model(), &waves(70, 45)));
    assert_eq!(builds(&visit), ["lean"]);
    visit.finish();
}

#[test]
fn a_lost_gpu_is_made_up_for_by_the_cpu() {
    let visit = Visit::of(PLAIN, Gpu::Software);
    let image = waves(1200, 900);
    visit.file("tiny.bpk", &tiny_model());
    visit.file("picture.png", &png(&image));
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
    let args = [visit.url("tiny.bpk"), visit.url("picture.png")];
    assert_eq!(run(&visit, script, &args), "webgpu");
    let patience = std::time::Duration::from_secs(120);
    visit.chrome.wait_until("window.lost.done > 0", patience);
    assert_eq!(
        visit.chrome.run("return window.lost.engine ?? ''", &[]),
        "",
        "it was too quick"
    );
    visit.chrome.cdp("Browser.crashGpuProcess", json!({}));
    visit.chrome.wait_until("window.lost.engine", patience);
    // Four million pixels are too many for WebDriver: rows from the top, the middle and the end.
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
    assert_same(&picture(found), &expected);
    visit.finish();
}
