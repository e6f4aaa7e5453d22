//! The kernels of the backward pass, written once over [`Simd`].

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use crate::conv::FusedActivation;
use crate::conv::block::block_of;
use crate::conv::planes::{Source, Target};
use crate::conv::simd::Simd;

/// The gradient of one image's loss with respect to the weights.
pub(in crate::conv) struct WeightGradient {
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
/// `rows` rows (`source`: plus k − 1); `target` is writable and nothing else uses it; the
/// processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn weight_gradient<S: Simd>(job: &WeightGradient) {
    let mut first = 0;
    while first < job.channels_out {
        // Three taps for each channel: six channels would not fit into 16 registers.
        let most = if S::CHANNELS == 8 { 8 } else { 4 };
        let block = block_of(most, job.channels_out - first);
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
        // The compiler loads the gradients of all channels at once: beside those of eight, the sums of three taps would
        // not fit into 32 registers.
        let block = (taps - tap).min(if C == 8 { 2 } else { 3 });
        // SAFETY: the taps of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                3 if C != 8 => weight_gradient_block::<S, C, 3>(job, first, tap),
                2 => weight_gradient_block::<S, C, 2>(job, first, tap),
                _ => weight_gradient_block::<S, C, 1>(job, first, tap),
            }
        }
        tap += block;
    }
}

/// C output channels × T taps, each the sum of a product over the whole image.
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
        // An index that only a loop knows would keep the sums on the stack all along: they are put there once.
        let mut stored = [[[0f32; 16]; T]; C];
        for c in 0..C {
            for t in 0..T {
                S::store(stored[c][t].as_mut_ptr(), sums[c][t]);
            }
        }
        let taps = job.channels_in * k * k;
        for c in 0..C {
            for t in 0..T {
                let sum = S::sum(S::load(stored[c][t].as_ptr()));
                *job.target.add((first + c) * taps + tap + t) = sum;
            }
        }
    }
}

/// From the gradient with respect to an activation's output to that with respect to its input.
pub(in crate::conv) struct ActivationGradient<'a> {
    pub activation: FusedActivation<'a>,
    /// The activation's output or its input: its sign decides the side of zero.
    pub value: Source,
    pub gradient: Source,
    pub channels: usize,
    /// The result; the padding around it is not touched.
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
/// for `channels` values; nothing else uses what is written; the processor has the
/// instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn activation_gradient<S: Simd>(job: &ActivationGradient) {
    let Target { rows, columns, .. } = job.target;
    let whole = columns / S::LANES * S::LANES;
    for channel in 0..job.channels {
        // SAFETY: as asked of the caller.
        unsafe {
            let slope = match job.activation {
                FusedActivation::None => 1.0,
                FusedActivation::Relu => 0.0,
                FusedActivation::PRelu(slopes) => *slopes.get_unchecked(channel),
            };
            let (mut bias_sum, mut slope_sum) = (S::zero(), S::zero());
            // Planes lie in memory that was last used some layers ago, and what is read next behind what is read now.
            let ahead = 768;
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
                    S::prefetch(value.wrapping_add(x + ahead));
                    S::prefetch(gradient.wrapping_add(x + ahead));
                    let (v, g) = (S::load(value.add(x)), S::load(gradient.add(x)));
                    let scaled = S::mul(g, S::splat(slope));
                    let result = match job.activation {
                        FusedActivation::None => g,
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
                        FusedActivation::None => g,
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
