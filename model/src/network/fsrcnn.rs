//! FSRCNN: like SRCNN, but on the small image, with few maps in the middle layers.
//!
//! Dong, Loy and Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016, arXiv:1608.00367.
//! Feature extraction, shrinking, m mapping layers, expanding, and a transposed convolution that enlarges; a PReLU
//! follows every convolution except the last:
//!
//! ```text
//! Y [1, h, w] ─ 5×5 ─ [d] ─ 1×1 ─ [s] ─ (3×3) × m ─ [s] ─ 1×1 ─ [d] ─ 9×9 transposed ─ Y [1, r·h, r·w]
//! ```

use burn::module::Module;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Fsrcnn`]; the defaults are the paper's FSRCNN(56, 12, 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsrcnnConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes; Y in the paper.
    #[serde(default)]
    pub colour: Colour,
    /// d: maps of the first convolution and before the last one.
    #[serde(default = "wide")]
    pub wide: usize,
    /// s: maps of the mapping layers.
    #[serde(default = "narrow")]
    pub narrow: usize,
    /// m: number of 3×3 mapping layers.
    #[serde(default = "depth")]
    pub depth: usize,
}

fn wide() -> usize {
    56
}
fn narrow() -> usize {
    12
}
fn depth() -> usize {
    4
}

/// Side of the transposed convolution's kernel in pixels.
const LAST_PX: usize = 9;

impl Architecture for FsrcnnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        for (field, maps) in [("wide", self.wide), ("narrow", self.narrow)] {
            check_maps(field, maps)?;
        }
        check(self.depth <= 64, "depth", self.depth, "at most 64")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let channels = self.colour.channels();
        let (d, s) = (self.wide, self.narrow);
        let mut conv = |shape| layers.conv(ConvConfig::new(shape).gain(2.0).then(PRELU));
        let mut blocks = vec![conv([d, channels, 5, 5]), conv([s, d, 1, 1])];
        blocks.extend((0..self.depth).map(|_| conv([s, s, 3, 3])));
        blocks.push(conv([d, s, 1, 1]));
        let last =
            ConvConfig::new([channels, d, LAST_PX, LAST_PX]).transposed(self.scale, LAST_PX / 2);
        Network::Fsrcnn(Fsrcnn {
            blocks,
            // The paper draws these weights with a standard deviation of 0.001.
            last: layers.conv(last.gain(LAST_GAIN)),
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// Small enough for the network's output to start near zero, like the paper's standard deviation of 0.001.
const LAST_GAIN: f32 = 0.01;

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Fsrcnn {
    blocks: Vec<ConvBlock>,
    last: ConvBlock,
}

impl Topology for Fsrcnn {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut maps = input;
        for block in self.blocks.iter().chain([&self.last]) {
            maps = ops.conv(block, &maps)?;
        }
        Ok(maps)
    }
}
