//! The convolution's loops, written once over [`Simd`].
//!
//! Pictures are planes `[channels, rows, columns]`. What is read lies in a scratch
//! ([`super::scratch`]) whose rows are padded with zeros to the right, so that vectors may run past
//! a row's end; what is written is as large as it is, so that last vectors are written in part.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::simd::Simd;

/// What follows the bias.
#[derive(Clone, Copy)]
pub(super) enum Activation {
    None,
    Relu,
    /// One slope a channel.
    PRelu(*const f32),
}

/// Planes to read from.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub data: *const f32,
    /// From one row to the next.
    pub row: usize,
    /// From one plane to the next.
    pub plane: usize,
}

/// Planes to write to.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub data: *mut f32,
    /// From one row to the next.
    pub row: usize,
    /// From one plane to the next.
    pub plane: usize,
    pub rows: usize,
    pub columns: usize,
}

/// A convolution of one picture; bias, activation and what is added after it included.
pub(super) struct Forward {
    pub source: Source,
    pub channels_in: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// As [`pack`] leaves them.
    pub weights: *const f32,
    /// One a channel.
    pub bias: *const f32,
    pub activation: Activation,
    /// As large as the target.
    pub add: Option<Source>,
    pub target: Target,
    pub channels_out: usize,
}

/// How many output channels are computed together when `left` are left.
pub(super) fn block_of(wide: bool, left: usize) -> usize {
    match left {
        8.. if wide => 8,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Weights `[out, in, k, k]`, read through `at(out, in, tap)`, in the order in which the loops use
/// them: block of output channels, input channel, tap, output channel in the block.
pub(super) fn pack(
    wide: bool,
    channels_out: usize,
    channels_in: usize,
    taps: usize,
    at: impl Fn(usize, usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(channels_out * channels_in * taps);
    let mut first = 0;
    while first < channels_out {
        let block = block_of(wide, channels_out - first);
        for channel_in in 0..channels_in {
            for tap in 0..taps {
                packed.extend((first..first + block).map(|out| at(out, channel_in, tap)));
            }
        }
        first += block;
    }
    packed
}

/// Runs a [`Forward`].
///
/// # Safety
/// `source` has `channels_in` planes of `target.rows` and one less than the kernel's rows, each
/// readable for the columns of `target` rounded up to whole vectors, and one less than the kernel's;
/// `add` is readable for as many as `target` has, rounded up; `weights`, `bias` and slopes are as long
/// as the channels say; `target` has `channels_out` writable planes that nobody else uses.
#[inline(always)]
pub(super) unsafe fn forward<S: Simd>(job: &Forward) {
    // SAFETY: as asked of the caller.
    unsafe {
        // With the number of columns known, their loop is unrolled. A page does without the code: its
        // 3×3 convolutions are Winograd's.
        match job.kernel[1] {
            3 if cfg!(feature = "train") => forward_rows::<S, 3>(job),
            _ => forward_rows::<S, 0>(job),
        }
    }
}

#[inline(always)]
unsafe fn forward_rows<S: Simd, const K: usize>(job: &Forward) {
    for y in 0..job.target.rows {
        let mut first = 0;
        while first < job.channels_out {
            let block = block_of(S::WIDE, job.channels_out - first);
            // SAFETY: the channels of the block exist; the rest is the caller's promise.
            unsafe {
                match block {
                    8 => forward_channels::<S, 8, K>(job, first, y),
                    4 => forward_channels::<S, 4, K>(job, first, y),
                    // The last few channels are not worth the code.
                    2 => forward_channels::<S, 2, 0>(job, first, y),
                    _ => forward_channels::<S, 1, 0>(job, first, y),
                }
            }
            first += block;
        }
    }
}

#[inline(always)]
unsafe fn forward_channels<S: Simd, const C: usize, const K: usize>(
    job: &Forward,
    first: usize,
    y: usize,
) {
    let mut x = 0;
    while x < job.target.columns {
        let vectors = (job.target.columns - x).div_ceil(S::LANES);
        // SAFETY: the vectors start in the row, and its padding covers what lies beyond.
        unsafe {
            match vectors {
                3.. if S::WIDE => forward_block::<S, C, 3, K>(job, first, x, y),
                2.. => forward_block::<S, C, 2, K>(job, first, x, y),
                _ => forward_block::<S, C, 1, K>(job, first, x, y),
            }
        }
        x += S::LANES * vectors.min(if S::WIDE { 3 } else { 2 });
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
    let Forward { source, .. } = *job;
    let [rows, columns] = job.kernel;
    let columns = if K == 0 { columns } else { K };
    // SAFETY: indices stay within what `forward` asks for.
    unsafe {
        let mut sums = [[S::zero(); N]; C];
        for c in 0..C {
            sums[c] = [S::splat(*job.bias.add(first + c)); N];
        }
        let mut weight = job.weights.add(first * job.channels_in * rows * columns);
        for channel in 0..job.channels_in {
            let mut row = source.data.add(channel * source.plane + y * source.row + x);
            for _ in 0..rows {
                if K == 3 {
                    // Written out, as an unrolled loop would leave copies of the sums on the stack.
                    tap::<S, C, N>(&mut sums, row, weight);
                    tap::<S, C, N>(&mut sums, row.add(1), weight.add(C));
                    tap::<S, C, N>(&mut sums, row.add(2), weight.add(2 * C));
                } else {
                    for kx in 0..columns {
                        tap::<S, C, N>(&mut sums, row.add(kx), weight.add(kx * C));
                    }
                }
                weight = weight.add(columns * C);
                row = row.add(source.row);
            }
        }
        for c in 0..C {
            let channel = first + c;
            for n in 0..N {
                let start = x + n * S::LANES;
                let v = activate::<S>(job.activation, sums[c][n], channel);
                let v = add::<S>(job.add, v, [channel, y, start]);
                let target = job.target;
                let to = target
                    .data
                    .add(channel * target.plane + y * target.row + start);
                store_part::<S>(to, v, target.columns - start);
            }
        }
    }
}

/// One tap of the kernel: N vectors of pixels by C weights.
///
/// # Safety
/// They are readable.
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
        for c in 0..C {
            let w = S::splat(*weight.add(c));
            for n in 0..N {
                sums[c][n] = S::fma(pixels[n], w, sums[c][n]);
            }
        }
    }
}

/// # Safety
/// Slopes reach as far as `channel`.
#[inline(always)]
pub(super) unsafe fn activate<S: Simd>(activation: Activation, z: S::V, channel: usize) -> S::V {
    // SAFETY: as asked of the caller.
    unsafe {
        match activation {
            Activation::None => z,
            Activation::Relu => S::positive_or(z, S::zero()),
            Activation::PRelu(slopes) => {
                S::positive_or(z, S::mul(z, S::splat(*slopes.add(channel))))
            }
        }
    }
}

/// # Safety
/// What is added has a vector at that channel, row and column.
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

/// Stores a vector, or as much of it as `room` has place for.
#[inline(always)]
pub(super) unsafe fn store_part<S: Simd>(to: *mut f32, v: S::V, room: usize) {
    // SAFETY: `room` values are writable at `to`; the longest vector has sixteen.
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
