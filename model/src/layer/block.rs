//! Convolution, bias and activation as a module.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::{Activation, KernelWeight, Padding, conv2d};

/// A convolution with bias; with slopes its activation is PReLU.
#[derive(Module, Debug)]
pub struct ConvBlock {
    weight: KernelWeight,
    /// `[out]`
    bias: Param<Tensor<1>>,
    /// `[out]`; PReLU (He et al. 2015, arXiv:1502.01852) has one slope a channel.
    slope: Option<Param<Tensor<1>>>,
}

impl ConvBlock {
    /// A block of these parts.
    pub fn new(weight: KernelWeight, bias: Tensor<1>, slope: Option<Tensor<1>>) -> Self {
        Self {
            weight,
            bias: Param::from_tensor(bias),
            slope: slope.map(Param::from_tensor),
        }
    }

    /// A block of zeros, to load a record into: `shape` is `[out, in, k, k]`.
    ///
    /// Written without Burn's initialisers, whose random kernels would make a page's wasm larger.
    pub fn zeros(shape: [usize; 4], prelu: bool, device: &Device) -> Self {
        let [out, ..] = shape;
        Self::new(
            KernelWeight::Folded(Param::from_tensor(Tensor::zeros(shape, device))),
            Tensor::zeros([out], device),
            prelu.then(|| Tensor::zeros([out], device)),
        )
    }

    /// `[batch, in, h, w]` → `[batch, out, h, w]`, then PReLU where there are slopes.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let activation = match &self.slope {
            Some(slope) => Activation::PRelu(slope.val()),
            None => Activation::None,
        };
        self.forward_with(x, activation, Padding::Same)
    }

    /// The same with another activation or padding.
    pub fn forward_with(
        &self,
        x: Tensor<4>,
        activation: Activation,
        padding: Padding,
    ) -> Tensor<4> {
        conv2d(
            x,
            self.weight.val(),
            Some(self.bias.val()),
            activation,
            padding,
        )
    }

    /// Side of the kernel in pixels.
    pub fn kernel_px(&self) -> usize {
        self.weight.kernel_px()
    }

    /// The block with its weight folded.
    pub fn fold(self) -> Self {
        Self {
            weight: self.weight.fold(),
            ..self
        }
    }
}
