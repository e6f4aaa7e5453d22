//! The judge of SRGAN: is an image photographed or made by a network?
//!
//! Ledig et al., CVPR 2017, arXiv:1609.04802, figure 4; needed in training alone:
//!
//! ```text
//! image [c, s, s] ─ 3×3, 64 ─ LeakyReLU ─ (3×3 ─ norm ─ LeakyReLU) × 7 ─ dense 1024 ─ LeakyReLU ─ dense 1
//! maps              64 │ 64 ↓2 │ 128 │ 128 ↓2 │ 256 │ 256 ↓2 │ 512 │ 512 ↓2
//! ```
//!
//! The paper ends in a sigmoid; here the losses take the number before it, which is the same
//! arithmetic without its loss of precision.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{ConfigError, check, check_maps};
use engine::graph::Activation;

use crate::layer::{ConvBlock, ConvConfig, Dense, Layers};

/// The paper's slope.
const SLOPE: f32 = 0.2;

/// Convolutions; every second one halves the sides and comes before the maps double.
const CONVS: usize = 8;

/// The sizes of a [`Discriminator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscriminatorConfig {
    /// Planes of an image, or maps of its features.
    pub channels: usize,
    /// Their side in pixels.
    pub side_px: usize,
    /// Maps after the first convolution; 64 in the paper.
    pub width: usize,
    /// Outputs of the first dense layer; 1024 in the paper.
    pub dense: usize,
}

impl DiscriminatorConfig {
    /// Whether it can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_maps("discriminator.width", self.width)?;
        check(
            (1..=4096).contains(&self.dense),
            "discriminator.dense",
            self.dense,
            "1 to 4096",
        )
    }

    /// The discriminator with random weights from `seed`.
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
            // Small maps of features are not halved as often.
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
            // A third, as for the last layers of all networks here: undecided at first.
            last: layers.dense(self.dense, 1, 1.0 / 3.0),
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Discriminator {
    convs: Vec<ConvBlock>,
    dense: Dense,
    last: Dense,
}

impl Discriminator {
    /// `[batch, channels, side, side]` → `[batch]`: above 0 for a photograph, below for a network's
    /// work; the probability is its sigmoid. Pictures are best given in −1…1.
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
