//! Files of other projects' weights, dropped on the app and passed to `load`.

use std::path::Path;

use image::RgbaImage;
use serde_json::{Value, json};
use trainer::weights::Weights;

use crate::api::run;
use crate::fixture::{assert_same, png_without_alpha, waves};
use crate::page::{PATIENCE, canvas, choose, error, set, settle, text, to_image, wait_for_result};
use crate::site::{Gpu, PAGE, PLAIN, Visit, screenshots};

/// Files of `shared/data/community`, the model in `expected.safetensors`, the parameters, and the network that the app
/// names.
const FILES: [(&str, &str, &str, &str); 4] = [
    (
        "realesr-general-x4.pth",
        "realesr-general-x4",
        "1,213,296",
        "compact",
    ),
    ("span-x4-ch48.onnx", "span-x4-ch48", "426,", "graph"),
    ("span-x2-ch48.safetensors", "span-x2-ch48", "410,", "span"),
    (
        "esrgan-old-names-x4-f16.pth",
        "realesrgan-x4-anime-6b",
        "4,467,779",
        "rrdb",
    ),
];

pub fn community(file: &str) -> Vec<u8> {
    let folder = xtask::root().join("../shared/data/community");
    std::fs::read(folder.join(file)).unwrap()
}

/// A tensor of `expected.safetensors` as an image of 8 bits.
pub fn expected(name: &str) -> RgbaImage {
    let path = xtask::root().join("../shared/data/community/expected.safetensors");
    let weights = Weights::open(Path::new(&path)).unwrap();
    let tensor = weights
        .tensor::<4>(name, &burn::tensor::Device::flex())
        .unwrap();
    let [_, channels, height, width] = tensor.dims();
    assert_eq!(channels, 3);
    let values: Vec<f32> = tensor.into_data().try_into_vec().unwrap();
    RgbaImage::from_fn(width as u32, height as u32, |x, y| {
        let place = y as usize * width + x as usize;
        let value = |c: usize| (255.0 * values[c * width * height + place]).round() as u8;
        image::Rgba([value(0), value(1), value(2), 255])
    })
}

/// Drops a file on the app.
fn drop_file(visit: &Visit, name: &str, bytes: &[u8]) {
    visit.file(name, bytes);
    let script = "const [url, name] = arguments;
        const file = new File([await (await fetch(url)).blob()], name);
        const transfer = new DataTransfer();
        transfer.items.add(file);
        const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
        document.body.dispatchEvent(new DragEvent('drop', options));";
    visit.chrome.run(script, &[visit.url(name), json!(name)]);
}

fn fetched_import(visit: &Visit) -> bool {
    let requests = visit.requests();
    requests.iter().any(|url| url.contains("/pkg/import/"))
}

#[test]
fn dropped_files_of_weights_compute_what_pytorch_does() {
    drop_files(Gpu::None, "cpu", &FILES);
}

/// The same on WebGPU, which `alone` calls: a software GPU takes all of the processor.
pub fn drop_files_on_webgpu() {
    // The last one, an `rrdb`, takes minutes there; trainer/tests/import.rs runs it on one, natively.
    drop_files(Gpu::Software, "webgpu", &FILES[..3]);
}

fn drop_files(gpu: Gpu, engine: &str, files: &[(&str, &str, &str, &str)]) {
    let image = png_without_alpha(&expected("input_61x47"));
    for (file, model, parameters, network) in files {
        let visit = Visit::of(PAGE, gpu);
        let metrics =
            json!({ "width": 1280, "height": 1100, "deviceScaleFactor": 1, "mobile": false });
        visit
            .chrome
            .cdp("Emulation.setDeviceMetricsOverride", metrics);
        set(&visit, "engine", engine);
        assert!(!fetched_import(&visit), "the importer is fetched when used");
        drop_file(&visit, file, &community(file));
        let chosen = format!(
            "document.querySelector('#model').selectedOptions[0]?.value.startsWith('own:{file}')"
        );
        visit.chrome.wait_until(&chosen, PATIENCE);
        settle(&visit);
        assert_eq!(error(&visit), "");
        choose(&visit, "input.png", &image);
        settle(&visit);
        wait_for_result(&visit, "input.png");
        assert_same(
            &canvas(&visit, "#after"),
            &expected(&format!("{model}.61x47")),
        );
        visit.chrome.wait_until(
            "document.querySelector('#model-description').textContent.includes('megapixel takes')",
            PATIENCE,
        );
        let description = text(&visit, "#model-description");
        for words in [file, parameters, network] {
            assert!(description.contains(words), "{words}: {description}");
        }
        assert!(fetched_import(&visit));
        let name = format!("import-{engine}-{network}.png");
        std::fs::write(screenshots().join(name), visit.chrome.screenshot()).unwrap();
        visit.finish();
    }
}

#[test]
fn an_imported_model_can_be_downloaded_and_used_again() {
    let visit = Visit::of(PAGE, Gpu::None);
    drop_file(
        &visit,
        "animevideo.safetensors",
        &community("realesr-animevideov3-x4.safetensors"),
    );
    visit
        .chrome
        .wait_until("!document.querySelector('#model-save').hidden", PATIENCE);
    settle(&visit);
    visit.chrome.click("#model-save");
    let record = std::fs::read(visit.download("animevideo.bpk")).unwrap();
    let metadata = model::record::metadata(&record).unwrap();
    let imported = metadata.origin.imported.unwrap();
    assert_eq!(imported.file, "animevideo.safetensors");
    assert_eq!(metadata.parameters, 621_424);
    let terms = text(&visit, "#model-terms");
    assert!(terms.contains(&imported.sha256), "{terms}");
    visit.finish();
}

#[test]
fn load_takes_weights_as_bytes_and_as_a_url() {
    let visit = Visit::of(PLAIN, Gpu::None);
    let expected = expected("span-x4-ch48.64x64");
    visit.file(
        "input.png",
        &png_without_alpha(&self::expected("input_64x64")),
    );
    let file = "span-x4-ch48.pth";
    visit.file(file, &community(file));
    let script = "const [model, url, kind] = arguments;
        const blob = await fetchBlob(model);
        const sources = {
            url: model,
            bytes: await blob.arrayBuffer(),
            record: await importModel(blob, { name: 'mine', licence: 'Apache-2.0', credit: 'me' }),
        };
        const upscaler = await load(sources[kind]);
        const { name, origin } = upscaler.info;
        return { name, ...origin.imported, ...plain(await upscaler.upscale(await fetchBlob(url))) };";
    for (kind, name, licence) in [
        ("url", "span-x4-ch48", Value::Null),
        ("bytes", "model", Value::Null),
        ("record", "mine", json!("Apache-2.0")),
    ] {
        let args = [visit.url(file), visit.url("input.png"), json!(kind)];
        let found = run(&visit, script, &args);
        assert_eq!(found["name"], name, "{kind}");
        assert_eq!(found["licence"], licence, "{kind}");
        assert_same(&to_image(found), &expected);
    }
    visit.finish();
}

/// A file of `torch.save` without a zip archive: magic number, version, the machine's facts, and instead of the weights
/// a call of `os.system`.
fn calling_pickle() -> Vec<u8> {
    let start = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    let machine = b"\x80\x02}X\x0d\0\0\0little_endian\x88s.";
    let call = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";
    [&start[..], machine, call].concat()
}

#[test]
fn unusable_files_say_what_they_are() {
    let visit = Visit::of(PAGE, Gpu::None);
    let before = "return document.querySelector('#model').length";
    let models = visit.chrome.run(before, &[]);
    for (name, bytes, words) in [
        (
            "ffdnet.pth",
            community("ffdnet-color-legacy-pickle.pth"),
            "FFDNet",
        ),
        (
            "short.pth",
            community("span-x4-ch48.pth")[..5000].to_vec(),
            "incomplete",
        ),
        ("call.pth", calling_pickle(), "os.system"),
        ("text.onnx", b"no weights".to_vec(), "begins with"),
    ] {
        drop_file(&visit, name, &bytes);
        let failed = format!("document.querySelector('#error').textContent.includes('{words}')");
        visit.chrome.wait_until(&failed, PATIENCE);
        assert!(error(&visit).contains(words), "{}", error(&visit));
    }
    assert_eq!(
        visit.chrome.run(before, &[]),
        models,
        "no model was added, and none was lost"
    );
    // The page goes on working.
    choose(&visit, "waves.png", &png_without_alpha(&waves(20, 20)));
    settle(&visit);
    wait_for_result(&visit, "waves.png");
    visit.finish();
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let visit = Visit::of(PAGE, Gpu::None);
    let script = "Object.defineProperty(navigator, 'deviceMemory', { value: 1 / 64 });";
    visit.chrome.run(script, &[]);
    drop_file(&visit, "large.pth", &community("realesr-general-x4.pth"));
    visit
        .chrome
        .wait_until("!document.querySelector('#error').hidden", PATIENCE);
    let error = error(&visit);
    assert!(
        error.contains("files of up to 1 MB can be imported"),
        "{error}"
    );
    assert!(!fetched_import(&visit));
    visit.finish();
}
