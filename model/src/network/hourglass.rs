//! Hourglass: down and up again with skips, a U-Net; several in series are a stacked hourglass.
//!
//! Ronneberger, Fischer and Brox, "U-Net", 2015, arXiv:1505.04597; Newell, Yang and Deng, "Stacked
//! Hourglass Networks", 2016, arXiv:1603.06937, from where the loss after each of the stacks comes.
//! Here each ends in a sub-pixel convolution that completes the repeated input:
//!
//! ```text
//! x [c, h, w] ─ 3×3 ─ maps ─ hourglass ─┬─ + maps ─ next hourglass …
//!                                       └─ 3×3 ─ shuffle ─ + nearest(x) ─ [c, s·h, s·w]
//!
//! hourglass:  3×3 ─┬─────────────── side by side ─ 3×3 ─
//!                  └─ shrink ─ hourglass ─ enlarge ─┘
//! ```

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps, check_scale};
use crate::layer::{
    Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity, Skip, add_skip, pixel_shuffle,
};
use engine::graph::Outline;
use engine::{Colour, Input, Spec};

/// The sizes of an [`Hourglass`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HourglassConfig {
    /// 2, 3 or 4.
    pub scale: usize,
    /// The planes that the network sees.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// How often the picture is halved.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Hourglasses in series.
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
        // On a level whose pixels are p wide: two 3×3 convolutions (2·p), a 4×4 one that shrinks
        // (2·p), and one that enlarges from pixels of 2·p.
        let coarsest = 1 << self.levels;
        let hourglass_px = 6 * (coarsest - 1) + coarsest;
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
            halo_px: 2 + self.stacks * hourglass_px,
            align_px: coarsest,
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
        let conv = |shape| Conv::new(shape).gain(2.0).then(Nonlinearity::PRelu);
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
            last: layers.conv(Conv::new([c * self.scale * self.scale, w, 3, 3])),
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

    fn last_layer(&self) -> &'static str {
        "stacks"
    }
}

/// The network.
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
    /// `[batch, width, h, w]`, the same shape; the sides are multiples of 2 to the number of levels.
    fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let mut skips = Vec::new();
        let mut maps = maps;
        for level in &self.levels {
            let before = level.before.forward(maps);
            maps = level.shrink.forward(before.clone());
            skips.push(before);
        }
        maps = self.bottom.forward(maps);
        for (level, skip) in self.levels.iter().zip(skips).rev() {
            let large = level.enlarge.forward(maps);
            maps = level.after.forward(Tensor::cat(vec![skip, large], 1));
        }
        maps
    }
}

impl Fold for Stack {
    fn fold(self) -> Self {
        Self {
            levels: self.levels.fold(),
            bottom: self.bottom.fold(),
            last: self.last.fold(),
        }
    }
}

impl Fold for Level {
    fn fold(self) -> Self {
        Self {
            before: self.before.fold(),
            shrink: self.shrink.fold(),
            enlarge: self.enlarge.fold(),
            after: self.after.fold(),
        }
    }
}

impl Forward for Hourglass {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let outputs = self.forward_training(x);
        outputs
            .into_iter()
            .last()
            .expect("there is a stack at least")
    }

    /// What comes out of every hourglass.
    fn forward_training(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let [batch, channels, height, width] = x.dims();
        let levels = self.stacks[0].levels.len();
        let padded = pad_to_multiple(x, 1 << levels);
        let mut maps = self.first.forward(padded.clone());
        let output = |stack: &Stack| {
            maps = stack.forward(maps.clone()) + maps.clone();
            let phases = stack.last.forward(maps.clone());
            let phases = add_skip(phases, padded.clone(), Skip::Nearest, self.scale);
            let (rows, columns) = (height * self.scale, width * self.scale);
            pixel_shuffle(phases, self.scale).slice([0..batch, 0..channels, 0..rows, 0..columns])
        };
        self.stacks.iter().map(output).collect()
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        Err(NoPlan::Layer("strided convolutions"))
    }
}

impl Fold for Hourglass {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            stacks: self.stacks.fold(),
            ..self
        }
    }
}

/// The last row and the last column repeated until `multiple` divides both sides.
fn pad_to_multiple(x: Tensor<4>, multiple: usize) -> Tensor<4> {
    [2, 3].into_iter().fold(x, |x, dim| {
        let side = x.dims()[dim];
        let missing = side.next_multiple_of(multiple) - side;
        let edge = x.clone().narrow(dim, side - 1, 1);
        let edges = std::iter::repeat_n(edge, missing);
        Tensor::cat(std::iter::once(x).chain(edges).collect(), dim)
    })
}
