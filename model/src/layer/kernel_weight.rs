//! The weight of a convolution, in training and in inference.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// The weight of a convolution, `[out, in, k, k]`: either stored as such or computed from a wide block.
#[derive(Module, Debug)]
pub enum KernelWeight {
    /// The weight itself, as records store it.
    Folded(Param<Tensor<4>>),
    /// A wide linear block that is trained and then folded into one weight.
    Wide(WideKernel),
}

/// The collapsible linear block of SESR (Bhardwaj et al. 2022, arXiv:2103.09404): a k×k convolution to many maps, a 1×1
/// convolution back, and an identity if the shapes allow one.
///
/// Since all of it is linear, it equals a single k×k convolution. Each training step folds it, at the cost of a small
/// matrix product, and runs only the folded convolution.
#[derive(Module, Debug)]
pub struct WideKernel {
    /// `[wide, in, k, k]`
    expand: Param<Tensor<4>>,
    /// `[out, wide]`
    squeeze: Param<Tensor<2>>,
    identity: bool,
}

impl WideKernel {
    /// Makes a block of `expand [wide, in, k, k]` and `squeeze [out, wide]`.
    ///
    /// It includes the identity if `in` equals `out`.
    pub fn new(expand: Param<Tensor<4>>, squeeze: Param<Tensor<2>>) -> Self {
        let identity = expand.lazy_shape()[1] == squeeze.lazy_shape()[0];
        Self {
            expand,
            squeeze,
            identity,
        }
    }

    /// The equivalent k×k weight, `[out, in, k, k]`.
    pub fn folded(&self) -> Tensor<4> {
        let expand = self.expand.val();
        let [wide, channels_in, k, _] = expand.dims();
        let squeeze = self.squeeze.val();
        let channels_out = squeeze.dims()[0];
        let device = squeeze.device();
        let weight = squeeze
            .matmul(expand.reshape([wide, channels_in * k * k]))
            .reshape([channels_out, channels_in, k, k]);
        if self.identity {
            weight + identity_kernel(channels_in, k, &device)
        } else {
            weight
        }
    }
}

/// Weight of the identity convolution, `[channels, channels, k, k]`.
fn identity_kernel(channels: usize, k: usize, device: &Device) -> Tensor<4> {
    let mut weight = vec![0f32; channels * channels * k * k];
    for c in 0..channels {
        weight[(c * channels + c) * k * k + k * k / 2] = 1.0;
    }
    Tensor::from_data(TensorData::new(weight, [channels, channels, k, k]), device)
}

impl KernelWeight {
    /// The weight, `[out, in, k, k]`.
    pub fn val(&self) -> Tensor<4> {
        match self {
            Self::Folded(weight) => weight.val(),
            Self::Wide(wide) => wide.folded(),
        }
    }

    /// Shape of the folded weight.
    pub fn shape(&self) -> [usize; 4] {
        match self {
            Self::Folded(weight) => weight.lazy_shape().dims(),
            Self::Wide(wide) => {
                let [out, _] = wide.squeeze.lazy_shape().dims();
                let [_, channels_in, rows, columns] = wide.expand.lazy_shape().dims();
                [out, channels_in, rows, columns]
            }
        }
    }

    /// Side of the kernel in pixels.
    pub fn kernel_px(&self) -> usize {
        self.shape()[3]
    }
}
