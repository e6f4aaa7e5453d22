//! Residual dense: a network that combines building blocks of several papers.
//!
//! Residual dense blocks (Zhang et al., "Residual Dense Network for Image Super-Resolution", CVPR 2018,
//! arXiv:1802.08797), whose convolutions may be dilated (Yu and Koltun 2016, arXiv:1511.07122), and spatial pyramid
//! pooling at the end (He et al. 2014, arXiv:1406.4729). The pooling uses sliding windows, so that it works for images
//! of any size and gives the same result in tiles:
//!
//! ```text
//! x [c, h, w] ─ 3×3 ─┬─ block × blocks ─ pyramid ─ + ─ 3×3 ─ shuffle ─ + nearest(x) ─ [c, s·h, s·w]
//!                    └─────────────────────────────┘
//! block:    maps ─┬─ 3×3 ─ ReLU ─┬─ 3×3 ─ ReLU ─┬ … all side by side ─ 1×1 ─ + maps
//!                 └──────────────┴──────────────┘
//! pyramid:  maps and their means over windows of several sizes, side by side ─ 1×1
//! ```

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of a [`ResidualDense`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualDenseConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the blocks.
    #[serde(default = "width")]
    pub width: usize,
    /// Maps that each convolution of a block adds.
    #[serde(default = "growth")]
    pub growth: usize,
    /// Number of residual dense blocks.
    #[serde(default = "blocks")]
    pub blocks: usize,
    /// Dilation of each of a block's convolutions; 1 is an ordinary convolution.
    #[serde(default = "dilations")]
    pub dilations: Vec<usize>,
    /// Sides of the pyramid's windows in pixels, which have to be odd; empty for no pyramid.
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
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
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
        let relu = |shape| ConvConfig::new(shape).gain(2.0).then(Activation::Relu);
        let first = layers.conv(ConvConfig::new([w, c, 3, 3]).gain(1.0));
        let blocks = (0..self.blocks).map(|_| Block {
            convs: self
                .dilations
                .iter()
                .enumerate()
                .map(|(i, dilation)| layers.conv(relu([g, w + i * g, 3, 3]).dilated(*dilation)))
                .collect(),
            fuse: layers.conv(ConvConfig::new([w, w + self.dilations.len() * g, 1, 1])),
        });
        let blocks = blocks.collect();
        let levels = 1 + self.windows_px.len();
        let fuse = (levels > 1).then(|| layers.conv(ConvConfig::new([w, levels * w, 1, 1])));
        Network::ResidualDense(ResidualDense {
            first,
            blocks,
            fuse,
            last: layers.conv(ConvConfig::new([c * self.scale * self.scale, w, 3, 3])),
            windows_px: self.windows_px.clone(),
            scale: self.scale,
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
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
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut all = input.clone();
        for conv in &self.convs {
            let new = ops.conv(conv, &all)?;
            all = ops.concat(&[all, new])?;
        }
        let fused = ops.conv(&self.fuse, &all)?;
        ops.add(&fused, &input)
    }
}

impl Topology for ResidualDense {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let first = ops.conv(&self.first, &input)?;
        let mut maps = first.clone();
        for block in &self.blocks {
            maps = block.run(ops, maps)?;
        }
        if let Some(fuse) = &self.fuse {
            let mut levels = vec![maps.clone()];
            for window in &self.windows_px {
                levels.push(ops.mean(&maps, *window)?);
            }
            let pyramid = ops.concat(&levels)?;
            maps = ops.conv(fuse, &pyramid)?;
        }
        maps = ops.add(&maps, &first)?;
        let phases = ops.conv(&self.last, &maps)?;
        ops.sub_pixel(&phases, &input, Skip::Nearest, self.scale)
    }
}
