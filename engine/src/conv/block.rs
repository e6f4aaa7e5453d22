//! Blocks of output channels and vectors that stay in registers, and the parts of kernels that work on them.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::FusedActivation;
use super::planes::Source;
use super::simd::Simd;

/// How many output channels are computed together when `left` are left; `most` is the instruction set's: 8, 6 or 4.
pub(super) fn block_of(most: usize, left: usize) -> usize {
    match left {
        8.. if most >= 8 => 8,
        6.. if most == 6 => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Weights `[out, in, k, k]`, read through `at(out, in, tap)`, in the order in which kernels use them: block of
/// output channels, input channel, tap, output channel in the block. `most` is the instruction set's.
pub(super) fn pack(
    most: usize,
    channels_out: usize,
    channels_in: usize,
    taps: usize,
    at: impl Fn(usize, usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(channels_out * channels_in * taps);
    let mut first = 0;
    while first < channels_out {
        let block = block_of(most, channels_out - first);
        for channel_in in 0..channels_in {
            for tap in 0..taps {
                packed.extend((first..first + block).map(|out| at(out, channel_in, tap)));
            }
        }
        first += block;
    }
    packed
}

/// Adds one tap of the kernel: N vectors of pixels times C weights.
///
/// # Safety
/// `row` is readable for N vectors, `weight` for C values; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn tap<S: Simd, const C: usize, const N: usize>(
    sums: &mut [[S::V; N]; C],
    row: *const f32,
    weight: *const f32,
) {
    // SAFETY: as asked of the caller.
    unsafe {
        let mut pixels = [S::zero(); N];
        for n in 0..N {
            pixels[n] = S::load(row.add(n * S::LANES));
        }
        let weights = S::splat_each::<C>(weight);
        for c in 0..C {
            for n in 0..N {
                sums[c][n] = S::fma(pixels[n], weights[c], sums[c][n]);
            }
        }
    }
}

/// # Safety
/// There are more slopes than `channel`; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn activate<S: Simd>(
    activation: FusedActivation,
    z: S::V,
    channel: usize,
) -> S::V {
    // SAFETY: as asked of the caller.
    unsafe {
        match activation {
            FusedActivation::None => z,
            FusedActivation::Relu => S::positive_or(z, S::zero()),
            FusedActivation::PRelu(slopes) => {
                let slope = *slopes.get_unchecked(channel);
                S::positive_or(z, S::mul(z, S::splat(slope)))
            }
        }
    }
}

/// # Safety
/// `source` has a vector at that channel, row and column; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn add<S: Simd>(
    source: Option<Source>,
    v: S::V,
    [channel, y, x]: [usize; 3],
) -> S::V {
    let Some(source) = source else { return v };
    // SAFETY: as asked of the caller.
    unsafe {
        let from = source.data.add(channel * source.plane + y * source.row + x);
        S::add(v, S::load(from))
    }
}

/// Stores a vector, or its first `room` values where that is less.
///
/// # Safety
/// `room` values are writable at `to`; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn store_part<S: Simd>(to: *mut f32, v: S::V, room: usize) {
    // SAFETY: as asked of the caller; the longest vector has sixteen values.
    unsafe {
        if room >= S::LANES {
            S::store(to, v);
        } else {
            let mut lanes = [0f32; 16];
            S::store(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, room);
        }
    }
}
