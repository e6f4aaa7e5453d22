//! A device's share of a step: losses and gradients.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use model::network::{Discriminator, Network};

use super::flat;
use super::networks::Networks;
use super::remote::RemoteWorker;
use crate::config::Config;
use crate::data::Batch;
use crate::device::TrainingDevice;
use crate::loss::{Compared, Criterion};

/// A device of a training, on this machine or on another one.
pub enum Worker {
    /// A device of this machine.
    Local(Box<LocalWorker>),
    /// A device that `trainer worker` serves.
    Remote(Box<RemoteWorker>),
}

impl Worker {
    /// A worker on a device; `lengths` holds the number of parameters of the network and of each
    /// discriminator.
    ///
    /// Fails if the loss needs features whose weights cannot be read, or if another machine does not
    /// answer.
    pub fn new(config: &Config, device: TrainingDevice, lengths: &[usize]) -> anyhow::Result<Self> {
        Ok(match device {
            TrainingDevice::Local { device, name } => {
                Self::Local(Box::new(LocalWorker::new(config, device, name)?))
            }
            TrainingDevice::Remote(device) => Self::Remote(Box::new(RemoteWorker::connect(
                config,
                device,
                lengths.to_vec(),
            )?)),
        })
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Local(worker) => &worker.name,
            Self::Remote(worker) => worker.name(),
        }
    }

    /// Whether the device is one of this machine's.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// One share for the network, and one for each discriminator.
    pub fn work(&mut self, task: Task) -> anyhow::Result<Vec<Share>> {
        match self {
            Self::Local(worker) => Ok(worker.work(task)),
            Self::Remote(worker) => worker.work(task),
        }
    }
}

/// A device's work in a step.
pub struct Task {
    /// The device's share of the batch, in parts that are worked on one after the other.
    pub parts: Vec<Batch>,
    /// Patches in the whole batch.
    pub batch: usize,
    /// The parameters `[n]` of the network, then of the discriminators.
    pub parameters: Vec<Tensor<1>>,
    /// The moving average `[n]` of the network's parameters, if [`Config::needs_average`].
    pub average: Option<Tensor<1>>,
    /// Whether the loss of the last phase is used.
    pub last: bool,
    /// How many levels of a network that enlarges step by step take part.
    pub levels: f64,
    /// The device that the results are moved to.
    pub home: Device,
}

/// The result of a share of a batch for one network, weighted by the share's size: the sum over all
/// shares is the mean over the batch.
#[derive(Clone)]
pub struct Share {
    /// `[1]`; the network's is followed by its terms, see [`Config::loss_values`].
    pub loss: Tensor<1>,
    /// `[n]`
    pub gradient: Tensor<1>,
    /// `[n]`: the parameters, with batch normalisation's running statistics after this share.
    pub parameters: Tensor<1>,
}

/// A device of this machine with its own copy of the networks.
pub struct LocalWorker {
    name: String,
    device: Device,
    networks: Networks,
    criterion: Criterion,
    /// The loss of the last phase, if the configuration has one.
    last_criterion: Option<Criterion>,
    /// Output pixels per pixel of the input, for each output of the network.
    ratios: Vec<usize>,
    loss_values: usize,
}

impl LocalWorker {
    /// Fails if the loss needs features whose weights cannot be read.
    pub fn new(config: &Config, device: Device, name: String) -> anyhow::Result<Self> {
        let training = &config.training;
        let last = training.last.as_ref();
        let spec = config.network.spec();
        let last = last.map(|last| last.loss.prepare(&training.features, &spec, &device));
        Ok(Self {
            networks: Networks::random(config, &device),
            criterion: training.loss.prepare(&training.features, &spec, &device)?,
            ratios: config.network.training_ratios(),
            loss_values: config.loss_values(),
            last_criterion: last.transpose()?,
            device,
            name,
        })
    }

    /// How many parameters the network and each discriminator have.
    pub fn lengths(&self) -> Vec<usize> {
        let parameters = self.networks.parameters();
        parameters.iter().map(|vector| vector.dims()[0]).collect()
    }

    /// See [`Worker::work`].
    pub fn work(&mut self, task: Task) -> Vec<Share> {
        self.networks.set_parameters(task.parameters, &self.device);
        let average = task.average.map(|average| {
            let average = average.to_device(&self.device);
            self.networks.with(average)
        });
        let mut sums: Vec<[Tensor<1>; 2]> = Vec::new();
        for part in task.parts {
            let weight = part.len() as f64 / task.batch as f64;
            let results = self.part(part, average.as_ref(), task.last, task.levels);
            let results = results.into_iter().map(|values| match weight {
                1.0 => values,
                _ => values.map(|value| value.mul_scalar(weight)),
            });
            sums = if sums.is_empty() {
                results.collect()
            } else {
                let add = |sum: [Tensor<1>; 2], [x, y]: [Tensor<1>; 2]| {
                    let [a, b] = sum;
                    [a + x, b + y]
                };
                let both = sums.into_iter().zip(results);
                both.map(|(sum, result)| add(sum, result)).collect()
            };
        }
        let after = self.networks.parameters();
        let share = |([loss, gradient], parameters): ([Tensor<1>; 2], Tensor<1>)| Share {
            loss: loss.to_device(&task.home),
            gradient: gradient.to_device(&task.home),
            parameters: parameters.to_device(&task.home),
        };
        sums.into_iter().zip(after).map(share).collect()
    }

    /// Loss and gradient of the network, then of each discriminator.
    fn part(
        &self,
        batch: Batch,
        average: Option<&Network>,
        last: bool,
        levels: f64,
    ) -> Vec<[Tensor<1>; 2]> {
        let criterion = match &self.last_criterion {
            Some(criterion) if last => criterion,
            _ => &self.criterion,
        };
        let Networks {
            network,
            discriminators,
            ..
        } = &self.networks;
        let (input, targets) = batch.into_tensors(&self.device.clone().autodiff());
        let outputs = network.forward_training(input.clone(), levels);
        let averaged = average.map(|network| {
            let input = input.clone().inner();
            let outputs = network.forward_training(input, levels).into_iter();
            outputs.map(Tensor::from_inner).collect::<Vec<_>>()
        });
        let outputs = outputs.into_iter().zip(targets).zip(&self.ratios);
        let compared = outputs
            .enumerate()
            .map(|(index, ((output, target), ratio))| Compared {
                input: input.clone(),
                output,
                target,
                average: averaged.as_ref().map(|outputs| outputs[index].clone()),
                ratio: *ratio,
            });
        let compared: Vec<Compared> = compared.collect();
        // The sums of each term over all outputs.
        let mut terms: Vec<Tensor<1>> = compared
            .iter()
            .map(|compared| criterion.terms(compared))
            .reduce(|sums, terms| sums.into_iter().zip(terms).map(|(a, b)| a + b).collect())
            .expect("a network has at least one output");
        let Some(Compared { output, target, .. }) = compared.into_iter().next_back() else {
            return Vec::new();
        };
        let judged = || criterion.gans().zip(discriminators);
        let real =
            |module: &Discriminator, gan| module.forward(criterion.shown(gan, target.clone()));
        for ((index, weight, gan), module) in judged() {
            // The discriminator's gradients of this term are not used.
            let judge = module.clone().no_grad();
            let fake = judge.forward(criterion.shown(gan, output.clone()));
            let term = gan.kind.generator(|| real(&judge, gan).detach(), fake);
            terms[index] = term.mul_scalar(weight);
        }
        let mut values: Vec<Tensor<1>> = terms.iter().map(|term| term.clone().inner()).collect();
        let loss = terms.into_iter().reduce(|sum, term| sum + term);
        let loss = loss.expect("a loss has at least one term");
        let gradients = flat::gradients(network, &loss.backward());
        values.insert(0, loss.inner());
        // As many as the other loss has.
        values.resize_with(self.loss_values, || Tensor::zeros([1], &self.device));
        let mut results = vec![[Tensor::cat(values, 0), gradients]];
        for ((_, _, gan), module) in judged() {
            let fake = module.forward(criterion.shown(gan, output.clone().detach()));
            let loss = gan.kind.discriminator(real(module, gan), fake);
            let gradients = flat::gradients(module, &loss.backward());
            results.push([loss.inner(), gradients]);
        }
        results
    }
}
