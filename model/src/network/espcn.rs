//! ESPCN, which introduced the sub-pixel convolution.
//!
//! Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
//! Convolutional Neural Network", CVPR 2016, arXiv:1609.05158:
//!
//! ```text
//! Y [1, h, w] ─ 5×5 ─ tanh ─ [64] ─ 3×3 ─ tanh ─ [32] ─ 3×3 ─ [r²] ─ shuffle ─ Y [1, r·h, r·w]
//! ```

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Espcn`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EspcnConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes; Y in the paper.
    #[serde(default)]
    pub colour: Colour,
    /// Maps after the first and the second convolution.
    #[serde(default = "maps")]
    pub maps: [usize; 2],
}

fn maps() -> [usize; 2] {
    [64, 32]
}

impl Architecture for EspcnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        for maps in self.maps {
            check_maps("maps", maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let channels = self.colour.channels();
        let [first, second] = self.maps;
        Network::Espcn(Espcn {
            first: layers.conv(
                ConvConfig::new([first, channels, 5, 5])
                    .gain(1.0)
                    .then(Activation::Tanh),
            ),
            second: layers.conv(
                ConvConfig::new([second, first, 3, 3])
                    .gain(1.0)
                    .then(Activation::Tanh),
            ),
            last: layers.conv(ConvConfig::new([channels, second, 3, 3]).shuffled(self.scale)),
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Espcn {
    first: ConvBlock,
    second: ConvBlock,
    last: ConvBlock,
}

impl Topology for Espcn {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let first = ops.conv(&self.first, &input)?;
        let second = ops.conv(&self.second, &first)?;
        ops.conv(&self.last, &second)
    }
}
