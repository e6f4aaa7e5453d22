//! Options of the command `rate`.

use std::path::PathBuf;

use clap::Args;

use super::codec::Codec;
use crate::device::DeviceName;
use crate::eval::MetricNetworks;

/// Says whether small files that a model enlarges in the page save bytes, on a site's own images.
///
/// Each image is compressed at a dozen qualities, in full size and shrunk by the model's scale. The small files are
/// enlarged by the model, on the CPU engine that the page runs, and by bicubic interpolation. All are compared with the
/// original by SSIMULACRA 2, and by LPIPS and DISTS if their weights are given. A table says how many bytes each way
/// takes for the quality that the full-size file has at several budgets; a report shows curves, and crops at equal
/// bytes.
///
/// The results of each image are kept in the output folder. The same command goes on after Ctrl+C, and measures only
/// images that are new or have changed.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- rate photographs --model www/models/fast-x2.bpk
  cargo run -p trainer -- rate photographs --model www/models/fast-x2.bpk --codec avif,webp,jpeg --out rate \\
    --lpips ../shared/data/features/alexnet_lpips.safetensors
  cargo run -p trainer -- rate photographs --model www/models/fast-x2.bpk --density 2 --out rate-dense \\
    --dists ../shared/data/features/dists_weights.safetensors")]
pub struct RateArgs {
    /// A folder of images that are hardly compressed, in the size in pixels at which the site shows them.
    #[arg(value_name = "FOLDER", required_unless_present = "held_out")]
    pub folder: Option<PathBuf>,
    /// Also measure the images that this training configuration holds out.
    #[arg(long, value_name = "FILE")]
    pub held_out: Option<PathBuf>,
    /// The model file, of scale 2 or more.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// The formats, separated by commas; the full-size file in the first one is what the others are compared with.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "avif"
    )]
    pub codec: Vec<Codec>,
    /// Device pixels per CSS pixel of the screen: with 2, all images are shrunk by two before they are compared.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub density: u8,
    /// The folder to write results and report.html to.
    #[arg(long, value_name = "DIR", default_value = "rate")]
    pub out: PathBuf,
    /// Speed of rav1e, the encoder of AVIF: 0 is the slowest and makes the smallest files, 10 is the fastest.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub avif_speed: u8,
    /// Number of threads; each works on an image of its own [default: as many as the processor runs].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The weights of LPIPS and DISTS.
    #[command(flatten)]
    pub networks: MetricNetworks,
    /// The device of LPIPS and DISTS: auto, cpu, gpu or gpu:1. The model runs on the CPU.
    #[arg(long, value_name = "NAME", default_value_t, alias = "device")]
    pub devices: DeviceName,
}
