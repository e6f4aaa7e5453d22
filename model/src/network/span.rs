//! SPAN: blocks that weigh their result by how strong it is, without parameters for that.
//!
//! Wan et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution", CVPRW 2024, arXiv:2311.12770:
//!
//! ```text
//! x [c, h, w] ─ normalise ─ conv ─┬─ block 1 ─┬─ block 2 … 5 ─ block 6 ─ conv ─ concatenation ─ 1×1 ─ conv ─ shuffle ─
//!                                 │           │                  │ first conv          │
//!                                 └───────────┴──────────────────┴─────────────────────┘
//! block:  x ─┬─ conv ─ SiLU ─ conv ─ SiLU ─ conv ─┬─ + x ──────────── · ─
//!            └────────────────────────────────────┴─ sigmoid ─ −½ ────┘
//! ```
//!
//! In training, each 3×3 convolution is a product of three and a 1×1 convolution beside them, which every step folds.

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check_maps, check_scale, rgb};
use crate::layer::{ConvBlock, ConvConfig, Layers, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of a [`Span`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
}

fn width() -> usize {
    48
}

/// Number of blocks.
const BLOCKS: usize = 6;

/// Widening of the convolutions in training.
const GAIN: usize = 2;

impl Architecture for SpanConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        check_maps("width", self.width)
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let conv = |channels_in, activation| {
            let conv = ConvConfig::new([w, channels_in, 3, 3]).in_three(GAIN);
            conv.then(activation)
        };
        let normalise = layers.conv(ConvConfig::new([c, c, 1, 1]).identity());
        let first = layers.conv(conv(c, Activation::None));
        let blocks = (0..BLOCKS).map(|_| Block {
            first: layers.conv(conv(w, Activation::Silu)),
            second: layers.conv(conv(w, Activation::Silu)),
            third: layers.conv(conv(w, Activation::None)),
        });
        let blocks = blocks.collect();
        Network::Span(Span {
            normalise,
            first,
            blocks,
            body: layers.conv(conv(w, Activation::None)),
            fuse: layers.conv(ConvConfig::new([w, 4 * w, 1, 1])),
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
pub struct Span {
    /// Subtracts the mean of each channel, and multiplies by the range of values.
    normalise: ConvBlock,
    first: ConvBlock,
    blocks: Vec<Block>,
    body: ConvBlock,
    fuse: ConvBlock,
    last: ConvBlock,
    scale: usize,
}

#[derive(Module, Debug)]
struct Block {
    first: ConvBlock,
    second: ConvBlock,
    third: ConvBlock,
}

impl Block {
    /// The block's result, and the maps after its first convolution.
    fn run<O: Ops>(&self, ops: &mut O, input: &O::Maps) -> Result<(O::Maps, O::Maps), O::Error> {
        let first = ops.conv(&self.first, input)?;
        let second = ops.conv(&self.second, &first)?;
        let maps = ops.conv(&self.third, &second)?;
        let attention = ops.activate(&maps, &Activation::Sigmoid)?;
        let attention = ops.sum(&[(&attention, 1.0)], -0.5)?;
        let sum = ops.sum(&[(&maps, 1.0), (input, 1.0)], 0.0)?;
        Ok((ops.product(&sum, &attention)?, first))
    }
}

impl Topology for Span {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let normalised = ops.conv(&self.normalise, &input)?;
        let first = ops.conv(&self.first, &normalised)?;
        let mut maps = first.clone();
        let (mut after_first_block, mut within_last_block) = (None, None);
        for block in &self.blocks {
            let (result, within) = block.run(ops, &maps)?;
            maps = result;
            after_first_block.get_or_insert_with(|| maps.clone());
            within_last_block = Some(within);
        }
        let body = ops.conv(&self.body, &maps)?;
        let parts = [
            Some(first),
            Some(body),
            after_first_block,
            within_last_block,
        ];
        let parts: Vec<O::Maps> = parts.into_iter().flatten().collect();
        let all = ops.concat(&parts)?;
        let fused = ops.conv(&self.fuse, &all)?;
        let phases = ops.conv(&self.last, &fused)?;
        ops.sub_pixel(&phases, &input, Skip::None, self.scale)
    }
}
