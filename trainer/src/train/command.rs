//! The command `train`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::run::{self, Run};
use crate::config::Config;
use crate::device::{DeviceName, Devices};
use crate::remote::Token;

/// Trains a network and writes its model file, log and report.
///
/// Without --config it trains a small network on the images that come with the project.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  cargo run -p trainer
  cargo run -p trainer -- train --data ~/Pictures
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --devices gpu:0,gpu:1
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --resume")]
pub struct TrainArgs {
    /// The configuration, a TOML file (see trainer/configs).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A folder of images to learn from instead of the configured ones; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub data: Vec<PathBuf>,
    /// The devices: auto, cpu, gpu, gpu:1, remote:host:3000 (another machine's `trainer worker`).
    /// Several, separated by commas, share every batch [default: auto].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', alias = "device")]
    pub devices: Vec<DeviceName>,
    /// The file with the token that other machines' workers ask for.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A checkpoint or a model file whose weights the training starts from, instead of the configuration's
    /// training.start.
    #[arg(long, value_name = "FILE")]
    pub start: Option<PathBuf>,
    /// The folder of the results [default: runs/ and the name of the configuration].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Resume from the checkpoint in that folder.
    #[arg(long)]
    pub resume: bool,
}

/// A configuration that needs no data outside the repository.
fn default_config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/default.toml")
}

/// Runs the command.
pub fn train(args: &TrainArgs) -> anyhow::Result<()> {
    let path = args.config.clone().unwrap_or_else(default_config);
    let mut config = Config::load(&path)?;
    if !args.data.is_empty() {
        config.data.folders = args.data.clone();
    }
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None if args.resume => Path::new("runs").join(&config.name),
        None => free_folder(&config.name),
    };
    if let Some(start) = &args.start {
        config.training.start = Some(start.clone());
    }
    let token = args.token_file.as_deref().map(Token::read).transpose()?;
    let mut names = args.devices.clone();
    if names.is_empty() {
        names.push(DeviceName::default());
    }
    let devices = Devices::connect(&names, token.as_ref())?;
    let run = Run::open(folder, args.resume)?;
    println!(
        "Training {} ({} parameters, ×{}) on {}, into {}",
        config.name,
        config.network.parameters(&devices.home),
        config.network.spec().scale,
        devices.names(),
        run.folder().display()
    );
    run.train(&config, devices)
}

/// `runs/<name>`, or `runs/<name>-2` and so on if there is a training already.
fn free_folder(name: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_string())
        .chain(numbered)
        .map(|name| Path::new("runs").join(name))
        .find(|folder| !folder.join(run::LOG).exists())
        .expect("the numbers do not end")
}
