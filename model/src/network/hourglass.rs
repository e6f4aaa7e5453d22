//! Hourglass: a U-Net, which halves the maps and enlarges them again with skip connections; stacked hourglasses run
//! several in series.
//!
//! Ronneberger, Fischer and Brox, "U-Net", 2015, arXiv:1505.04597; Newell, Yang and Deng, "Stacked Hourglass Networks",
//! 2016, arXiv:1603.06937, from which the loss after each stack is taken. Here, each stack ends in a sub-pixel
//! convolution, and the enlarged input is added:
//!
//! ```text
//! x [c, h, w] ─ 3×3 ─ maps ─ hourglass ─┬─ + maps ─ next hourglass …
//!                                       └─ 3×3 ─ shuffle ─ + nearest(x) ─ [c, s·h, s·w]
//!
//! hourglass:  3×3 ─┬─────────────── side by side ─ 3×3 ─
//!                  └─ shrink ─ hourglass ─ enlarge ─┘
//! ```

use burn::module::Module;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Hourglass`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HourglassConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// Number of times that height and width are halved.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Number of hourglasses in series.
    #[serde(default = "stacks")]
    pub stacks: usize,
}

fn width() -> usize {
    32
}
fn levels() -> usize {
    2
}
fn stacks() -> usize {
    2
}

impl Architecture for HourglassConfig {
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
        check(
            (1..=4).contains(&self.levels),
            "levels",
            self.levels,
            "1 to 4",
        )?;
        check(
            (1..=8).contains(&self.stacks),
            "stacks",
            self.stacks,
            "1 to 8",
        )
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let conv = |shape| ConvConfig::new(shape).gain(2.0).then(PRELU);
        let first = layers.conv(conv([w, c, 3, 3]));
        let stacks = (0..self.stacks).map(|_| Stack {
            levels: (0..self.levels)
                .map(|_| Level {
                    before: layers.conv(conv([w, w, 3, 3])),
                    shrink: layers.conv(conv([w, w, 4, 4]).strided(2, 1)),
                    enlarge: layers.conv(conv([w, w, 4, 4]).transposed(2, 1)),
                    after: layers.conv(conv([w, 2 * w, 3, 3])),
                })
                .collect(),
            bottom: layers.conv(conv([w, w, 3, 3])),
            last: layers.conv(ConvConfig::new([c * self.scale * self.scale, w, 3, 3])),
        });
        Network::Hourglass(Hourglass {
            stacks: stacks.collect(),
            first,
            scale: self.scale,
        })
    }

    fn training_ratios(&self) -> Vec<usize> {
        vec![self.scale; self.stacks]
    }

    fn last_layer(&self) -> String {
        "stacks".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Hourglass {
    first: ConvBlock,
    stacks: Vec<Stack>,
    scale: usize,
}

#[derive(Module, Debug)]
struct Stack {
    levels: Vec<Level>,
    bottom: ConvBlock,
    last: ConvBlock,
}

#[derive(Module, Debug)]
struct Level {
    before: ConvBlock,
    shrink: ConvBlock,
    enlarge: ConvBlock,
    after: ConvBlock,
}

impl Stack {
    /// `[width, h, w]` → the same shape; h and w have to be multiples of 2 to the power of the number of levels.
    fn run<O: Ops>(&self, ops: &mut O, maps: &O::Maps) -> Result<O::Maps, O::Error> {
        let mut skips = Vec::new();
        let mut maps = maps.clone();
        for level in &self.levels {
            let before = ops.conv(&level.before, &maps)?;
            maps = ops.conv(&level.shrink, &before)?;
            skips.push(before);
        }
        maps = ops.conv(&self.bottom, &maps)?;
        for (level, skip) in self.levels.iter().zip(skips).rev() {
            let large = ops.conv(&level.enlarge, &maps)?;
            let both = ops.concat(&[skip, large])?;
            maps = ops.conv(&level.after, &both)?;
        }
        Ok(maps)
    }
}

impl Topology for Hourglass {
    /// In training, the result of every stack is compared with the target.
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let multiple = 1 << self.stacks.first().map_or(0, |stack| stack.levels.len());
        let aligned = ops.align(&input, multiple)?;
        let mut maps = ops.conv(&self.first, &aligned)?;
        let mut result = input;
        for (i, stack) in self.stacks.iter().enumerate() {
            let new = stack.run(ops, &maps)?;
            maps = ops.add(&new, &maps)?;
            let is_last = i + 1 == self.stacks.len();
            if is_last || ops.wants_intermediate() {
                let phases = ops.conv(&stack.last, &maps)?;
                let image = ops.sub_pixel(&phases, &aligned, Skip::Nearest, self.scale)?;
                result = ops.crop(&image, self.scale)?;
                if !is_last {
                    ops.intermediate(&result);
                }
            }
        }
        Ok(result)
    }
}
