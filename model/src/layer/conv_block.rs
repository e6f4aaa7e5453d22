//! Convolution, normalisation and activation as a module.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::resample::{pixel_shuffle, pixel_unshuffle, strided_kernel, transposed_kernel};
use super::{Activation, BatchNorm, KernelWeight, Padding, conv2d};

/// What stands at a block's end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Nonlinearity {
    /// Nothing.
    #[default]
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`, the slopes being learned, one a channel (He et al.
    /// 2015, arXiv:1502.01852).
    PRelu,
    /// The same with a slope that is given.
    LeakyRelu(f32),
    /// `1 / (1 + e^−z)`
    Sigmoid,
    /// `tanh z`
    Tanh,
}

/// How a block changes a picture's sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resample {
    /// Not at all.
    #[default]
    None,
    /// Sub-pixel convolution (Shi et al. 2016, arXiv:1609.05158): `scale` times as large, by
    /// `scale²` times the maps, shuffled.
    Shuffle {
        /// The factor.
        scale: usize,
    },
    /// Transposed convolution: `scale` times as large.
    Up {
        /// Its stride.
        scale: usize,
        /// Its padding in pixels of the output.
        padding: usize,
    },
    /// Strided convolution: `scale` times as small; it has to divide the sides.
    Down {
        /// Its stride.
        scale: usize,
        /// Its padding in pixels of the input.
        padding: usize,
    },
}

/// What a block does, beside its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What stands at its end.
    pub nonlinearity: Nonlinearity,
    /// How it changes a picture's sides.
    pub resample: Resample,
    /// Distance between the kernel's taps in pixels; 1 is an ordinary convolution.
    pub dilation: usize,
}

/// A convolution with bias or batch normalisation, and an activation.
#[derive(Module, Debug)]
pub struct ConvBlock {
    pub(super) weight: KernelWeight,
    /// `[out]`
    pub(super) bias: Option<Param<Tensor<1>>>,
    /// `[out]`
    pub(super) slope: Option<Param<Tensor<1>>>,
    pub(super) norm: Option<BatchNorm>,
    #[module(skip)]
    pub(super) settings: Settings,
}

impl ConvBlock {
    /// A block of these parts; a slope belongs to [`Nonlinearity::PRelu`] alone.
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

    /// `[batch, in, h, w]` → `[batch, out, h, w]`; the sides change as [`Resample`] says.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_padded(x, Padding::Same)
    }

    /// The same with other padding.
    pub fn forward_padded(&self, x: Tensor<4>, padding: Padding) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        let dilation = self.settings.dilation;
        let conv =
            |x, weight, bias, activation| conv2d(x, weight, bias, activation, padding, dilation);
        // Normalisation stands between the convolution and its activation.
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
        match &self.norm {
            Some(norm) => self.activation(1).of(norm.forward(maps)),
            None => maps,
        }
    }

    /// The activation; every slope serves for `scale²` channels that follow each other.
    fn activation(&self, scale: usize) -> Activation {
        match self.settings.nonlinearity {
            Nonlinearity::None => Activation::None,
            Nonlinearity::Relu => Activation::Relu,
            Nonlinearity::LeakyRelu(slope) => Activation::LeakyRelu(slope),
            Nonlinearity::Sigmoid => Activation::Sigmoid,
            Nonlinearity::Tanh => Activation::Tanh,
            Nonlinearity::PRelu => match &self.slope {
                Some(slope) => Activation::PRelu(for_phases(slope.val(), scale)),
                None => Activation::None,
            },
        }
    }

    /// Side of the kernel in pixels.
    pub fn kernel_px(&self) -> usize {
        self.weight.kernel_px()
    }
}

/// What is trained in another form than it is used in.
pub trait Fold: Sized {
    /// The form in which it is used.
    fn fold(self) -> Self;
}

impl<T: Fold> Fold for Vec<T> {
    fn fold(self) -> Self {
        self.into_iter().map(T::fold).collect()
    }
}

impl<T: Fold> Fold for Option<T> {
    fn fold(self) -> Self {
        self.map(T::fold)
    }
}

impl ConvBlock {
    /// A block without normalisation and activation whose output is `factor · y + shift`.
    pub(crate) fn rescaled(self, factor: f32, shift: f32) -> Self {
        let weight = self.weight.fold().val().mul_scalar(factor).detach();
        let bias = self.bias.map(|bias| {
            Param::from_tensor(bias.val().mul_scalar(factor).add_scalar(shift).detach())
        });
        Self {
            weight: KernelWeight::Folded(Param::from_tensor(weight)),
            bias,
            ..self
        }
    }
}

impl Fold for ConvBlock {
    /// One weight, one bias, no normalisation.
    fn fold(self) -> Self {
        let weight = self.weight.fold();
        let (weight, bias) = match &self.norm {
            None => (weight, self.bias),
            Some(norm) => {
                let (scale, shift) = norm.scale_and_shift();
                let [channels] = scale.dims();
                let bias = match &self.bias {
                    Some(bias) => bias.val() * scale.clone() + shift,
                    None => shift,
                };
                let weight = weight.val() * scale.reshape([channels, 1, 1, 1]);
                (
                    KernelWeight::Folded(Param::from_tensor(weight.detach())),
                    Some(Param::from_tensor(bias.detach())),
                )
            }
        };
        Self {
            weight,
            bias,
            norm: None,
            ..self
        }
    }
}

/// Each of `[n]` values `scale²` times: `[n·scale²]`.
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
