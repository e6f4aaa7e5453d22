//! SRResNet: the generator of SRGAN.
//!
//! Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
//! arXiv:1609.04802. Sixteen residual blocks with batch normalisation, and a last convolution with outputs in −1…1.
//! Export folds both the normalisation and the conversion to 0…1 into the convolutions:
//!
//! ```text
//! RGB [3, h, w] ─ 9×9 ─ PReLU ─┬─ block × 16 ─ 3×3 ─ norm ─ + ─ (3×3 ─ shuffle ×2 ─ PReLU) × 1…2 ─ 9×9 ─ RGB [3, r·h, r·w]
//!                              └────────────────────────────┘
//! block:  x ─┬─ 3×3 ─ norm ─ PReLU ─ 3×3 ─ norm ─ + ─
//!            └────────────────────────────────────┘
//! ```

use burn::module::Module;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU};
use crate::ops::{Ops, Topology};

/// The configuration of an [`SrResNet`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrResNetConfig {
    /// Upscaling factor: 1, 2, 3 or 4; 4 in the paper.
    pub scale: usize,
    /// Planes that the network processes; RGB in the paper.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// Maps between the convolutions.
    #[serde(default = "width")]
    pub width: usize,
    /// Number of residual blocks.
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

/// Side of the first and the last kernel in pixels.
const ENDS_PX: usize = 9;

impl SrResNetConfig {
    /// Factors of the sub-pixel shuffles, whose product is the scale.
    fn steps(&self) -> Vec<usize> {
        match self.scale {
            1 => Vec::new(),
            4 => vec![2, 2],
            scale => vec![scale],
        }
    }
}

impl Architecture for SrResNetConfig {
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
        check(self.blocks <= 128, "blocks", self.blocks, "at most 128")
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let (c, w) = (self.colour.channels(), self.width);
        let square = [w, w, 3, 3];
        let head = layers.conv(
            ConvConfig::new([w, c, ENDS_PX, ENDS_PX])
                .gain(2.0)
                .then(PRELU),
        );
        let body = (0..self.blocks)
            .map(|_| ResidualBlock {
                first: layers.conv(ConvConfig::new(square).gain(2.0).norm().then(PRELU)),
                second: layers.conv(ConvConfig::new(square).gain(2.0).norm()),
            })
            .collect();
        let bridge = layers.conv(ConvConfig::new(square).gain(2.0).norm());
        let enlarge = self.steps().into_iter().map(|step| {
            let conv = ConvConfig::new(square).gain(2.0).shuffled(step);
            layers.conv(conv.then(PRELU))
        });
        let enlarge = enlarge.collect();
        Network::SrResNet(SrResNet {
            head,
            body,
            bridge,
            enlarge,
            // The network is trained on −1…1.
            tail: layers.conv(ConvConfig::new([c, w, ENDS_PX, ENDS_PX]).rescaled(0.5, 0.5)),
        })
    }

    fn last_layer(&self) -> String {
        "tail".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct SrResNet {
    head: ConvBlock,
    body: Vec<ResidualBlock>,
    bridge: ConvBlock,
    enlarge: Vec<ConvBlock>,
    tail: ConvBlock,
}

#[derive(Module, Debug)]
struct ResidualBlock {
    first: ConvBlock,
    second: ConvBlock,
}

impl Topology for SrResNet {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let head = ops.conv(&self.head, &input)?;
        let mut maps = head.clone();
        for block in &self.body {
            let first = ops.conv(&block.first, &maps)?;
            let second = ops.conv(&block.second, &first)?;
            maps = ops.add(&second, &maps)?;
        }
        let bridge = ops.conv(&self.bridge, &maps)?;
        maps = ops.add(&bridge, &head)?;
        for block in self.enlarge.iter().chain([&self.tail]) {
            maps = ops.conv(block, &maps)?;
        }
        Ok(maps)
    }
}
