//! The discriminator of SRGAN: tells photographs from upscaled images.
//!
//! Ledig et al., CVPR 2017, arXiv:1609.04802, figure 4; used in training only:
//!
//! ```text
//! image [c, s, s] ─ 3×3, 64 ─ LeakyReLU ─ (3×3 ─ norm ─ LeakyReLU) × 7 ─ dense 1024 ─ LeakyReLU ─ dense 1
//! maps              64 │ 64 ↓2 │ 128 │ 128 ↓2 │ 256 │ 256 ↓2 │ 512 │ 512 ↓2
//! ```
//!
//! The paper's network ends in a sigmoid. Here, the losses take the value before it, which is equivalent but
//! numerically more precise.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{ConfigError, check, check_maps};
use engine::graph::Activation;

use crate::layer::{ConvBlock, ConvConfig, Dense, Layers};

/// Slope of the LeakyReLU, as in the paper.
const SLOPE: f32 = 0.2;

/// Number of convolutions; every second one halves height and width, and the maps double after it.
const CONVS: usize = 8;

/// The configuration of a [`Discriminator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscriminatorConfig {
    /// Channels of the image, or of its feature maps.
    pub channels: usize,
    /// Side of the input in pixels.
    pub side_px: usize,
    /// Maps after the first convolution; 64 in the paper.
    pub width: usize,
    /// Outputs of the first dense layer; 1024 in the paper.
    pub dense: usize,
}

impl DiscriminatorConfig {
    /// Checks that the discriminator can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_maps("discriminator.width", self.width)?;
        check(
            (1..=4096).contains(&self.dense),
            "discriminator.dense",
            self.dense,
            "1 to 4096",
        )
    }

    /// Makes the discriminator with random weights from `seed`.
    pub fn init(&self, seed: u64, device: &Device) -> Discriminator {
        let mut layers = Layers::random(seed, device);
        let (mut maps, mut side) = (self.channels, self.side_px);
        let convs = (0..CONVS).map(|i| {
            let out = self.width << (i / 2);
            let mut conv = ConvConfig::new([out, maps, 3, 3])
                .gain(2.0)
                .then(Activation::LeakyRelu(SLOPE));
            if i > 0 {
                conv = conv.norm();
            }
            // Stop halving at odd sides, which occur with small feature maps.
            if i % 2 == 1 && side.is_multiple_of(2) {
                conv = conv.strided(2, 1);
                side /= 2;
            }
            maps = out;
            layers.conv(conv)
        });
        let convs = convs.collect();
        Discriminator {
            convs,
            dense: layers.dense(maps * side * side, self.dense, 2.0),
            // Gain 1/3 as for the last layers of all networks here: the first outputs are close to 0, that is,
            // undecided.
            last: layers.dense(self.dense, 1, 1.0 / 3.0),
        }
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Discriminator {
    convs: Vec<ConvBlock>,
    dense: Dense,
    last: Dense,
}

impl Discriminator {
    /// `[batch, channels, side, side]` → `[batch]`: positive for a photograph, negative for an upscaled image; the
    /// sigmoid gives the probability of a photograph. Images should be in −1…1.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        let maps = self.convs.iter().fold(x, |x, conv| conv.forward(x));
        let [batch, channels, height, width] = maps.dims();
        let dense = self
            .dense
            .forward(maps.reshape([batch, channels * height * width]));
        let dense = burn::tensor::activation::leaky_relu(dense, f64::from(SLOPE));
        self.last.forward(dense).reshape([batch])
    }
}
