//! A network in training, step by step, on one device or on several.

use std::any::Any;
use std::thread::ScopedJoinHandle;

use anyhow::{Context, anyhow, ensure};
use burn::tensor::{Device, Tensor};
use model::network::Network;

use super::checkpoint::{Checkpoint, Progress};
use super::flat;
use super::learner::{Learner, Step};
use super::worker::{Share, Task, Worker};
use crate::config::{Config, TrainingConfig};
use crate::data::Batch;
use crate::device::Devices;

/// What a step says of itself; tensors, so that a GPU need not be waited for.
pub struct Outcome {
    /// `[1]`
    pub loss: Tensor<1>,
    /// `[1]` each: the discriminators'.
    pub discriminator_losses: Vec<Tensor<1>>,
    /// `[1]`: the gradient's norm before clipping.
    pub norm: Tensor<1>,
    /// The learning rate.
    pub rate: f64,
}

/// A network in training.
pub struct Trainer {
    config: TrainingConfig,
    /// The network, then its discriminators.
    learners: Vec<Learner>,
    workers: Vec<Worker>,
    /// Where the parameters lie.
    pub(super) device: Device,
    pub(super) progress: Progress,
    /// Levels of a network that enlarges step by step.
    levels: usize,
}

impl Trainer {
    /// Random weights on one device, which is no autodiff device; see [`Self::on`].
    pub fn new(config: &Config, device: &Device) -> anyhow::Result<Self> {
        Self::on(config, Devices::from(device.clone()))
    }

    /// Random weights on these devices, each of which trains its share of every batch.
    ///
    /// Gradients are added up in the devices' order, so that a training can be repeated. With more
    /// than one, batch normalisation takes each share's own statistics, and the mean of the running
    /// ones. Fails where the loss needs features whose weights cannot be read.
    pub fn on(config: &Config, devices: Devices) -> anyhow::Result<Self> {
        let training = &config.training;
        let shares = devices.workers.len() * training.accumulate;
        ensure!(
            shares <= training.batch,
            "training.batch = {} cannot be split into {shares} parts (devices × \
             training.accumulate)",
            training.batch
        );
        let home = devices.home;
        let workers = devices.workers.into_iter();
        let workers: Vec<Worker> = workers
            .map(|place| Worker::new(config, place))
            .collect::<anyhow::Result<_>>()?;
        let first = workers.first().context("there is no device to train on")?;
        let mut parameters = first.parameters().into_iter();
        let network = parameters.next().context("there is no network to train")?;
        let mut learners = vec![Learner::new(
            "",
            training,
            network.to_device(&home),
            relative_rate(config, first.network(), &home),
            training.average,
        )];
        let rate = Tensor::full([1], training.discriminator.rate, &home);
        learners.extend(parameters.enumerate().map(|(i, parameters)| {
            let prefix = format!("discriminator.{i}.");
            let parameters = parameters.to_device(&home);
            Learner::new(&prefix, training, parameters, rate.clone(), None)
        }));
        Ok(Self {
            learners,
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

    /// One step: forward, loss, backward, clip, update, average; with a discriminator both networks
    /// in turn, by the same pictures.
    ///
    /// Fails where a device does; the step is then not taken, and everything is as before.
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

    /// What all devices' shares come to, for the network and each discriminator.
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
        let results = side_by_side(self.workers.iter_mut().zip(tasks).collect())?;
        Ok(sum(results, &parameters().collect::<Vec<_>>()))
    }

    /// Megabytes of parameters and gradients that every step moves to and from another machine's
    /// device; `None` where all are this machine's.
    pub fn traffic_mb(&self) -> Option<f64> {
        let values: usize = self.learners.iter().map(|l| l.parameters.dims()[0]).sum();
        let is_remote = self.workers.iter().any(|worker| !worker.place.is_local);
        // There, and back: gradients, and parameters for the running statistics among them.
        is_remote.then(|| (3 * size_of::<f32>() * values) as f64 / 1e6)
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.progress.step
    }

    /// The network as it would be used now: averaged and folded.
    pub fn folded(&self) -> Network {
        self.workers[0].folded(self.learners[0].best())
    }

    /// Everything that going on needs.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            progress: self.progress.clone(),
            vectors: self.learners.iter().flat_map(Learner::vectors).collect(),
        }
    }

    /// Goes on from a checkpoint of the same configuration.
    pub fn restore(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        ensure!(
            checkpoint.progress.config == self.progress.config,
            "the checkpoint belongs to another configuration: use the one it was started with, or \
             start anew in another folder (--out)"
        );
        for learner in &mut self.learners {
            learner.restore(&mut checkpoint)?;
        }
        self.progress = checkpoint.progress;
        Ok(())
    }

    /// Starts from the weights that an earlier training of the same network has come to; its
    /// discriminators, if any, start anew.
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

/// Lets each worker do its task; several, and those on other machines, in threads of their own.
fn side_by_side(work: Vec<(&mut Worker, Task)>) -> anyhow::Result<Vec<Vec<Share>>> {
    let alone = work.len() == 1;
    std::thread::scope(|scope| {
        let running = work.into_iter().map(|(worker, task)| {
            if alone && worker.place.is_local {
                return Running::Done(worker.work(task));
            }
            let name = worker.place.name.clone();
            Running::Thread(name, scope.spawn(move || worker.work(task)))
        });
        // All have to be started before the first is waited for.
        let running: Vec<Running<'_>> = running.collect();
        running.into_iter().map(Running::finish).collect()
    })
}

enum Running<'scope> {
    Done(Vec<Share>),
    Thread(String, ScopedJoinHandle<'scope, Vec<Share>>),
}

impl Running<'_> {
    fn finish(self) -> anyhow::Result<Vec<Share>> {
        match self {
            Self::Done(shares) => Ok(shares),
            // Burn says by a panic that another machine doesn't answer any more.
            Self::Thread(name, thread) => thread
                .join()
                .map_err(|panic| anyhow!("the device {name} has failed: {}", reason(&*panic))),
        }
    }
}

/// What a panic said.
fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    text.unwrap_or_else(|| "no reason given".to_string())
}

/// The devices' shares added up in their order.
fn sum(results: Vec<Vec<Share>>, before: &[Tensor<1>]) -> Vec<Share> {
    let devices = results.len();
    let mut results = results.into_iter();
    let Some(first) = results.next() else {
        return Vec::new();
    };
    if devices == 1 {
        return first;
    }
    let change = |share: Share, before: &Tensor<1>| Share {
        parameters: share.parameters - before.clone(),
        ..share
    };
    let changes = |shares: Vec<Share>| shares.into_iter().zip(before).map(|(s, b)| change(s, b));
    let start: Vec<Share> = changes(first).collect();
    let sums = results.fold(start, |sums, shares| {
        let add = |(a, b): (Share, Share)| Share {
            loss: a.loss + b.loss,
            gradient: a.gradient + b.gradient,
            parameters: a.parameters + b.parameters,
        };
        sums.into_iter().zip(changes(shares)).map(add).collect()
    });
    // Parameters don't change in a share; running statistics do, and their mean is kept.
    let mean = |(share, before): (Share, &Tensor<1>)| Share {
        parameters: before.clone() + share.parameters.div_scalar(devices as f64),
        ..share
    };
    sums.into_iter().zip(before).map(mean).collect()
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
