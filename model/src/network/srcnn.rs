//! SRCNN: the first super-resolution network.
//!
//! Dong, Loy, He and Tang, "Learning a Deep Convolutional Network for Image Super-Resolution",
//! ECCV 2014, and the longer arXiv:1501.00092. The image is enlarged by bicubic interpolation
//! first; three convolutions, or more, then extract patches, map them non-linearly, and reconstruct:
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
    /// Sides of the kernels in pixels: 9-1-5, or 9-3-5, 9-5-5 and, with 64, 32 and 16 maps, 9-1-1-5 in the longer paper.
    #[serde(default = "kernels_px")]
    pub kernels_px: Vec<usize>,
    /// Maps after each convolution but the last.
    #[serde(default = "maps")]
    pub maps: Vec<usize>,
    /// Padding at the image's borders.
    #[serde(default, skip_serializing_if = "Padding::is_default")]
    pub padding: Padding,
}

/// How an [`Srcnn`] pads at the image's borders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Copies of the border pixels, as the paper's code does; patches are trained without padding, and a patch of 33×33
    /// pixels gives the central 21×21 (9-1-5).
    #[default]
    Replicate,
    /// Zeros around the input of each convolution, in training, too, as most reimplementations have it. They darken the
    /// borders.
    Zeros,
}

impl Padding {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn kernels_px() -> Vec<usize> {
    vec![9, 1, 5]
}

fn maps() -> Vec<usize> {
    vec![64, 32]
}

impl SrcnnConfig {
    /// Weight shapes of the convolutions, `[out, in, k, k]`.
    fn shapes(&self) -> impl ExactSizeIterator<Item = [usize; 4]> {
        let channels = self.colour.channels();
        let of_layer = move |i: usize| {
            let inputs = if i == 0 { channels } else { self.maps[i - 1] };
            let outputs = self.maps.get(i).copied().unwrap_or(channels);
            let k = self.kernels_px[i];
            [outputs, inputs, k, k]
        };
        (0..self.kernels_px.len()).map(of_layer)
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
        let depth = self.kernels_px.len();
        check(
            (2..=20).contains(&depth),
            "the number of kernels_px",
            depth,
            "2 to 20",
        )?;
        for k in &self.kernels_px {
            check(
                k % 2 == 1 && *k <= 15,
                "kernels_px",
                *k,
                "odd and at most 15",
            )?;
        }
        let maps = self.maps.len();
        check(
            maps + 1 == depth,
            "the number of maps",
            maps,
            "one less than that of kernels_px",
        )?;
        for maps in &self.maps {
            check_maps("maps", *maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let last = self.maps.len();
        let convs = self.shapes().enumerate().map(|(i, shape)| {
            let conv = ConvConfig::new(shape).gain(2.0);
            if i == last {
                conv
            } else {
                conv.then(Activation::Relu)
            }
        });
        Network::Srcnn(Srcnn {
            layers: convs.map(|conv| layers.conv(conv)).collect(),
            zeros: self.padding == Padding::Zeros,
        })
    }

    fn last_layer(&self) -> String {
        format!("layers.{}", self.maps.len())
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Srcnn {
    layers: Vec<ConvBlock>,
    /// Whether each convolution's input is padded with zeros.
    zeros: bool,
}

impl Srcnn {
    fn padded_by_zeros<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut layers = self.layers.iter();
        layers.try_fold(input, |maps, layer| ops.conv(layer, &maps))
    }

    fn unpadded<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let mut maps = input;
        for layer in &self.layers {
            maps = ops.conv_valid(layer, &maps)?;
        }
        Ok(maps)
    }
}

impl Topology for Srcnn {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        if self.zeros {
            return self.padded_by_zeros(ops, input);
        }
        let margin = self.layers.iter().map(|layer| layer.kernel_px() / 2).sum();
        let padded = ops.pad(&input, margin, Border::Replicate)?;
        self.unpadded(ops, padded)
    }

    fn run_training<O: Ops>(
        &self,
        ops: &mut O,
        input: O::Maps,
        _levels: f64,
    ) -> Result<O::Maps, O::Error> {
        match self.zeros {
            true => self.padded_by_zeros(ops, input),
            false => self.unpadded(ops, input),
        }
    }
}
