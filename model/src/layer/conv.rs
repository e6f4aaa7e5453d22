//! The convolution that all networks use.

use burn::tensor::{Tensor, activation, module, ops::ConvOptions};
use engine::graph::{Activation, Padding};

/// Applies an activation to `z [batch, channels, h, w]`; PReLU's slopes are `[channels]` or `[1]`.
pub fn activate(activation: Activation<Tensor<1>>, z: Tensor<4>) -> Tensor<4> {
    match activation {
        Activation::None => z,
        Activation::Relu => activation::relu(z),
        Activation::PRelu(slopes) => activation::prelu(z, slopes),
        Activation::LeakyRelu(slope) => activation::leaky_relu(z, slope.into()),
        Activation::Sigmoid => activation::sigmoid(z),
        Activation::Tanh => activation::tanh(z),
        Activation::Silu => activation::silu(z),
        Activation::Gelu => activation::gelu(z),
        Activation::Clamp { low, high } => z.clamp(low, high),
    }
}

/// Convolution, bias and activation.
///
/// `x [batch, in, h, w]`, `weight [out, in / groups, k, k]` with odd k, `bias [out]`
/// → `[batch, out, h, w]`, or `[batch, out, h − d·(k − 1), w − d·(k − 1)]` for [`Padding::Valid`] and the
/// dilation d.
///
/// On the flex device, with the feature `train`, without dilation and groups, the project's own operation computes it;
/// otherwise Burn's does.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    activation: Activation<Tensor<1>>,
    padding: Padding,
    dilation: usize,
) -> Tensor<4> {
    let [_, channels_in, k, _] = weight.dims();
    let groups = x.dims()[1] / channels_in;
    let margin = match padding {
        Padding::Same => dilation * (k / 2),
        Padding::Valid => 0,
    };
    #[cfg(feature = "train")]
    if dilation == 1 && groups == 1 && super::train_op::takes(&x, &weight) {
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
        return activate(
            rest,
            super::train_op::conv(x, weight, bias, relu, slope, margin),
        );
    }
    let options = ConvOptions::new([1, 1], [margin, margin], [dilation, dilation], groups);
    activate(activation, module::conv2d(x, weight, bias, options))
}
