//! SRCNN: the first super-resolution network.
//!
//! Dong, Loy, He and Tang, "Learning a Deep Convolutional Network for Image Super-Resolution",
//! ECCV 2014, and the longer arXiv:1501.00092. The picture is enlarged by bicubic interpolation
//! first; three convolutions then extract patches, map them non-linearly, and reconstruct:
//!
//! ```text
//! Y [1, h, w] ─ k₁×k₁ ─ ReLU ─ [64, h, w] ─ k₂×k₂ ─ ReLU ─ [32, h, w] ─ k₃×k₃ ─ Y [1, h, w]
//! ```

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Colour, ConfigError, Input, Spec, check};
use crate::layer::{Activation, ConvBlock, Padding, pad_replicate};

/// The sizes of an [`Srcnn`]; the defaults are the paper's 9-1-5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrcnnConfig {
    /// 2, 3 or 4.
    pub scale: usize,
    /// The planes that the network sees; the paper's is Y.
    #[serde(default)]
    pub colour: Colour,
    /// Sides of the three convolutions in pixels: 9-1-5, or 9-5-5 in the longer paper.
    #[serde(default = "kernels_px")]
    pub kernels_px: [usize; 3],
    /// Maps after the first and the second convolution.
    #[serde(default = "maps")]
    pub maps: [usize; 2],
}

fn kernels_px() -> [usize; 3] {
    [9, 1, 5]
}

fn maps() -> [usize; 2] {
    [64, 32]
}

impl SrcnnConfig {
    /// `[out, in, k, k]` of the three convolutions.
    fn shapes(&self) -> [[usize; 4]; 3] {
        let channels = self.colour.channels();
        let [k1, k2, k3] = self.kernels_px;
        let [m1, m2] = self.maps;
        [
            [m1, channels, k1, k1],
            [m2, m1, k2, k2],
            [channels, m2, k3, k3],
        ]
    }

    pub(super) fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::Upsampled,
            halo_px: self.kernels_px.iter().map(|k| k / 2).sum(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        check(
            (2..=4).contains(&self.scale),
            "scale",
            self.scale,
            "2, 3 or 4",
        )?;
        for k in self.kernels_px {
            check(k % 2 == 1 && k <= 15, "kernels_px", k, "odd and at most 15")?;
        }
        for maps in self.maps {
            check((1..=1024).contains(&maps), "maps", maps, "1 to 1024")?;
        }
        Ok(())
    }

    pub(super) fn parameters(&self) -> usize {
        self.shapes()
            .iter()
            .map(|shape| shape.iter().product::<usize>() + shape[0])
            .sum()
    }

    pub(super) fn init(&self, device: &Device) -> Srcnn {
        Srcnn {
            layers: self
                .shapes()
                .map(|shape| ConvBlock::zeros(shape, false, device))
                .into(),
        }
    }

    #[cfg(feature = "train")]
    pub(super) fn init_training(&self, random: &mut crate::layer::Initializer) -> Srcnn {
        Srcnn {
            layers: self.shapes().map(|shape| random.relu_block(shape)).into(),
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Srcnn {
    layers: Vec<ConvBlock>,
}

impl Srcnn {
    /// `[batch, c, h, w]`, enlarged already → the same shape, sharpened.
    ///
    /// Border pixels are repeated outwards, as the paper's code does it: zeros there would darken the
    /// borders.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let halo_px = self.layers.iter().map(|layer| layer.kernel_px() / 2).sum();
        self.forward_unpadded(pad_replicate(x, halo_px))
    }

    /// As the paper trains: no padding, so 33×33 pixels in give the central 21×21 out (9-1-5).
    pub fn forward_unpadded(&self, x: Tensor<4>) -> Tensor<4> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let activation = if i < last {
                Activation::Relu
            } else {
                Activation::None
            };
            layer.forward_with(x, activation, Padding::Valid)
        })
    }

    pub(super) fn fold(self) -> Self {
        Self {
            layers: self.layers.into_iter().map(ConvBlock::fold).collect(),
        }
    }
}
