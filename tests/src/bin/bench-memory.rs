//! Memory that a page takes in addition to the input and output images.
//!
//! `cargo xtask bench memory` runs it. It needs Linux, which reports a process's peak memory.

use std::time::Duration;

use serde_json::json;
use tests::bench::memory::Renderers;
use tests::bench::page::Served;
use tests::bench::report::{Reach, Row, report};
use tests::bench::{Measure, medians};

/// Side of the image of the first call, which loads everything that is loaded lazily.
const WARM_UP_PX: usize = 64;

/// Sides of square images of 1 and 16 megapixels.
const SIDES_PX: [usize; 2] = [1000, 4000];

/// Target for the peak memory.
const MOST_MB: f64 = 100.0;

fn main() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("memory: skipped, for only Linux tells how much a process held at most");
        return Ok(());
    }
    let served = Served::start(None)?;
    let served = &served;
    let contender = |side: usize| -> Measure { Box::new(move || megabytes(served, side)) };
    let [small, large] = medians(
        "MB",
        [
            ("1 MP", contender(SIDES_PX[0])),
            ("16 MP", contender(SIDES_PX[1])),
        ],
    )?;
    let row = |name: &str, value| Row {
        name: format!("fast-x2, {name}, beyond input and output"),
        value,
        unit: "MB",
        reach: Some(Reach::AtMost(MOST_MB)),
        peer: String::new(),
    };
    let ratio = Row::ratio(
        "fast-x2, 16 MP to 1 MP, beyond input and output",
        large / small,
        Some(Reach::Within(0.8, 1.2)),
        "itself",
    );
    report("memory", &[row("1 MP", small), row("16 MP", large), ratio])
}

/// Peak memory of a fresh browser's renderers while they upscale an image of this side, beyond the result and beyond
/// the memory in use before the call.
fn megabytes(served: &Served, side: usize) -> anyhow::Result<f64> {
    let page = served.open();
    page.load("fast", "fast-x2", None);
    page.call("uprez_bench.prepare", &[json!(side)]);
    page.call("uprez_bench.upscale", &[json!("fast"), json!(WARM_UP_PX)]);
    std::thread::sleep(Duration::from_secs(1));
    let renderers = Renderers::find()?;
    let before = renderers.resident()?;
    renderers.forget_peak()?;
    page.call("uprez_bench.upscale", &[json!("fast"), json!(side)]);
    let peak = renderers.peak()?;
    let output_bytes = 4 * (2 * side) * (2 * side);
    Ok((peak as f64 - before as f64 - output_bytes as f64) / 1e6)
}
