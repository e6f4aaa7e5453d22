//! LapSRN: doubles again and again, and learns from every doubling.
//!
//! Lai, Huang, Ahuja and Yang, "Deep Laplacian Pyramid Networks for Fast and Accurate
//! Super-Resolution", CVPR 2017, arXiv:1704.03915, and with levels that share their parameters,
//! as here, arXiv:1710.01992. A level finds the details that the doubled picture lacks:
//!
//! ```text
//! features [w, h, w] ─ (3×3 ─ LeakyReLU) × depth ─ 4×4 transposed ─ LeakyReLU ─┬─ next level's features
//!                                                                              └─ 3×3 ─┐
//! picture  [c, h, w] ──────────────── 4×4 transposed, bilinear at first ────────────── + ─ [c, 2·h, 2·w]
//! ```
//!
//! As the levels are one, a network that was trained for ×4 or ×8 is one for ×2, too:
//! [`NetworkConfig::with_scale`].

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, NetworkConfig, check, check_maps};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity};
use engine::graph::{Builder, Outline};
use engine::{Colour, Input, Spec};

/// The sizes of a [`LapSrn`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LapSrnConfig {
    /// 2, 4 or 8.
    pub scale: usize,
    /// The planes that the network sees; the paper's is Y.
    #[serde(default)]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// 3×3 convolutions before each doubling.
    #[serde(default = "depth")]
    pub depth: usize,
}

fn width() -> usize {
    64
}
fn depth() -> usize {
    10
}

/// The paper's slope.
const LEAKY: Nonlinearity = Nonlinearity::LeakyRelu(0.2);

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
            // Each level's pixels are half as large as those of the one before: two times the first
            // level's reach is more than all together.
            halo_px: 1 + 2 * (self.depth + 3),
            align_px: 1,
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
        let conv = |shape| Conv::new(shape).gain(2.0).then(LEAKY);
        Network::LapSrn(LapSrn {
            first: layers.conv(conv([w, c, 3, 3])),
            features: (0..self.depth)
                .map(|_| layers.conv(conv([w, w, 3, 3])))
                .collect(),
            enlarge: layers.conv(conv([w, w, 4, 4]).transposed(2, 1)),
            picture: layers.conv(Conv::new([c, c, 4, 4]).transposed(2, 1).bilinear()),
            details: layers.conv(Conv::new([c, w, 3, 3])),
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

    fn last_layer(&self) -> &'static str {
        "details"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct LapSrn {
    first: ConvBlock,
    features: Vec<ConvBlock>,
    enlarge: ConvBlock,
    picture: ConvBlock,
    details: ConvBlock,
    levels: usize,
}

impl Forward for LapSrn {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let levels = self.forward_training(x);
        levels
            .into_iter()
            .last()
            .expect("there is a level at least")
    }

    /// Every level's picture: ×2, ×4, …
    fn forward_training(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        self.forward_blended(x, self.levels as f64)
    }

    /// A level that is brought in by a fraction adds its details by that fraction, which is ProSR's
    /// blend of a level with the picture of the one before, enlarged.
    fn forward_blended(&self, x: Tensor<4>, levels: f64) -> Vec<Tensor<4>> {
        let mut maps = self.first.forward(x.clone());
        let mut picture = x;
        let count = (levels.ceil() as usize).clamp(1, self.levels);
        let level = |level: usize| {
            let deep = self.features.iter();
            let deep = deep.fold(maps.clone(), |maps, conv| conv.forward(maps));
            maps = self.enlarge.forward(deep);
            let mut details = self.details.forward(maps.clone());
            let share = levels - level as f64;
            if share < 1.0 {
                details = details.mul_scalar(share);
            }
            picture = self.picture.forward(picture.clone()) + details;
            picture.clone()
        };
        (0..count).map(level).collect()
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        let mut plan = Builder::new(self.first.channels_in());
        let mut picture = plan.input();
        let mut maps = self.first.plan(&mut plan, picture)?;
        for _ in 0..self.levels {
            for conv in self.features.iter().chain([&self.enlarge]) {
                maps = conv.plan(&mut plan, maps)?;
            }
            picture = self.picture.plan(&mut plan, picture)?;
            let details = self.details.plan(&mut plan, maps)?;
            picture = plan.add(details, picture)?;
        }
        Ok(plan.finish()?)
    }
}

impl Fold for LapSrn {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            features: self.features.fold(),
            enlarge: self.enlarge.fold(),
            picture: self.picture.fold(),
            details: self.details.fold(),
            ..self
        }
    }
}
