//! Discriminators, which tell photographs from upscaled images; used in training only.
//!
//! SRGAN's (Ledig et al., CVPR 2017, arXiv:1609.04802, figure 4) judges an image as a whole:
//!
//! ```text
//! image [c, s, s] ─ 3×3, 64 ─ LeakyReLU ─ (3×3 ─ norm ─ LeakyReLU) × 7 ─ dense 1024 ─ LeakyReLU ─ dense 1
//! maps              64 │ 64 ↓2 │ 128 │ 128 ↓2 │ 256 │ 256 ↓2 │ 512 │ 512 ↓2
//! ```
//!
//! The paper's network ends in a sigmoid. Here, the losses take the value before it, which is equivalent but
//! numerically more precise.
//!
//! The U-Net of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833, figure 6; Schönfeld et al., CVPR 2020,
//! arXiv:2002.12655) judges each pixel. Its convolutions but the first and the last have spectral normalisation:
//!
//! ```text
//! image ─ 64 ─┬─ 128 ↓2 ─┬─ 256 ↓2 ─┬─ 512 ↓2 ─ ↑2 ─ 256 ─ + ─ ↑2 ─ 128 ─ + ─ ↑2 ─ 64 ─ + ─ 64 ─ 64 ─ 1
//!             │          │          └─────────────────────┘              │              │
//!             │          └───────────────────────────────────────────────┘              │
//!             └─────────────────────────────────────────────────────────────────────────┘
//! ```

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::{ConfigError, check, check_maps};
use engine::graph::{Activation, Border};

use crate::layer::{ConvBlock, ConvConfig, Dense, Layers, SpectralConv, pad};

/// Slope of the LeakyReLU, as in the paper.
const SLOPE: f32 = 0.2;

/// Number of convolutions; every second one halves height and width, and the maps double after it.
const CONVS: usize = 8;

/// The architecture of a discriminator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscriminatorKind {
    /// SRGAN's, like the network VGG: one judgement for an image.
    #[default]
    Vgg,
    /// Real-ESRGAN's U-Net: one judgement for each pixel.
    Unet,
}

/// The configuration of a [`Discriminator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscriminatorConfig {
    /// The architecture.
    pub kind: DiscriminatorKind,
    /// Channels of the image, or of its feature maps.
    pub channels: usize,
    /// Side of the input in pixels; a U-Net needs a multiple of 8.
    pub side_px: usize,
    /// Maps after the first convolution; 64 in the paper.
    pub width: usize,
    /// Outputs of the first dense layer, which a U-Net does not have; 1024 in the paper.
    pub dense: usize,
}

impl DiscriminatorConfig {
    /// Checks that the discriminator can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check(
            self.kind == DiscriminatorKind::Vgg || self.side_px.is_multiple_of(8),
            "the patches of a U-Net discriminator",
            self.side_px,
            "a multiple of 8 px",
        )?;
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
        match self.kind {
            DiscriminatorKind::Vgg => Discriminator::Vgg(self.vgg(&mut layers)),
            DiscriminatorKind::Unet => Discriminator::Unet(self.unet(&mut layers)),
        }
    }

    fn unet(&self, layers: &mut Layers) -> Unet {
        let width = self.width;
        let leaky = Activation::LeakyRelu(SLOPE);
        let first = ConvConfig::new([width, self.channels, 3, 3]).gain(2.0);
        let last = ConvConfig::new([1, width, 3, 3]).gain(1.0 / 3.0);
        let first = layers.conv(first.then(leaky));
        let mut conv = |out: usize, inputs: usize, k: usize| {
            SpectralConv::new(layers, [out * width, inputs * width, k, k])
        };
        let down = [(2, 1), (4, 2), (8, 4)].map(|(out, inputs)| conv(out, inputs, 4));
        let up = [(4, 8), (2, 4), (1, 2)].map(|(out, inputs)| conv(out, inputs, 3));
        let end = [(1, 1), (1, 1)].map(|(out, inputs)| conv(out, inputs, 3));
        Unet {
            first,
            down: down.into(),
            up: up.into(),
            end: end.into(),
            last: layers.conv(last),
        }
    }

    fn vgg(&self, layers: &mut Layers) -> Vgg {
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
        Vgg {
            convs,
            dense: layers.dense(maps * side * side, self.dense, 2.0),
            // Gain 1/3 as for the last layers of all networks here: the first outputs are close to 0, that is,
            // undecided.
            last: layers.dense(self.dense, 1, 1.0 / 3.0),
        }
    }
}

/// A discriminator, as a Burn module.
#[allow(clippy::large_enum_variant, reason = "there are one or two of them")]
#[derive(Module, Debug)]
pub enum Discriminator {
    /// SRGAN's.
    Vgg(Vgg),
    /// Real-ESRGAN's.
    Unet(Unet),
}

impl Discriminator {
    /// `[batch, channels, side, side]` → judgements `[n]`, one for an image or for each of its pixels: positive for a
    /// photograph, negative for an upscaled image; the sigmoid gives the probability of a photograph. Images should be
    /// in −1…1.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        match self {
            Self::Vgg(network) => network.forward(x),
            Self::Unet(network) => network.forward(x),
        }
    }
}

/// SRGAN's discriminator.
#[derive(Module, Debug)]
pub struct Vgg {
    convs: Vec<ConvBlock>,
    dense: Dense,
    last: Dense,
}

impl Vgg {
    fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        let maps = self.convs.iter().fold(x, |x, conv| conv.forward(x));
        let [batch, channels, height, width] = maps.dims();
        let dense = self
            .dense
            .forward(maps.reshape([batch, channels * height * width]));
        let dense = burn::tensor::activation::leaky_relu(dense, f64::from(SLOPE));
        self.last.forward(dense).reshape([batch])
    }
}

/// Real-ESRGAN's discriminator.
#[derive(Module, Debug)]
pub struct Unet {
    first: ConvBlock,
    down: Vec<SpectralConv>,
    up: Vec<SpectralConv>,
    end: Vec<SpectralConv>,
    last: ConvBlock,
}

impl Unet {
    fn forward(&self, x: Tensor<4>) -> Tensor<1> {
        let leaky = || Activation::LeakyRelu(SLOPE);
        let mut x = self.first.forward(x);
        let mut skipped = Vec::new();
        for conv in &self.down {
            skipped.push(x.clone());
            x = conv.forward(x, leaky());
        }
        for conv in &self.up {
            x = conv.forward(enlarged(x), leaky());
            if let Some(skipped) = skipped.pop() {
                x = x + skipped;
            }
        }
        let x = self.end.iter().fold(x, |x, conv| conv.forward(x, leaky()));
        let maps = self.last.forward(x);
        let count: usize = maps.dims().iter().product();
        maps.reshape([count])
    }
}

/// `[batch, c, h, w]` → `[batch, c, 2·h, 2·w]`, bilinear with the pixels' centres in place.
fn enlarged(x: Tensor<4>) -> Tensor<4> {
    [2, 3].into_iter().fold(x, |x, dim| {
        let mut dims = x.dims();
        let side = dims[dim];
        let padded = pad(x, 1, Border::Replicate);
        // Without the margin of the other side.
        let padded = padded.narrow(5 - dim, 1, dims[5 - dim]);
        let at = |from: usize| padded.clone().narrow(dim, from, side);
        let near = at(1).mul_scalar(0.75);
        let first = near.clone() + at(0).mul_scalar(0.25);
        let second = near + at(2).mul_scalar(0.25);
        let both = [first, second].map(|x| x.unsqueeze_dim::<5>(dim + 1));
        dims[dim] = 2 * side;
        Tensor::cat(both.into(), dim + 1).reshape(dims)
    })
}
