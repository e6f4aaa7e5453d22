//! SRResNet: the generator of SRGAN.
//!
//! Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
//! Network", CVPR 2017, arXiv:1609.04802. Sixteen residual blocks with batch normalisation, and a
//! last convolution whose −1…1 stand for black and white; both are folded into the convolutions
//! when it is exported:
//!
//! ```text
//! RGB [3, h, w] ─ 9×9 ─ PReLU ─┬─ block × 16 ─ 3×3 ─ norm ─ + ─ (3×3 ─ shuffle ×2 ─ PReLU) × 1…2 ─ 9×9 ─ RGB [3, r·h, r·w]
//!                              └────────────────────────────┘
//! block:  x ─┬─ 3×3 ─ norm ─ PReLU ─ 3×3 ─ norm ─ + ─
//!            └────────────────────────────────────┘
//! ```

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps, check_scale};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity};
use engine::graph::{Builder, Outline};
use engine::{Colour, Input, Spec};

/// The sizes of an [`SrResNet`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrResNetConfig {
    /// 2, 3 or 4; 4 in the paper.
    pub scale: usize,
    /// The planes that the network sees; RGB in the paper.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// Residual blocks.
    #[serde(default = "blocks")]
    pub blocks: usize,
}

fn rgb() -> Colour {
    Colour::Rgb
}
fn width() -> usize {
    64
}
fn blocks() -> usize {
    16
}

/// Side of the first and the last convolution in pixels.
const ENDS_PX: usize = 9;

impl SrResNetConfig {
    /// The shuffles that make up the scale.
    fn steps(&self) -> Vec<usize> {
        if self.scale == 4 {
            vec![2, 2]
        } else {
            vec![self.scale]
        }
    }
}

impl Architecture for SrResNetConfig {
    fn spec(&self) -> Spec {
        // Behind the first shuffle a pixel is a half or a third as large; rounded up.
        let ends = ENDS_PX / 2;
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
            halo_px: ends + 2 * self.blocks + 1 + self.steps().len() + ends.div_ceil(self.scale),
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        check_maps("width", self.width)?;
        check(self.blocks <= 128, "blocks", self.blocks, "at most 128")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let square = [w, w, 3, 3];
        let head = layers.conv(
            Conv::new([w, c, ENDS_PX, ENDS_PX])
                .gain(2.0)
                .then(Nonlinearity::PRelu),
        );
        let body = (0..self.blocks)
            .map(|_| ResidualBlock {
                first: layers.conv(Conv::new(square).gain(2.0).norm().then(Nonlinearity::PRelu)),
                second: layers.conv(Conv::new(square).gain(2.0).norm()),
            })
            .collect();
        let bridge = layers.conv(Conv::new(square).gain(2.0).norm());
        let enlarge = self.steps().into_iter().map(|step| {
            let conv = Conv::new(square).gain(2.0).shuffled(step);
            layers.conv(conv.then(Nonlinearity::PRelu))
        });
        let enlarge = enlarge.collect();
        Network::SrResNet(SrResNet {
            head,
            body,
            bridge,
            enlarge,
            tail: layers.conv(Conv::new([c, w, ENDS_PX, ENDS_PX])),
            signed: layers.trains(),
        })
    }

    fn last_layer(&self) -> &'static str {
        "tail"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct SrResNet {
    head: ConvBlock,
    body: Vec<ResidualBlock>,
    bridge: ConvBlock,
    enlarge: Vec<ConvBlock>,
    tail: ConvBlock,
    /// Whether the last convolution gives −1…1.
    signed: bool,
}

#[derive(Module, Debug)]
struct ResidualBlock {
    first: ConvBlock,
    second: ConvBlock,
}

impl Fold for ResidualBlock {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            second: self.second.fold(),
        }
    }
}

impl Forward for SrResNet {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let head = self.head.forward(x);
        let body = self.body.iter().fold(head.clone(), |x, block| {
            block.second.forward(block.first.forward(x.clone())) + x
        });
        let maps = self.bridge.forward(body) + head;
        let maps = self.enlarge.iter().fold(maps, |x, conv| conv.forward(x));
        let picture = self.tail.forward(maps);
        if self.signed {
            picture.mul_scalar(0.5).add_scalar(0.5)
        } else {
            picture
        }
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        if self.signed {
            return Err(NoPlan::Unfolded);
        }
        let mut plan = Builder::new(self.head.channels_in());
        let x = plan.input();
        let head = self.head.plan(&mut plan, x)?;
        let mut maps = head;
        for block in &self.body {
            let first = block.first.plan(&mut plan, maps)?;
            let second = block.second.plan(&mut plan, first)?;
            maps = plan.add(second, maps)?;
        }
        maps = self.bridge.plan(&mut plan, maps)?;
        maps = plan.add(maps, head)?;
        for conv in self.enlarge.iter().chain([&self.tail]) {
            maps = conv.plan(&mut plan, maps)?;
        }
        Ok(plan.finish()?)
    }
}

impl Fold for SrResNet {
    fn fold(self) -> Self {
        Self {
            head: self.head.fold(),
            body: self.body.fold(),
            bridge: self.bridge.fold(),
            enlarge: self.enlarge.fold(),
            tail: if self.signed {
                self.tail.rescaled(0.5, 0.5)
            } else {
                self.tail
            },
            signed: false,
        }
    }
}
