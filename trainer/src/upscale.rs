//! The command `upscale`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use clap::Args;
use engine::Spec;
use engine::pipeline::{Options, upscale};
use engine::{CpuEngine, Engine};
use indicatif::{ProgressBar, ProgressStyle};
use model::burn_engine::BurnEngine;
use model::record;

use crate::device::{DeviceName, local_device};
use crate::image_file;

/// Upscales an image, or every image of a folder.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- upscale --model www/models/fast-x2.bpk small.jpg large.png
  cargo run -p trainer -- upscale --model www/models/fast-x2.bpk small/ large/
  cargo run -p trainer -- upscale --model lapsrn-x8.bpk --scale 2 small.jpg large.png")]
pub struct UpscaleArgs {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// The factor; a LapSRN model supports its smaller scales as well [default: the model's scale].
    #[arg(long, value_name = "N")]
    pub scale: Option<usize>,
    /// An image, or a folder of images.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The image to write, or the folder to write images into (as PNG, under the inputs' names).
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// The device: auto, cpu, gpu or gpu:1.
    #[arg(long, value_name = "NAME", default_value_t, alias = "device")]
    pub devices: DeviceName,
}

/// Runs the command.
pub fn run(args: &UpscaleArgs) -> anyhow::Result<()> {
    let name = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {name}"))?;
    let jobs = jobs(&args.input, &args.output)?;
    let (device, device_name) = local_device(&args.devices)?;
    let (network, metadata) =
        record::read_at(&bytes, args.scale, &device).with_context(|| format!("in {name}"))?;
    let spec = metadata.network.spec();
    match network.plan() {
        // On the CPU, the engine of the page is faster than Burn's operators.
        Ok(plan) if device == Device::flex() => {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            all(CpuEngine::new(&plan, threads), &spec, &jobs, &device_name)
        }
        _ => {
            let engine = BurnEngine::new(network, device, &device_name);
            all(engine, &spec, &jobs, &device_name)
        }
    }
}

/// Upscales one image after the other; the error at the end names those that failed.
fn all(
    mut engine: impl Engine,
    spec: &Spec,
    jobs: &[(PathBuf, PathBuf)],
    device_name: &str,
) -> anyhow::Result<()> {
    let progress = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{wide_bar} {percent:>3} % · {eta} left\n{msg}",
    )?);
    let mut failures = Vec::new();
    for (number, (input, output)) in jobs.iter().enumerate() {
        progress.set_message(format!(
            "{} ({}/{})",
            input.display(),
            number + 1,
            jobs.len()
        ));
        if let Err(error) = one(&mut engine, spec, input, output, &progress) {
            failures.push(format!("{error:#}"));
        }
    }
    progress.finish_and_clear();
    let done = jobs.len() - failures.len();
    println!(
        "{done} of {} upscaled ×{} on {device_name}",
        jobs.len(),
        spec.scale
    );
    ensure!(failures.is_empty(), "{}", failures.join("\n       "));
    Ok(())
}

fn jobs(input: &Path, output: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    if !input.exists() {
        bail!("there is no {}", input.display());
    }
    let jobs: Vec<_> = if input.is_dir() {
        let to = |file: PathBuf| {
            let place = file.strip_prefix(input).unwrap_or(&file);
            let output = output.join(place).with_extension("png");
            (file, output)
        };
        image_file::list(input)?.into_iter().map(to).collect()
    } else if output.is_dir() {
        let name = input.file_name().context("the input has no name")?;
        let output = output.join(name).with_extension("png");
        vec![(input.to_path_buf(), output)]
    } else {
        ensure!(
            image_file::is_image(output),
            "{}: end the name in .png, .jpg, .webp or .bmp, or name a folder that exists",
            output.display()
        );
        vec![(input.to_path_buf(), output.to_path_buf())]
    };
    for (input, output) in &jobs {
        image_file::ensure_different(input, output)?;
    }
    Ok(jobs)
}

fn one(
    engine: &mut impl Engine,
    spec: &Spec,
    input: &Path,
    output: &Path,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    let image = image_file::load(input)?;
    progress.reset();
    let options = Options::default();
    let work = upscale(engine, spec, &image, &options, |tiles| {
        progress.set_length(tiles.total as u64);
        progress.set_position(tiles.done as u64);
        ControlFlow::Continue(())
    });
    let upscaled =
        pollster::block_on(work).with_context(|| format!("cannot upscale {}", input.display()))?;
    image_file::save_in_folder(&upscaled, output)
}
