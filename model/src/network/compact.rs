//! Compact: the SRVGGNetCompact of Real-ESRGAN, a stack of convolutions on the small image.
//!
//! Wang, Xie, Dong and Shan, "Real-ESRGAN", ICCVW 2021, arXiv:2107.10833; the network is the one of that project's
//! models for videos and for general images.
//!
//! ```text
//! x [c, h, w] ─ conv ─ act ─ (conv ─ act) × depth ─ conv ─ [c·s², h, w] ─ + ─ shuffle ─ [c, s·h, s·w]
//!      └──────────────────────────── nearest skip ─────────────────────────┘
//! ```

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale, rgb};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of a [`Compact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompactConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// Number of convolutions between the first and the last one.
    #[serde(default = "depth")]
    pub depth: usize,
    /// Activation after all convolutions but the last one.
    #[serde(default)]
    pub activation: CompactActivation,
}

fn width() -> usize {
    64
}

fn depth() -> usize {
    16
}

/// The activations that published models use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompactActivation {
    /// PReLU with a slope per channel.
    #[default]
    PRelu,
    /// ReLU.
    Relu,
    /// Leaky ReLU with the slope 0.1.
    LeakyRelu,
}

/// Slope of [`CompactActivation::LeakyRelu`].
const LEAKY_SLOPE: f32 = 0.1;

impl Architecture for CompactConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        check_maps("width", self.width)?;
        check(self.depth <= 256, "depth", self.depth, "at most 256")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let activation = match self.activation {
            CompactActivation::PRelu => PRELU,
            CompactActivation::Relu => Activation::Relu,
            CompactActivation::LeakyRelu => Activation::LeakyRelu(LEAKY_SLOPE),
        };
        let conv = |channels_in| ConvConfig::new([w, channels_in, 3, 3]).then(activation);
        Network::Compact(Compact {
            first: layers.conv(conv(c)),
            middle: (0..self.depth).map(|_| layers.conv(conv(w))).collect(),
            last: layers.conv(ConvConfig::new([c * self.scale * self.scale, w, 3, 3])),
            scale: self.scale,
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Compact {
    first: ConvBlock,
    middle: Vec<ConvBlock>,
    last: ConvBlock,
    scale: usize,
}

impl Topology for Compact {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut maps = ops.conv(&self.first, &input)?;
        for block in &self.middle {
            maps = ops.conv(block, &maps)?;
        }
        let phases = ops.conv(&self.last, &maps)?;
        ops.sub_pixel(&phases, &input, Skip::Nearest, self.scale)
    }
}
