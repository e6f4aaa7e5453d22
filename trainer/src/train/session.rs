//! The steps of a training, with its evaluations, checkpoints and results.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use burn::tensor::Device;
use model::burn_engine::BurnEngine;
use model::record::{self, Metadata, Origin, Score};

use super::broken_batch;
use super::held_out::{HeldOut, Measure};
use super::log::Log;
use super::run::{CHECKPOINT, LOG, MODEL, Run, SAMPLES};
use super::trainer::{Outcome, Trainer};
use super::training_loop::{self, Hooks, Learn, Times};
use super::window::{NotANumber, Window};
use crate::config::Config;
use crate::data::{Batch, Batches, Dataset, Sampler};
use crate::eval::{self, Evaluation, TestSet};
use crate::{image_file, report};

/// Steps between two lines of the log.
const LOG_STEPS: u64 = 50;

/// A training on images, with the log, the evaluations and the results in its folder.
pub(super) struct Session<'a> {
    run: &'a Run,
    config: &'a Config,
    /// The folders, with their numbers of images.
    sources: Vec<String>,
    sampler: Arc<Sampler>,
    batches: Batches,
    held_out: HeldOut,
    measure: Measure,
    log: Log,
    window: Window,
}

impl<'a> Session<'a> {
    /// A training whose first step is `from`.
    pub fn new(
        run: &'a Run,
        config: &'a Config,
        dataset: Dataset,
        held_out: HeldOut,
        from: u64,
    ) -> anyhow::Result<Self> {
        let sources = dataset.sources.clone();
        let sampler = Arc::new(Sampler::new(dataset, config)?);
        if let Some(steps) = sampler.epoch_steps() {
            println!("An epoch has {steps:.1} steps");
        }
        let steps = from..config.training.steps;
        Ok(Self {
            run,
            config,
            sources,
            batches: Batches::start(&sampler, steps),
            sampler,
            held_out,
            measure: Measure::of(config),
            log: Log::open(&run.path(LOG), from, config.training.steps)?,
            window: Window::new(),
        })
    }

    /// Takes all steps that are left.
    pub fn train(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        let training = &self.config.training;
        let times = Times {
            steps: training.steps,
            log_every: LOG_STEPS,
            evaluate_every: self.config.evaluation.every_steps,
            save_every: Some((training.checkpoint_steps, self.run.path(CHECKPOINT))),
        };
        let result = training_loop::run(trainer, self, &times);
        self.log.finish();
        result?;
        ensure!(
            trainer.steps() == training.steps || self.patience_is_over(trainer),
            "the thread that makes the batches has ended early"
        );
        Ok(())
    }

    /// Whether as many evaluations without an improvement have passed as the configuration allows.
    fn patience_is_over(&self, trainer: &Trainer) -> bool {
        let patience = self.config.evaluation.patience;
        patience.is_some_and(|patience| trainer.progress.waited >= patience)
    }

    /// Evaluates the network, and exports it if it is the best so far.
    fn evaluate_and_export(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        if self.held_out.is_empty() {
            return self.export(trainer);
        }
        let samples = self.run.path(SAMPLES);
        let (network, step) = (trainer.folded(), trainer.steps());
        let entry = self
            .held_out
            .evaluate(network, &trainer.device, step, &samples)?;
        let better = self.measure.improvement(&entry, trainer.progress.best);
        self.log.add(entry)?;
        if let Some(score) = better {
            trainer.progress.best = Some(score);
            trainer.progress.waited = 0;
            return self.export(trainer);
        }
        trainer.progress.waited += 1;
        if self.patience_is_over(trainer) {
            self.log.print(&format!(
                "Stopping at step {step}: {} evaluations without an improvement.",
                trainer.progress.waited
            ));
        }
        Ok(())
    }

    /// The error for a step that broke the training, whose batch is saved.
    fn broken(&self, NotANumber(step): NotANumber) -> anyhow::Error {
        let stem = self.run.path(&format!("broken-step-{step}"));
        let batch = self.sampler.batch(step - 1);
        let saved = match batch.and_then(|batch| broken_batch::save(batch, &stem)) {
            Ok(()) => format!("its batch is saved as {}.png and .bpk", stem.display()),
            Err(error) => format!("its batch could not be saved ({error:#})"),
        };
        anyhow::anyhow!(
            "the loss or the gradient is not a finite number any more (step {step}; {saved}): lower \
             training.learning_rate or set training.clip_norm"
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
                data: self.sources.clone(),
                commit: commit(),
                imported: None,
            },
            scores: Vec::new(),
        };
        let bytes = record::write(&trainer.folded(), &metadata)?;
        image_file::write_atomically(&self.run.path(MODEL), &bytes)
    }

    /// Evaluates the exported model, adds its scores to the file, and writes the report.
    pub fn results(
        &self,
        sets: &[TestSet],
        device: &Device,
        device_name: &str,
    ) -> anyhow::Result<Vec<(String, Evaluation)>> {
        let path = self.run.path(MODEL);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read the model {} again", path.display()))?;
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
        let choice = self.measure.choice(self.config);
        report::write(
            self.run.folder(),
            &metadata,
            &choice,
            &results,
            self.log.entries(),
        )?;
        Ok(results)
    }
}

impl Hooks<Trainer> for Session<'_> {
    fn next_batch(&mut self) -> Option<anyhow::Result<Batch>> {
        let start = Instant::now();
        let batch = self.batches.next();
        self.window.waited(start.elapsed());
        batch
    }

    fn add(&mut self, outcome: Outcome) -> anyhow::Result<()> {
        self.window.push(outcome);
        Ok(())
    }

    fn log(&mut self, trainer: &Trainer) -> anyhow::Result<()> {
        let step = trainer.steps();
        let steps = std::mem::replace(&mut self.window, Window::new());
        let batch = self.config.training.batch;
        let entry = steps.entry(step, batch, trainer.loss_of(step - 1));
        self.log.add(entry.map_err(|broken| self.broken(broken))?)
    }

    fn evaluate(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        self.evaluate_and_export(trainer)?;
        report::write_curves(self.run.folder(), self.log.entries())
    }

    fn is_over(&self, trainer: &Trainer) -> bool {
        self.patience_is_over(trainer)
    }
}

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
