//! Convolution of whole batches for training: forward pass and the gradients of everything.
//!
//! 3×3 convolutions are computed by Winograd's filtering in `tiles` and `tile_gradients`, others by their definition.
//! Gradients of kernels are products of matrices either way, for which channels of a pixel lie side by side.
//!
//! Threads share images and bands of rows; sums over images are taken in the images' order, so that results do not
//! depend on the number of threads. Memory beside inputs and results belongs to a thread, and is reused.

mod backward;
mod convolution;
mod forward;
pub(super) mod gradient_loops;
mod kernel_sums;
mod output_gradient;
mod padded;
pub(super) mod pixels;
pub(super) mod products;
mod scratch;
#[cfg(test)]
mod tests;
mod tile_gradients;
pub(super) mod tile_loops;
mod tiles;

pub use backward::Gradients;
pub use convolution::{Convolution, Shape};
use convolution::{Shared, filled};
