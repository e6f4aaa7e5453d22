//! SRCNN: the first super-resolution network.
//!
//! Dong, Loy, He and Tang, "Learning a Deep Convolutional Network for Image Super-Resolution",
//! ECCV 2014, and the longer arXiv:1501.00092. The image is enlarged by bicubic interpolation
//! first; three convolutions then extract patches, map them non-linearly, and reconstruct:
//!
//! ```text
//! Y [1, h, w] ─ k₁×k₁ ─ ReLU ─ [64, h, w] ─ k₂×k₂ ─ ReLU ─ [32, h, w] ─ k₃×k₃ ─ Y [1, h, w]
//! ```

use burn::module::Module;
use engine::graph::{Activation, Border};
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps, check_scale};
use crate::layer::{ConvBlock, ConvConfig, Layers};
use crate::ops::{Ops, Topology};

/// The configuration of an [`Srcnn`]; the defaults are the paper's 9-1-5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrcnnConfig {
    /// Upscaling factor: 1, 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes; Y in the paper.
    #[serde(default)]
    pub colour: Colour,
    /// Sides of the three kernels in pixels: 9-1-5, or 9-5-5 in the longer paper.
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
    /// Weight shapes of the three convolutions, `[out, in, k, k]`.
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
        let relu = |shape| ConvConfig::new(shape).gain(2.0).then(Activation::Relu);
        let convs = [relu(first), relu(second), ConvConfig::new(last).gain(2.0)];
        Network::Srcnn(Srcnn {
            layers: convs.map(|conv| layers.conv(conv)).into(),
        })
    }

    fn last_layer(&self) -> &'static str {
        "layers.2"
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Srcnn {
    layers: Vec<ConvBlock>,
}

impl Srcnn {
    fn unpadded<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut maps = input;
        for layer in &self.layers {
            maps = ops.conv_valid(layer, &maps)?;
        }
        Ok(maps)
    }
}

impl Topology for Srcnn {
    /// Pads with copies of the border pixels, as the paper's code does; zero padding would darken the borders.
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let margin = self.layers.iter().map(|layer| layer.kernel_px() / 2).sum();
        let padded = ops.pad(&input, margin, Border::Replicate)?;
        self.unpadded(ops, padded)
    }

    /// Trains without padding, as the paper does: a patch of 33×33 pixels gives the central 21×21 (9-1-5).
    fn run_training<O: Ops>(
        &self,
        ops: &mut O,
        input: O::Maps,
        _levels: f64,
    ) -> Result<O::Maps, O::Error> {
        self.unpadded(ops, input)
    }
}
