//! The command `eval`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use model::engine::BurnEngine;
use model::record;

use super::{TestSet, evaluate_with};
use crate::device::{self, DeviceChoice};
use crate::image_file;
use crate::metric::Lpips;

/// Evaluates a model on a folder of originals and prints a table.
///
/// Each original is cropped, shrunk by MATLAB's bicubic, upscaled by the model and by bicubic
/// interpolation, and compared on Y.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set5 --scale 2
  cargo run -p trainer -- eval --model www/models/fast-x2.bpk --data ../shared/data/test/Set5 --scale 2 \\
    --lpips ../shared/data/features/vgg16_lpips.safetensors")]
pub struct EvalArgs {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// A folder of originals, or one that holds them in `HR`.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The scale to evaluate at; has to be one of the model's.
    #[arg(long, value_name = "N")]
    pub scale: usize,
    /// Also write the scores as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write the upscaled pictures, as PNG.
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Also measure LPIPS, with these weights of AlexNet or VGG16 (safetensors).
    #[arg(long, value_name = "FILE")]
    pub lpips: Option<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let name = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {name}"))?;
    let (device, device_name) = device::pick(args.device)?;
    let (network, metadata) =
        record::read_at(&bytes, Some(args.scale), &device).with_context(|| format!("in {name}"))?;
    let spec = metadata.network.spec();
    let lpips = args.lpips.as_ref();
    let lpips = lpips.map(|path| Lpips::load(path, &device)).transpose()?;
    let set = TestSet::load(&args.data, spec.scale)?;
    if let Some(folder) = &args.save {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    let mut engine = BurnEngine::new(network, device, &device_name);
    let result = evaluate_with(
        &mut engine,
        &spec,
        &set,
        lpips.as_ref(),
        |pair, upscaled| {
            let Some(folder) = &args.save else {
                return Ok(());
            };
            let path = folder.join(&pair.name).with_extension("png");
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            image_file::save(upscaled, &path)
        },
    )?;
    println!(
        "{} on {}, {device_name}",
        metadata.name,
        args.data.display()
    );
    print!("{result}");
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&result)?;
        image_file::write_atomically(path, text.as_bytes())?;
    }
    Ok(())
}
