//! The building blocks of networks.

mod batch_norm;
mod conv;
mod conv_block;
mod dense;
mod kernel_weight;
mod layers;
mod pad;
mod resample;
mod skip;
#[cfg(feature = "train")]
mod spectral_conv;
#[cfg(feature = "train")]
mod train_op;

use engine::graph::Activation;

pub use batch_norm::BatchNorm;
pub use conv::{activate, conv2d};
pub use conv_block::{ConvBlock, Folded, Resample, Settings};
pub use dense::Dense;
pub use kernel_weight::{KernelWeight, ThreeKernels, WideKernel};
pub use layers::{ConvConfig, Layers};
pub use pad::pad;
pub use resample::{pixel_shuffle, pixel_unshuffle, strided_kernel, transposed_kernel};
pub use skip::{Skip, add_skip};
#[cfg(feature = "train")]
pub use spectral_conv::SpectralConv;

/// PReLU with a learned slope per channel (He et al. 2015, arXiv:1502.01852).
pub const PRELU: Activation<()> = Activation::PRelu(());
