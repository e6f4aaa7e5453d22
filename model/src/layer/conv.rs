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
/// → `[batch, out, h, w]`, or `[batch, out, h − k + 1, w − k + 1]` for [`Padding::Valid`].
///
/// On the flex device, with the feature `train`, it is the project's own operation; elsewhere
/// Burn's.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    activation: Activation,
    padding: Padding,
) -> Tensor<4> {
    let [_, _, k, _] = weight.dims();
    let margin = match padding {
        Padding::Same => k / 2,
        Padding::Valid => 0,
    };
    #[cfg(feature = "train")]
    if super::train_op::takes(&x, &weight) {
        let channels = weight.dims()[0];
        let bias = bias.unwrap_or_else(|| Tensor::zeros([channels], &weight.device()));
        let (relu, slope) = match activation {
            Activation::None => (false, None),
            Activation::Relu => (true, None),
            Activation::PRelu(slope) => (false, Some(slope.expand([channels]))),
        };
        return super::train_op::conv(x, weight, bias, relu, slope, margin);
    }
    let options = ConvOptions::new([1, 1], [margin, margin], [1, 1], 1);
    let z = module::conv2d(x, weight, bias, options);
    match activation {
        Activation::None => z,
        Activation::Relu => activation::relu(z),
        Activation::PRelu(slope) => activation::prelu(z, slope),
    }
}
