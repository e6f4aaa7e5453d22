//! The blocks that networks are made of.

mod block;
mod conv;
mod kernel_weight;
mod pad;
mod skip;
#[cfg(feature = "train")]
mod train_op;

pub use block::ConvBlock;
pub use conv::{Activation, Padding, conv2d};
pub use kernel_weight::{KernelWeight, WideKernel};
pub use pad::{pad_replicate, pad_symmetric};
pub use skip::{BICUBIC_REACH_PX, Skip, add_skip};

#[cfg(feature = "train")]
mod initializer;
#[cfg(feature = "train")]
pub use initializer::Initializer;
