//! The command `train`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::changes::Changes;
use super::estimate;
use super::interrupt;
use super::run::{self, Run};
use crate::config::{Config, Setting};
use crate::device::{DeviceName, Devices};
use crate::remote::Token;

/// Trains a network and writes its model file, log and report.
///
/// Without --config it trains a small network on the images that come with the project. Ctrl+C saves the training,
/// which goes on with --resume.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  cargo run -p trainer
  cargo run -p trainer -- train --data ~/Pictures
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --devices gpu:0,gpu:1
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --resume
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --steps 2000 --set network.width=24 --dry-run")]
pub struct TrainArgs {
    /// The configuration, a TOML file (see trainer/configs).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A folder of images to learn from instead of the configured ones; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub data: Vec<PathBuf>,
    /// The number of steps, instead of the configuration's training.steps.
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// The number of patches in a step, instead of the configuration's training.batch.
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Another value for a key of the configuration, such as training.learning_rate=1e-4; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
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
    /// Take what fits of another network's weights, and say what did not: of another scale, shallower or narrower.
    #[arg(long)]
    pub start_partial: bool,
    /// The folder of the results [default: runs/ and the name of the configuration].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Resume from the checkpoint in that folder, or in the newest one of the configuration's name. Steps, batch and
    /// learning rate may change if they are given here.
    #[arg(long)]
    pub resume: bool,
    /// Print the network, its cost, the memory and the time that the training will take, and end.
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,
}

impl TrainArgs {
    /// The values of the configuration that the command line sets.
    fn settings(&self) -> anyhow::Result<Vec<Setting>> {
        // The configuration's paths are relative to its own folder, and those of the command line to the current one.
        let absolute = |path: &PathBuf| {
            let path = std::path::absolute(path)
                .with_context(|| format!("cannot find {}", path.display()))?;
            let text = path.into_os_string().into_string();
            text.map_err(|path| anyhow::anyhow!("{} is not a name in UTF-8", path.display()))
        };
        let mut settings = self.set.clone();
        if let Some(steps) = self.steps {
            settings.push(Setting::new("training.steps", i64::try_from(steps)?));
        }
        if let Some(batch) = self.batch {
            settings.push(Setting::new("training.batch", i64::from(batch)));
        }
        if !self.data.is_empty() {
            let folders: Vec<String> = self.data.iter().map(absolute).collect::<Result<_, _>>()?;
            settings.push(Setting::new("data.folders", folders));
        }
        if let Some(start) = &self.start {
            settings.push(Setting::new("training.start", absolute(start)?));
        }
        if self.start_partial {
            settings.push(Setting::new("training.start_partial", true));
        }
        Ok(settings)
    }
}

/// A configuration that needs no data outside the repository.
fn default_config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/default.toml")
}

/// Trains the default configuration, and says so first.
pub fn quick_start() -> anyhow::Result<()> {
    println!(
        "Training the quick start: a small ×2 network, on the images in trainer/samples. It takes a few minutes on a \
         CPU.\nTo train on your own images: cargo run -p trainer -- train --data FOLDER. All commands: cargo run -p \
         trainer -- --help.\n"
    );
    train(&TrainArgs::default())
}

/// Runs the command.
pub fn train(args: &TrainArgs) -> anyhow::Result<()> {
    let path = args.config.clone().unwrap_or_else(default_config);
    let settings = args.settings()?;
    let config = Config::load_with(&path, &settings)?;
    let token = args.token_file.as_deref().map(Token::read).transpose()?;
    let mut names = args.devices.clone();
    if names.is_empty() {
        names.push(DeviceName::default());
    }
    let devices = Devices::connect(&names, token.as_ref())?;
    if args.dry_run {
        return estimate::print(&config, devices);
    }
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None if args.resume => newest_folder(&config.name),
        None => free_folder(&config.name),
    };
    let changes = args.resume.then(|| Changes {
        keys: settings.iter().map(|setting| setting.key.clone()).collect(),
        devices: !args.devices.is_empty(),
    });
    let run = Run::open(folder, changes)?;
    println!(
        "Training {} ({} parameters, ×{}) on {}, into {}",
        config.name,
        config.network.parameters(&devices.home),
        config.network.spec().scale,
        devices.names(),
        run.folder().display()
    );
    interrupt::watch("this step")?;
    run.train(&config, devices)
}

/// `runs/NAME`, `runs/NAME-2` and so on.
fn folders(name: &str) -> impl Iterator<Item = PathBuf> {
    let numbered = (2..).map(move |number| format!("{name}-{number}"));
    let names = std::iter::once(name.to_string()).chain(numbered);
    names.map(|name| Path::new("runs").join(name))
}

/// The first of the folders without a training.
fn free_folder(name: &str) -> PathBuf {
    let is_free = |folder: &PathBuf| !folder.join(run::LOG).exists();
    folders(name).find(is_free).expect("the numbers do not end")
}

/// The last of the folders with a training; the first one if there is none.
fn newest_folder(name: &str) -> PathBuf {
    let is_used = |folder: &PathBuf| folder.join(run::LOG).exists();
    let used = folders(name).take_while(is_used).last();
    used.unwrap_or_else(|| Path::new("runs").join(name))
}
