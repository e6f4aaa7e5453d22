//! The project's own convolution on the CPU: for training, forward and the gradients of everything;
//! for the page and the command line, forward with rows that come in one after the other.
//!
//! NCHW, stride 1, odd kernels, bias and activation included. What is read has zeros around it. One
//! design of loops is compiled for each instruction set. In training, each picture is
//! copied once into a scratch; threads share out pictures and bands of rows, and sums over pictures
//! are made in their order, so that results do not depend on how many threads there are.
//!
//! All `unsafe` of this crate lives here.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod depthwise;
mod direct;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod planes;
mod row_conv;
mod rows;
#[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
mod scalar;
mod scratch;
mod simd;
#[cfg(all(target_family = "wasm", target_feature = "simd128"))]
mod simd128;
#[cfg(test)]
mod tests;
#[cfg(feature = "train")]
pub mod train;
mod winograd;

pub use isa::Isa;
use isa::on;
pub use row_conv::{RowConv, RowConvShape};
pub use rows::Rows;
pub use scratch::Scratch;

/// An activation that kernels apply before they store a value.
#[derive(Clone, Copy, Debug)]
pub enum FusedActivation<'a> {
    /// The value itself.
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`; one slope for each channel.
    PRelu(&'a [f32]),
}
