//! The command `import`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use model::import::{self, About, ImportOptions, Imported};
use model::network::CompactActivation;
use model::record;

/// Makes a model file of another project's model (.pth, .safetensors, .onnx).
///
/// The network of a file of weights is recognised by its tensors: compact (SRVGGNetCompact of Real-ESRGAN), rrdb (ESRGAN,
/// Real-ESRGAN) and span (SPAN). An ONNX file may hold any network whose operators the engines have. Nothing of the file
/// is executed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example:
  cargo run -p trainer -- import realesr-general-x4.pth --licence BSD-3-Clause --credit xinntao
  cargo run -p trainer -- upscale --model realesr-general-x4.bpk small.jpg large.png")]
pub struct ImportArgs {
    /// The file.
    pub file: PathBuf,
    /// The model file to write [default: the name of FILE with the ending .bpk, in this folder].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Name of the model [default: the name of FILE without its ending].
    #[arg(long)]
    pub name: Option<String>,
    /// Licence of the weights.
    #[arg(long)]
    pub licence: Option<String>,
    /// Authors of the weights.
    #[arg(long, value_name = "TEXT")]
    pub credit: Option<String>,
    /// Mean of each channel that a SPAN network subtracts, in 0…1 [default: that of the original implementation].
    #[arg(long, value_name = "R,G,B", value_delimiter = ',')]
    pub mean: Vec<f32>,
    /// Range of the values that a SPAN or ONNX network computes with, 1 or 255 [default: that of SPAN's original
    /// implementation, 1 for ONNX].
    #[arg(long, value_parser = ["1", "255"])]
    pub range: Option<String>,
    /// Activation of a compact network without slopes, which its file does not state.
    #[arg(long, value_enum)]
    pub activation: Option<Slopeless>,
}

/// An activation without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Slopeless {
    /// ReLU.
    Relu,
    /// Leaky ReLU with the slope 0.1.
    Leakyrelu,
}

/// Runs the command.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let file_name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let out = match &args.out {
        Some(out) => out.clone(),
        None => {
            let out = PathBuf::from(format!("{stem}.bpk"));
            ensure!(
                !out.exists(),
                "{} exists already: name another file with --out",
                out.display()
            );
            out
        }
    };
    let device = Device::flex();
    let about = About {
        file: file_name.to_string(),
        name: args.name.clone(),
        licence: args.licence.clone(),
        credit: args.credit.clone(),
    };
    let bytes = open(&args.file, &options(args)?)?.record(about, &device)?;
    std::fs::write(&out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
    let metadata = record::metadata(&bytes)?;
    println!(
        "{}: {} ({} parameters, ×{}), {} KB",
        out.display(),
        serde_json::to_string(&metadata.network)?,
        metadata.parameters,
        metadata.network.spec().scale,
        bytes.len() / 1000
    );
    if args.licence.is_none() {
        println!(
            "Its licence is not recorded: name it with --licence before you pass the model on."
        );
    }
    Ok(())
}

fn options(args: &ImportArgs) -> anyhow::Result<ImportOptions> {
    let mean = match args.mean.as_slice() {
        [] => None,
        &[r, g, b] => Some([r, g, b]),
        other => bail!("--mean has {} numbers, but needs three: R,G,B", other.len()),
    };
    Ok(ImportOptions {
        mean,
        range: args.range.as_deref().map(|range| match range {
            "255" => 255.0,
            _ => 1.0,
        }),
        activation: args.activation.map(|activation| match activation {
            Slopeless::Relu => CompactActivation::Relu,
            Slopeless::Leakyrelu => CompactActivation::LeakyRelu,
        }),
    })
}

/// Reads a file and recognises its network.
pub fn open(path: &Path, options: &ImportOptions) -> anyhow::Result<Imported> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    import::import(&bytes, options, &Device::flex())
        .with_context(|| format!("in {}", path.display()))
}
