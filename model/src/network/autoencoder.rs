//! A convolutional autoencoder that learns the shapes of digits and sharpens blurred ones.
//!
//! It does not change the image's size; its input has been reduced and enlarged before:
//!
//! ```text
//! grey [1, h, w] ─ (3×3 ─ norm ─ ReLU) × 3 ─ [16] [32] [64] ─ 3×3 ─ sigmoid ─ grey [1, h, w]
//! ```

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps};
use crate::layer::{ConvBlock, ConvConfig, Layers};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Autoencoder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Maps after each convolution except the last.
    #[serde(default = "maps")]
    pub maps: Vec<usize>,
}

fn maps() -> Vec<usize> {
    vec![16, 32, 64]
}

impl Architecture for AutoencoderConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: 1,
            colour: Colour::Grey,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let count = self.maps.len();
        check(
            (1..=16).contains(&count),
            "the number of maps",
            count,
            "1 to 16",
        )?;
        for &maps in &self.maps {
            check_maps("maps", maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let mut before = 1;
        let mut convs = Vec::new();
        for &maps in &self.maps {
            let conv = ConvConfig::new([maps, before, 3, 3]).gain(2.0).norm();
            convs.push(layers.conv(conv.then(Activation::Relu)));
            before = maps;
        }
        let last = ConvConfig::new([1, before, 3, 3]).then(Activation::Sigmoid);
        Network::Autoencoder(Autoencoder {
            convs,
            last: layers.conv(last),
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Autoencoder {
    convs: Vec<ConvBlock>,
    last: ConvBlock,
}

impl Topology for Autoencoder {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut maps = input;
        for block in self.convs.iter().chain([&self.last]) {
            maps = ops.conv(block, &maps)?;
        }
        Ok(maps)
    }
}
