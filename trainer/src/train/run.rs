//! From a configuration to a record.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use burn::tensor::{Device, Tensor};
use clap::Args;
use model::engine::BurnEngine;
use model::record::{self, Metadata, Origin, Score};

use super::checkpoint::Checkpoint;
use super::log::{Entry, Log};
use super::trainer::Trainer;
use crate::config::Config;
use crate::data::{Batches, Dataset};
use crate::device::{self, DeviceChoice};
use crate::eval::{self, Evaluation, TestSet};
use crate::{image_file, report};

/// Trains a network and writes its record, log and report.
///
/// Without --config it trains a small network on the pictures that come with the project.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  cargo run -p trainer
  cargo run -p trainer -- train --data ~/Pictures
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --device gpu
  cargo run -p trainer -- train --config trainer/configs/fast-x2.toml --resume")]
pub struct TrainArgs {
    /// The configuration, a TOML file (see trainer/configs).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A folder of pictures to learn from instead of the configured ones; may be given repeatedly.
    #[arg(long, value_name = "DIR")]
    pub data: Vec<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
    /// Where the results go [default: runs/ and the name of the configuration].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the checkpoint in that folder.
    #[arg(long)]
    pub resume: bool,
}

/// The configuration that needs nothing but this repository.
fn default_config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/default.toml")
}

/// The command `train`.
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
    let (device, device_name) = device::pick(args.device)?;
    let run = Run::open(folder, args.resume)?;
    println!(
        "Training {} ({} parameters, ×{}) on {device_name}, into {}",
        config.name,
        config.network.parameters(&device),
        config.network.spec().scale,
        run.folder.display()
    );
    run.train(&config, &device, &device_name)
}

/// `runs/<name>`, or with the first number behind it under which nothing was trained yet.
fn free_folder(name: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_string())
        .chain(numbered)
        .map(|name| Path::new("runs").join(name))
        .find(|folder| !folder.join(LOG).exists())
        .expect("one of endlessly many names is free")
}

const LOG: &str = "log.jsonl";
const CHECKPOINT: &str = "checkpoint.bpk";
const RECORD: &str = "model.bpk";

/// What stands in for a test set where none is configured.
const HELD_OUT: &str = "pictures held out of the training (the best weights were chosen by them)";

/// Steps between two lines of the log.
const LOG_STEPS: u64 = 50;

/// A training's folder.
struct Run {
    folder: PathBuf,
    resume: bool,
}

impl Run {
    fn open(folder: PathBuf, resume: bool) -> anyhow::Result<Self> {
        ensure!(
            resume || !folder.join(LOG).exists(),
            "{} holds a training already: go on with --resume, or choose another --out",
            folder.display()
        );
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Self { folder, resume })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn train(&self, config: &Config, device: &Device, device_name: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        let spec = config.network.spec();
        let evaluation = &config.evaluation;
        let mut dataset = Dataset::load(
            &config.data,
            &config.network,
            evaluation.hold_out,
            config.seed,
        )?;
        let held_out = TestSet {
            name: HELD_OUT.to_string(),
            low_resolution: config.data.low_resolution_text(),
            pairs: std::mem::take(&mut dataset.held_out),
        };
        held_out.check(spec.scale)?;
        let sets = evaluation.sets.iter();
        let sets = sets.map(|folder| TestSet::load(folder, spec.scale));
        let sets = sets.collect::<anyhow::Result<Vec<_>>>()?;
        println!(
            "{} pictures to learn from, {} held out to choose the best weights by",
            dataset.training.len(),
            held_out.pairs.len()
        );

        let mut trainer = Trainer::new(config, device)?;
        if self.resume {
            trainer.restore(Checkpoint::load(&self.path(CHECKPOINT), device)?)?;
            println!("Going on from step {}", trainer.progress.step);
        }
        let from = trainer.progress.step;
        let dataset = Arc::new(dataset);
        let mut log = Log::open(
            &self.path(LOG),
            trainer.progress.step,
            config.training.steps,
        )?;
        self.steps(config, &mut trainer, &dataset, &held_out, &mut log)?;
        log.finish();

        let bytes = std::fs::read(self.path(RECORD)).context("the record has vanished")?;
        let (network, mut metadata) = record::read(&bytes, device)?;
        let mut engine = BurnEngine::new(network.clone(), device.clone(), device_name);
        let mut results = sets
            .iter()
            .map(|set| Ok((set.name.clone(), eval::evaluate(&mut engine, &spec, set)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        if results.is_empty() && !held_out.pairs.is_empty() {
            let result = eval::evaluate(&mut engine, &spec, &held_out)?;
            results.push((held_out.name.clone(), result));
        }
        metadata.scores = results
            .iter()
            .map(|(set, result)| score(set, result))
            .collect();
        image_file::write_atomically(&self.path(RECORD), &record::write(&network, &metadata)?)?;
        report::write(&self.folder, &metadata, &results, log.entries())?;

        for (name, result) in &results {
            println!("\n{name}\n{result}");
        }
        println!(
            "Trained for {} steps in {:.0} s.\n\
             Record: {}\nReport: {}\n\
             To see it in the page: run `cargo xtask serve`, open the address it prints, and drop \
             the record and then a picture on the page.",
            config.training.steps - from,
            start.elapsed().as_secs_f64(),
            self.path(RECORD).display(),
            self.path(report::FILE).display(),
        );
        Ok(())
    }

    fn steps(
        &self,
        config: &Config,
        trainer: &mut Trainer,
        dataset: &Arc<Dataset>,
        held_out: &TestSet,
        log: &mut Log,
    ) -> anyhow::Result<()> {
        let training = &config.training;
        let spec = config.network.spec();
        let from = trainer.progress.step;
        let mut window = Window::new();
        for batch in Batches::start(Arc::clone(dataset), config, from) {
            let outcome = trainer.step(batch);
            window.steps += 1;
            window.loss = Some(match window.loss.take() {
                Some(sum) => sum + outcome.loss,
                None => outcome.loss,
            });
            let step = trainer.progress.step;
            let last = step == training.steps;
            if step.is_multiple_of(LOG_STEPS) || last {
                let entry = window.entry(step, training.batch, outcome.norm, outcome.rate);
                log.add(entry?)?;
                window = Window::new();
            }
            let evaluate = step.is_multiple_of(config.evaluation.every_steps) || last;
            if evaluate && !held_out.pairs.is_empty() {
                let mut engine =
                    BurnEngine::new(trainer.folded(), trainer.device.clone(), "training");
                let result = eval::evaluate(&mut engine, &spec, held_out)?;
                log.add(Entry::Evaluation {
                    step,
                    psnr_y: result.mean.psnr_y,
                    bicubic_psnr_y: result.mean.bicubic_psnr_y,
                })?;
                let best = trainer.progress.best_psnr_db;
                if best.is_none_or(|best| result.mean.psnr_y > best) {
                    trainer.progress.best_psnr_db = Some(result.mean.psnr_y);
                    self.export(config, trainer, dataset)?;
                }
            } else if last {
                self.export(config, trainer, dataset)?;
            }
            if step.is_multiple_of(training.checkpoint_steps) || last {
                trainer.checkpoint().save(&self.path(CHECKPOINT))?;
            }
        }
        ensure!(
            trainer.progress.step == training.steps,
            "the thread that makes the batches has ended early"
        );
        Ok(())
    }

    fn export(&self, config: &Config, trainer: &Trainer, dataset: &Dataset) -> anyhow::Result<()> {
        let metadata = Metadata {
            format: record::FORMAT,
            name: config.name.clone(),
            network: config.network.clone(),
            degradation: config.data.low_resolution_text(),
            parameters: config.network.parameters(&trainer.device),
            origin: Origin {
                config: config.text.clone(),
                seed: config.seed,
                steps: trainer.progress.step,
                data: dataset.sources.clone(),
                commit: commit(),
            },
            scores: Vec::new(),
        };
        let bytes = record::write(&trainer.folded(), &metadata)?;
        image_file::write_atomically(&self.path(RECORD), &bytes)
    }
}

/// The commit of the code, where it runs from a checkout.
fn commit() -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| text.trim().to_string())
}

fn score(set: &str, result: &Evaluation) -> Score {
    Score {
        set: set.to_string(),
        psnr_y: result.mean.psnr_y,
        ssim_y: result.mean.ssim_y,
        bicubic_psnr_y: result.mean.bicubic_psnr_y,
        bicubic_ssim_y: result.mean.bicubic_ssim_y,
    }
}

/// The steps since the log's last line.
struct Window {
    start: Instant,
    steps: u64,
    loss: Option<Tensor<1>>,
}

impl Window {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            steps: 0,
            loss: None,
        }
    }

    fn entry(
        &self,
        step: u64,
        batch: usize,
        norm: Tensor<1>,
        learning_rate: f64,
    ) -> anyhow::Result<Entry> {
        let loss = self.loss.clone().map(|loss| loss.into_scalar::<f32>());
        let loss = f64::from(loss.unwrap_or(0.0)) / self.steps.max(1) as f64;
        if !loss.is_finite() {
            bail!(
                "the loss is no number any more (step {step}): lower training.learning_rate or set \
                 training.clip_norm; the last checkpoint and record are untouched"
            );
        }
        Ok(Entry::Step {
            step,
            loss,
            gradient_norm: f64::from(norm.into_scalar::<f32>()),
            learning_rate,
            patches_per_s: self.steps as f64 * batch as f64 / self.start.elapsed().as_secs_f64(),
        })
    }
}
