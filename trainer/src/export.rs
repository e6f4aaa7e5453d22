//! The command `export`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use burn::tensor::Device;
use clap::Args;
use model::{export, record};

/// Writes a model in a format of other projects: ONNX, or safetensors under PyTorch's names.
///
/// An ONNX file (opset 17) takes RGB images of any size in 0…1, [1, 3, height, width], and gives what the model gives:
/// colour conversion and interpolation are part of it. A safetensors file can be written of the networks compact, rrdb,
/// span, srcnn, fsrcnn, espcn and srresnet, under the names of their public PyTorch implementations.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- export www/models/fast-x2.bpk fast-x2.onnx
  cargo run -p trainer -- export www/models/srcnn-x3.bpk srcnn-x3.safetensors")]
pub struct ExportArgs {
    /// The model file (.bpk).
    pub model: PathBuf,
    /// The file to write; its ending, .onnx or .safetensors, says the format.
    pub out: PathBuf,
    /// One of the model's scales [default: the largest]
    #[arg(long)]
    pub scale: Option<usize>,
}

/// Runs the command.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let write = match args.out.extension().and_then(|ending| ending.to_str()) {
        Some("onnx") => export::onnx,
        Some("safetensors") => export::safetensors,
        _ => bail!(
            "{} has to end with .onnx or .safetensors",
            args.out.display()
        ),
    };
    let name = args.model.display();
    let bytes = std::fs::read(&args.model).with_context(|| format!("cannot read {name}"))?;
    let (network, metadata) = record::read_at(&bytes, args.scale, &Device::flex())
        .with_context(|| format!("in {name}"))?;
    let file = write(&network, &metadata).with_context(|| format!("in {name}"))?;
    let out = args.out.display();
    std::fs::write(&args.out, &file).with_context(|| format!("cannot write {out}"))?;
    println!("{out}: {} KB", file.len() / 1000);
    Ok(())
}
