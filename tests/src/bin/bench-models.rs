//! Times of the shipped models in a page, per megapixel of the result, as ratios to `fast-x2`: on the CPU with one worker,
//! and on software WebGPU, which only ranks them.
//!
//! `cargo xtask bench models` runs it.

use anyhow::Context;
use serde_json::{Value, json};
use tests::bench::page::{Page, Served};
use tests::bench::report::{Row, report};
use tests::bench::{Measure, medians};

const PEER: &str = "fast-x2";

/// Side of the image that is upscaled: on the CPU, and in software.
const CPU_PX: usize = 512;
const SOFTWARE_PX: usize = 256;

/// Warm-up runs and timed runs per round.
const RUNS: [usize; 2] = [1, 3];

fn main() -> anyhow::Result<()> {
    let list = std::fs::read(xtask::root().join("www/models/index.json"))?;
    let list: Vec<Value> = serde_json::from_slice(&list)?;
    let names = list.iter().filter_map(|model| model["name"].as_str());
    let names: Vec<&str> = names.filter(|name| *name != PEER).collect();
    let served = Served::start(None)?;
    let mut rows = Vec::new();
    for (engine, side_px, label) in [
        ("cpu", CPU_PX, "CPU, one worker"),
        ("webgpu", SOFTWARE_PX, "WebGPU in software"),
    ] {
        for name in &names {
            let page = if engine == "cpu" {
                served.open()
            } else {
                served.open_with_gpu()
            };
            let ratio = to_peer(&page, name, engine, side_px)?;
            let row = format!("{name}, {label}, time per megapixel of the result");
            rows.push(Row::ratio(&row, ratio, None, PEER));
        }
    }
    report("models", &rows)
}

fn to_peer(page: &Page, model: &str, engine: &str, side_px: usize) -> anyhow::Result<f64> {
    let mut contenders = Vec::new();
    for name in [model, PEER] {
        page.load_on(name, name, (engine == "cpu").then_some(1), engine);
        let scale = page.call("uprez_bench.scale", &[json!(name)]);
        let scale = scale.as_f64().context("the model has no scale")?;
        let megapixels = (side_px * side_px) as f64 * scale * scale / 1e6;
        let args = [json!(name), json!(side_px)];
        let measure: Measure =
            Box::new(move || Ok(page.time("uprez_bench.time", &args, RUNS)? / megapixels));
        contenders.push((name, measure));
    }
    let contenders: [(&str, Measure); 2] = contenders.try_into().ok().context("two contenders")?;
    let [ours, peer] = medians("ms per megapixel of the result", contenders)?;
    Ok(ours / peer)
}
