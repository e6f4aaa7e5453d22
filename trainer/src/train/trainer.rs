//! A network in training, step by step.

use anyhow::ensure;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use model::network::Network;

use super::checkpoint::{Checkpoint, Progress};
use super::flat;
use super::optimiser::{Optimiser, blend};
use crate::config::{Config, TrainingConfig};
use crate::data::Batch;
use crate::loss::Criterion;

/// What a step says of itself; tensors, so that a GPU need not be waited for.
pub struct Outcome {
    /// `[1]`
    pub loss: Tensor<1>,
    /// `[1]`: the gradient's norm before clipping.
    pub norm: Tensor<1>,
    /// The learning rate.
    pub rate: f64,
}

/// A network in training.
pub struct Trainer {
    config: TrainingConfig,
    network: Network,
    optimiser: Optimiser,
    average: Option<Tensor<1>>,
    /// The relative learning rate of each parameter: `[1]` or `[n]`.
    relative_rate: Tensor<1>,
    criterion: Criterion,
    /// The loss at the end, where the configuration has another one for it.
    last_criterion: Option<Criterion>,
    pub(super) device: Device,
    pub(super) progress: Progress,
}

impl Trainer {
    /// Random weights on `device`, which is no autodiff device.
    ///
    /// Fails where the loss needs features whose weights cannot be read.
    pub fn new(config: &Config, device: &Device) -> anyhow::Result<Self> {
        let training = &config.training;
        let last = training.last.as_ref();
        let last = last.map(|last| last.loss.prepare(&training.features, device));
        let network = config
            .network
            .init_training(config.seed, &device.clone().autodiff())
            .train();
        let parameters = flat::parameters(&network);
        Ok(Self {
            criterion: training.loss.prepare(&training.features, device)?,
            last_criterion: last.transpose()?,
            optimiser: Optimiser::new(config.training.optimiser, &parameters),
            average: config.training.average.map(|_| parameters.clone()),
            relative_rate: relative_rate(config, &network, device),
            config: config.training.clone(),
            network,
            device: device.clone(),
            progress: Progress {
                config: config.text.clone(),
                step: 0,
                best_psnr_db: None,
            },
        })
    }

    /// One step: forward, loss, backward, clip, update, average.
    pub fn step(&mut self, batch: Batch) -> Outcome {
        let step = self.progress.step;
        let (input, targets) = batch.into_tensors(&self.device.clone().autodiff());
        let outputs = self.network.forward_training(input);
        let criterion = self.criterion(step);
        let losses = outputs.into_iter().zip(targets);
        let loss = losses
            .map(|(output, target)| criterion.of(output, target))
            .reduce(|sum, loss| sum + loss)
            .expect("a network has an output at least");
        let gradients = loss.backward();

        let gradient = flat::gradients(&self.network, &gradients);
        let norm = (gradient.clone() * gradient.clone()).sum().sqrt();
        let gradient = match self.config.clip_norm {
            // The same expression whether it is clipped or not: no GPU has to be asked.
            Some(limit) => gradient * norm.clone().clamp_min(limit).recip().mul_scalar(limit),
            None => gradient,
        };
        let schedule = &self.config.schedule;
        let rate = self.config.learning_rate * schedule.factor(step, self.config.steps);
        let rates = self.relative_rate.clone().mul_scalar(rate);
        let parameters = self.parameters();
        let parameters = self.optimiser.step(step, rates, parameters, gradient);
        if let (Some(average), Some(decay)) = (&mut self.average, self.config.average) {
            // Early on a shorter memory, so that the random start is forgotten.
            let decay = decay.min((1.0 + step as f64) / (10.0 + step as f64));
            *average = blend(average, parameters.clone(), decay);
        }
        self.network = flat::with_parameters(self.network.clone(), parameters);
        self.progress.step += 1;
        Outcome {
            loss: loss.inner(),
            norm,
            rate,
        }
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.progress.step
    }

    fn criterion(&self, step: u64) -> &Criterion {
        let share = self.config.last.as_ref().map_or(0.0, |last| last.share);
        match &self.last_criterion {
            Some(last) if step as f64 >= (1.0 - share) * self.config.steps as f64 => last,
            _ => &self.criterion,
        }
    }

    /// The network as it would be used now: averaged and folded.
    pub fn folded(&self) -> Network {
        // Never a mere clone: that would share its running statistics with the one in training.
        let network = self.network.valid();
        let network = match &self.average {
            Some(average) => flat::with_parameters(network, average.clone()).valid(),
            None => network,
        };
        network.fold()
    }

    /// All parameters, and batch normalisation's running statistics, which only `valid` brings up to
    /// date.
    fn parameters(&self) -> Tensor<1> {
        flat::parameters(&self.network.valid())
    }

    /// Everything that going on needs.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut vectors = vec![("parameters".to_string(), self.parameters())];
        let state = self.optimiser.state.iter().enumerate();
        vectors.extend(state.map(|(i, vector)| (format!("optimiser.{i}"), vector.clone())));
        vectors.extend(
            self.average
                .clone()
                .map(|average| ("average".to_string(), average)),
        );
        Checkpoint {
            progress: self.progress.clone(),
            vectors,
        }
    }

    /// Goes on from a checkpoint of the same configuration.
    pub fn restore(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        ensure!(
            checkpoint.progress.config == self.progress.config,
            "the checkpoint belongs to another configuration: use the one it was started with, or \
             start anew in another folder (--out)"
        );
        let length = flat::parameters(&self.network).dims()[0];
        let parameters = checkpoint.take("parameters", length)?;
        for (i, vector) in self.optimiser.state.iter_mut().enumerate() {
            *vector = checkpoint.take(&format!("optimiser.{i}"), length)?;
        }
        if let Some(average) = &mut self.average {
            *average = checkpoint.take("average", length)?;
        }
        self.network = flat::with_parameters(self.network.clone(), parameters);
        self.progress = checkpoint.progress;
        Ok(())
    }
}

/// `[1]`, or `[n]` where the last convolution learns at its own rate.
fn relative_rate(config: &Config, network: &Network, device: &Device) -> Tensor<1> {
    let last_layer_rate = config.training.last_layer_rate;
    let start = flat::start_of(network, &config.network.last_layer());
    match start {
        Some(start) if last_layer_rate != 1.0 => {
            let length = flat::parameters(network).dims()[0];
            let others = Tensor::ones([start], device);
            let last = Tensor::full([length - start], last_layer_rate, device);
            Tensor::cat(vec![others, last], 0)
        }
        _ => Tensor::ones([1], device),
    }
}
