//! Batch normalisation, which is folded into the preceding convolution.

use burn::module::{Module, Param, RunningState};
use burn::tensor::Tensor;

/// Weight of the newest batch in the running statistics (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// Added to the variance, so that the division stays finite (PyTorch's default).
const EPSILON: f64 = 1e-5;

/// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167). Training uses the statistics of the batch, inference
/// the running ones.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// `[channels]`
    gamma: Param<Tensor<1>>,
    /// `[channels]`
    beta: Param<Tensor<1>>,
    /// `[channels]`
    mean: RunningState<Tensor<1>>,
    /// `[channels]`: the unbiased variance, as in PyTorch.
    variance: RunningState<Tensor<1>>,
}

impl BatchNorm {
    /// Starts as the identity. `zeros [channels]` provides the shape and the device.
    pub fn new(zeros: Tensor<1>) -> Self {
        Self {
            gamma: Param::from_tensor(zeros.ones_like()),
            beta: Param::from_tensor(zeros.clone()),
            mean: RunningState::new(zeros.clone()),
            variance: RunningState::new(zeros.ones_like()),
        }
    }

    /// `[batch, channels, h, w]` → the same shape. On a device with autodiff, it uses the batch's statistics and
    /// updates the running ones.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let plane = |values: Tensor<1>| values.reshape([1, channels, 1, 1]);
        if !x.device().is_autodiff() {
            let (scale, shift) = self.scale_and_shift();
            return x * plane(scale) + plane(shift);
        }
        let count = (batch * height * width) as f64;
        let rows = x
            .clone()
            .swap_dims(0, 1)
            .reshape([channels, batch * height * width]);
        let mean = rows.clone().mean_dim(1);
        let centred = rows - mean.clone();
        let variance = (centred.clone() * centred).mean_dim(1);
        let unbiased = variance.clone().mul_scalar(count / (count - 1.0).max(1.0));
        for (state, now) in [(&self.mean, mean.clone()), (&self.variance, unbiased)] {
            let before = state.value_sync().mul_scalar(1.0 - MOMENTUM);
            let now = now.reshape([channels]).detach().mul_scalar(MOMENTUM);
            state.update(before + now);
        }
        let scale = self.gamma.val() / variance.reshape([channels]).add_scalar(EPSILON).sqrt();
        let shift = self.beta.val() - mean.reshape([channels]) * scale.clone();
        x * plane(scale) + plane(shift)
    }

    /// Factor and offset of inference, each `[channels]`.
    pub fn scale_and_shift(&self) -> (Tensor<1>, Tensor<1>) {
        let scale = self.gamma.val() / self.variance.value_sync().add_scalar(EPSILON).sqrt();
        let shift = self.beta.val() - self.mean.value_sync() * scale.clone();
        (scale, shift)
    }
}
