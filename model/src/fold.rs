//! Folds a trained network into the form for inference.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use crate::layer::{Folded, KernelWeight};
use crate::network::{Network, NetworkConfig};

impl NetworkConfig {
    /// The inference form of `trained`: wide blocks and batch normalisation are folded into convolutions; everything
    /// else stays as it is. `trained` has to be a network of this configuration, in evaluation mode.
    pub fn fold(&self, trained: &Network) -> Network {
        let blocks = trained.blocks();
        let device = trained
            .devices()
            .into_iter()
            .next()
            .expect("a network has parameters");
        let network = self.init(&device);
        let mut replace = Replace {
            weights: BTreeMap::new(),
            vectors: BTreeMap::new(),
        };
        for (place, block) in network.blocks().iter().zip(&blocks) {
            let Folded {
                weight,
                bias,
                slope,
            } = block.folded();
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
