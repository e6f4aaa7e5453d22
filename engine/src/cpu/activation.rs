//! Activations that the convolution kernels do not apply themselves.

use crate::graph::Activation;

/// Applies a function to every value of a row of `channel`.
pub(super) fn apply(activation: &Activation, channel: usize, row: &mut [f32]) {
    let each = |row: &mut [f32], f: fn(f32) -> f32| row.iter_mut().for_each(|z| *z = f(*z));
    match activation {
        Activation::None => {}
        Activation::Relu => each(row, |z| if z > 0.0 { z } else { 0.0 }),
        Activation::LeakyRelu(slope) => leaky(row, *slope),
        Activation::PRelu(slopes) => leaky(row, slopes[channel]),
        Activation::Sigmoid => each(row, sigmoid),
        Activation::Tanh => each(row, f32::tanh),
        Activation::Silu => each(row, |z| z * sigmoid(z)),
        Activation::Gelu => each(row, gelu),
        // Not `f32::clamp`, whose panic brings the code that prints decimals to a page.
        Activation::Clamp { low, high } => row.iter_mut().for_each(|z| *z = z.max(*low).min(*high)),
    }
}

fn leaky(row: &mut [f32], slope: f32) {
    for z in row {
        *z = if *z > 0.0 { *z } else { slope * *z };
    }
}

fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}

fn gelu(z: f32) -> f32 {
    0.5 * z * (1.0 + erf(z * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function within 1.5e-7 (Abramowitz and Stegun 1964, formula 7.1.26).
fn erf(x: f32) -> f32 {
    const A: [f32; 5] = [
        0.254_829_6,
        -0.284_496_74,
        1.421_413_7,
        -1.453_152,
        1.061_405_4,
    ];
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = A.iter().rev().fold(0.0, |sum, a| (sum + a) * t);
    (1.0 - series * (-x * x).exp()).copysign(x)
}
