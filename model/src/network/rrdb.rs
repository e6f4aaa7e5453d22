//! RRDB: the network of ESRGAN and Real-ESRGAN, residual dense blocks within residual blocks.
//!
//! Wang et al., "ESRGAN", ECCVW 2018, arXiv:1809.00219; with a pixel unshuffle in front for factors 1 and 2 in
//! Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833):
//!
//! ```text
//! x [c, h, w] ─ (unshuffle) ─ conv ─┬─ rrdb × blocks ─ conv ─ + ─ (nearest ×2 ─ conv ─ act) × ups ─ conv ─ act ─ conv ─
//!                                   └─────────────────────────┘
//! rrdb:   x ─┬─ dense ─ dense ─ dense ─ ·0.2 ─ + ─       dense:  x ─┬─ conv ─ act ─┬ … all side by side ─ conv ─ ·0.2 ─ + x
//!            └─────────────────────────────────┘                    └──────────────┘
//! ```

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, rgb};
use crate::layer::{ConvBlock, ConvConfig, Layers};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Rrdb`]; the defaults are ESRGAN's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RrdbConfig {
    /// Upscaling factor: 1, 2, 3, 4 or 8.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// Maps between the blocks.
    #[serde(default = "width")]
    pub width: usize,
    /// Number of blocks.
    #[serde(default = "blocks")]
    pub blocks: usize,
    /// Maps that each convolution of a dense block adds.
    #[serde(default = "growth")]
    pub growth: usize,
    /// Factor of the pixel unshuffle in front of the network: 1, 2 or 4.
    #[serde(default = "unshuffle")]
    pub unshuffle: usize,
}

fn width() -> usize {
    64
}

fn blocks() -> usize {
    23
}

fn growth() -> usize {
    32
}

fn unshuffle() -> usize {
    1
}

/// Convolutions of a dense block, and dense blocks of a block.
const DENSE_CONVS: usize = 5;
const DENSE_BLOCKS: usize = 3;

/// Factor of a block's result before its input is added to it.
const RESIDUAL: f64 = 0.2;

/// Slope of the leaky ReLU.
const SLOPE: f32 = 0.2;

impl RrdbConfig {
    /// The factors of the nearest-neighbour enlargements at the end.
    fn enlargements(&self) -> Vec<usize> {
        match self.scale * self.unshuffle {
            3 => vec![3],
            scale => vec![2; scale.ilog2() as usize],
        }
    }
}

impl Architecture for RrdbConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let fits = [1, 2, 3, 4, 8].contains(&self.scale);
        check(fits, "scale", self.scale, "1, 2, 3, 4 or 8")?;
        check_maps("width", self.width)?;
        check_maps("growth", self.growth)?;
        let fits = (1..=64).contains(&self.blocks);
        check(fits, "blocks", self.blocks, "1 to 64")?;
        let total = self.scale * self.unshuffle;
        let fits =
            self.unshuffle == 1 || [2, 4].contains(&self.unshuffle) && [4, 8].contains(&total);
        check(
            fits,
            "unshuffle",
            self.unshuffle,
            "1, or 2 or 4 if it makes the scale 4 or 8",
        )
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w, g) = (self.colour.channels(), self.width, self.growth);
        let plain = |out, channels_in| ConvConfig::new([out, channels_in, 3, 3]);
        let leaky = |out, channels_in| {
            let conv = plain(out, channels_in).then(Activation::LeakyRelu(SLOPE));
            conv.gain(2.0)
        };
        let dense = |layers: &mut Layers| Dense {
            convs: (0..DENSE_CONVS)
                .map(|i| {
                    let channels_in = w + i * g;
                    layers.conv(match i + 1 < DENSE_CONVS {
                        true => leaky(g, channels_in),
                        false => plain(w, channels_in),
                    })
                })
                .collect(),
        };
        let first = layers.conv(plain(w, c * self.unshuffle * self.unshuffle));
        let blocks = (0..self.blocks).map(|_| Block {
            dense: (0..DENSE_BLOCKS).map(|_| dense(layers)).collect(),
        });
        let blocks = blocks.collect();
        let enlargements = self.enlargements();
        Network::Rrdb(Rrdb {
            first,
            blocks,
            body: layers.conv(plain(w, w)),
            up: enlargements
                .iter()
                .map(|_| layers.conv(leaky(w, w)))
                .collect(),
            high: layers.conv(leaky(w, w)),
            last: layers.conv(plain(c, w)),
            enlargements,
            unshuffle: self.unshuffle,
            scale: self.scale,
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Rrdb {
    first: ConvBlock,
    blocks: Vec<Block>,
    body: ConvBlock,
    up: Vec<ConvBlock>,
    high: ConvBlock,
    last: ConvBlock,
    #[module(skip)]
    enlargements: Vec<usize>,
    unshuffle: usize,
    scale: usize,
}

#[derive(Module, Debug)]
struct Block {
    dense: Vec<Dense>,
}

#[derive(Module, Debug)]
struct Dense {
    convs: Vec<ConvBlock>,
}

impl Dense {
    fn run<O: Ops>(&self, ops: &mut O, input: &O::Maps) -> Result<O::Maps, O::Error> {
        let mut all = vec![input.clone()];
        for conv in &self.convs {
            let maps = ops.concat(&all)?;
            all.push(ops.conv(conv, &maps)?);
        }
        residual(ops, &all[self.convs.len()], input)
    }
}

/// `0.2 · maps + input`
fn residual<O: Ops>(ops: &mut O, maps: &O::Maps, input: &O::Maps) -> Result<O::Maps, O::Error> {
    ops.sum(&[(maps, RESIDUAL), (input, 1.0)], 0.0)
}

impl Topology for Rrdb {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let aligned = match self.unshuffle {
            1 => input,
            factor => {
                let aligned = ops.align(&input, factor)?;
                ops.unshuffle(&aligned, factor)?
            }
        };
        let first = ops.conv(&self.first, &aligned)?;
        let mut maps = first.clone();
        for block in &self.blocks {
            let input = maps.clone();
            for dense in &block.dense {
                maps = dense.run(ops, &maps)?;
            }
            maps = residual(ops, &maps, &input)?;
        }
        let body = ops.conv(&self.body, &maps)?;
        maps = ops.add(&body, &first)?;
        for (conv, factor) in self.up.iter().zip(&self.enlargements) {
            let enlarged = ops.repeat(&maps, *factor)?;
            maps = ops.conv(conv, &enlarged)?;
        }
        maps = ops.conv(&self.high, &maps)?;
        let result = ops.conv(&self.last, &maps)?;
        match self.unshuffle {
            1 => Ok(result),
            _ => ops.crop(&result, self.scale),
        }
    }
}
