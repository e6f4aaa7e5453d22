//! Blocks of output channels and vectors that stay in registers, and the parts of kernels that work on them.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::FusedActivation;
use super::planes::{Source, Target};
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

/// The activation of one channel, prepared for vectors of it.
#[derive(Clone, Copy)]
pub(super) enum Activate<V> {
    /// `z`
    None,
    /// `max(z, 0)`
    Relu,
    /// `max(z, slope · z)`: PReLU with a slope of at most 1.
    Max(V),
    /// `min(z, slope · z)`: PReLU with a larger slope.
    Min(V),
}

impl<V: Copy> Activate<V> {
    /// # Safety
    /// There are more slopes than `channel`; the processor has the instruction set.
    #[inline(always)]
    pub unsafe fn of<S: Simd<V = V>>(activation: FusedActivation, channel: usize) -> Self {
        match activation {
            FusedActivation::None => Self::None,
            FusedActivation::Relu => Self::Relu,
            FusedActivation::PRelu(slopes) => {
                // SAFETY: as asked of the caller.
                let slope = unsafe { *slopes.get_unchecked(channel) };
                // SAFETY: as asked of the caller.
                unsafe { Self::leaky::<S>(slope) }
            }
        }
    }

    /// `z` where positive, else `slope · z`.
    ///
    /// # Safety
    /// The processor has the instruction set.
    #[inline(always)]
    pub unsafe fn leaky<S: Simd<V = V>>(slope: f32) -> Self {
        // SAFETY: as asked of the caller.
        let all = unsafe { S::splat(slope) };
        if slope > 1.0 {
            Self::Min(all)
        } else {
            Self::Max(all)
        }
    }

    /// # Safety
    /// The processor has the instruction set.
    #[inline(always)]
    pub unsafe fn apply<S: Simd<V = V>, const N: usize>(self, z: [V; N]) -> [V; N] {
        // SAFETY: as asked of the caller.
        unsafe {
            match self {
                Self::None => z,
                Self::Relu => z.map(|z| S::max(z, S::zero())),
                Self::Max(slope) => z.map(|z| S::max(z, S::mul(z, slope))),
                Self::Min(slope) => z.map(|z| S::min(z, S::mul(z, slope))),
            }
        }
    }
}

/// Applies the activation and the addition to N vectors of sums from `[channel, y, x]` on, and stores the columns
/// that the target has.
///
/// # Safety
/// There are more slopes than `channel`; `added`, if any, is readable for N vectors there, and `target` writable for
/// its columns; the processor has the instruction set.
#[inline(always)]
pub(super) unsafe fn finish<S: Simd, const N: usize>(
    activation: FusedActivation,
    added: Option<Source>,
    target: Target,
    sums: [S::V; N],
    [channel, y, x]: [usize; 3],
) {
    // SAFETY: as asked of the caller.
    unsafe {
        let values = Activate::of::<S>(activation, channel).apply::<S, N>(sums);
        let row = target.data.add(channel * target.plane + y * target.row);
        for n in 0..N {
            let x = x + n * S::LANES;
            let v = add::<S>(added, values[n], [channel, y, x]);
            store_part::<S>(row.add(x), v, target.columns - x);
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
