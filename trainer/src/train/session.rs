//! The steps of a training, with its evaluations, checkpoints and results.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use model::burn_engine::BurnEngine;
use model::record::{self, Metadata, Origin, Score};

use super::broken_batch;
use super::held_out::{HeldOut, Measure};
use super::interrupt;
use super::log::Log;
use super::run::{CHECKPOINT, LOG, MODEL, Run, SAMPLES};
use super::trainer::Trainer;
use super::window::{NotANumber, Window};
use crate::config::Config;
use crate::data::{Batches, Dataset, Sampler};
use crate::eval::{self, Evaluation, TestSet};
use crate::{image_file, report};

/// Steps between two lines of the log.
const LOG_STEPS: u64 = 50;

pub(super) struct Session<'a> {
    run: &'a Run,
    config: &'a Config,
    dataset: Arc<Dataset>,
    held_out: HeldOut,
    measure: Measure,
    log: Log,
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
        Ok(Self {
            run,
            config,
            dataset: Arc::new(dataset),
            held_out,
            measure: Measure::of(config),
            log: Log::open(&run.path(LOG), from, config.training.steps)?,
        })
    }

    /// Takes all steps that are left.
    pub fn train(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        let training = &self.config.training;
        let checkpoint = self.run.path(CHECKPOINT);
        let mut window = Window::new();
        let mut batches = Batches::start(Arc::clone(&self.dataset), self.config, trainer.steps());
        loop {
            let start = Instant::now();
            let Some(batch) = batches.next() else { break };
            window.waited(start.elapsed());
            if self.patience_is_over(trainer) {
                break;
            }
            match batch.and_then(|batch| trainer.step(batch)) {
                Ok(outcome) => window.push(outcome),
                Err(error) => {
                    trainer.checkpoint().save(&checkpoint)?;
                    let hint =
                        "the training stops, and its checkpoint is saved: go on with --resume";
                    return Err(error.context(format!("step {}: {hint}", trainer.steps() + 1)));
                }
            }
            let step = trainer.steps();
            if interrupt::is_requested() && step < training.steps {
                trainer.checkpoint().save(&checkpoint)?;
                self.log.finish();
                bail!(
                    "stopped after step {step} of {}, whose state is saved: go on with the same command and --resume",
                    training.steps
                );
            }
            let last = step == training.steps;
            let is_due = |every: u64| step.is_multiple_of(every) || last;
            let evaluate = is_due(self.config.evaluation.every_steps);
            if is_due(LOG_STEPS) || is_due(training.checkpoint_steps) || evaluate {
                // Before the checkpoint: broken weights must not be saved.
                let steps = std::mem::replace(&mut window, Window::new());
                let entry = steps.entry(step, training.batch, trainer.loss_of(step - 1));
                self.log.add(entry.map_err(|broken| self.broken(broken))?)?;
            }
            if evaluate {
                self.evaluate(trainer)?;
            }
            if is_due(training.checkpoint_steps) || self.patience_is_over(trainer) {
                trainer.checkpoint().save(&checkpoint)?;
            }
        }
        ensure!(
            trainer.steps() == training.steps || self.patience_is_over(trainer),
            "the thread that makes the batches has ended early"
        );
        self.log.finish();
        Ok(())
    }

    /// Whether as many evaluations without an improvement have passed as the configuration allows.
    fn patience_is_over(&self, trainer: &Trainer) -> bool {
        let patience = self.config.evaluation.patience;
        patience.is_some_and(|patience| trainer.progress.waited >= patience)
    }

    /// Evaluates the network, exports it if it is the best so far, and draws the curves.
    fn evaluate(&mut self, trainer: &mut Trainer) -> anyhow::Result<()> {
        self.evaluate_and_export(trainer)?;
        report::write_curves(self.run.folder(), self.log.entries())
    }

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
        let batch = Sampler::new(Arc::clone(&self.dataset), self.config).batch(step - 1);
        let saved = match batch.and_then(|batch| broken_batch::save(batch, &stem)) {
            Ok(()) => format!("its batch is saved as {}.png and .bpk", stem.display()),
            Err(error) => format!("its batch could not be saved ({error:#})"),
        };
        anyhow::anyhow!(
            "the loss or the gradient is not a finite number any more (step {step}; {saved}): lower \
             training.learning_rate or set training.clip_norm; the last checkpoint and model are kept"
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
        let choice = self.measure.choice();
        report::write(
            self.run.folder(),
            &metadata,
            choice,
            &results,
            self.log.entries(),
        )?;
        Ok(results)
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
