//! The blocks that networks are made of.

mod batch_norm;
mod conv;
mod conv_block;
mod dense;
mod kernel_weight;
mod layers;
mod pad;
mod planned;
mod resample;
mod skip;
#[cfg(feature = "train")]
mod train_op;

pub use batch_norm::BatchNorm;
pub use conv::{Activation, Padding, conv2d};
pub use conv_block::{ConvBlock, Fold, Nonlinearity, Resample, Settings};
pub use dense::Dense;
pub use kernel_weight::{KernelWeight, WideKernel};
pub use layers::{Conv, Layers};
pub use pad::{pad_replicate, pad_symmetric};
pub use planned::NoPlan;
pub(crate) use planned::{Paths, Values};
pub use resample::{pixel_shuffle, pixel_unshuffle, strided_kernel, transposed_kernel};
pub use skip::{BICUBIC_REACH_PX, Skip, add_skip, plan_skip};
