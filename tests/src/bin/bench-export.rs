//! Exported models in other runtimes: ONNX files in onnxruntime, safetensors files in spandrel.
//!
//! `cargo xtask bench export` runs it. It reports differences from this project's engine, not times.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Device;
use engine::image::{Channels, Image, Planes};
use engine::{Colour, CpuEngine, Engine};
use model::{export, record};
use pollster::block_on;
use tests::bench::network::plain;
use tests::bench::python::{Python, text};
use tests::bench::report::{Reach, Row, report};
use trainer::import;

const SIDE_PX: usize = 64;

/// Largest difference of values in 0…1.
const MOST: f64 = 1e-4;

/// Files of other projects.
const IMPORTED: [&str; 4] = [
    "realesr-general-x4.pth",
    "realesrgan-x4-anime-6b.pth",
    "span-x4-ch48.pth",
    "span-x4-ch48.onnx",
];

/// Networks of this project: their configurations.
const OWN: [&str; 6] = [
    "kind = \"srcnn\"\nscale = 3\nmaps = [16, 8]",
    "kind = \"fsrcnn\"\nscale = 2",
    "kind = \"espcn\"\nscale = 3",
    "kind = \"srresnet\"\nscale = 4\nwidth = 16\nblocks = 2",
    "kind = \"plain\"\nscale = 2\nwidth = 8\ndepth = 2\nskip = \"bicubic\"",
    "kind = \"hourglass\"\nscale = 2\nwidth = 8",
];

fn main() -> anyhow::Result<()> {
    let python = Python::with(&["numpy", "onnxruntime", "spandrel"])?;
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for file in IMPORTED {
        let path = xtask::root().join("../shared/data/community").join(file);
        let imported = import::open(&path, &Default::default())?;
        let about = model::import::About {
            file: file.into(),
            ..Default::default()
        };
        let bytes = imported.record(about, &Device::flex())?;
        rows.extend(compare(&python, file, &bytes, folder.path())?);
    }
    rows.extend(compare(
        &python,
        "plain, 16 maps, RGB",
        &plain(16)?,
        folder.path(),
    )?);
    for config in OWN {
        let bytes = tests::model_file(config)?;
        let name = config.replace('\n', ", ");
        rows.extend(compare(&python, &name, &bytes, folder.path())?);
    }
    rows.extend(compare(
        &python,
        "fast-x2",
        &tests::shipped("fast-x2")?,
        folder.path(),
    )?);
    report("export", &rows)
}

/// Compares an exported model with this project's engine; one that computes on luma with the whole pipeline, in steps of
/// 8 bits.
fn compare(python: &Python, name: &str, bytes: &[u8], folder: &Path) -> anyhow::Result<Vec<Row>> {
    println!("{name}");
    let (network, metadata) = record::read(bytes, &Device::flex())?;
    let spec = metadata.network.spec();
    let onnx = folder.join("model.onnx");
    std::fs::write(&onnx, export::onnx(&network, &metadata)?)?;
    let mut engine = CpuEngine::new(&network.plan()?, 1);
    let row = |name: String, value: f64, unit, most, peer: &str| Row {
        name,
        value,
        unit,
        reach: Some(Reach::AtMost(most)),
        peer: peer.into(),
    };
    let input = photograph()?;
    let by_onnx = run(python, "onnx/native.py", &onnx, &input)?;
    if spec.colour == Colour::Rgb {
        let expected = block_on(engine.run(input.clone()))?;
        let mut rows = vec![row(
            format!("{name}, ONNX"),
            apart(&by_onnx, &expected.data)?,
            "of 1",
            MOST,
            "onnxruntime (PyPI)",
        )];
        if ["compact", "rrdb", "span"].contains(&&*metadata.network.kind()) {
            let file = folder.join("model.safetensors");
            std::fs::write(&file, export::safetensors(&network, &metadata)?)?;
            let by_spandrel = run(python, "onnx/spandrel.py", &file, &input)?;
            rows.push(row(
                format!("{name}, safetensors"),
                apart(&by_spandrel, &expected.data)?,
                "of 1",
                MOST,
                "spandrel (PyPI)",
            ));
        }
        return Ok(rows);
    }
    let image = Image::new(SIDE_PX, SIDE_PX, Channels::Rgb, interleaved(&input.data))?;
    let expected = tests::upscaled_by(&mut engine, &metadata, &image, None)?;
    let found = interleaved(&by_onnx);
    let steps = tests::largest_difference(&found, &expected.data).context("sizes differ")?;
    Ok(vec![row(
        format!("{name}, ONNX with colour conversion"),
        f64::from(steps),
        "of 255",
        1.0,
        "onnxruntime (PyPI)",
    )])
}

/// The result of a script for planes.
fn run(python: &Python, script: &str, model: &Path, input: &Planes) -> anyhow::Result<Vec<f32>> {
    let [given, made]: [PathBuf; 2] = ["input", "output"].map(|name| model.with_file_name(name));
    let bytes: Vec<u8> = input.data.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&given, bytes)?;
    let side = SIDE_PX.to_string();
    let args = [
        text(model)?,
        &side,
        "1",
        "0",
        "1",
        text(&made)?,
        text(&given)?,
    ];
    python.script(script, &args)?;
    let bytes = std::fs::read(&made)?;
    let (values, _) = bytes.as_chunks();
    Ok(values
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect())
}

/// A part of an example image. On noise, SPAN's values are in the hundreds, and any two runtimes differ by a tenth.
fn photograph() -> anyhow::Result<Planes> {
    let image = image::open(xtask::root().join("www/examples/indri.png"))?.into_rgb8();
    let [left, top] = [image.width(), image.height()].map(|side| (side - SIDE_PX as u32) / 2);
    let pixels = SIDE_PX * SIDE_PX;
    let value = |i: usize| {
        let (channel, pixel) = (i / pixels, i % pixels);
        let [x, y] = [pixel % SIDE_PX, pixel / SIDE_PX].map(|place| place as u32);
        f32::from(image.get_pixel(left + x, top + y)[channel]) / 255.0
    };
    Ok(Planes {
        channels: 3,
        width: SIDE_PX,
        height: SIDE_PX,
        data: (0..3 * pixels).map(value).collect(),
    })
}

/// Three planes as RGB bytes, rounded and clipped.
fn interleaved(planes: &[f32]) -> Vec<u8> {
    let pixels = planes.len() / 3;
    let byte = |value: f32| (255.0 * value).round() as u8;
    let values = (0..pixels).flat_map(|pixel| (0..3).map(move |c| planes[c * pixels + pixel]));
    values.map(byte).collect()
}

fn apart(found: &[f32], expected: &[f32]) -> anyhow::Result<f64> {
    anyhow::ensure!(found.len() == expected.len(), "sizes differ");
    let pairs = found.iter().zip(expected);
    Ok(pairs.fold(0.0, |worst, (a, b)| {
        f64::max(worst, f64::from((a - b).abs()))
    }))
}
