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
    /// Three convolutions in a row and one beside them that are trained and then folded into one weight.
    Three(ThreeKernels),
}

/// The re-parameterised convolution of SPAN (Wan et al. 2024, arXiv:2311.12770): a 1×1, a k×k and another 1×1
/// convolution in a row, and a 1×1 convolution beside them. Folded like [`WideKernel`].
#[derive(Module, Debug)]
pub struct ThreeKernels {
    /// `[gain·in, in]`
    first: Param<Tensor<2>>,
    /// `[gain·out, gain·in, k, k]`
    middle: Param<Tensor<4>>,
    /// `[out, gain·out]`
    last: Param<Tensor<2>>,
    /// `[out, in]`
    beside: Param<Tensor<2>>,
}

impl ThreeKernels {
    /// Makes it of `first [gain·in, in]`, `middle [gain·out, gain·in, k, k]`, `last [out, gain·out]` and
    /// `beside [out, in]`.
    pub fn new(
        first: Param<Tensor<2>>,
        middle: Param<Tensor<4>>,
        last: Param<Tensor<2>>,
        beside: Param<Tensor<2>>,
    ) -> Self {
        Self {
            first,
            middle,
            last,
            beside,
        }
    }

    /// The equivalent k×k weight, `[out, in, k, k]`.
    pub fn folded(&self) -> Tensor<4> {
        let (middle, beside) = (self.middle.val(), self.beside.val());
        let ([wide_out, wide_in, k, _], [out, channels_in]) = (middle.dims(), beside.dims());
        let device = beside.device();
        let taps = middle.permute([0, 2, 3, 1]);
        let taps = taps.reshape([wide_out * k * k, wide_in]);
        let narrow = taps.matmul(self.first.val());
        let narrow = narrow.reshape([wide_out, k, k, channels_in]);
        let narrow = narrow.permute([0, 3, 1, 2]);
        let narrow = narrow.reshape([wide_out, channels_in * k * k]);
        let weight = self.last.val().matmul(narrow);
        let centre = identity_kernel(1, k, &device);
        weight.reshape([out, channels_in, k, k]) + beside.reshape([out, channels_in, 1, 1]) * centre
    }
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
            Self::Three(three) => three.folded(),
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
            Self::Three(three) => {
                let [out, channels_in] = three.beside.lazy_shape().dims();
                let [_, _, rows, columns] = three.middle.lazy_shape().dims();
                [out, channels_in, rows, columns]
            }
        }
    }

    /// Side of the kernel in pixels.
    pub fn kernel_px(&self) -> usize {
        self.shape()[3]
    }
}
