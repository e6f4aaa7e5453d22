//! LapSRN: doubles the image's size repeatedly, and has a loss after each doubling.
//!
//! Lai, Huang, Ahuja and Yang, "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017,
//! arXiv:1704.03915; the variant of arXiv:1710.01992, whose levels share their parameters. A level adds the details
//! that the enlarged image lacks:
//!
//! ```text
//! features [w, h, w] ─ (3×3 ─ LeakyReLU) × depth ─ 4×4 transposed ─ LeakyReLU ─┬─ next level's features
//!                                                                              └─ 3×3 ─┐
//! image  [c, h, w] ──────────────── 4×4 transposed, bilinear at first ────────────── + ─ [c, 2·h, 2·w]
//! ```
//!
//! Because the levels share their parameters, a network trained for ×4 or ×8 also works for ×2:
//! [`NetworkConfig::with_scale`].

use burn::module::Module;
use engine::graph::Activation;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, NetworkConfig, check, check_maps};
use crate::layer::{ConvBlock, ConvConfig, Layers};
use crate::ops::{Ops, Topology};

/// The configuration of a [`LapSrn`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LapSrnConfig {
    /// Upscaling factor: 2, 4 or 8.
    pub scale: usize,
    /// Planes that the network processes; Y in the paper.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// Number of 3×3 convolutions before each doubling.
    #[serde(default = "depth")]
    pub depth: usize,
}

fn width() -> usize {
    64
}
fn depth() -> usize {
    10
}

/// Activation of all convolutions, as in the paper.
const LEAKY: Activation<()> = Activation::LeakyRelu(0.2);

impl LapSrnConfig {
    fn levels(&self) -> usize {
        self.scale.ilog2() as usize
    }
}

impl Architecture for LapSrnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check(
            [2, 4, 8].contains(&self.scale),
            "scale",
            self.scale,
            "2, 4 or 8",
        )?;
        check_maps("width", self.width)?;
        check(self.depth <= 64, "depth", self.depth, "at most 64")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let conv = |shape| ConvConfig::new(shape).gain(2.0).then(LEAKY);
        Network::LapSrn(LapSrn {
            first: layers.conv(conv([w, c, 3, 3])),
            features: (0..self.depth)
                .map(|_| layers.conv(conv([w, w, 3, 3])))
                .collect(),
            enlarge: layers.conv(conv([w, w, 4, 4]).transposed(2, 1)),
            picture: layers.conv(ConvConfig::new([c, c, 4, 4]).transposed(2, 1).bilinear()),
            details: layers.conv(ConvConfig::new([c, w, 3, 3])),
            levels: self.levels(),
        })
    }

    fn smaller(&self) -> Vec<NetworkConfig> {
        let at = |scale| {
            NetworkConfig::LapSrn(Self {
                scale,
                ..self.clone()
            })
        };
        (1..self.levels()).map(|level| at(1 << level)).collect()
    }

    fn training_ratios(&self) -> Vec<usize> {
        (1..=self.levels()).map(|level| 1 << level).collect()
    }

    fn last_layer(&self) -> String {
        "details".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct LapSrn {
    first: ConvBlock,
    features: Vec<ConvBlock>,
    enlarge: ConvBlock,
    picture: ConvBlock,
    details: ConvBlock,
    levels: usize,
}

impl Topology for LapSrn {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        self.run_training(ops, input, self.levels as f64)
    }

    /// The image of each level is compared with a target. If `levels` is not an integer, the details of the last level
    /// are multiplied by the fraction: the blending with the enlarged image of the previous level in ProSR.
    fn run_training<O: Ops>(
        &self,
        ops: &mut O,
        input: O::Maps,
        levels: f64,
    ) -> Result<O::Maps, O::Error> {
        let mut maps = ops.conv(&self.first, &input)?;
        let mut image = input;
        let count = (levels.ceil() as usize).clamp(1, self.levels);
        for level in 0..count {
            for block in self.features.iter().chain([&self.enlarge]) {
                maps = ops.conv(block, &maps)?;
            }
            let enlarged = ops.conv(&self.picture, &image)?;
            let mut details = ops.conv(&self.details, &maps)?;
            let share = levels - level as f64;
            if share < 1.0 {
                details = ops.sum(&[(&details, share)], 0.0)?;
            }
            image = ops.add(&details, &enlarged)?;
            if level + 1 < count {
                ops.intermediate(&image);
            }
        }
        Ok(image)
    }
}
