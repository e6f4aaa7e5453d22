//! A convolution with a bounded spectral norm, for discriminators.

use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData, module};
use engine::graph::{Activation, Padding};

use super::{Layers, activate, conv2d};

/// Steps of the power iteration that finds the norm. Other implementations keep its vector from step to step and take
/// one each time; from a fixed vector, ten find the norm of random kernels to a few percent.
const ITERATIONS: usize = 10;

/// A convolution without bias whose weight is divided by its spectral norm, the largest singular value of the matrix
/// `[out, in·k·k]` (Miyato et al. 2018, arXiv:1802.05957). A kernel of 4×4 px halves the sides.
#[derive(Module, Debug)]
pub struct SpectralConv {
    /// `[out, in, k, k]`
    weight: Param<Tensor<4>>,
}

impl SpectralConv {
    /// A convolution of this shape `[out, in, k, k]` with k = 3 or 4.
    pub fn new(layers: &mut Layers, shape: [usize; 4]) -> Self {
        let [_, channels_in, k, _] = shape;
        Self {
            weight: layers.weight(shape, channels_in * k * k, 2.0),
        }
    }

    /// `[batch, in, h, w]` → `[batch, out, h, w]`, or `[batch, out, h / 2, w / 2]`, with an activation.
    pub fn forward(&self, x: Tensor<4>, activation: Activation<Tensor<1>>) -> Tensor<4> {
        let weight = self.normalised();
        if weight.dims()[2] == 4 {
            let options = ConvOptions::new([2, 2], [1, 1], [1, 1], 1);
            return activate(activation, module::conv2d(x, weight, None, options));
        }
        conv2d(x, weight, None, activation, Padding::Same, 1)
    }

    /// The weight, divided by its norm.
    fn normalised(&self) -> Tensor<4> {
        let weight = self.weight.val();
        let [outputs, inputs, k, _] = weight.dims();
        let matrix: Tensor<2> = weight.clone().reshape([outputs, inputs * k * k]);
        let fixed = matrix.clone().detach();
        let unit = |x: Tensor<2>| {
            let length = (x.clone() * x.clone()).sum().sqrt().add_scalar(1e-12);
            x / length.reshape([1, 1])
        };
        // Any start that is not orthogonal to the largest singular vector.
        let start: Vec<f32> = (0..outputs).map(|i| 1.0 + (i * 37 % 11) as f32).collect();
        let start = TensorData::new(start, [1, outputs]);
        let mut left = unit(Tensor::from_data(start, &weight.device()));
        let mut right = unit(left.clone().matmul(fixed.clone()));
        for _ in 0..ITERATIONS {
            left = unit(right.clone().matmul(fixed.clone().transpose()));
            right = unit(left.clone().matmul(fixed.clone()));
        }
        // The vectors are constants; the norm depends on the weight.
        let norm = left.matmul(matrix).matmul(right.transpose());
        weight / norm.reshape([1, 1, 1, 1])
    }
}
