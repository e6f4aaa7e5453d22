//! A device's share of a step: losses and gradients.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use model::network::{Discriminator, Network};

use super::flat;
use crate::config::Config;
use crate::data::Batch;
use crate::device::Place;
use crate::loss::Criterion;

/// A device with its own copy of the networks.
pub struct Worker {
    /// Where it works.
    pub place: Place,
    network: Network,
    discriminators: Vec<Discriminator>,
    criterion: Criterion,
    /// The loss at the end, where the configuration has another one for it.
    last_criterion: Option<Criterion>,
}

/// What there is to be done.
pub struct Task {
    /// The device's share of the batch, in parts.
    pub parts: Vec<Batch>,
    /// Patches in the whole batch.
    pub batch: usize,
    /// The parameters `[n]` of the network, then of the discriminators.
    pub parameters: Vec<Tensor<1>>,
    /// Whether the loss for the end counts.
    pub last: bool,
    /// How many levels of a network that enlarges step by step take part.
    pub levels: f64,
    /// Where the results are wanted.
    pub home: Device,
}

/// What a share of a batch gives for one network; means over the whole batch add up from these.
#[derive(Clone)]
pub struct Share {
    /// `[1]`
    pub loss: Tensor<1>,
    /// `[n]`
    pub gradient: Tensor<1>,
    /// `[n]`: the parameters, with batch normalisation's running statistics after this share.
    pub parameters: Tensor<1>,
}

impl Worker {
    /// Fails where the loss needs features whose weights cannot be read.
    pub fn new(config: &Config, place: Place) -> anyhow::Result<Self> {
        let training = &config.training;
        let device = place.device.clone().autodiff();
        let last = training.last.as_ref();
        let last = last.map(|last| last.loss.prepare(&training.features, &place.device));
        let discriminators = config.discriminators().into_iter().zip(1..);
        Ok(Self {
            network: config.network.init_training(config.seed, &device).train(),
            discriminators: discriminators
                .map(|(discriminator, i)| {
                    discriminator
                        .init(config.seed.wrapping_add(i), &device)
                        .train()
                })
                .collect(),
            criterion: training.loss.prepare(&training.features, &place.device)?,
            last_criterion: last.transpose()?,
            place,
        })
    }

    /// The random parameters that it was made with: the network's, then the discriminators'.
    pub fn parameters(&self) -> Vec<Tensor<1>> {
        let discriminators = self.discriminators.iter();
        std::iter::once(flat::parameters(&self.network.valid()))
            .chain(discriminators.map(|module| flat::parameters(&module.valid())))
            .collect()
    }

    /// The network with these parameters `[n]` as it would be used: folded, in evaluation mode.
    pub fn folded(&self, parameters: Tensor<1>) -> Network {
        // Never a mere clone: that would share its running statistics with the one in training.
        flat::with_parameters(self.network.valid(), parameters)
            .valid()
            .fold()
    }

    /// The network's layout.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// One share for the network, and one for each discriminator.
    pub fn work(&mut self, task: Task) -> Vec<Share> {
        let device = &self.place.device;
        let mut parameters = task.parameters.into_iter();
        if let Some(parameters) = parameters.next() {
            place(&mut self.network, parameters.to_device(device));
        }
        for (module, parameters) in self.discriminators.iter_mut().zip(parameters) {
            place(module, parameters.to_device(device));
        }
        let mut sums: Vec<[Tensor<1>; 2]> = Vec::new();
        for part in task.parts {
            let weight = part.len() as f64 / task.batch as f64;
            let results = self.part(part, task.last, task.levels);
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
        let after = self.parameters();
        let share = |([loss, gradient], parameters): ([Tensor<1>; 2], Tensor<1>)| Share {
            loss: loss.to_device(&task.home),
            gradient: gradient.to_device(&task.home),
            parameters: parameters.to_device(&task.home),
        };
        sums.into_iter().zip(after).map(share).collect()
    }

    /// Loss and gradient, for the network and then for each discriminator.
    fn part(&self, batch: Batch, last: bool, levels: f64) -> Vec<[Tensor<1>; 2]> {
        let criterion = match &self.last_criterion {
            Some(criterion) if last => criterion,
            _ => &self.criterion,
        };
        let (input, targets) = batch.into_tensors(&self.place.device.clone().autodiff());
        let outputs = self.network.forward_blended(input, levels);
        let pairs: Vec<_> = outputs.into_iter().zip(targets).collect();
        let losses = pairs.iter().cloned();
        let mut loss = losses
            .map(|(output, target)| criterion.of(output, target))
            .reduce(|sum, loss| sum + loss)
            .expect("a network has an output at least");
        let Some((output, target)) = pairs.into_iter().next_back() else {
            return Vec::new();
        };
        let judged = || criterion.gans().zip(&self.discriminators);
        let real =
            |module: &Discriminator, gan| module.forward(criterion.shown(gan, target.clone()));
        for ((weight, gan), module) in judged() {
            // Its own gradients would be thrown away.
            let judge = module.clone().no_grad();
            let fake = judge.forward(criterion.shown(gan, output.clone()));
            let term = gan.kind.generator(|| real(&judge, gan).detach(), fake);
            loss = loss + term.mul_scalar(weight);
        }
        let gradients = flat::gradients(&self.network, &loss.backward());
        let mut results = vec![[loss.inner(), gradients]];
        for ((_, gan), module) in judged() {
            let fake = module.forward(criterion.shown(gan, output.clone().detach()));
            let loss = gan.kind.discriminator(real(module, gan), fake);
            let gradients = flat::gradients(module, &loss.backward());
            results.push([loss.inner(), gradients]);
        }
        results
    }
}

/// Puts parameters into a module in place.
fn place<M: Module>(module: &mut M, parameters: Tensor<1>) {
    // The clone shares its running statistics with the original, which it replaces.
    *module = flat::with_parameters(module.clone(), parameters);
}
