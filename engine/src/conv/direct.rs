//! Convolution by its definition, written once over [`Simd`].
//!
//! Rows that are read are padded to the right, so that vectors may run past a row's end. What is written is as
//! large as it is: the last vector of a row is written in part.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::FusedActivation;
use super::block::{block_of, finish, tap};
use super::planes::{Part, Source, Target};
use super::simd::Simd;

/// A convolution of one image with bias, activation, and an addition after it.
pub(super) struct Forward<'a> {
    /// The input: the channels of all parts, one after the other.
    pub parts: &'a [Part],
    /// Side of the kernel.
    pub k: usize,
    /// Pixels from one tap to the next.
    pub dilation: usize,
    /// As [`pack`](super::block::pack) leaves them.
    pub weights: &'a [f32],
    /// `[channels_out]`
    pub bias: &'a [f32],
    pub activation: FusedActivation<'a>,
    /// As large as the target.
    pub add: Option<Source>,
    pub target: Target,
    pub channels_out: usize,
}

/// Columns that are read of a row for `columns` of the output, with vectors of `lanes` values.
pub(super) fn columns_read(lanes: usize, columns: usize, k: usize, dilation: usize) -> usize {
    columns.next_multiple_of(lanes) + dilation * (k - 1)
}

/// Runs a [`Forward`].
///
/// # Safety
/// The parts are readable for `target.rows + dilation · (k − 1)` rows of [`columns_read`] columns, and `add` for
/// `target.rows` rows of as many columns as `target` has, rounded up to whole vectors; `weights`, `bias` and
/// slopes are as long as the channels say; `target` has `channels_out` writable planes that nothing else uses;
/// the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn forward<S: Simd>(job: &Forward) {
    // SAFETY: as asked of the caller.
    unsafe {
        // With the side known, the loop over a row's taps is unrolled. A page does without the code: Winograd's
        // filtering does its 3×3 convolutions.
        match [job.k, job.dilation] {
            [3, 1] if cfg!(feature = "train") => forward_rows::<S, 3>(job),
            _ => forward_rows::<S, 0>(job),
        }
    }
}

#[inline(always)]
unsafe fn forward_rows<S: Simd, const K: usize>(job: &Forward) {
    for y in 0..job.target.rows {
        let mut x = 0;
        while x < job.target.columns {
            let vectors = (job.target.columns - x).div_ceil(S::LANES);
            // SAFETY: the vectors start in the row, and its padding covers what lies beyond.
            unsafe {
                match vectors {
                    3.. if S::VECTORS == 3 => forward_columns::<S, 3, K>(job, x, y),
                    2.. => forward_columns::<S, 2, K>(job, x, y),
                    _ => forward_columns::<S, 1, K>(job, x, y),
                }
            }
            x += S::LANES * vectors.min(S::VECTORS);
        }
    }
}

/// N vectors of a row of all output channels: the input's columns stay in the first-level cache meanwhile.
#[inline(always)]
unsafe fn forward_columns<S: Simd, const N: usize, const K: usize>(
    job: &Forward,
    x: usize,
    y: usize,
) {
    let mut first = 0;
    while first < job.channels_out {
        let block = block_of(S::CHANNELS, job.channels_out - first);
        // SAFETY: the channels of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                8 => forward_block::<S, 8, N, K>(job, first, x, y),
                6 => forward_block::<S, 6, N, K>(job, first, x, y),
                4 => forward_block::<S, 4, N, K>(job, first, x, y),
                // The last few channels are not worth the code.
                2 => forward_block::<S, 2, N, 0>(job, first, x, y),
                _ => forward_block::<S, 1, N, 0>(job, first, x, y),
            }
        }
        first += block;
    }
}

/// C output channels × N vectors of a row, all in registers; K columns of the kernel, or 0 for any.
#[inline(always)]
unsafe fn forward_block<S: Simd, const C: usize, const N: usize, const K: usize>(
    job: &Forward,
    first: usize,
    x: usize,
    y: usize,
) {
    let Forward { k, dilation, .. } = *job;
    // SAFETY: indices stay within what `forward` asks for.
    unsafe {
        // A batch's planes are too many for a processor to foresee where it writes next.
        #[cfg(feature = "train")]
        for c in 0..C {
            let Target {
                data, row, plane, ..
            } = job.target;
            for n in 0..N {
                S::prefetch(
                    data.wrapping_add((first + c) * plane + (y + 2) * row + x + n * S::LANES),
                );
            }
        }
        let mut sums = [[S::zero(); N]; C];
        for c in 0..C {
            sums[c] = [S::splat(*job.bias.get_unchecked(first + c)); N];
        }
        let channels_in: usize = job.parts.iter().map(|part| part.channels).sum();
        let mut weight = job.weights.as_ptr().add(first * channels_in * k * k);
        for part in job.parts {
            let source = part.source;
            for channel in 0..part.channels {
                let mut row = source.data.add(channel * source.plane + y * source.row + x);
                for _ in 0..k {
                    if K == 3 {
                        // Written out, as an unrolled loop would leave copies of the sums on the stack.
                        tap::<S, C, N>(&mut sums, row, weight);
                        tap::<S, C, N>(&mut sums, row.add(1), weight.add(C));
                        tap::<S, C, N>(&mut sums, row.add(2), weight.add(2 * C));
                    } else {
                        for kx in 0..k {
                            tap::<S, C, N>(&mut sums, row.add(kx * dilation), weight.add(kx * C));
                        }
                    }
                    weight = weight.add(k * C);
                    // The row after the last one may lie outside of the allocation.
                    row = row.wrapping_add(dilation * source.row);
                }
            }
        }
        if cfg!(feature = "train") {
            // An index that only a loop knows would keep the sums on the stack all along: they are put there once.
            let mut stored = [[[0f32; 16]; N]; C];
            for c in 0..C {
                for n in 0..N {
                    S::store(stored[c][n].as_mut_ptr(), sums[c][n]);
                }
            }
            for c in 0..C {
                let mut sums = [S::zero(); N];
                for n in 0..N {
                    sums[n] = S::load(stored[c][n].as_ptr());
                }
                let place = [first + c, y, x];
                finish::<S, N>(job.activation, job.add, job.target, sums, place);
            }
        } else {
            for c in 0..C {
                let place = [first + c, y, x];
                finish::<S, N>(job.activation, job.add, job.target, sums[c], place);
            }
        }
    }
}
