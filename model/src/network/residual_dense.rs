//! Residual dense: shows the building blocks of many networks in one.
//!
//! Residual dense blocks (Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR
//! 2018, arXiv:1802.08797), whose convolutions may be dilated (Yu and Koltun 2016,
//! arXiv:1511.07122), and a spatial pyramid pooling at the end (He et al. 2014, arXiv:1406.4729;
//! here with windows that slide, so that pictures of any size and tiles of them give the same):
//!
//! ```text
//! x [c, h, w] ─ 3×3 ─┬─ block × blocks ─ pyramid ─ + ─ 3×3 ─ shuffle ─ + nearest(x) ─ [c, s·h, s·w]
//!                    └─────────────────────────────┘
//! block:    maps ─┬─ 3×3 ─ ReLU ─┬─ 3×3 ─ ReLU ─┬ … all side by side ─ 1×1 ─ + maps
//!                 └──────────────┴──────────────┘
//! pyramid:  maps and their means over windows of several sizes, side by side ─ 1×1
//! ```

use burn::module::Module;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Tensor, module};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps, check_scale};
use crate::layer::{
    Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity, Skip, add_skip, pixel_shuffle, plan_skip,
};
use engine::graph::{Builder, Outline};
use engine::{Colour, Input, Spec};

/// The sizes of a [`ResidualDense`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualDenseConfig {
    /// 2, 3 or 4.
    pub scale: usize,
    /// The planes that the network sees.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the blocks.
    #[serde(default = "width")]
    pub width: usize,
    /// Maps that each convolution of a block adds.
    #[serde(default = "growth")]
    pub growth: usize,
    /// Blocks.
    #[serde(default = "blocks")]
    pub blocks: usize,
    /// The dilations of a block's convolutions, one after the other; 1 is an ordinary one.
    #[serde(default = "dilations")]
    pub dilations: Vec<usize>,
    /// Sides of the pyramid's windows in pixels, odd ones; none: no pyramid.
    #[serde(default = "windows_px")]
    pub windows_px: Vec<usize>,
}

fn width() -> usize {
    24
}
fn growth() -> usize {
    12
}
fn blocks() -> usize {
    3
}
fn dilations() -> Vec<usize> {
    vec![1, 1, 2]
}
fn windows_px() -> Vec<usize> {
    vec![3, 7]
}

impl Architecture for ResidualDenseConfig {
    fn spec(&self) -> Spec {
        let block_px: usize = self.dilations.iter().sum();
        let pyramid_px = self.windows_px.iter().max().map_or(0, |window| window / 2);
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
            halo_px: 2 + self.blocks * block_px + pyramid_px,
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        for (field, maps) in [("width", self.width), ("growth", self.growth)] {
            check_maps(field, maps)?;
        }
        check(self.blocks <= 64, "blocks", self.blocks, "at most 64")?;
        let count = self.dilations.len();
        check(
            (1..=16).contains(&count),
            "the number of dilations",
            count,
            "1 to 16",
        )?;
        for &dilation in &self.dilations {
            check(
                (1..=16).contains(&dilation),
                "dilations",
                dilation,
                "1 to 16",
            )?;
        }
        for &window in &self.windows_px {
            let fits = window % 2 == 1 && window <= 63;
            check(fits, "windows_px", window, "odd and at most 63")?;
        }
        let count = self.windows_px.len();
        check(count <= 8, "the number of windows_px", count, "at most 8")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w, g) = (self.colour.channels(), self.width, self.growth);
        let relu = |shape| Conv::new(shape).gain(2.0).then(Nonlinearity::Relu);
        let first = layers.conv(Conv::new([w, c, 3, 3]).gain(1.0));
        let blocks = (0..self.blocks).map(|_| Block {
            convs: self
                .dilations
                .iter()
                .enumerate()
                .map(|(i, dilation)| layers.conv(relu([g, w + i * g, 3, 3]).dilated(*dilation)))
                .collect(),
            fuse: layers.conv(Conv::new([w, w + self.dilations.len() * g, 1, 1])),
        });
        let blocks = blocks.collect();
        let levels = 1 + self.windows_px.len();
        let fuse = (levels > 1).then(|| layers.conv(Conv::new([w, levels * w, 1, 1])));
        Network::ResidualDense(ResidualDense {
            first,
            blocks,
            fuse,
            last: layers.conv(Conv::new([c * self.scale * self.scale, w, 3, 3])),
            windows_px: self.windows_px.clone(),
            scale: self.scale,
        })
    }

    fn last_layer(&self) -> &'static str {
        "last"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ResidualDense {
    first: ConvBlock,
    blocks: Vec<Block>,
    fuse: Option<ConvBlock>,
    last: ConvBlock,
    #[module(skip)]
    windows_px: Vec<usize>,
    scale: usize,
}

#[derive(Module, Debug)]
struct Block {
    convs: Vec<ConvBlock>,
    fuse: ConvBlock,
}

impl Block {
    fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let grow = |all: Tensor<4>, conv: &ConvBlock| {
            let new = conv.forward(all.clone());
            Tensor::cat(vec![all, new], 1)
        };
        let all = self.convs.iter().fold(maps.clone(), grow);
        self.fuse.forward(all) + maps
    }
}

impl Fold for Block {
    fn fold(self) -> Self {
        Self {
            convs: self.convs.fold(),
            fuse: self.fuse.fold(),
        }
    }
}

impl Forward for ResidualDense {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let first = self.first.forward(x.clone());
        let mut maps = self
            .blocks
            .iter()
            .fold(first.clone(), |maps, block| block.forward(maps));
        if let Some(fuse) = &self.fuse {
            let means = self.windows_px.iter().map(|&window| {
                let options = AvgPoolOptions::new([window, window])
                    .with_stride([1, 1])
                    .with_padding([window / 2, window / 2])
                    // What lies outside of the picture doesn't count.
                    .with_count_include_pad(false);
                module::avg_pool2d(maps.clone(), options)
            });
            let levels = std::iter::once(maps.clone()).chain(means).collect();
            maps = fuse.forward(Tensor::cat(levels, 1));
        }
        let phases = self.last.forward(maps + first);
        pixel_shuffle(add_skip(phases, x, Skip::Nearest, self.scale), self.scale)
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        if self.fuse.is_some() {
            return Err(NoPlan::Layer("a pyramid of means"));
        }
        let mut plan = Builder::new(self.first.channels_in());
        let x = plan.input();
        let first = self.first.plan(&mut plan, x)?;
        let mut maps = first;
        for block in &self.blocks {
            let mut all = maps;
            for conv in &block.convs {
                let new = conv.plan(&mut plan, all)?;
                all = plan.concat(vec![all, new])?;
            }
            let fused = block.fuse.plan(&mut plan, all)?;
            maps = plan.add(fused, maps)?;
        }
        maps = plan.add(maps, first)?;
        let phases = self.last.plan(&mut plan, maps)?;
        plan_skip(&mut plan, phases, x, Skip::Nearest, self.scale)?;
        Ok(plan.finish()?)
    }
}

impl Fold for ResidualDense {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            blocks: self.blocks.fold(),
            fuse: self.fuse.fold(),
            last: self.last.fold(),
            ..self
        }
    }
}
