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

/// A convolution of one picture, bias and activation included.
pub(super) struct Forward {
    pub source: Source,
    pub channels_in: usize,
    pub k: usize,
    /// As [`pack`] leaves them.
    pub weights: *const f32,
    /// One a channel.
    pub bias: *const f32,
    pub activation: Activation,
    pub target: Target,
    pub channels_out: usize,
}

/// How many output channels are computed together when `left` are left.
fn block_of(wide: bool, left: usize) -> usize {
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
/// `source` has `channels_in` planes of `target.rows + k − 1` rows, each readable for the columns of
/// `target` rounded up to whole vectors, plus k − 1; `weights`, `bias` and slopes are as long as the
/// channels say; `target` has `channels_out` writable planes that nobody else uses.
#[inline(always)]
pub(super) unsafe fn forward<S: Simd>(job: &Forward) {
    let mut first = 0;
    while first < job.channels_out {
        let block = block_of(S::WIDE, job.channels_out - first);
        // SAFETY: the channels of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                8 => forward_channels::<S, 8>(job, first),
                4 => forward_channels::<S, 4>(job, first),
                2 => forward_channels::<S, 2>(job, first),
                _ => forward_channels::<S, 1>(job, first),
            }
        }
        first += block;
    }
}

#[inline(always)]
unsafe fn forward_channels<S: Simd, const C: usize>(job: &Forward, first: usize) {
    for y in 0..job.target.rows {
        let mut x = 0;
        while x < job.target.columns {
            let vectors = (job.target.columns - x).div_ceil(S::LANES);
            // SAFETY: the vectors start in the row, and its padding covers what lies beyond.
            unsafe {
                match vectors {
                    3.. if S::WIDE => forward_block::<S, C, 3>(job, first, x, y),
                    2.. => forward_block::<S, C, 2>(job, first, x, y),
                    _ => forward_block::<S, C, 1>(job, first, x, y),
                }
            }
            x += S::LANES * vectors.min(if S::WIDE { 3 } else { 2 });
        }
    }
}

/// C output channels × N vectors of a row, all in registers.
#[inline(always)]
unsafe fn forward_block<S: Simd, const C: usize, const N: usize>(
    job: &Forward,
    first: usize,
    x: usize,
    y: usize,
) {
    let Forward { source, k, .. } = *job;
    // SAFETY: indices stay within what `forward` asks for.
    unsafe {
        let mut sums = [[S::zero(); N]; C];
        for c in 0..C {
            sums[c] = [S::splat(*job.bias.add(first + c)); N];
        }
        let mut weight = job.weights.add(first * job.channels_in * k * k);
        for channel in 0..job.channels_in {
            let plane = source.data.add(channel * source.plane + y * source.row + x);
            for ky in 0..k {
                let row = plane.add(ky * source.row);
                for kx in 0..k {
                    let mut pixels = [S::zero(); N];
                    for n in 0..N {
                        pixels[n] = S::load(row.add(kx + n * S::LANES));
                    }
                    for c in 0..C {
                        let w = S::splat(*weight.add(c));
                        for n in 0..N {
                            sums[c][n] = S::fma(pixels[n], w, sums[c][n]);
                        }
                    }
                    weight = weight.add(C);
                }
            }
        }
        for c in 0..C {
            let row = job
                .target
                .data
                .add((first + c) * job.target.plane + y * job.target.row);
            for n in 0..N {
                let z = sums[c][n];
                let v = match job.activation {
                    Activation::None => z,
                    Activation::Relu => S::positive_or(z, S::zero()),
                    Activation::PRelu(slopes) => {
                        S::positive_or(z, S::mul(z, S::splat(*slopes.add(first + c))))
                    }
                };
                let start = x + n * S::LANES;
                store_part::<S>(row.add(start), v, job.target.columns - start);
            }
        }
    }
}

/// Stores a vector, or as much of it as `room` has place for.
#[inline(always)]
unsafe fn store_part<S: Simd>(to: *mut f32, v: S::V, room: usize) {
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

/// The gradient of one picture's loss with respect to the weights.
pub(super) struct WeightGradient {
    /// The convolution's input, padded.
    pub source: Source,
    pub channels_in: usize,
    pub k: usize,
    /// The gradient with respect to the convolution's output; zeros beyond its columns.
    pub gradient: Source,
    pub channels_out: usize,
    pub rows: usize,
    pub columns: usize,
    /// `[out, in, k, k]`
    pub target: *mut f32,
}

/// Runs a [`WeightGradient`].
///
/// # Safety
/// Both sources are readable for `columns` rounded up to whole vectors (`source`: plus k − 1) and for
/// `rows` rows (`source`: plus k − 1); `target` is writable and nobody else's.
#[inline(always)]
pub(super) unsafe fn weight_gradient<S: Simd>(job: &WeightGradient) {
    let mut first = 0;
    while first < job.channels_out {
        let block = block_of(S::WIDE, job.channels_out - first);
        // SAFETY: the channels of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                8 => weight_gradient_channels::<S, 8>(job, first),
                4 => weight_gradient_channels::<S, 4>(job, first),
                2 => weight_gradient_channels::<S, 2>(job, first),
                _ => weight_gradient_channels::<S, 1>(job, first),
            }
        }
        first += block;
    }
}

#[inline(always)]
unsafe fn weight_gradient_channels<S: Simd, const C: usize>(job: &WeightGradient, first: usize) {
    let taps = job.channels_in * job.k * job.k;
    let mut tap = 0;
    while tap < taps {
        // SAFETY: the taps of the block exist; the rest is the caller's promise.
        unsafe {
            match taps - tap {
                3.. => weight_gradient_block::<S, C, 3>(job, first, tap),
                2 => weight_gradient_block::<S, C, 2>(job, first, tap),
                _ => weight_gradient_block::<S, C, 1>(job, first, tap),
            }
        }
        tap += 3;
    }
}

/// C output channels × T taps, each the sum over the whole picture of a product.
#[inline(always)]
unsafe fn weight_gradient_block<S: Simd, const C: usize, const T: usize>(
    job: &WeightGradient,
    first: usize,
    tap: usize,
) {
    let WeightGradient {
        source,
        gradient,
        k,
        ..
    } = *job;
    // SAFETY: indices stay within what `weight_gradient` asks for.
    unsafe {
        let mut offsets = [0; T];
        for t in 0..T {
            let (channel, within) = ((tap + t) / (k * k), (tap + t) % (k * k));
            offsets[t] = channel * source.plane + within / k * source.row + within % k;
        }
        let mut sums = [[S::zero(); T]; C];
        for y in 0..job.rows {
            let pixels_row = source.data.add(y * source.row);
            let gradient_row = gradient.data.add(first * gradient.plane + y * gradient.row);
            let mut x = 0;
            while x < job.columns {
                let mut pixels = [S::zero(); T];
                for t in 0..T {
                    pixels[t] = S::load(pixels_row.add(offsets[t] + x));
                }
                for c in 0..C {
                    let g = S::load(gradient_row.add(c * gradient.plane + x));
                    for t in 0..T {
                        sums[c][t] = S::fma(g, pixels[t], sums[c][t]);
                    }
                }
                x += S::LANES;
            }
        }
        let taps = job.channels_in * k * k;
        for c in 0..C {
            for t in 0..T {
                *job.target.add((first + c) * taps + tap + t) = S::sum(sums[c][t]);
            }
        }
    }
}

/// From the gradient with respect to an activation's output to that with respect to its input.
pub(super) struct ActivationGradient {
    pub activation: Activation,
    /// What decides the side of zero: the activation's output, or its input.
    pub value: Source,
    pub gradient: Source,
    pub channels: usize,
    /// Where the result goes; the padding around it is not touched.
    pub target: Target,
    /// `[channels]`: the sum of the result, which is the bias's gradient.
    pub bias: *mut f32,
    /// `[channels]`: the sum of gradient · value where the value is negative.
    pub slope: *mut f32,
}

/// Runs an [`ActivationGradient`].
///
/// # Safety
/// The sources have as many readable values as `target` has places; `bias` and `slope` have room
/// for `channels` values; all that is written is nobody else's.
#[inline(always)]
pub(super) unsafe fn activation_gradient<S: Simd>(job: &ActivationGradient) {
    let Target { rows, columns, .. } = job.target;
    let whole = columns / S::LANES * S::LANES;
    for channel in 0..job.channels {
        // SAFETY: indices stay within what is asked of the caller.
        unsafe {
            let slope = match job.activation {
                Activation::None => 1.0,
                Activation::Relu => 0.0,
                Activation::PRelu(slopes) => *slopes.add(channel),
            };
            let (mut bias_sum, mut slope_sum) = (S::zero(), S::zero());
            let (mut bias_rest, mut slope_rest) = (0f32, 0f32);
            for y in 0..rows {
                let row = |s: Source| s.data.add(channel * s.plane + y * s.row);
                let (value, gradient) = (row(job.value), row(job.gradient));
                let target = job
                    .target
                    .data
                    .add(channel * job.target.plane + y * job.target.row);
                let mut x = 0;
                while x < whole {
                    let (v, g) = (S::load(value.add(x)), S::load(gradient.add(x)));
                    let scaled = S::mul(g, S::splat(slope));
                    let result = match job.activation {
                        Activation::None => g,
                        _ => S::where_positive(v, g, scaled),
                    };
                    S::store(target.add(x), result);
                    bias_sum = S::fma(result, S::splat(1.0), bias_sum);
                    let below = S::where_positive(v, S::zero(), g);
                    slope_sum = S::fma(below, v, slope_sum);
                    x += S::LANES;
                }
                for x in whole..columns {
                    let (v, g) = (*value.add(x), *gradient.add(x));
                    let result = match job.activation {
                        Activation::None => g,
                        _ if v > 0.0 => g,
                        _ => g * slope,
                    };
                    *target.add(x) = result;
                    bias_rest += result;
                    slope_rest += if v > 0.0 { 0.0 } else { g * v };
                }
            }
            *job.bias.add(channel) = S::sum(bias_sum) + bias_rest;
            *job.slope.add(channel) = S::sum(slope_sum) + slope_rest;
        }
    }
}
