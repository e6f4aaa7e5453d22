//! `[training]`: loss, optimiser, schedule.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::network::DiscriminatorKind;
use serde::Deserialize;

use crate::loss::Loss;
use crate::schedule::Schedule;

/// How a network learns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Optimiser steps.
    pub steps: u64,
    /// Patches in a step.
    pub batch: usize,
    /// The loss, such as `"1*l1 + 0.1*mse"`, on values in 0…1.
    pub loss: Loss,
    /// Weights for losses that compare features: `{ vgg16 = "vgg16.safetensors" }`, relative to the
    /// configuration's folder.
    #[serde(default)]
    pub features: BTreeMap<String, PathBuf>,
    /// Another loss for the end of the training.
    #[serde(default)]
    pub last: Option<LastPhase>,
    /// A checkpoint of an earlier training of the same network, or a model file of it, such as an imported one, whose
    /// weights this training starts from; relative to the configuration's folder.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Take what fits of another network in `start`, such as one of another scale, shallower or narrower.
    #[serde(default)]
    pub start_partial: bool,
    /// Parts into which each device splits its share of a batch to save memory; gradients are added
    /// up over the parts.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// The discriminators of a loss with `gan`.
    #[serde(default)]
    pub discriminator: DiscriminatorSettings,
    /// When the levels of a network that enlarges step by step are added; absent: all from the start.
    #[serde(default)]
    pub curriculum: Option<Curriculum>,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Factor on the learning rate of the last convolution (0.1 in SRCNN's paper).
    #[serde(default = "one_f64")]
    pub last_layer_rate: f64,
    /// Largest norm of the whole gradient; a larger gradient is scaled down to it.
    #[serde(default)]
    pub clip_norm: Option<f64>,
    /// Decay of the weights' moving average, such as 0.999; absent: no average.
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
    /// Their architecture.
    pub kind: DiscriminatorKind,
    /// Channels after the first convolution.
    pub width: usize,
    /// Outputs of the first dense layer.
    pub dense: usize,
    /// Factor on the learning rate.
    pub rate: f64,
}

impl Default for DiscriminatorSettings {
    fn default() -> Self {
        Self {
            kind: DiscriminatorKind::Vgg,
            width: 64,
            dense: 1024,
            rate: 1.0,
        }
    }
}

/// Adds one level after another, as in ProSR (Wang et al. 2018, arXiv:1804.02900).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curriculum {
    /// The share of all steps after which the next level is added.
    pub share: f64,
    /// The share of all steps over which a level is blended in.
    pub blend: f64,
}

impl Curriculum {
    /// How many of `all` levels take part at step `step` of `steps`; the fraction is the blending
    /// weight of the last one.
    pub fn levels(&self, step: u64, steps: u64, all: usize) -> f64 {
        let at = step as f64 / steps as f64;
        let level = |level: usize| (at - self.share * level as f64) / self.blend.max(1e-9);
        1.0 + (1..all).map(|i| level(i).clamp(0.0, 1.0)).sum::<f64>()
    }
}

/// An optimiser.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Adam (Kingma and Ba 2015, arXiv:1412.6980).
    Adam {
        /// Decays of the first and the second moment.
        #[serde(default = "betas")]
        betas: [f64; 2],
        /// Added to the denominator.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).
    #[serde(rename = "adamw")]
    AdamW {
        /// Decays of the first and the second moment.
        #[serde(default = "betas")]
        betas: [f64; 2],
        /// Added to the denominator.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// The share of each parameter that a step at learning rate 1 takes away.
        #[serde(default = "weight_decay")]
        weight_decay: f64,
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// Decay of the velocity.
        #[serde(default = "momentum")]
        momentum: f64,
    },
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
fn betas() -> [f64; 2] {
    [0.9, 0.999]
}
fn weight_decay() -> f64 {
    0.01
}
fn epsilon() -> f64 {
    1e-8
}
fn momentum() -> f64 {
    0.9
}
