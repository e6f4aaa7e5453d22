//! A classifier of digits.

use std::path::Path;

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData, activation, module};
use engine::graph::Activation;
use indicatif::{ProgressBar, ProgressStyle};
use model::layer::{ConvBlock, ConvConfig, Dense, Layers};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::idx::SIDE_PX;
use crate::config::OptimiserConfig;
use crate::schedule::{Decay, Schedule};
use crate::train::{Checkpoint, Optimiser, Progress, flat};

const CLASSES: usize = 10;

/// Seed of the weights and of the digits' order.
const SEED: u64 = 1;
const BATCH: usize = 64;
/// Learning rate at the start; it falls to 0 along half a cosine.
const LEARNING_RATE: f64 = 1e-3;
const ADAM: OptimiserConfig = OptimiserConfig::Adam {
    betas: [0.9, 0.999],
    epsilon: 1e-8,
};

/// Convolutions and a dense layer, similar to LeNet (LeCun, Bottou, Bengio and Haffner 1998,
/// "Gradient-based learning applied to document recognition"):
///
/// ```text
/// [n, 1, 28, 28] ─ 3×3 ─ ReLU ─ pool 2×2 ─ [n, 16, 14, 14] ─ 3×3 ─ ReLU ─ pool 2×2 ─ [n, 32, 7, 7] ─ dense ─ [n, 10]
/// ```
#[derive(Module, Debug)]
pub struct Classifier {
    first: ConvBlock,
    second: ConvBlock,
    dense: Dense,
}

impl Classifier {
    fn new(device: &Device) -> Self {
        let mut layers = Layers::random(SEED, device);
        let conv = |shape| ConvConfig::new(shape).gain(2.0).then(Activation::Relu);
        Self {
            first: layers.conv(conv([16, 1, 3, 3])),
            second: layers.conv(conv([32, 16, 3, 3])),
            dense: layers.dense(32 * 7 * 7, CLASSES, 1.0 / 3.0),
        }
    }

    /// `[n, 1, 28, 28]` in 0…1 → `[n, 10]` logits.
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let halve = |x| module::max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
        let x = halve(self.first.forward(x));
        let x = halve(self.second.forward(x));
        self.dense.forward(x.flatten(1, 3))
    }

    /// Trains a classifier on digits of 28×28 values in 0…1 and their labels, 0 to 9.
    pub fn train(
        digits: &[Vec<f32>],
        labels: &[u8],
        epochs: usize,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let tracked = device.clone().autodiff();
        let mut network = Self::new(&tracked);
        let mut parameters = flat::parameters(&network);
        let mut optimiser = Optimiser::new(ADAM, &parameters);
        let schedule = Schedule {
            warm_up_steps: 0,
            decay: Decay::Cosine,
            restarts: 0,
        };
        let steps = (epochs * digits.len().div_ceil(BATCH)) as u64;
        let mut step = 0;
        for epoch in 0..epochs {
            let progress = progress(epoch, epochs, digits.len())?;
            for indices in order(digits.len(), epoch).chunks(BATCH) {
                let logits = network.forward(images(digits, indices, &tracked));
                let loss = cross_entropy(logits, targets(labels, indices, &tracked));
                let gradient = flat::gradients(&network, &loss.backward());
                let rate = LEARNING_RATE * schedule.factor(step, steps);
                let rate = Tensor::full([1], rate, device);
                parameters = optimiser.step(step, rate, parameters, gradient);
                network = flat::with_parameters(network, parameters.clone());
                step += 1;
                progress.inc(indices.len() as u64);
            }
            progress.finish_and_clear();
        }
        Ok(network.valid())
    }

    /// How many of the digits, of 28×28 values in 0…1, it recognises.
    pub fn recognises(&self, digits: &[Vec<f32>], labels: &[u8], device: &Device) -> usize {
        let indices: Vec<usize> = (0..digits.len()).collect();
        let right = indices.chunks(500).map(|indices| {
            let logits = self.forward(images(digits, indices, device));
            let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
            let found = logits.chunks_exact(CLASSES).map(largest);
            let pairs = found.zip(indices);
            pairs.filter(|(digit, i)| *digit == labels[**i]).count()
        });
        right.sum()
    }

    /// Writes the classifier to a file; `training` describes its training.
    pub fn save(&self, path: &Path, training: &str) -> anyhow::Result<()> {
        let checkpoint = Checkpoint {
            progress: Progress {
                config: training.to_string(),
                devices: Vec::new(),
                step: 0,
                best: None,
                waited: 0,
            },
            vectors: vec![("parameters".to_string(), flat::parameters(self))],
        };
        checkpoint.save(path)
    }

    /// Reads a file of [`Self::save`], which has to come from the same training.
    pub fn load(path: &Path, training: &str, device: &Device) -> anyhow::Result<Self> {
        let mut checkpoint = Checkpoint::load(path, device)?;
        ensure!(
            checkpoint.progress.config == training,
            "{} holds {}, not {training}: name another file with --classifier",
            path.display(),
            checkpoint.progress.config
        );
        let network = Self::new(device);
        let parameters = checkpoint
            .take("parameters", network.num_params())
            .with_context(|| format!("in {}", path.display()))?;
        Ok(flat::with_parameters(network, parameters).valid())
    }
}

/// A description of a training, different for each choice of arguments.
pub fn training(digits: usize, epochs: usize) -> String {
    format!("a classifier trained on {digits} digits in {epochs} epochs (seed {SEED})")
}

/// A random order of all digits for an epoch.
fn order(count: usize, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let seed = SEED.rotate_left(32) ^ epoch as u64;
    order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
    order
}

fn images(digits: &[Vec<f32>], indices: &[usize], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = indices.iter().flat_map(|i| digits[*i].clone()).collect();
    let shape = [indices.len(), 1, SIDE_PX, SIDE_PX];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// One-hot targets `[n, 10]`.
fn targets(labels: &[u8], indices: &[usize], device: &Device) -> Tensor<2> {
    let row = |label: u8| (0..CLASSES as u8).map(move |digit| f32::from(digit == label));
    let values = indices.iter().flat_map(|i| row(labels[*i]));
    let values: Vec<f32> = values.collect();
    Tensor::from_data(TensorData::new(values, [indices.len(), CLASSES]), device)
}

/// `−mean log softmax(logits)` at the targets.
fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let [count, _] = logits.dims();
    let likelihood = activation::log_softmax(logits, 1) * targets;
    likelihood.sum().neg().div_scalar(count as f64)
}

fn largest(logits: &[f32]) -> u8 {
    let of = |digit: &u8| logits[usize::from(*digit)];
    let digits = 0..CLASSES as u8;
    digits.max_by(|a, b| of(a).total_cmp(&of(b))).unwrap_or(0)
}

fn progress(epoch: usize, epochs: usize, digits: usize) -> anyhow::Result<ProgressBar> {
    let template = format!(
        "{{bar:30}} {{pos}}/{{len}} digits · epoch {} of {epochs} · {{eta}} left in this epoch",
        epoch + 1
    );
    let style = ProgressStyle::with_template(&template)?;
    Ok(ProgressBar::new(digits as u64).with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_by_hand() {
        let device = Device::flex();
        let targets = targets(&[3, 0, 9], &[0, 2], &device);
        let equal = cross_entropy(Tensor::zeros([2, 10], &device), targets.clone());
        assert!((equal.into_scalar::<f32>() - 10f32.ln()).abs() < 1e-5);
        // 2 for the right digit and 0 for the others: −ln(e² / (e² + 9)).
        let right = cross_entropy(targets.clone() * 2.0, targets);
        let expected = (1.0 + 9.0 * (-2f32).exp()).ln();
        assert!((right.into_scalar::<f32>() - expected).abs() < 1e-5);
        assert_eq!(
            largest(&[0.0, -1.0, 5.0, 4.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            2
        );
    }
}
