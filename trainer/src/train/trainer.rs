//! A network in training, step by step, on one device or on several.

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use model::network::{Network, NetworkConfig};

use super::changes::Changes;
use super::checkpoint::{Checkpoint, Progress};
use super::flat;
use super::learner::{Learner, Step};
use super::networks::Networks;
use super::parallel::{sum, work_in_parallel};
use super::training_loop::Learn;
use super::transfer::{Transferred, named, transfer};
use super::worker::{Share, Task, Worker};
use crate::config::{Config, TrainingConfig};
use crate::data::Batch;
use crate::device::Devices;
use crate::loss::Loss;

/// The results of a step, as tensors, so that a step does not wait for a GPU.
pub struct Outcome {
    /// `[1]`
    pub loss: Tensor<1>,
    /// `[n]`: the terms of the loss, with their weights.
    pub terms: Tensor<1>,
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
    /// Whether the loss needs the averaged weights.
    needs_average: bool,
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
        let kinds = devices.kinds();
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
            relative_rate(config, &networks.network, &home)?,
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
                devices: kinds,
                step: 0,
                best: None,
                waited: 0,
            },
            levels: config.network.training_ratios().len(),
            needs_average: config.needs_average(),
            config: training.clone(),
        })
    }

    /// Whether the loss of the last phase is used in a step.
    fn is_last(&self, step: u64) -> bool {
        let share = self.config.last.as_ref().map_or(0.0, |last| last.share);
        step as f64 >= (1.0 - share) * self.config.steps as f64
    }

    /// The loss of a step.
    pub(super) fn loss_of(&self, step: u64) -> &Loss {
        match &self.config.last {
            Some(last) if self.is_last(step) => &last.loss,
            _ => &self.config.loss,
        }
    }

    /// The sum of all devices' shares, for the network and each discriminator.
    fn work(&mut self, batch: Batch) -> anyhow::Result<Vec<Share>> {
        let step = self.progress.step;
        let last = self.is_last(step);
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
            average: learners[0].average().filter(|_| self.needs_average),
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

    /// The network for inference at this step: averaged and folded.
    pub fn folded(&self) -> Network {
        self.networks.folded(self.learners[0].best())
    }

    /// Resumes from a checkpoint of the same configuration and devices, but for `changes`.
    pub fn restore(&mut self, mut checkpoint: Checkpoint, changes: &Changes) -> anyhow::Result<()> {
        changes.check(&checkpoint.progress, &self.progress)?;
        for learner in &mut self.learners {
            learner.restore(&mut checkpoint)?;
        }
        let Progress {
            config, devices, ..
        } = self.progress.clone();
        self.progress = Progress {
            config,
            devices,
            ..checkpoint.progress
        };
        Ok(())
    }

    /// Starts from the weights of an earlier training of the same network; discriminators start from
    /// random weights.
    pub fn start_from(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        ensure!(
            network_of(&checkpoint.progress.config)? == network_of(&self.progress.config)?,
            "training.start is a checkpoint of another network than [network] describes; --start-partial takes what fits"
        );
        self.learners[0].start_from(&mut checkpoint)
    }

    /// Starts from what fits of the weights of another network.
    pub fn start_partially_from(
        &mut self,
        mut checkpoint: Checkpoint,
    ) -> anyhow::Result<Transferred> {
        let config = network_of(&checkpoint.progress.config)?;
        let other = config.init_training(0, &self.device);
        let length = flat::parameters(&other).dims()[0];
        let other = flat::with_parameters(other, checkpoint.best("", length)?);
        let own = network_of(&self.progress.config)?;
        let target = named(&self.networks.network.valid());
        let (values, report) = transfer(&named(&other), target, &own.last_layer());
        ensure!(
            report.taken > 0 || !report.widened.is_empty(),
            "nothing of the network in training.start fits: {}",
            report.random.join(", ")
        );
        let length = values.len();
        let parameters = Tensor::from_data(TensorData::new(values, [length]), &self.device);
        self.learners[0].set(parameters);
        Ok(report)
    }
}

impl Learn for Trainer {
    type Batch = Batch;
    type Outcome = Outcome;

    fn steps(&self) -> u64 {
        self.progress.step
    }

    /// One step: forward, loss, backward, clip, update, average; with discriminators, the network and
    /// then each discriminator, on the same images.
    ///
    /// Fails if a device does; the step is then not taken, and nothing has changed.
    fn step(&mut self, batch: Batch) -> anyhow::Result<Outcome> {
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
        let loss = losses.next().context("a step has no loss")?;
        let terms = self.loss_of(number).terms().count();
        Ok(Outcome {
            loss: loss.clone().narrow(0, 0, 1),
            terms: loss.narrow(0, 1, terms),
            discriminator_losses: losses.collect(),
            norm: norms.swap_remove(0),
            rate: step.rate,
        })
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            progress: self.progress.clone(),
            vectors: self.learners.iter().flat_map(Learner::vectors).collect(),
        }
    }
}

/// The network of a configuration's text.
fn network_of(text: &str) -> anyhow::Result<NetworkConfig> {
    let table: toml::Table = text
        .parse()
        .context("the checkpoint's configuration cannot be read")?;
    let network = table.get("network").cloned();
    let network = network.context("the checkpoint belongs to no network")?;
    Ok(network.try_into()?)
}

/// `[1]`, or `[n]` where the last convolution learns at its own rate.
fn relative_rate(config: &Config, network: &Network, device: &Device) -> anyhow::Result<Tensor<1>> {
    let last_layer_rate = config.training.last_layer_rate;
    if last_layer_rate == 1.0 {
        return Ok(Tensor::ones([1], device));
    }
    let start = flat::start_of(network, &config.network.last_layer()).with_context(|| {
        format!(
            "training.last_layer_rate = {last_layer_rate} cannot be applied: this network has no single last \
             convolution"
        )
    })?;
    let length = flat::parameters(network).dims()[0];
    let others = Tensor::ones([start], device);
    let last = Tensor::full([length - start], last_layer_rate, device);
    Ok(Tensor::cat(vec![others, last], 0))
}
