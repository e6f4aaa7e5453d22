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
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps, check_scale};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity, Padding, pad_replicate};
use engine::graph::{self, Border, Builder, Outline};
use engine::{Colour, Input, Spec};

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
}

impl Architecture for SrcnnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::Upsampled,
            halo_px: self.kernels_px.iter().map(|k| k / 2).sum(),
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        for k in self.kernels_px {
            check(k % 2 == 1 && k <= 15, "kernels_px", k, "odd and at most 15")?;
        }
        for maps in self.maps {
            check_maps("maps", maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let [first, second, last] = self.shapes();
        let relu = |shape| Conv::new(shape).gain(2.0).then(Nonlinearity::Relu);
        let convs = [relu(first), relu(second), Conv::new(last).gain(2.0)];
        Network::Srcnn(Srcnn {
            layers: convs.map(|conv| layers.conv(conv)).into(),
        })
    }

    fn training_margin_px(&self) -> usize {
        self.spec().halo_px
    }

    fn last_layer(&self) -> &'static str {
        "layers.2"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Srcnn {
    layers: Vec<ConvBlock>,
}

impl Srcnn {
    fn forward_unpadded(&self, x: Tensor<4>) -> Tensor<4> {
        let layers = self.layers.iter();
        layers.fold(x, |x, layer| layer.forward_padded(x, Padding::Valid))
    }
}

impl Forward for Srcnn {
    /// `[batch, c, h, w]`, enlarged already → the same shape, sharpened.
    ///
    /// Border pixels are repeated outwards, as the paper's code does it: zeros there would darken the
    /// borders.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let halo_px = self.layers.iter().map(|layer| layer.kernel_px() / 2).sum();
        self.forward_unpadded(pad_replicate(x, halo_px))
    }

    /// As the paper trains: no padding, so 33×33 pixels in give the central 21×21 out (9-1-5).
    fn forward_training(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        vec![self.forward_unpadded(x)]
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        let mut plan = Builder::new(self.layers[0].channels_in());
        let halo_px = self.layers.iter().map(|layer| layer.kernel_px() / 2).sum();
        let x = plan.input();
        let mut maps = match halo_px {
            0 => x,
            _ => plan.pad(x, halo_px, Border::Replicate)?,
        };
        for layer in &self.layers {
            maps = layer.plan_padded(&mut plan, maps, graph::Padding::Valid)?;
        }
        Ok(plan.finish()?)
    }
}

impl Fold for Srcnn {
    fn fold(self) -> Self {
        Self {
            layers: self.layers.fold(),
        }
    }
}
