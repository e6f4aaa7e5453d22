//! Convolution on the CPU: inference with rows that arrive one after the other, and training with whole batches.
//!
//! Planes `[channels, rows, columns]`, stride 1, odd kernels, with bias and activation. Each kernel is written once
//! over a trait of vector operations and compiled for each instruction set.
//!
//! | kernel | for |
//! |---|---|
//! | `winograd` | 3×3 without groups and dilation: 36 multiplications where the definition takes 144 |
//! | `depthwise` | as many groups as channels |
//! | `direct` | all others |
//! | `train` | whole batches, and gradients: Winograd's filtering too, with channels instead of tiles in a vector |
//!
//! All `unsafe` of this crate lives here. Kernels work on pointers; [`Rows`] checks each area that a kernel reads or
//! writes before it makes a pointer to it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod depthwise;
mod direct;
mod functions;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod planes;
mod pointwise;
mod row_conv;
mod rows;
#[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
mod scalar;
mod scratch;
mod share;
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
pub use pointwise::activate;
pub use row_conv::{Ending, RowConv, RowConvShape};
pub use rows::{Rows, Span, row_bytes};
pub use scratch::Scratch;
pub use share::Threads;

use crate::graph::Activation;

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

impl<'a> FusedActivation<'a> {
    /// The activation, if it is one of these.
    pub fn of(activation: &'a Activation) -> Option<Self> {
        match activation {
            Activation::None => Some(Self::None),
            Activation::Relu => Some(Self::Relu),
            Activation::PRelu(slopes) => Some(Self::PRelu(slopes)),
            Activation::LeakyRelu(_)
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Silu
            | Activation::Gelu
            | Activation::Clamp { .. } => None,
        }
    }
}
