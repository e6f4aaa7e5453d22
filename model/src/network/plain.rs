//! Plain: a stack of convolutions on the small image, followed by a sub-pixel shuffle.
//!
//! ```text
//! x [c, h, w] ─ conv ─ PReLU ─┬─ (conv ─ PReLU) × depth ─ + ─ conv ─ [c·s², h, w] ─ + ─ shuffle ─ [c, s·h, s·w]
//!      │                      └────── long skip ──────────┘                         │
//!      └──────────────────────────── nearest or bicubic skip ───────────────────────┘
//! ```
//!
//! With a pixel unshuffle in front, the convolutions run on an image of 1/u of its sides with u² times as many channels:
//! they see u times as far, which removing the traces of compression needs, and a pixel costs 1/u² of the
//! multiplications. A shuffle of u after the last convolution undoes it.
//!
//! The structure is that of SESR (Bhardwaj et al. 2022, arXiv:2103.09404) and ECBSR (Zhang et al. 2021): in training,
//! each convolution can be a wide linear block, which every step folds into one k×k convolution. The sub-pixel shuffle
//! is ESPCN's (Shi et al. 2016, arXiv:1609.05158).

use burn::module::Module;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of a [`Plain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the convolutions.
    pub width: usize,
    /// Number of 3×3 convolutions between the first and the last one.
    pub depth: usize,
    /// Side of the first and the last kernel in pixels.
    #[serde(default = "ends_px")]
    pub ends_px: usize,
    /// The skip connection from the input to the output.
    #[serde(default)]
    pub skip: Skip,
    /// Whether the maps of the first convolution are added to the input of the last one.
    #[serde(default)]
    pub long_skip: bool,
    /// Factor of the pixel unshuffle in front of the network: 1 (none), 2 or 4.
    #[serde(default = "no_unshuffle", skip_serializing_if = "is_no_unshuffle")]
    pub unshuffle: usize,
    /// Maps of the wide blocks in training; without it, the convolutions are trained directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansion: Option<usize>,
}

fn ends_px() -> usize {
    3
}

fn no_unshuffle() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_no_unshuffle(unshuffle: &usize) -> bool {
    *unshuffle == 1
}

/// Side of the other kernels in pixels.
const MIDDLE_PX: usize = 3;

impl PlainConfig {
    fn first(&self) -> [usize; 4] {
        [
            self.width,
            self.colour.channels() * self.unshuffle * self.unshuffle,
            self.ends_px,
            self.ends_px,
        ]
    }

    fn middle(&self) -> [usize; 4] {
        [self.width, self.width, MIDDLE_PX, MIDDLE_PX]
    }

    fn last(&self) -> [usize; 4] {
        let factor = self.scale * self.unshuffle;
        let maps = self.colour.channels() * factor * factor;
        [maps, self.width, self.ends_px, self.ends_px]
    }
}

impl Architecture for PlainConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let k = self.ends_px;
        let expansion = self.expansion.unwrap_or(1);
        check_scale(self.scale)?;
        check_maps("width", self.width)?;
        check(self.depth <= 256, "depth", self.depth, "at most 256")?;
        let fits = [1, 2, 4].contains(&self.unshuffle);
        check(fits, "unshuffle", self.unshuffle, "1, 2 or 4")?;
        check(k % 2 == 1 && k <= 15, "ends_px", k, "odd and at most 15")?;
        check(
            (1..=4096).contains(&expansion),
            "expansion",
            expansion,
            "1 to 4096",
        )
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let prelu = |shape| {
            let conv = ConvConfig::new(shape).wide(self.expansion);
            conv.then(PRELU)
        };
        Network::Plain(Plain {
            first: layers.conv(prelu(self.first())),
            middle: (0..self.depth)
                .map(|_| layers.conv(prelu(self.middle())))
                .collect(),
            last: layers.conv(ConvConfig::new(self.last()).wide(self.expansion)),
            scale: self.scale,
            skip: self.skip,
            long_skip: self.long_skip,
            unshuffle: self.unshuffle,
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Plain {
    first: ConvBlock,
    middle: Vec<ConvBlock>,
    last: ConvBlock,
    scale: usize,
    #[module(skip)]
    skip: Skip,
    long_skip: bool,
    unshuffle: usize,
}

impl Topology for Plain {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let aligned = match self.unshuffle {
            1 => input,
            factor => ops.align(&input, factor)?,
        };
        let small = match self.unshuffle {
            1 => aligned.clone(),
            factor => ops.unshuffle(&aligned, factor)?,
        };
        let first = ops.conv(&self.first, &small)?;
        let mut maps = first.clone();
        for block in &self.middle {
            maps = ops.conv(block, &maps)?;
        }
        if self.long_skip {
            maps = ops.add(&maps, &first)?;
        }
        let phases = ops.conv(&self.last, &maps)?;
        if self.unshuffle == 1 {
            return ops.sub_pixel(&phases, &aligned, self.skip, self.scale);
        }
        let phases = ops.sub_pixel(&phases, &small, Skip::None, self.unshuffle)?;
        let enlarged = ops.sub_pixel(&phases, &aligned, self.skip, self.scale)?;
        ops.crop(&enlarged, self.scale)
    }
}
