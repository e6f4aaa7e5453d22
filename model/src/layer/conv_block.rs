//! A module of convolution, normalisation and activation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use engine::graph::{Activation, Padding};

use super::resample::{pixel_shuffle, pixel_unshuffle, strided_kernel, transposed_kernel};
use super::{BatchNorm, KernelWeight, activate, conv2d};

/// How a block changes the height and width of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resample {
    /// Height and width stay the same.
    #[default]
    None,
    /// Sub-pixel convolution (Shi et al. 2016, arXiv:1609.05158): computes `scale²` times the maps and shuffles them to
    /// `scale` times the height and width.
    Shuffle {
        /// Upscaling factor.
        scale: usize,
    },
    /// Transposed convolution: multiplies height and width by `scale`.
    Up {
        /// Stride.
        scale: usize,
        /// Padding in output pixels.
        padding: usize,
    },
    /// Strided convolution: divides height and width by `scale`, of which they have to be multiples.
    Down {
        /// Stride.
        scale: usize,
        /// Padding in input pixels.
        padding: usize,
    },
}

/// The settings of a block that are not parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Activation applied to the block's output; PReLU's slopes are parameters of the block.
    pub activation: Activation<()>,
    /// Change of height and width.
    pub resample: Resample,
    /// Dilation: distance between the kernel's taps in pixels; 1 for an ordinary convolution.
    pub dilation: usize,
    /// Groups of channels that are convolved separately; 1 for an ordinary convolution.
    pub groups: usize,
    /// Factor and offset applied to the output y in training, `factor · y + offset`; folding merges them into weight
    /// and bias.
    pub rescale: Option<[f64; 2]>,
}

/// A convolution with bias or batch normalisation, and an activation.
#[derive(Module, Debug)]
pub struct ConvBlock {
    pub(crate) weight: KernelWeight,
    /// `[out]`
    pub(crate) bias: Option<Param<Tensor<1>>>,
    /// `[out]`
    pub(crate) slope: Option<Param<Tensor<1>>>,
    pub(crate) norm: Option<BatchNorm>,
    #[module(skip)]
    pub(crate) settings: Settings,
}

impl ConvBlock {
    /// Makes a block of its parameters; `slope` is given for PReLU only.
    pub(super) fn new(
        weight: KernelWeight,
        bias: Option<Param<Tensor<1>>>,
        slope: Option<Param<Tensor<1>>>,
        norm: Option<BatchNorm>,
        settings: Settings,
    ) -> Self {
        Self {
            weight,
            bias,
            slope,
            norm,
            settings,
        }
    }

    /// `[batch, in, h, w]` → `[batch, out, h, w]`; [`Resample`] tells how h and w change.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_padded(x, Padding::Same)
    }

    /// Like [`Self::forward`], with the given padding.
    pub fn forward_padded(&self, x: Tensor<4>, padding: Padding) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        let dilation = self.settings.dilation;
        let conv =
            |x, weight, bias, activation| conv2d(x, weight, bias, activation, padding, dilation);
        // With normalisation, the activation is applied after it.
        let activation = |scale| match self.norm {
            Some(_) => Activation::None,
            None => self.activation(scale),
        };
        let maps = match self.settings.resample {
            Resample::Down { scale, padding } => {
                let weight = strided_kernel(weight, scale, padding);
                conv(pixel_unshuffle(x, scale), weight, bias, activation(1))
            }
            Resample::Up { scale, padding } => {
                let weight = transposed_kernel(weight, scale, padding);
                let bias = bias.map(|bias| for_phases(bias, scale));
                pixel_shuffle(conv(x, weight, bias, activation(scale)), scale)
            }
            Resample::Shuffle { scale } => {
                pixel_shuffle(conv(x, weight, bias, activation(scale)), scale)
            }
            Resample::None => conv(x, weight, bias, activation(1)),
        };
        let maps = match &self.norm {
            Some(norm) => activate(self.activation(1), norm.forward(maps)),
            None => maps,
        };
        match self.settings.rescale {
            Some([factor, offset]) => maps.mul_scalar(factor).add_scalar(offset),
            None => maps,
        }
    }

    /// The activation; each slope is shared by `scale²` consecutive channels.
    fn activation(&self, scale: usize) -> Activation<Tensor<1>> {
        let slopes = |(): &()| match &self.slope {
            Some(slope) => Ok(for_phases(slope.val(), scale)),
            None => Err(()),
        };
        let activation = self.settings.activation.try_map(slopes);
        activation.unwrap_or(Activation::None)
    }

    /// Number of input channels.
    pub fn channels_in(&self) -> usize {
        let [out, channels_in, ..] = self.weight.shape();
        match self.settings.resample {
            // The weight of a transposed convolution is `[in, out, k, k]`.
            Resample::Up { .. } => out,
            _ => channels_in * self.settings.groups,
        }
    }

    /// Side of the kernel in pixels.
    pub fn kernel_px(&self) -> usize {
        self.weight.kernel_px()
    }
}

/// Parameters of a folded block.
pub struct Folded {
    /// `[out, in, k, k]`; `[in, out, k, k]` for a transposed convolution.
    pub weight: Tensor<4>,
    /// `[out]`
    pub bias: Option<Tensor<1>>,
    /// `[out]`
    pub slope: Option<Tensor<1>>,
}

impl ConvBlock {
    /// Folds wide blocks, batch normalisation and rescaling into one weight and one bias.
    pub fn folded(&self) -> Folded {
        let (mut weight, mut bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        if let Some(norm) = &self.norm {
            let (scale, shift) = norm.scale_and_shift();
            let [channels] = scale.dims();
            bias = Some(match bias {
                Some(bias) => bias * scale.clone() + shift,
                None => shift,
            });
            weight = weight * scale.reshape([channels, 1, 1, 1]);
        }
        if let Some([factor, offset]) = self.settings.rescale {
            weight = weight.mul_scalar(factor);
            bias = bias.map(|bias| bias.mul_scalar(factor).add_scalar(offset));
        }
        Folded {
            weight: weight.detach(),
            bias: bias.map(Tensor::detach),
            slope: self.slope.as_ref().map(|slope| slope.val().detach()),
        }
    }
}

/// Repeats each of `[n]` values `scale²` times: `[n·scale²]`.
fn for_phases(values: Tensor<1>, scale: usize) -> Tensor<1> {
    let [count] = values.dims();
    let phases = scale * scale;
    if phases == 1 {
        return values;
    }
    values
        .reshape([count, 1])
        .expand([count, phases])
        .reshape([count * phases])
}
