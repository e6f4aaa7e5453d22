//! The networks in training on one device: the network itself and its discriminators.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use model::network::{Discriminator, Network, NetworkConfig};

use super::flat;
use crate::config::Config;

/// A network and its discriminators, in training mode.
pub struct Networks {
    /// The network.
    pub network: Network,
    /// One for each adversarial term of the loss.
    pub discriminators: Vec<Discriminator>,
    config: NetworkConfig,
}

impl Networks {
    /// Random weights from the configuration's seed; `device` must not be an autodiff device.
    pub fn random(config: &Config, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let discriminators = config.discriminators().into_iter().zip(1..);
        Self {
            network: config.network.init_training(config.seed, &device).train(),
            discriminators: discriminators
                .map(|(discriminator, i)| {
                    let seed = config.seed.wrapping_add(i);
                    discriminator.init(seed, &device).train()
                })
                .collect(),
            config: config.network.clone(),
        }
    }

    /// All parameters `[n]`: the network's, then each discriminator's.
    pub fn parameters(&self) -> Vec<Tensor<1>> {
        let discriminators = self.discriminators.iter();
        std::iter::once(flat::parameters(&self.network.valid()))
            .chain(discriminators.map(|module| flat::parameters(&module.valid())))
            .collect()
    }

    /// Replaces the parameters, which have the order of [`Self::parameters`].
    pub fn set_parameters(&mut self, parameters: Vec<Tensor<1>>, device: &Device) {
        let mut parameters = parameters
            .into_iter()
            .map(|vector| vector.to_device(device));
        if let Some(parameters) = parameters.next() {
            replace(&mut self.network, parameters);
        }
        for (module, parameters) in self.discriminators.iter_mut().zip(parameters) {
            replace(module, parameters);
        }
    }

    /// The network in evaluation mode with these parameters `[n]`, in the form that it is trained in.
    pub fn with(&self, parameters: Tensor<1>) -> Network {
        // A clone alone would share its running statistics with the network in training.
        flat::with_parameters(self.network.valid(), parameters).valid()
    }

    /// The network for inference with these parameters `[n]`: folded, in evaluation mode.
    pub fn folded(&self, parameters: Tensor<1>) -> Network {
        self.config.fold(&self.with(parameters))
    }
}

fn replace<M: Module>(module: &mut M, parameters: Tensor<1>) {
    // The clone shares its running statistics with the original, which it replaces.
    *module = flat::with_parameters(module.clone(), parameters);
}
