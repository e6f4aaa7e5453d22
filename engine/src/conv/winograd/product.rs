//! The products of Winograd's filtering: at each position a matrix of weights times a matrix of tiles.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use crate::conv::block::{block_of, tap};
use crate::conv::planes::Source;
use crate::conv::simd::Simd;

/// One position: of all input channels to all output channels.
pub(in crate::conv) struct Product<'a> {
    /// `[channels_in, tiles]`
    pub source: Source,
    pub channels_in: usize,
    pub tiles: usize,
    /// As [`pack`](crate::conv::block::pack) leaves them, for one tap.
    pub weights: &'a [f32],
    /// `[channels_out]`, or empty for zeros.
    pub bias: &'a [f32],
    /// `[channels_out, tiles]`
    pub target: *mut f32,
    /// Values from one channel of the target to the next.
    pub plane: usize,
    pub channels_out: usize,
}

/// Runs a [`Product`].
///
/// # Safety
/// `source` is readable and `target` writable for `tiles` rounded up to whole vectors; `weights` and
/// `bias` are as long as the channels say; nothing else uses `target`; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn product<S: Simd>(job: &Product) {
    let mut first = 0;
    while first < job.channels_out {
        let block = block_of(S::CHANNELS, job.channels_out - first);
        // SAFETY: the channels of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                8 => product_channels::<S, 8>(job, first),
                6 => product_channels::<S, 6>(job, first),
                4 => product_channels::<S, 4>(job, first),
                2 => product_channels::<S, 2>(job, first),
                _ => product_channels::<S, 1>(job, first),
            }
        }
        first += block;
    }
}

#[inline(always)]
unsafe fn product_channels<S: Simd, const C: usize>(job: &Product, first: usize) {
    let mut tile = 0;
    while tile < job.tiles {
        let vectors = (job.tiles - tile).div_ceil(S::LANES);
        // Four are two pairs: a single vector leaves most of the sums' registers idle.
        let vectors = if vectors == 4 {
            2
        } else {
            vectors.min(S::VECTORS)
        };
        // SAFETY: the vectors start among the tiles.
        unsafe {
            match vectors {
                3 if S::VECTORS == 3 => product_block::<S, C, 3>(job, first, tile),
                2 => product_block::<S, C, 2>(job, first, tile),
                _ => product_block::<S, C, 1>(job, first, tile),
            }
        }
        tile += S::LANES * vectors;
    }
}

#[inline(always)]
unsafe fn product_block<S: Simd, const C: usize, const N: usize>(
    job: &Product,
    first: usize,
    tile: usize,
) {
    // SAFETY: indices stay within what `product` asks for.
    unsafe {
        let mut sums = [[S::zero(); N]; C];
        if !job.bias.is_empty() {
            for c in 0..C {
                sums[c] = [S::splat(*job.bias.get_unchecked(first + c)); N];
            }
        }
        let mut weight = job.weights.as_ptr().add(first * job.channels_in);
        let mut from = job.source.data.add(tile);
        let plane = job.source.plane;
        let mut left = job.channels_in;
        // A page's compiler would load the pixels of all four before it uses any.
        while !cfg!(target_family = "wasm") && left >= 4 {
            tap::<S, C, N>(&mut sums, from, weight);
            tap::<S, C, N>(&mut sums, from.add(plane), weight.add(C));
            tap::<S, C, N>(&mut sums, from.add(2 * plane), weight.add(2 * C));
            tap::<S, C, N>(&mut sums, from.add(3 * plane), weight.add(3 * C));
            weight = weight.add(4 * C);
            from = from.add(4 * plane);
            left -= 4;
        }
        for _ in 0..left {
            tap::<S, C, N>(&mut sums, from, weight);
            weight = weight.add(C);
            from = from.add(plane);
        }
        for c in 0..C {
            let to = job.target.add((first + c) * job.plane + tile);
            for n in 0..N {
                S::store(to.add(n * S::LANES), sums[c][n]);
            }
        }
    }
}
