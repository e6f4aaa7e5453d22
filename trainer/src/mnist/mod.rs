//! The command `mnist`: an autoencoder that sharpens blurred digits.

mod classifier;
mod digits;
mod epochs;
mod idx;
mod recognise;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use burn::tensor::Device;
use clap::Args;
use engine::image::{Channels, Image};
use engine::{Input, Spec};
use model::record::{self, Metadata, Origin};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::Batch;
use crate::device::{DeviceName, local_device};
use crate::image_file;
use crate::train::training_loop::{self, Hooks, Times};
use crate::train::{Changes, Checkpoint, Learn, Outcome, Trainer};
use digits::{Blur, Digits, outputs};
use epochs::Epochs;
use idx::SIDE_PX;
pub use recognise::{DigitsArgs, run as recognise};

/// Trains an autoencoder to sharpen handwritten digits that were reduced to 10×10 pixels.
///
/// Prints the training and validation loss of every epoch, and writes a model for the page (model.bpk),
/// the table (report.md) and an image of digits before and after (digits.png).
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  cargo run -p trainer -- mnist --data ../shared/data/mnist
  cargo run -p trainer -- mnist --data ../shared/data/mnist --resume")]
pub struct MnistArgs {
    /// The folder of MNIST's idx files, gzipped or not.
    #[arg(long, value_name = "DIR", default_value = "../shared/data/mnist")]
    pub data: PathBuf,
    /// The configuration, whose training.steps is replaced by --epochs.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The number of passes over all digits.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub epochs: usize,
    /// Train on the first N digits only.
    #[arg(long, value_name = "N")]
    pub digits: Option<usize>,
    /// How digits are blurred.
    #[arg(long, value_enum, default_value_t)]
    pub blur: Blur,
    /// The device: auto, cpu, gpu or gpu:1.
    #[arg(long, value_name = "NAME", default_value_t, alias = "device")]
    pub devices: DeviceName,
    /// The folder of the results.
    #[arg(long, value_name = "DIR", default_value = "runs/mnist")]
    pub out: PathBuf,
    /// Resume from the checkpoint in that folder, which is written after every epoch.
    #[arg(long)]
    pub resume: bool,
}

/// Losses of an epoch: mean squared errors.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Epoch {
    /// From 1.
    epoch: usize,
    // Single precision, which is the same after being written to JSON and read again.
    training: f32,
    validation: f32,
}

const LOG: &str = "log.jsonl";
const CHECKPOINT: &str = "checkpoint.bpk";
const MODEL: &str = "model.bpk";
const REPORT: &str = "report.md";
const GRID: &str = "digits.png";

fn default_config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/mnist.toml")
}

fn ensure_for_digits(spec: &Spec) -> anyhow::Result<()> {
    ensure!(
        spec.scale == 1 && spec.colour.channels() == 1 && spec.input == Input::LowResolution,
        "digits need a network that keeps the size, such as kind = \"autoencoder\""
    );
    Ok(())
}

/// Runs the command.
pub fn run(args: &MnistArgs) -> anyhow::Result<()> {
    let mut config = Config::load(&args.config.clone().unwrap_or_else(default_config))?;
    ensure_for_digits(&config.network.spec())?;
    ensure!(args.epochs > 0, "--epochs has to be at least 1");
    let mut training = idx::images(&args.data, idx::TRAINING_IMAGES)?;
    training.truncate(args.digits.unwrap_or(usize::MAX).max(1));
    let validation = Digits::new(&idx::images(&args.data, idx::TEST_IMAGES)?, args.blur);
    let training = Digits::new(&training, args.blur);
    let steps_per_epoch = training.len().div_ceil(config.training.batch);
    config.training.steps = (args.epochs * steps_per_epoch) as u64;
    // Trainings of different lengths have different schedules; one cannot resume the other.
    config.text += &format!(
        "\n[digits]\ncount = {}\nepochs = {}\n",
        training.len(),
        args.epochs
    );

    // A training without this line was antialiased.
    if args.blur != Blur::default() {
        config.text += &format!("blur = {:?}\n", args.blur.text());
    }
    ensure!(
        args.resume || !args.out.join(CHECKPOINT).exists(),
        "{} holds a training already: go on with --resume, or choose another --out",
        args.out.display()
    );
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create the folder {}", args.out.display()))?;
    let (device, device_name) = local_device(&args.devices)?;
    println!(
        "Training {} ({} parameters) on {} digits, {device_name}",
        config.name,
        config.network.parameters(&device),
        training.len()
    );
    let mut trainer = Trainer::new(&config, &device)?;
    if args.resume {
        let checkpoint = Checkpoint::load(&args.out.join(CHECKPOINT), &device)?;
        trainer.restore(checkpoint, &Changes::default())?;
    }
    let blurred = mse(&validation.input, &validation.target);
    println!("epoch  training loss  validation loss  (blurred digits: {blurred:.5})");
    let (batch, steps) = (config.training.batch, trainer.steps());
    let epochs = Epochs::new(training.len(), batch, args.epochs, config.seed, steps)?;
    let every = epochs.steps() as u64;
    let mut table: Vec<Epoch> = Vec::new();
    if args.resume {
        let text = std::fs::read_to_string(args.out.join(LOG)).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        table = lines
            .collect::<Result<_, _>>()
            .context("the log is damaged")?;
        // Epochs after the checkpoint are repeated.
        table.truncate((steps / every) as usize);
    }
    let mut hooks = AutoencoderTraining {
        args,
        config: &config,
        device: &device,
        training,
        validation,
        epochs,
        sum: 0.0,
        size: 0,
        table,
    };
    let times = Times {
        steps: config.training.steps,
        log_every: every,
        evaluate_every: every,
        save_every: Some((every, args.out.join(CHECKPOINT))),
    };
    training_loop::run(&mut trainer, &mut hooks, &times)?;
    let report = report(&config, args.blur, &hooks.table, blurred);
    image_file::write_atomically(&args.out.join(REPORT), report.as_bytes())?;
    println!(
        "Model: {}\nDigits before and after: {}",
        args.out.join(MODEL).display(),
        args.out.join(GRID).display()
    );
    Ok(())
}

/// The training of an autoencoder; every epoch has a line in the table.
struct AutoencoderTraining<'a> {
    args: &'a MnistArgs,
    config: &'a Config,
    device: &'a Device,
    training: Digits,
    validation: Digits,
    epochs: Epochs,
    /// The sum of the losses of this epoch's digits.
    sum: f64,
    /// Digits in the current batch.
    size: usize,
    table: Vec<Epoch>,
}

impl Hooks<Trainer> for AutoencoderTraining<'_> {
    fn next_batch(&mut self) -> Option<anyhow::Result<Batch>> {
        let indices = self.epochs.next()?;
        self.size = indices.len();
        Some(Ok(self.training.batch(&indices)))
    }

    fn add(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        let loss = outcome.loss.into_scalar::<f32>();
        ensure!(
            loss.is_finite(),
            "the loss is not a finite number any more: lower training.learning_rate; the checkpoint of the last epoch \
             is kept"
        );
        self.sum += f64::from(loss) * self.size as f64;
        Ok(())
    }

    fn evaluate(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        let Digits { input, target } = &self.validation;
        let outputs = outputs(&trainer.folded(), input, self.device)?;
        let row = Epoch {
            epoch: self.table.len() + 1,
            training: (std::mem::take(&mut self.sum) / self.training.len() as f64) as f32,
            validation: mse(&outputs, target) as f32,
        };
        println!(
            "{:>5}  {:>13.5}  {:>15.5}",
            row.epoch, row.training, row.validation
        );
        self.table.push(row);
        let lines = self.table.iter().map(serde_json::to_string);
        let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
        let log = lines.join("\n") + "\n";
        image_file::write_atomically(&self.args.out.join(LOG), log.as_bytes())?;
        export(self.args, self.config, trainer, self.device)?;
        let grid = grid(&self.validation, &outputs)?;
        image_file::save(&grid, &self.args.out.join(GRID))
    }
}

fn mse(a: &[Vec<f32>], b: &[Vec<f32>]) -> f64 {
    let values = a.iter().flatten().zip(b.iter().flatten());
    let squares = values.map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>() / (a.len() * SIDE_PX * SIDE_PX) as f64
}

fn export(
    args: &MnistArgs,
    config: &Config,
    trainer: &Trainer,
    device: &Device,
) -> anyhow::Result<()> {
    let metadata = Metadata {
        format: record::FORMAT,
        name: config.name.clone(),
        network: config.network.clone(),
        degradation: args.blur.text().to_string(),
        parameters: config.network.parameters(device),
        origin: Origin {
            config: config.text.clone(),
            seed: config.seed,
            steps: trainer.steps(),
            data: vec!["MNIST".to_string()],
            commit: None,
            imported: None,
        },
        scores: Vec::new(),
    };
    let bytes = record::write(&trainer.folded(), &metadata)?;
    image_file::write_atomically(&args.out.join(MODEL), &bytes)
}

/// Digits in three rows, blurred, sharpened and original, enlarged three times.
fn grid(digits: &Digits, outputs: &[Vec<f32>]) -> anyhow::Result<Image> {
    const COLUMNS: usize = 12;
    const GAP_PX: usize = 2;
    const ZOOM: usize = 3;
    let cell = SIDE_PX + GAP_PX;
    let (width, height) = (COLUMNS * cell + GAP_PX, 3 * cell + GAP_PX);
    let mut plane = vec![96u8; width * height];
    for (row, digits) in [&digits.input[..], outputs, &digits.target]
        .into_iter()
        .enumerate()
    {
        for (column, digit) in digits.iter().take(COLUMNS).enumerate() {
            for (y, line) in digit.chunks_exact(SIDE_PX).enumerate() {
                let start = (row * cell + GAP_PX + y) * width + column * cell + GAP_PX;
                for (x, value) in line.iter().enumerate() {
                    plane[start + x] = engine::image::colour::to_byte(*value);
                }
            }
        }
    }
    let at = |i: usize| {
        let (x, y) = (i % (ZOOM * width), i / (ZOOM * width));
        plane[y / ZOOM * width + x / ZOOM]
    };
    let data = (0..ZOOM * width * ZOOM * height).map(at).collect();
    Ok(Image::new(
        ZOOM * width,
        ZOOM * height,
        Channels::Grey,
        data,
    )?)
}

fn report(config: &Config, blur: Blur, table: &[Epoch], blurred: f64) -> String {
    let mut text = format!(
        "# {}\n\nMean squared error of {}; that of the blurred digits is {blurred:.5}. Validated on MNIST's 10,000 test digits, which have no influence \
         on the training.\n\n![Blurred, sharpened, original]({GRID})\n\n\
         | epoch | training | validation |\n|---|---|---|\n",
        config.name,
        blur.text(),
    );
    for row in table {
        text += &format!(
            "| {} | {:.5} | {:.5} |\n",
            row.epoch, row.training, row.validation
        );
    }
    text += &format!("\n```toml\n{}\n```\n", config.text.trim());
    text
}
