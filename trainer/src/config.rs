//! A training configuration: one TOML file for each reported result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use model::network::{DiscriminatorConfig, NetworkConfig};
use serde::Deserialize;

use crate::data::LowResolution;
use crate::degrade::Degradation;
use crate::image_file;
use crate::loss::{Gan, Loss, Sees};
use crate::schedule::Schedule;

/// Everything that decides a training run, but for the device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names the run's folder and the record.
    pub name: String,
    /// Seed of the weights and the batches.
    #[serde(default)]
    pub seed: u64,
    /// The network.
    pub network: NetworkConfig,
    /// What it learns from.
    pub data: DataConfig,
    /// How it learns.
    pub training: TrainingConfig,
    /// How it is judged.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// The file's text, kept for checkpoints and records.
    #[serde(skip)]
    pub text: String,
}

/// What a network learns from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folders of high-resolution pictures; relative ones start at the configuration's folder.
    pub folders: Vec<PathBuf>,
    /// Side of a patch in pixels of the network's input.
    pub patch_px: usize,
    /// Patches start at multiples of this many pixels; 1 is anywhere.
    #[serde(default = "one")]
    pub stride_px: usize,
    /// How low-resolution pictures are made.
    #[serde(default)]
    pub degradation: Degradation,
    /// A folder of low-resolution pictures made elsewhere, which are taken instead: each has the
    /// name of its original, with or without a suffix `x2`, `x3`, … for the scale, as DIV2K's do.
    #[serde(default)]
    pub low_resolution: Option<PathBuf>,
}

impl DataConfig {
    /// Where low-resolution pictures come from.
    pub fn low_resolution(&self, seed: u64) -> LowResolution {
        LowResolution {
            folder: self.low_resolution.clone(),
            degradation: self.degradation.clone(),
            seed,
        }
    }

    /// The same in words.
    pub fn low_resolution_text(&self) -> String {
        match &self.low_resolution {
            Some(folder) => format!("the pictures in {}", image_file::name(folder)),
            None => self.degradation.to_string(),
        }
    }
}

/// How a network learns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Optimiser steps.
    pub steps: u64,
    /// Patches in a step.
    pub batch: usize,
    /// What is minimised, such as `"1*l1 + 0.1*mse"`; values in 0…1.
    pub loss: Loss,
    /// Files of weights for losses that look at features: `{ vgg16 = "vgg16.safetensors" }`;
    /// relative ones start at the configuration's folder.
    #[serde(default)]
    pub features: BTreeMap<String, PathBuf>,
    /// Another loss for the end of the training.
    #[serde(default)]
    pub last: Option<LastPhase>,
    /// A checkpoint of an earlier training of the same network, whose weights this one starts from;
    /// a relative path starts at the configuration's folder.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Parts that a batch (a device's share of it) is worked on one after the other, for less
    /// memory: their gradients add up to the batch's.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// The discriminators of a loss with `gan`.
    #[serde(default)]
    pub discriminator: DiscriminatorSettings,
    /// How the levels of a network that enlarges step by step are brought in; absent: all at once.
    #[serde(default)]
    pub curriculum: Option<Curriculum>,
    /// Who takes the steps.
    pub optimiser: OptimiserConfig,
    /// Step size at its highest.
    pub learning_rate: f64,
    /// How the step size changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Factor on the learning rate of the last convolution (SRCNN's paper: 0.1).
    #[serde(default = "one_f64")]
    pub last_layer_rate: f64,
    /// Largest norm of the whole gradient; a longer one is scaled down to it.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Decay of the weights' moving average, such as 0.999; absent: the last weights count.
    #[serde(default)]
    pub average: Option<f64>,
    /// Steps between two checkpoints.
    #[serde(default = "five_hundred")]
    pub checkpoint_steps: u64,
}

/// The end of a training.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastPhase {
    /// Its share of all steps, 0…1.
    pub share: f64,
    /// Its loss.
    pub loss: Loss,
}

/// The sizes of discriminators; the defaults are SRGAN's.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorSettings {
    /// Maps after the first convolution.
    pub width: usize,
    /// Outputs of the first dense layer.
    pub dense: usize,
    /// Factor on the learning rate.
    pub rate: f64,
}

impl Default for DiscriminatorSettings {
    fn default() -> Self {
        Self {
            width: 64,
            dense: 1024,
            rate: 1.0,
        }
    }
}

/// Level after level, as ProSR learns (Wang et al. 2018, arXiv:1804.02900).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curriculum {
    /// The share of all steps after which the next level is brought in.
    pub share: f64,
    /// The share of all steps over which it is blended in.
    pub blend: f64,
}

impl Curriculum {
    /// How many levels take part at step `step` of `steps`; the last by the fraction.
    pub fn levels(&self, step: u64, steps: u64, all: usize) -> f64 {
        let at = step as f64 / steps as f64;
        let level = |level: usize| (at - self.share * level as f64) / self.blend.max(1e-9);
        1.0 + (1..all).map(|i| level(i).clamp(0.0, 1.0)).sum::<f64>()
    }
}

/// Who takes the steps.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Adam (Kingma and Ba 2015, arXiv:1412.6980).
    Adam {
        /// Decay of the first moment.
        #[serde(default = "beta_1")]
        beta_1: f64,
        /// Decay of the second moment.
        #[serde(default = "beta_2")]
        beta_2: f64,
        /// Keeps the division finite.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// Decay of the velocity.
        #[serde(default = "momentum")]
        momentum: f64,
    },
}

/// How a network is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Steps between two evaluations on the pictures held out.
    pub every_steps: u64,
    /// How many training pictures are held out to choose the best weights by.
    pub hold_out: usize,
    /// Ends the training after so many evaluations without a better one.
    pub patience: Option<u64>,
    /// Weights of LPIPS (safetensors): the pictures held out are then judged by it, not by PSNR; a
    /// relative path starts at the configuration's folder.
    pub lpips: Option<PathBuf>,
    /// How many of the pictures held out are shown in `samples` at every evaluation.
    pub samples: usize,
    /// Test sets for the report at the end: folders of pictures, which choose nothing.
    pub sets: Vec<PathBuf>,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            every_steps: 500,
            hold_out: 8,
            patience: None,
            lpips: None,
            samples: 3,
            sets: Vec::new(),
        }
    }
}

fn one() -> usize {
    1
}
fn one_f64() -> f64 {
    1.0
}
fn five_hundred() -> u64 {
    500
}
fn beta_1() -> f64 {
    0.9
}
fn beta_2() -> f64 {
    0.999
}
fn epsilon() -> f64 {
    1e-8
}
fn momentum() -> f64 {
    0.9
}

impl Config {
    /// Reads a configuration; unknown keys and impossible values are errors.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a configuration's text; relative folders in it start at `folder`.
    pub fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        config.text = text.to_string();
        let data = config.data.folders.iter_mut();
        let features = config.training.features.values_mut();
        let low = config.data.low_resolution.iter_mut();
        let sets = config.evaluation.sets.iter_mut();
        let start = config.training.start.iter_mut();
        let lpips = config.evaluation.lpips.iter_mut();
        let others = start.chain(lpips).chain(low);
        for path in data.chain(others).chain(sets).chain(features) {
            *path = folder.join(&*path);
        }
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> anyhow::Result<()> {
        self.network.validate()?;
        let (data, training) = (&self.data, &self.training);
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(
            !self.name.is_empty() && self.name.chars().all(safe) && !self.name.starts_with('.'),
            "name = {:?} names a folder: use letters, digits, '-', '_' and '.'",
            self.name
        );
        ensure!(training.steps > 0, "training.steps has to be at least 1");
        ensure!(training.batch > 0, "training.batch has to be at least 1");
        ensure!(data.stride_px > 0, "data.stride_px has to be at least 1");
        ensure!(
            data.patch_px > 2 * self.network.training_margin_px(),
            "data.patch_px = {} leaves nothing to compare: this network needs more than {}",
            data.patch_px,
            2 * self.network.training_margin_px()
        );
        ensure!(
            training.learning_rate > 0.0 && training.learning_rate.is_finite(),
            "training.learning_rate has to be positive"
        );
        self.validate_parts()?;
        for (name, value) in [
            ("training.average", training.average),
            (
                "training.last.share",
                training.last.as_ref().map(|last| last.share),
            ),
        ] {
            ensure!(
                value.is_none_or(|value| (0.0..1.0).contains(&value)),
                "{name} has to be at least 0 and below 1"
            );
        }
        if let Some(curriculum) = &training.curriculum {
            ensure!(
                curriculum.share > 0.0 && (0.0..=curriculum.share).contains(&curriculum.blend),
                "training.curriculum needs a share above 0, and a blend that is no longer"
            );
            let levels = self.network.training_ratios().len();
            ensure!(
                curriculum.share * levels as f64 <= 1.0,
                "training.curriculum.share = {} leaves no time for the last of {levels} levels",
                curriculum.share
            );
        }
        let judges = &self.evaluation;
        ensure!(
            judges.patience.is_none()
                || judges.hold_out > 0
                    && (judges.lpips.is_some() || !self.last_loss().is_perceptual()),
            "evaluation.patience needs pictures to judge by (hold_out), and evaluation.lpips where \
             the loss wants pictures to look well, of which PSNR says little"
        );
        ensure!(
            training.checkpoint_steps > 0 && self.evaluation.every_steps > 0,
            "training.checkpoint_steps and evaluation.every_steps have to be at least 1"
        );
        Ok(())
    }

    /// The loss at the end of the training.
    pub fn last_loss(&self) -> &Loss {
        let training = &self.training;
        let last = training.last.as_ref();
        last.map_or(&training.loss, |last| &last.loss)
    }

    /// What concerns discriminators and parts of a batch.
    fn validate_parts(&self) -> anyhow::Result<()> {
        let training = &self.training;
        ensure!(
            (1..=training.batch).contains(&training.accumulate),
            "training.accumulate = {} cannot split a batch of {}",
            training.accumulate,
            training.batch
        );
        for discriminator in self.discriminators() {
            discriminator.validate()?;
        }
        if let Some(last) = &training.last {
            let gans = last.loss.gans();
            ensure!(
                gans.is_empty() || gans == training.loss.gans(),
                "training.last.loss may go without gan, but cannot bring in another one"
            );
        }
        Ok(())
    }

    /// A discriminator for each adversarial term of the loss.
    pub fn discriminators(&self) -> Vec<DiscriminatorConfig> {
        let settings = &self.training.discriminator;
        let spec = self.network.spec();
        let ratio = self.network.training_ratios().last().copied().unwrap_or(1);
        let side_px = (self.data.patch_px - 2 * self.network.training_margin_px()) * ratio;
        let config = |gan: Gan| {
            let (channels, reduction) = match gan.sees {
                Sees::Pixels => (spec.colour.channels(), 1),
                Sees::Features(layer) => layer.maps_and_reduction(),
            };
            DiscriminatorConfig {
                channels,
                side_px: side_px / reduction,
                width: settings.width,
                dense: settings.dense,
            }
        };
        self.training.loss.gans().into_iter().map(config).collect()
    }
}
