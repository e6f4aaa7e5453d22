//! Depthwise convolution: each channel has a kernel of its own. Written once over [`Simd`].

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::FusedActivation;
use super::block::finish;
use super::planes::{Source, Target};
use super::simd::Simd;

/// A depthwise convolution of one image with bias, activation, and an addition after it.
pub(super) struct Depthwise<'a> {
    pub source: Source,
    pub channels: usize,
    /// Side of the kernel.
    pub k: usize,
    /// Pixels from one tap to the next.
    pub dilation: usize,
    /// `[channels, k, k]`
    pub weights: &'a [f32],
    /// `[channels]`
    pub bias: &'a [f32],
    pub activation: FusedActivation<'a>,
    /// As large as the target.
    pub add: Option<Source>,
    pub target: Target,
}

/// Vectors of a row that are computed together: enough sums to hide the latency of an addition, and so few that
/// they and the pixels stay in 16 registers.
const VECTORS: usize = 4;

/// Runs a [`Depthwise`].
///
/// # Safety
/// `source` is readable for `target.rows + dilation · (k − 1)` rows of
/// [`columns_read`](super::direct::columns_read) columns, and `add` for `target.rows` rows of as many columns as
/// `target` has, rounded up to whole vectors; `weights`, `bias` and slopes are as long as the channels say;
/// `target` has as many writable planes that nothing else uses; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn depthwise<S: Simd>(job: &Depthwise) {
    for channel in 0..job.channels {
        for y in 0..job.target.rows {
            let mut x = 0;
            while x < job.target.columns {
                let vectors = (job.target.columns - x).div_ceil(S::LANES);
                // SAFETY: the vectors start in the row; the rest is the caller's promise.
                unsafe {
                    if vectors >= VECTORS {
                        block::<S, VECTORS>(job, [channel, y, x]);
                        x += VECTORS * S::LANES;
                    } else {
                        block::<S, 1>(job, [channel, y, x]);
                        x += S::LANES;
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const N: usize>(job: &Depthwise, [channel, y, x]: [usize; 3]) {
    let Depthwise {
        source,
        k,
        dilation,
        ..
    } = *job;
    // SAFETY: indices stay within what `depthwise` asks for.
    unsafe {
        let mut sums = [S::splat(*job.bias.get_unchecked(channel)); N];
        let mut weight = job.weights.as_ptr().add(channel * k * k);
        let mut row = source.data.add(channel * source.plane + y * source.row + x);
        for _ in 0..k {
            for kx in 0..k {
                let w = S::splat(*weight.add(kx));
                let from = row.add(kx * dilation);
                for n in 0..N {
                    sums[n] = S::fma(S::load(from.add(n * S::LANES)), w, sums[n]);
                }
            }
            weight = weight.add(k);
            // The row after the last one may lie outside of the allocation.
            row = row.wrapping_add(dilation * source.row);
        }
        finish::<S, N>(job.activation, job.add, job.target, sums, [channel, y, x]);
    }
}
