//! How fast a page shows its first image, ours and onnxruntime-web's, and how long the app's main thread is blocked.
//!
//! `cargo xtask bench load` runs it.

use tests::bench::network::{noise, reference};
use tests::bench::node::onnxruntime_web;
use tests::bench::onnx::write_onnx;
use tests::bench::page::Served;
use tests::bench::python::Python;
use tests::bench::report::{Reach, Row, report};
use tests::bench::{Measure, medians};

/// Side of the first image.
const SIDE_PX: usize = 256;

/// Side of a square image of 4 megapixels, and its file.
const FOUR_MEGAPIXELS_PX: usize = 2000;
const LARGE_PICTURE: &str = "large.png";

fn main() -> anyhow::Result<()> {
    let python = Python::with(&["numpy", "onnx"])?;
    let served = Served::start(Some(onnxruntime_web()?))?;
    write_onnx(
        &python,
        &reference()?,
        &served.file("reference.onnx"),
        false,
    )?;
    write_picture(&served, "picture.png", SIDE_PX)?;
    write_picture(&served, LARGE_PICTURE, FOUR_MEGAPIXELS_PX)?;
    report("load", &[first_image(&served)?, longest_task(&served)?])
}

/// Time from navigation to the first image, each time in a fresh browser.
fn first_image(served: &Served) -> anyhow::Result<Row> {
    let first = |path: &'static str| -> Measure { Box::new(move || served.first_image(path)) };
    let [ours, peer] = medians(
        "ms",
        [
            (
                "uprez, first image",
                first("/page/first.html?model=fast-x2&picture=/files/picture.png"),
            ),
            (
                "onnxruntime-web, first image",
                first(
                    "/onnx/ort.html?dist=/ort/&model=/files/reference.onnx&picture=/files/picture.png",
                ),
            ),
        ],
    )?;
    Ok(Row::ratio(
        "first image after navigation, 256², cold, fast-x2 to the peer's reference network",
        ours / peer,
        Some(Reach::AtMost(0.35)),
        "onnxruntime-web, wasm, one thread",
    ))
}

/// The longest task on the main thread of the app while it upscales 4 megapixels. The page stutters while a task runs.
fn longest_task(served: &Served) -> anyhow::Result<Row> {
    let [longest] = medians(
        "ms",
        [(
            "uprez, longest task",
            Box::new(|| served.longest_task(LARGE_PICTURE)),
        )],
    )?;
    Ok(Row {
        name: "longest task on the main thread, 4 megapixels in the app; 0: none above 50"
            .to_string(),
        value: longest,
        unit: "ms",
        // From here on a task is long: https://www.w3.org/TR/longtasks-1/
        reach: Some(Reach::AtMost(50.0)),
        peer: String::new(),
    })
}

/// Writes a square image of noise.
fn write_picture(served: &Served, name: &str, side: usize) -> anyhow::Result<()> {
    let bytes = noise(3, side).data.into_iter();
    let bytes = bytes.map(|value| (255.0 * value) as u8).collect();
    let side = side as u32;
    let picture = image::RgbImage::from_raw(side, side, bytes);
    let picture = picture.expect("three bytes a pixel");
    Ok(picture.save(served.file(name))?)
}
