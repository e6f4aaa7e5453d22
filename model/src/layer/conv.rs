//! The one convolution that networks call.

use burn::tensor::{Tensor, activation, module, ops::ConvOptions};

/// What follows a convolution's bias.
// A tensor is a handle of some hundred bytes; this lives for one call.
#[allow(clippy::large_enum_variant)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(z, 0)`.
    Relu,
    /// `z` where positive, `slope · z` elsewhere (He et al. 2015); slope `[channels]` or `[1]`.
    PRelu(Tensor<1>),
    /// The same with one slope that is given.
    LeakyRelu(f32),
    /// `1 / (1 + e^−z)`
    Sigmoid,
    /// `tanh z`
    Tanh,
}

impl Activation {
    /// Its value for `z`, `[batch, channels, h, w]`.
    pub fn of(self, z: Tensor<4>) -> Tensor<4> {
        match self {
            Self::None => z,
            Self::Relu => activation::relu(z),
            Self::PRelu(slope) => activation::prelu(z, slope),
            Self::LeakyRelu(slope) => activation::leaky_relu(z, slope.into()),
            Self::Sigmoid => activation::sigmoid(z),
            Self::Tanh => activation::tanh(z),
        }
    }
}

/// What stands outside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros: the output is as large as the input.
    Same,
    /// Nothing: the output loses `k − 1` pixels in each direction.
    Valid,
}

/// Convolution, bias and activation.
///
/// `x [batch, in, h, w]`, `weight [out, in, k, k]` with odd k, `bias [out]`
/// → `[batch, out, h, w]`, or `[batch, out, h − k + 1, w − k + 1]` for [`Padding::Valid`]; with a
/// `dilation` of more than 1 the kernel reaches that much further.
///
/// On the flex device, with the feature `train`, it is the project's own operation, as long as
/// there is no dilation; elsewhere Burn's.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    activation: Activation,
    padding: Padding,
    dilation: usize,
) -> Tensor<4> {
    let [_, _, k, _] = weight.dims();
    let margin = match padding {
        Padding::Same => dilation * (k / 2),
        Padding::Valid => 0,
    };
    #[cfg(feature = "train")]
    if dilation == 1 && super::train_op::takes(&x, &weight) {
        let [channels, ..] = weight.dims();
        let device = weight.device();
        let bias = bias.unwrap_or_else(|| Tensor::zeros([channels], &device));
        let (relu, slope, rest) = match activation {
            Activation::Relu => (true, None, Activation::None),
            Activation::PRelu(slope) => (false, Some(slope.expand([channels])), Activation::None),
            Activation::LeakyRelu(slope) => {
                let slope = Tensor::full([channels], slope, &device);
                (false, Some(slope), Activation::None)
            }
            other => (false, None, other),
        };
        return rest.of(super::train_op::conv(x, weight, bias, relu, slope, margin));
    }
    let options = ConvOptions::new([1, 1], [margin, margin], [dilation, dilation], 1);
    activation.of(module::conv2d(x, weight, bias, options))
}
