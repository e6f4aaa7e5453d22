//! Memory that a page takes in addition to the input and output images.
//!
//! `cargo xtask bench memory` runs it. It needs Linux, which reports a process's peak memory.

use std::time::Duration;

use serde_json::json;
use tests::bench::memory::Renderers;
use tests::bench::network::{compact, rrdb, span};
use tests::bench::page::Served;
use tests::bench::report::{Reach, Row, report};
use tests::bench::{Measure, medians};

/// Side of the image of the first call, which loads everything that is loaded lazily.
const WARM_UP_PX: usize = 64;

/// Sides of square images of 1 and 16 megapixels.
const SIDES_PX: [usize; 2] = [1000, 4000];

/// Target for the peak memory.
const MOST_MB: f64 = 100.0;

/// Side of the image that large networks enlarge.
const LARGE_NETWORK_PX: usize = 512;

fn main() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("memory: skipped, for only Linux tells how much a process held at most");
        return Ok(());
    }
    let served = Served::start(None)?;
    let served = &served;
    let contender =
        |side: usize| -> Measure { Box::new(move || megabytes(served, "fast-x2", 2, side)) };
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
    let mut rows = vec![row("1 MP", small), row("16 MP", large), ratio];
    for (file, name, record, most) in [
        (
            "compact",
            "compact ×4, 64 maps, 32 convolutions",
            compact()?,
            150.0,
        ),
        ("span", "SPAN ×4, 48 maps", span()?, 150.0),
        ("rrdb", "RRDB ×4, 6 blocks", rrdb()?, 250.0),
    ] {
        std::fs::write(served.file(&format!("{file}.bpk")), record)?;
        let measure: Measure = Box::new(move || {
            let model = format!("/files/{file}.bpk");
            megabytes(served, &model, 4, LARGE_NETWORK_PX)
        });
        let [value] = medians("MB", [(name, measure)])?;
        rows.push(Row {
            name: format!("{name}, {LARGE_NETWORK_PX}², beyond input and output"),
            value,
            unit: "MB",
            reach: Some(Reach::AtMost(most)),
            peer: String::new(),
        });
    }
    report("memory", &rows)
}

/// Peak memory of a fresh browser's renderers while they upscale an image of this side, beyond the result and beyond
/// the memory in use before the call.
fn megabytes(served: &Served, model: &str, scale: usize, side: usize) -> anyhow::Result<f64> {
    let page = served.open();
    page.load("model", model, None);
    page.call("uprez_bench.prepare", &[json!(side)]);
    page.call("uprez_bench.upscale", &[json!("model"), json!(WARM_UP_PX)]);
    std::thread::sleep(Duration::from_secs(1));
    let renderers = Renderers::of(page.browser())?;
    let before = renderers.resident()?;
    renderers.forget_peak()?;
    page.call("uprez_bench.upscale", &[json!("model"), json!(side)]);
    let peak = renderers.peak()?;
    let output_bytes = 4 * (scale * side) * (scale * side);
    Ok((peak as f64 - before as f64 - output_bytes as f64) / 1e6)
}
