//! The kernels of the backward pass, written once over [`Simd`].

use crate::conv::FusedActivation;
use crate::conv::planes::{Source, Target};
use crate::conv::simd::Simd;

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

/// Values from those that are read to those that are asked for: the planes were last used some layers ago.
const AHEAD: usize = 768;

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
                    S::prefetch(value.wrapping_add(x + AHEAD));
                    S::prefetch(gradient.wrapping_add(x + AHEAD));
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
