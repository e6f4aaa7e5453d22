//! A convolution's weight, as it is trained and as it is used.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// A convolution's weight `[out, in, k, k]`: as it is, or as the product of a wide block.
#[derive(Module, Debug)]
pub enum KernelWeight {
    /// The weight itself: what a record holds.
    Folded(Param<Tensor<4>>),
    /// A wide linear block that folds to one weight: what is trained.
    Wide(WideKernel),
}

/// The collapsible linear block of SESR (Bhardwaj et al. 2022, arXiv:2103.09404): a k×k
/// convolution to many maps, a 1×1 convolution back, and an identity where shapes allow.
///
/// All of it is linear, so it equals one k×k convolution. It is folded at every training step,
/// which costs a small matrix product, and never runs in its wide form.
#[derive(Module, Debug)]
pub struct WideKernel {
    /// `[wide, in, k, k]`
    expand: Param<Tensor<4>>,
    /// `[out, wide]`
    squeeze: Param<Tensor<2>>,
    identity: bool,
}

impl WideKernel {
    /// A block that has its parts: `expand [wide, in, k, k]`, `squeeze [out, wide]`.
    ///
    /// The identity is added where `in` equals `out`.
    pub fn new(expand: Param<Tensor<4>>, squeeze: Param<Tensor<2>>) -> Self {
        let identity = expand.lazy_shape()[1] == squeeze.lazy_shape()[0];
        Self {
            expand,
            squeeze,
            identity,
        }
    }

    /// The k×k weight `[out, in, k, k]` that this block equals.
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

/// The weight of a convolution that changes nothing: `[channels, channels, k, k]`.
fn identity_kernel(channels: usize, k: usize, device: &Device) -> Tensor<4> {
    let mut weight = vec![0f32; channels * channels * k * k];
    for c in 0..channels {
        weight[(c * channels + c) * k * k + k * k / 2] = 1.0;
    }
    Tensor::from_data(TensorData::new(weight, [channels, channels, k, k]), device)
}

impl KernelWeight {
    /// The weight `[out, in, k, k]`.
    pub fn val(&self) -> Tensor<4> {
        match self {
            Self::Folded(weight) => weight.val(),
            Self::Wide(wide) => wide.folded(),
        }
    }

    /// The shape of the folded weight.
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
