//! From a configuration to a record.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use model::burn_engine::BurnEngine;
use model::record::{self, Metadata, Origin, Score};

use super::broken_batch;
use super::checkpoint::Checkpoint;
use super::held_out::{HeldOut, Measure};
use super::log::Log;
use super::trainer::Trainer;
use super::window::{NotANumber, Window};
use crate::config::Config;
use crate::data::{Batches, Dataset, Sampler};
use crate::device::Devices;
use crate::eval::{self, Evaluation, TestSet};
use crate::{image_file, report};

pub(super) const LOG: &str = "log.jsonl";
const CHECKPOINT: &str = "checkpoint.bpk";
const RECORD: &str = "model.bpk";
const SAMPLES: &str = "samples";

/// Steps between two lines of the log.
const LOG_STEPS: u64 = 50;

/// A training's folder.
pub struct Run {
    folder: PathBuf,
    resume: bool,
}

impl Run {
    /// A new folder, or with `resume` that of a training to go on with.
    pub fn open(folder: PathBuf, resume: bool) -> anyhow::Result<Self> {
        ensure!(
            resume || !folder.join(LOG).exists(),
            "{} holds a training already: go on with --resume, or choose another --out",
            folder.display()
        );
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Self { folder, resume })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Trains, and leaves a record, a log and a report.
    pub fn train(&self, config: &Config, devices: Devices) -> anyhow::Result<()> {
        let start = Instant::now();
        let device_name = devices.names();
        let device = &devices.home.clone();
        let evaluation = &config.evaluation;
        let mut dataset = Dataset::load(
            &config.data,
            &config.network,
            evaluation.hold_out,
            config.seed,
        )?;
        let held_out = HeldOut::new(config, std::mem::take(&mut dataset.held_out), device)?;
        let sets = evaluation.sets.iter();
        let sets = sets.map(|folder| TestSet::load(folder, config.network.spec().scale));
        let sets = sets.collect::<anyhow::Result<Vec<_>>>()?;
        println!(
            "{} pictures to learn from, {} held out: how far it has come is seen in {}",
            dataset.training.len(),
            held_out.set.pairs.len(),
            self.path(SAMPLES).display()
        );

        let mut trainer = self.trainer(config, devices)?;
        let from = trainer.steps();
        let mut session = Session {
            run: self,
            config,
            dataset: Arc::new(dataset),
            held_out,
            measure: Measure::of(config),
            log: Log::open(&self.path(LOG), from, config.training.steps)?,
        };
        session.steps(&mut trainer)?;
        session.log.finish();
        let steps = trainer.steps() - from;
        let results = session.results(&sets, device, &device_name)?;

        for (name, result) in &results {
            println!("\n{name}\n{result}");
        }
        println!(
            "Trained for {steps} steps in {:.0} s.\n\
             Record: {}\nReport: {}\n\
             To see it in the page: run `cargo xtask serve`, open the address it prints, and drop \
             the record and then a picture on the page.",
            start.elapsed().as_secs_f64(),
            self.path(RECORD).display(),
            self.path(report::FILE).display(),
        );
        Ok(())
    }

    /// A trainer at the beginning, or where the checkpoint says.
    fn trainer(&self, config: &Config, devices: Devices) -> anyhow::Result<Trainer> {
        let home = devices.home.clone();
        let mut trainer = Trainer::on(config, devices)?;
        if let Some(traffic_mb) = trainer.traffic_mb() {
            println!(
                "Every step moves {traffic_mb:.1} MB to and from each device of another machine, and \
                 its batch"
            );
        }
        if self.resume {
            trainer.restore(Checkpoint::load(&self.path(CHECKPOINT), &home)?)?;
            println!("Going on from step {}", trainer.steps());
        } else if let Some(start) = &config.training.start {
            let checkpoint = Checkpoint::load(start, &home).context(
                "training.start names another training's checkpoint, which has to be run before",
            )?;
            trainer.start_from(checkpoint)?;
            println!("Starting from the weights in {}", start.display());
        }
        Ok(trainer)
    }
}

/// A training under way.
struct Session<'a> {
    run: &'a Run,
    config: &'a Config,
    dataset: Arc<Dataset>,
    held_out: HeldOut,
    measure: Measure,
    log: Log,
}

impl Session<'_> {
    fn steps(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        let training = &self.config.training;
        let checkpoint = self.run.path(CHECKPOINT);
        let mut window = Window::new();
        for batch in Batches::start(Arc::clone(&self.dataset), self.config, trainer.steps()) {
            if self.has_waited_enough(trainer) {
                break;
            }
            match trainer.step(batch) {
                Ok(outcome) => window.push(outcome),
                Err(error) => {
                    trainer.checkpoint().save(&checkpoint)?;
                    let hint =
                        "the training stops, and its checkpoint is saved: go on with --resume";
                    return Err(error.context(format!("step {}: {hint}", trainer.steps() + 1)));
                }
            }
            let step = trainer.steps();
            let last = step == training.steps;
            let is_due = |every: u64| step.is_multiple_of(every) || last;
            let evaluate = is_due(self.config.evaluation.every_steps);
            if is_due(LOG_STEPS) || is_due(training.checkpoint_steps) || evaluate {
                // Before anything is saved: a step that broke the network must not be gone on from.
                let entry =
                    std::mem::replace(&mut window, Window::new()).entry(step, training.batch);
                self.log.add(entry.map_err(|broken| self.broken(broken))?)?;
            }
            if evaluate {
                self.evaluate(trainer)?;
            }
            if is_due(training.checkpoint_steps) || self.has_waited_enough(trainer) {
                trainer.checkpoint().save(&checkpoint)?;
            }
        }
        ensure!(
            trainer.steps() == training.steps || self.has_waited_enough(trainer),
            "the thread that makes the batches has ended early"
        );
        Ok(())
    }

    /// Whether evaluations have brought nothing better for as long as the configuration allows.
    fn has_waited_enough(&self, trainer: &Trainer) -> bool {
        let patience = self.config.evaluation.patience;
        patience.is_some_and(|patience| trainer.progress.waited >= patience)
    }

    /// Judges the network, and exports it if it is the best so far.
    fn evaluate(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        if self.held_out.is_empty() {
            return self.export(trainer);
        }
        let samples = self.run.path(SAMPLES);
        let (network, step) = (trainer.folded(), trainer.steps());
        let entry = self
            .held_out
            .evaluate(network, &trainer.device, step, &samples)?;
        let better = self.measure.judge(&entry, trainer.progress.best);
        self.log.add(entry)?;
        if let Some(score) = better {
            trainer.progress.best = Some(score);
            trainer.progress.waited = 0;
            return self.export(trainer);
        }
        trainer.progress.waited += 1;
        if self.has_waited_enough(trainer) {
            self.log.say(&format!(
                "Stopping at step {step}: {} evaluations have brought nothing better.",
                trainer.progress.waited
            ));
        }
        Ok(())
    }

    /// Saves what broke the training, and says it.
    fn broken(&self, NotANumber(step): NotANumber) -> anyhow::Error {
        let stem = self.run.path(&format!("broken-step-{step}"));
        let batch = Sampler::new(Arc::clone(&self.dataset), self.config).batch(step - 1);
        let saved = match broken_batch::save(batch, &stem) {
            Ok(()) => format!("its batch is saved as {}.png and .bpk", stem.display()),
            Err(error) => format!("its batch could not be saved ({error:#})"),
        };
        anyhow::anyhow!(
            "the loss or the gradient is no number any more (step {step}; {saved}): lower \
             training.learning_rate or set training.clip_norm; the last checkpoint and record are \
             untouched"
        )
    }

    fn export(&self, trainer: &Trainer) -> anyhow::Result<()> {
        let config = self.config;
        let metadata = Metadata {
            format: record::FORMAT,
            name: config.name.clone(),
            network: config.network.clone(),
            degradation: config.data.low_resolution_text(),
            parameters: config.network.parameters(&trainer.device),
            origin: Origin {
                config: config.text.clone(),
                seed: config.seed,
                steps: trainer.steps(),
                data: self.dataset.sources.clone(),
                commit: commit(),
            },
            scores: Vec::new(),
        };
        let bytes = record::write(&trainer.folded(), &metadata)?;
        image_file::write_atomically(&self.run.path(RECORD), &bytes)
    }

    /// Judges the record, notes its scores in it, and writes the report.
    fn results(
        &self,
        sets: &[TestSet],
        device: &burn::tensor::Device,
        device_name: &str,
    ) -> anyhow::Result<Vec<(String, Evaluation)>> {
        let path = self.run.path(RECORD);
        let bytes = std::fs::read(&path).context("the record has vanished")?;
        let (network, mut metadata) = record::read(&bytes, device)?;
        let spec = metadata.network.spec();
        let mut engine = BurnEngine::new(network.clone(), device.clone(), device_name);
        let held_out =
            Some(&self.held_out.set).filter(|set| sets.is_empty() && !set.pairs.is_empty());
        let results = sets
            .iter()
            .chain(held_out)
            .map(|set| Ok((set.name.clone(), eval::evaluate(&mut engine, &spec, set)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        metadata.scores = results
            .iter()
            .map(|(set, result)| score(set, result))
            .collect();
        image_file::write_atomically(&path, &record::write(&network, &metadata)?)?;
        let choice = self.measure.choice();
        report::write(
            &self.run.folder,
            &metadata,
            choice,
            &results,
            self.log.entries(),
        )?;
        Ok(results)
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
