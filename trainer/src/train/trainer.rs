//! A network in training, step by step, on one device or on several.

use anyhow::{Context, ensure};
use burn::tensor::{Device, Tensor};
use model::network::Network;

use super::checkpoint::{Checkpoint, Progress};
use super::flat;
use super::learner::{Learner, Step};
use super::networks::Networks;
use super::parallel::{sum, work_in_parallel};
use super::worker::{Share, Task, Worker};
use crate::config::{Config, TrainingConfig};
use crate::data::Batch;
use crate::device::Devices;

/// The results of a step, as tensors, so that a step does not wait for a GPU.
pub struct Outcome {
    /// `[1]`
    pub loss: Tensor<1>,
    /// `[1]` for each discriminator.
    pub discriminator_losses: Vec<Tensor<1>>,
    /// `[1]`: the norm of the network's gradient before clipping.
    pub norm: Tensor<1>,
    /// The learning rate.
    pub rate: f64,
}

/// A network in training.
pub struct Trainer {
    config: TrainingConfig,
    /// The network, then its discriminators.
    learners: Vec<Learner>,
    /// The layout of the same networks; the values are the learners'.
    networks: Networks,
    workers: Vec<Worker>,
    /// The device that holds the parameters.
    pub(super) device: Device,
    pub(super) progress: Progress,
    /// Levels of a network that enlarges step by step.
    levels: usize,
}

impl Trainer {
    /// Random weights on one device, which must not be an autodiff device; see [`Self::on`].
    pub fn new(config: &Config, device: &Device) -> anyhow::Result<Self> {
        Self::on(config, Devices::from(device.clone()))
    }

    /// Random weights on these devices; each device trains its share of every batch.
    ///
    /// Gradients are added up in the devices' order, so that a training can be repeated bit by bit.
    /// With several devices, batch normalisation uses each share's own statistics, and the running
    /// statistics are averaged. Fails if the loss needs features whose weights cannot be read, or if
    /// another machine does not answer.
    pub fn on(config: &Config, devices: Devices) -> anyhow::Result<Self> {
        let training = &config.training;
        ensure!(!devices.all.is_empty(), "there is no device to train on");
        let shares = devices.all.len() * training.accumulate;
        ensure!(
            shares <= training.batch,
            "training.batch = {} cannot be split into {shares} parts (devices × \
             training.accumulate)",
            training.batch
        );
        let home = devices.home;
        let networks = Networks::random(config, &home);
        let vectors = networks.parameters();
        let lengths: Vec<usize> = vectors.iter().map(|vector| vector.dims()[0]).collect();
        let workers = devices.all.into_iter();
        let workers: Vec<Worker> = workers
            .map(|device| Worker::new(config, device, &lengths))
            .collect::<anyhow::Result<_>>()?;
        let mut vectors = vectors.into_iter();
        let network = vectors.next().context("there is no network to train")?;
        let mut learners = vec![Learner::new(
            "",
            training,
            network,
            relative_rate(config, &networks.network, &home),
            training.average,
        )];
        let rate = Tensor::full([1], training.discriminator.rate, &home);
        learners.extend(vectors.enumerate().map(|(i, parameters)| {
            let prefix = format!("discriminator.{i}.");
            Learner::new(&prefix, training, parameters, rate.clone(), None)
        }));
        Ok(Self {
            learners,
            networks,
            workers,
            device: home,
            progress: Progress {
                config: config.text.clone(),
                step: 0,
                best: None,
                waited: 0,
            },
            levels: config.network.training_ratios().len(),
            config: training.clone(),
        })
    }

    /// One step: forward, loss, backward, clip, update, average; with discriminators, the network and
    /// then each discriminator, on the same images.
    ///
    /// Fails if a device does; the step is then not taken, and nothing has changed.
    pub fn step(&mut self, batch: Batch) -> anyhow::Result<Outcome> {
        let number = self.progress.step;
        let shares = self.work(batch)?;
        let rate = self.config.schedule.factor(number, self.config.steps);
        let step = Step {
            number,
            rate: self.config.learning_rate * rate,
            clip_norm: self.config.clip_norm,
        };
        let mut losses = Vec::new();
        let mut norms = Vec::new();
        for (learner, share) in self.learners.iter_mut().zip(shares) {
            losses.push(share.loss);
            norms.push(learner.step(&step, share.parameters, share.gradient));
        }
        self.progress.step += 1;
        let mut losses = losses.into_iter();
        Ok(Outcome {
            loss: losses.next().context("a step has no loss")?,
            discriminator_losses: losses.collect(),
            norm: norms.swap_remove(0),
            rate: step.rate,
        })
    }

    /// The sum of all devices' shares, for the network and each discriminator.
    fn work(&mut self, batch: Batch) -> anyhow::Result<Vec<Share>> {
        let step = self.progress.step;
        let share = self.config.last.as_ref().map_or(0.0, |last| last.share);
        let last = step as f64 >= (1.0 - share) * self.config.steps as f64;
        let levels = match &self.config.curriculum {
            Some(curriculum) => curriculum.levels(step, self.config.steps, self.levels),
            None => self.levels as f64,
        };
        let patches = batch.len();
        let learners = &self.learners;
        let parameters = || learners.iter().map(|learner| learner.parameters.clone());
        let tasks = batch.split(self.workers.len()).into_iter();
        let tasks = tasks.map(|batch| Task {
            parts: batch.split(self.config.accumulate),
            batch: patches,
            parameters: parameters().collect(),
            last,
            levels,
            home: self.device.clone(),
        });
        let results = work_in_parallel(self.workers.iter_mut().zip(tasks).collect())?;
        Ok(sum(results, &parameters().collect::<Vec<_>>()))
    }

    /// Megabytes of parameters and gradients that every step moves to and from each device of another
    /// machine; `None` if all devices are this machine's.
    pub fn traffic_mb(&self) -> Option<f64> {
        let values: usize = self.learners.iter().map(|l| l.parameters.dims()[0]).sum();
        let is_remote = self.workers.iter().any(|worker| !worker.is_local());
        // Parameters go there; gradients and parameters (with running statistics) come back.
        is_remote.then(|| (3 * size_of::<f32>() * values) as f64 / 1e6)
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.progress.step
    }

    /// The network for inference at this step: averaged and folded.
    pub fn folded(&self) -> Network {
        self.networks.folded(self.learners[0].best())
    }

    /// Everything that is needed to resume.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            progress: self.progress.clone(),
            vectors: self.learners.iter().flat_map(Learner::vectors).collect(),
        }
    }

    /// Resumes from a checkpoint of the same configuration.
    pub fn restore(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        ensure!(
            checkpoint.progress.config == self.progress.config,
            "the checkpoint belongs to another configuration: use the one it was started with, or \
             start again in another folder (--out)"
        );
        for learner in &mut self.learners {
            learner.restore(&mut checkpoint)?;
        }
        self.progress = checkpoint.progress;
        Ok(())
    }

    /// Starts from the weights of an earlier training of the same network; discriminators start from
    /// random weights.
    pub fn start_from(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        let network = |text: &str| {
            let table: toml::Table = text.parse().ok()?;
            table.get("network").cloned()
        };
        ensure!(
            network(&checkpoint.progress.config) == network(&self.progress.config),
            "training.start is a checkpoint of another network than [network] describes"
        );
        self.learners[0].start_from(&mut checkpoint)
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
