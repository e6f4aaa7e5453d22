//! Native upscaling on two threads: this project and onnxruntime.
//!
//! `cargo xtask bench native` runs it.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use engine::image::{Channels, Image, Planes};
use engine::{CpuEngine, Engine, EngineError, Grid, Running};
use pollster::block_on;
use tempfile::TempDir;
use tests::bench::network::{compact, dense_block, noise, plain, plan, reference, span};
use tests::bench::onnx::write_onnx;
use tests::bench::python::{Python, text};
use tests::bench::report::{Reach, Row, report};
use tests::bench::{Measure, medians, milliseconds};

const SIDE_PX: usize = 256;

/// Side of an image that takes many tiles.
const LARGE_PX: usize = 1024;

const THREADS: usize = 2;

/// Warm-up runs and timed runs per round, for networks of 16 maps.
const RUNS: [usize; 2] = [10, 50];

/// The same for wide networks, which take up to half a second per run.
const FEW_RUNS: [usize; 2] = [2, 6];

/// Ways to write the peer's PReLU: name, and whether it is written as a maximum.
const FORMS: [(&str, bool); 2] = [
    ("onnxruntime with PReLU as a maximum", true),
    ("onnxruntime with PReLU as such", false),
];

fn main() -> anyhow::Result<()> {
    // As the CLI does.
    trainer::allocator::keep_freed_memory();
    let python = Python::with(&["numpy", "onnx", "onnxruntime"])?;
    let mut rows = Vec::new();
    let [half, most] = [0.5, 0.8].map(|ratio| Some(Reach::AtMost(ratio)));
    for (name, record, runs, reach) in [
        ("reference network (16 maps)", reference()?, RUNS, half),
        ("fast-x2", tests::shipped("fast-x2")?, RUNS, None),
        ("plain, 32 maps", plain(32)?, FEW_RUNS, half),
        ("plain, 64 maps", plain(64)?, FEW_RUNS, half),
        ("dense block, 64 maps", dense_block()?, FEW_RUNS, None),
        (
            "compact ×4, 64 maps, 32 convolutions",
            compact()?,
            FEW_RUNS,
            most,
        ),
        ("SPAN ×4, 48 maps", span()?, FEW_RUNS, most),
    ] {
        rows.extend(to_peer(&python, name, &record, runs, reach)?);
    }
    rows.push(pipeline(&tests::shipped("fast-x2")?)?);
    report("native", &rows)
}

/// Compares the times of our engine and of onnxruntime on the same planes. `reach` applies to both forms of the peer's
/// network.
fn to_peer(
    python: &Python,
    name: &str,
    record: &[u8],
    [warm_up, runs]: [usize; 2],
    reach: Option<Reach>,
) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let plan = plan(record)?;
    let mut engine = CpuEngine::new(&plan, THREADS);
    let input = noise(plan.input().channels, SIDE_PX);
    let output = block_on(engine.run(input.clone()))?;
    let files = FORMS.map(|(form, _)| folder.path().join(format!("{form}.onnx")));
    for (file, (_, max)) in files.iter().zip(FORMS) {
        write_onnx(python, record, file, max)?;
        compare(python, file, &input, &output, &folder)?;
    }
    let peer = |file| -> Measure {
        Box::new(move || {
            let numbers = [SIDE_PX, THREADS, warm_up, runs].map(|number| number.to_string());
            let [side, threads, warm_up, runs] = numbers.each_ref().map(String::as_str);
            let args = [text(file)?, side, threads, warm_up, runs];
            python.number("onnx/native.py", &args)
        })
    };
    println!("{name}, {SIDE_PX}², {THREADS} threads\n");
    let ours: Measure = Box::new(|| {
        milliseconds(warm_up, runs, || {
            block_on(engine.run(input.clone()))?;
            Ok(())
        })
    });
    let [ours, max, plain] = medians(
        "ms",
        [
            ("uprez", ours),
            (FORMS[0].0, peer(&files[0])),
            (FORMS[1].0, peer(&files[1])),
        ],
    )?;
    let row = |(form, _): (&str, bool), time: f64| {
        let name = format!("{name}, 256², two threads, to {form}");
        Row::ratio(&name, ours / time, reach, "onnxruntime (PyPI)")
    };
    Ok(vec![row(FORMS[0], max), row(FORMS[1], plain)])
}

/// Fails if onnxruntime computes a different image.
fn compare(
    python: &Python,
    file: &Path,
    input: &Planes,
    output: &Planes,
    folder: &TempDir,
) -> anyhow::Result<()> {
    let [given, made] = ["input", "output"].map(|name| folder.path().join(name));
    let bytes: Vec<u8> = input.data.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&given, bytes)?;
    let side = SIDE_PX.to_string();
    let files = [text(&made)?, text(&given)?];
    let args = [&[text(file)?, &side, "1", "0", "1"], &files[..]].concat();
    python.number("onnx/native.py", &args)?;
    let bytes = std::fs::read(&made)?;
    let (values, _) = bytes.as_chunks();
    let theirs = values
        .iter()
        .map(|value| rounded(f32::from_le_bytes(*value)));
    let theirs: Vec<u8> = theirs.collect();
    let ours: Vec<u8> = output.data.iter().map(|value| rounded(*value)).collect();
    let difference = tests::largest_difference(&ours, &theirs);
    ensure!(
        difference.is_some_and(|steps| steps <= 1),
        "onnxruntime gives another image: {difference:?} of 255 apart"
    );
    Ok(())
}

fn rounded(value: f32) -> u8 {
    (255.0 * value).round() as u8
}

/// Measures what colour conversion and tiling cost in addition to the engine; in a page, the two cannot be separated.
fn pipeline(record: &[u8]) -> anyhow::Result<Row> {
    let (_, metadata) = tests::plan(record)?;
    let mut engine = Timed {
        engine: CpuEngine::new(&plan(record)?, THREADS),
        milliseconds: 0.0,
    };
    let bytes = noise(3, LARGE_PX).data.into_iter();
    let bytes = bytes.map(|value| (255.0 * value) as u8).collect();
    // A page passes images with alpha even if they are opaque.
    let image = Image::new(LARGE_PX, LARGE_PX, Channels::Rgb, bytes)?.to_channels(Channels::Rgba);
    println!("fast-x2, {LARGE_PX}², {THREADS} threads\n");
    let share: Measure = Box::new(|| {
        engine.milliseconds = 0.0;
        let whole = milliseconds(0, 1, || {
            tests::upscaled_by(&mut engine, &metadata, &image, None)?;
            Ok(())
        })?;
        Ok(whole / engine.milliseconds)
    });
    let [share] = medians("ratio", [("upscale() to the engine's part of it", share)])?;
    Ok(Row::ratio(
        "fast-x2, 1024² → 2048², two threads, upscale() to the engine's part of it",
        share,
        None,
        "itself",
    ))
}

/// Measures the time that an engine takes.
struct Timed {
    engine: CpuEngine,
    milliseconds: f64,
}

impl Engine for Timed {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn grid(&self) -> Grid {
        self.engine.grid()
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        let start = Instant::now();
        let output = self.engine.start(input);
        self.milliseconds += 1e3 * start.elapsed().as_secs_f64();
        output
    }
}
