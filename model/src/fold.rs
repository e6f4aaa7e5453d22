//! Folds a trained network into the form for inference.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, Tensor};

use crate::layer::{ConvBlock, Folded, KernelWeight};
use crate::network::{Network, NetworkConfig};

impl NetworkConfig {
    /// The inference form of `trained`: wide blocks and batch normalisation are folded into convolutions; everything
    /// else stays as it is. `trained` has to be a network of this configuration, in evaluation mode.
    pub fn fold(&self, trained: &Network) -> Network {
        let device = trained
            .devices()
            .into_iter()
            .next()
            .expect("a network has parameters");
        let folded = trained.blocks();
        let folded = folded.iter().map(ConvBlock::folded);
        self.with_parameters(folded.collect(), &device)
    }

    /// The inference form with these parameters, one for each convolution in the order in which they run. They have to
    /// be as many values as the network needs.
    pub(crate) fn with_parameters(&self, parameters: Vec<Folded>, device: &Device) -> Network {
        let network = self.init(device);
        let mut replace = Replace {
            weights: BTreeMap::new(),
            vectors: BTreeMap::new(),
        };
        for (place, folded) in network.blocks().iter().zip(parameters) {
            let Folded {
                weight,
                bias,
                slope,
            } = folded;
            if let KernelWeight::Folded(parameter) = &place.weight {
                replace.weights.insert(parameter.id, weight);
            }
            for (parameter, values) in [(&place.bias, bias), (&place.slope, slope)] {
                if let (Some(parameter), Some(values)) = (parameter, values) {
                    replace.vectors.insert(parameter.id, values);
                }
            }
        }
        network.map(&mut replace)
    }
}

/// Replaces parameters, which are found by their ids.
struct Replace {
    weights: BTreeMap<ParamId, Tensor<4>>,
    vectors: BTreeMap<ParamId, Tensor<1>>,
}

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let new = if let Some(weight) = self.weights.remove(&id) {
            weight.reshape(param.lazy_shape())
        } else if let Some(vector) = self.vectors.remove(&id) {
            vector.reshape(param.lazy_shape())
        } else {
            return param;
        };
        Param::initialized(id, new)
    }
}
