//! Upscaling in a page: on the CPU, this project and onnxruntime-web, both as WebAssembly in the same page; on software
//! WebGPU, this project's shaders and Burn's operators.
//!
//! `cargo xtask bench page` runs it.

use anyhow::ensure;
use serde_json::json;
use tests::bench::network::{compact, dense_block, plain, reference, rrdb, span};
use tests::bench::node::onnxruntime_web;
use tests::bench::onnx::write_onnx;
use tests::bench::page::{Page, Served};
use tests::bench::python::Python;
use tests::bench::report::{Reach, Row, report};
use tests::bench::{Measure, medians};

const SIDE_PX: usize = 256;

/// Side of an image that takes many tiles.
const LARGE_PX: usize = 1024;

/// Sides of square images of 1 and 16 megapixels.
const MEGAPIXELS_PX: [usize; 2] = [1000, 4000];

/// Warm-up runs and timed runs per round, for small images.
const RUNS: [usize; 2] = [3, 15];

/// The same for images of about a megapixel, and for wide networks.
const FEW_RUNS: [usize; 2] = [1, 3];

/// The same for measurements that take seconds.
const SLOW_RUNS: [usize; 2] = [1, 2];

/// The same for an image so large that the set-up time does not matter.
const ONE_RUN: [usize; 2] = [0, 1];

const PEER: &str = "onnxruntime-web, wasm, one thread";

/// Name of the reference model in the page, which is also the path that the server serves it from.
const REFERENCE: &str = "/files/reference.bpk";

fn main() -> anyhow::Result<()> {
    let python = Python::with(&["numpy", "onnx"])?;
    let served = Served::start(Some(onnxruntime_web()?))?;
    let wide = [
        (
            "plain-32",
            "plain, 32 maps",
            plain(32)?,
            Some(Reach::AtMost(0.45)),
        ),
        (
            "plain-64",
            "plain, 64 maps",
            plain(64)?,
            Some(Reach::AtMost(0.45)),
        ),
        ("dense-block", "dense block, 64 maps", dense_block()?, None),
        (
            "compact",
            "compact ×4, 64 maps, 32 convolutions",
            compact()?,
            Some(Reach::AtMost(0.45)),
        ),
        (
            "span",
            "SPAN ×4, 48 maps",
            span()?,
            Some(Reach::AtMost(0.6)),
        ),
        ("rrdb", "RRDB ×4, 6 blocks", rrdb()?, None),
    ];
    write_network(&python, &served, "reference", &reference()?)?;
    for (file, _, record, _) in &wide {
        write_network(&python, &served, file, record)?;
    }
    let mut rows = to_peer(&served.open())?;
    for (file, name, _, reach) in wide {
        rows.push(wide_to_peer(&served.open(), file, name, reach)?);
    }
    rows.extend(to_itself(&served.open())?);
    rows.push(to_burn(&served.open_with_gpu())?);
    report("page", &rows)
}

/// Compares the reference network with onnxruntime-web on one thread.
fn to_peer(page: &Page) -> anyhow::Result<Vec<Row>> {
    page.call("ort_bench.load", &[json!("/files/reference.onnx")]);
    page.load("one", REFERENCE, Some(1));
    page.load("two", REFERENCE, Some(2));
    for name in ["one", "two"] {
        compare(page, name)?;
    }
    let side = json!(SIDE_PX);
    let whole = |name: &str| time(page, "uprez_bench.time", [json!(name), side.clone()]);
    let wasm = [json!(REFERENCE), side.clone()];
    let [one, two, wasm, peer] = medians(
        "ms",
        [
            ("uprez, upscale(), one worker", whole("one")),
            ("uprez, upscale(), two workers", whole("two")),
            (
                "uprez, the wasm alone",
                time(page, "uprez_bench.timeWasm", wasm),
            ),
            (
                "onnxruntime-web, run(), one thread",
                Box::new(|| page.time("ort_bench.run", std::slice::from_ref(&side), RUNS)),
            ),
        ],
    )?;
    let row = |name: &str, time: f64, most| {
        let name = format!("reference network, 256² → 512², {name}");
        let reach = Some(Reach::AtMost(most));
        Row::ratio(&name, time / peer, reach, PEER)
    };
    Ok(vec![
        row("upscale() on one worker", one, 0.4),
        row("the wasm's call alone", wasm, 0.5),
        row("upscale() on two workers", two, 0.28),
    ])
}

/// Compares a wide network on one worker with onnxruntime-web on one thread.
fn wide_to_peer(page: &Page, file: &str, name: &str, reach: Option<Reach>) -> anyhow::Result<Row> {
    page.call("ort_bench.load", &[json!(format!("/files/{file}.onnx"))]);
    page.load("one", &format!("/files/{file}.bpk"), Some(1));
    compare(page, "one")?;
    // A smaller image where one takes ten seconds.
    let side_px = if file == "rrdb" { 128 } else { SIDE_PX };
    let args = [json!("one"), json!(side_px)];
    let side = [json!(side_px)];
    let ours: Measure = Box::new(|| page.time("uprez_bench.time", &args, FEW_RUNS));
    let peer: Measure = Box::new(|| page.time("ort_bench.run", &side, FEW_RUNS));
    let label = format!("uprez, {name}, upscale(), one worker");
    let [ours, peer] = medians(
        "ms",
        [
            (label.as_str(), ours),
            ("onnxruntime-web, run(), one thread", peer),
        ],
    )?;
    let seconds = ours / 1e3 * 1e6 / (side_px * side_px) as f64;
    println!("{name}: {seconds:.1} seconds per megapixel on one worker here\n");
    let name = format!("{name}, {side_px}², upscale() on one worker");
    Ok(Row::ratio(&name, ours / peer, reach, PEER))
}

/// Fails if onnxruntime-web computes a different image than the model loaded under this name.
fn compare(page: &Page, name: &str) -> anyhow::Result<()> {
    let difference = page.call("uprez_bench.difference", &[json!(name), json!(SIDE_PX)]);
    ensure!(
        difference.as_u64().is_some_and(|steps| steps <= 1),
        "onnxruntime-web gives another image: {difference} of 255 apart"
    );
    Ok(())
}

/// Compares the reference network's time on software WebGPU with that of Burn's operators. Software rendering only
/// ranks the kernels; it does not predict times on a GPU.
fn to_burn(page: &Page) -> anyhow::Result<Row> {
    page.load_on("webgpu", REFERENCE, None, "webgpu");
    page.load_on("burn", REFERENCE, None, "burn-webgpu");
    let time = |name: &'static str| -> Measure {
        let args = [json!(name), json!(SIDE_PX)];
        Box::new(move || page.time("uprez_bench.time", &args, SLOW_RUNS))
    };
    let [ours, burn] = medians(
        "ms",
        [
            ("WGSL on SwiftShader", time("webgpu")),
            ("Burn's operators on SwiftShader", time("burn")),
        ],
    )?;
    Ok(Row::ratio(
        "WebGPU in software, reference network, 256² → 512², upscale()",
        ours / burn,
        Some(Reach::AtMost(0.2)),
        "burn-wgpu 0.22.1",
    ))
}

/// Measures the page's overhead over the engine, and how the time grows with the image's size.
fn to_itself(page: &Page) -> anyhow::Result<Vec<Row>> {
    page.load("one", "fast-x2", Some(1));
    page.load("default", "fast-x2", None);
    let whole = |name: &'static str, side: usize, runs: [usize; 2]| -> Measure {
        let args = [json!(name), json!(side)];
        Box::new(move || page.time("uprez_bench.time", &args, runs))
    };
    let wasm = [json!("/models/fast-x2.bpk"), json!(LARGE_PX)];
    let [small_px, large_px] = MEGAPIXELS_PX;
    let [all, wasm, small, large] = medians(
        "ms",
        [
            (
                "upscale() of 1024² on one worker",
                whole("one", LARGE_PX, FEW_RUNS),
            ),
            (
                "the wasm's calls of the same",
                Box::new(move || page.time("uprez_bench.timeWasm", &wasm, FEW_RUNS)),
            ),
            ("upscale() of 1 MP", whole("default", small_px, FEW_RUNS)),
            ("upscale() of 16 MP", whole("default", large_px, ONE_RUN)),
        ],
    )?;
    let pixels = (large_px * large_px) as f64 / (small_px * small_px) as f64;
    Ok(vec![
        Row::ratio(
            "fast-x2, 1024² → 2048², upscale() to the wasm's calls (engine, colour, chroma)",
            all / wasm,
            Some(Reach::AtMost(1.25)),
            "itself",
        ),
        Row::ratio(
            "fast-x2, time a pixel, 16 MP to 1 MP",
            large / small / pixels,
            Some(Reach::Within(0.9, 1.1)),
            "itself",
        ),
    ])
}

/// Measures a function of the page on small images.
fn time<'a, const N: usize>(
    page: &'a Page,
    function: &'static str,
    args: [serde_json::Value; N],
) -> Measure<'a> {
    Box::new(move || page.time(function, &args, RUNS))
}

/// Writes a network for both contenders: `NAME.bpk` and `NAME.onnx`.
fn write_network(
    python: &Python,
    served: &Served,
    name: &str,
    record: &[u8],
) -> anyhow::Result<()> {
    std::fs::write(served.file(&format!("{name}.bpk")), record)?;
    write_onnx(python, record, &served.file(&format!("{name}.onnx")), false)
}
