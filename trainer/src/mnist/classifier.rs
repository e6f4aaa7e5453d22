//! A classifier of digits.

use std::path::Path;

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData, activation, module};
use engine::graph::Activation;
use model::layer::{ConvBlock, ConvConfig, Dense, Layers};

use super::epochs::Epochs;
use super::idx::SIDE_PX;
use crate::config::OptimiserConfig;
use crate::schedule::{Decay, Schedule};
use crate::train::training_loop::{self, Hooks, Times};
use crate::train::{Checkpoint, Learn, Optimiser, Progress, flat};

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

const SCHEDULE: Schedule = Schedule {
    warm_up_steps: 0,
    decay: Decay::Cosine,
    restarts: 0,
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
        let network = Self::new(&tracked);
        let parameters = flat::parameters(&network);
        let epochs = Epochs::new(digits.len(), BATCH, epochs, SEED, 0)?;
        let steps = epochs.total();
        let mut training = Training {
            optimiser: Optimiser::new(ADAM, &parameters),
            network,
            parameters,
            taken: 0,
            all: steps,
        };
        let mut hooks = Digits {
            digits,
            labels,
            epochs,
            device: tracked,
        };
        let times = Times {
            steps,
            log_every: steps,
            evaluate_every: steps,
            save_every: None,
        };
        training_loop::run(&mut training, &mut hooks, &times)?;
        Ok(training.network.valid())
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
        checkpoint(flat::parameters(self), 0, training).save(path)
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

fn checkpoint(parameters: Tensor<1>, step: u64, training: &str) -> Checkpoint {
    Checkpoint {
        progress: Progress {
            config: training.to_string(),
            devices: Vec::new(),
            step,
            best: None,
            waited: 0,
        },
        vectors: vec![("parameters".to_string(), parameters)],
    }
}

/// A classifier in training.
struct Training {
    network: Classifier,
    /// `[n]`
    parameters: Tensor<1>,
    optimiser: Optimiser,
    /// Steps taken so far, and all steps.
    taken: u64,
    all: u64,
}

impl Learn for Training {
    /// Images `[n, 1, 28, 28]` in 0…1, and one-hot targets `[n, 10]`.
    type Batch = (Tensor<4>, Tensor<2>);
    type Outcome = ();

    fn steps(&self) -> u64 {
        self.taken
    }

    fn step(&mut self, (images, targets): Self::Batch) -> anyhow::Result<()> {
        let loss = cross_entropy(self.network.forward(images), targets);
        let gradient = flat::gradients(&self.network, &loss.backward());
        let rate = LEARNING_RATE * SCHEDULE.factor(self.taken, self.all);
        let rate = Tensor::full([1], rate, &self.parameters.device());
        let parameters = self.parameters.clone();
        self.parameters = self.optimiser.step(self.taken, rate, parameters, gradient);
        self.network = flat::with_parameters(self.network.clone(), self.parameters.clone());
        self.taken += 1;
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        checkpoint(self.parameters.clone(), self.taken, "")
    }
}

/// The digits that a classifier learns from.
struct Digits<'a> {
    digits: &'a [Vec<f32>],
    labels: &'a [u8],
    epochs: Epochs,
    device: Device,
}

impl Hooks<Training> for Digits<'_> {
    fn next_batch(&mut self) -> Option<anyhow::Result<(Tensor<4>, Tensor<2>)>> {
        let indices = self.epochs.next()?;
        let images = images(self.digits, &indices, &self.device);
        Some(Ok((images, targets(self.labels, &indices, &self.device))))
    }
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
