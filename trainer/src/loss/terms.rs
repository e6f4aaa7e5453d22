//! The formulas of the terms.

use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use engine::image::colour;

use super::text::Term;
use super::{ms_ssim, ssim};
use crate::vgg::{Layer, gram};

const CHARBONNIER_EPSILON: f64 = 1e-3;

pub(super) type Features = BTreeMap<Layer, Tensor<4>>;

/// The value of a term for `output` and `target`, both `[batch, c, h, w]`, whose features are given;
/// 0 for a term that needs another network.
pub(super) fn value(
    term: &Term,
    output: &Tensor<4>,
    target: &Tensor<4>,
    [found, wanted]: &[Features; 2],
) -> Tensor<1> {
    let difference = || output.clone() - target.clone();
    let features = |layer| (found[layer].clone(), wanted[layer].clone().detach());
    match term {
        Term::L1 => difference().abs().mean(),
        Term::Mse => square(difference()).mean(),
        Term::SmoothL1(beta) => {
            // Both cases of the definition in one expression: min(d, β)·(d − min(d, β)/2)/β.
            let d = difference().abs();
            let low = d.clone().clamp_max(*beta);
            (low.clone() * (d - low * 0.5)).mean() / *beta
        }
        Term::Charbonnier => square(difference())
            .add_scalar(CHARBONNIER_EPSILON * CHARBONNIER_EPSILON)
            .sqrt()
            .mean(),
        Term::TotalVariation => total_variation(output),
        Term::Ssim => -ssim(output, target) + 1.0,
        Term::MsSsim => -ms_ssim(output, target) + 1.0,
        Term::Content(layer) => {
            let (y, t) = features(layer);
            square(y - t).mean()
        }
        Term::Texture(layer) => {
            let (y, t) = features(layer);
            square(gram(y) - gram(t)).mean()
        }
        Term::Luma => colour_planes(difference(), 0..1).abs().mean(),
        Term::Chroma => colour_planes(difference(), 1..3).abs().mean(),
        Term::Fft => {
            let [real, imaginary] = fourier(difference());
            (real.abs() + imaginary.abs()).mean()
        }
        Term::Lpips | Term::Dists | Term::Distill(_) | Term::Ldl | Term::Gan(_) => {
            Tensor::zeros([1], &output.device())
        }
    }
}

/// Some of the planes Y, Cb and Cr of a difference between RGB images `[batch, 3, h, w]`; a difference of grey images,
/// which have no colour, is its own Y.
fn colour_planes(difference: Tensor<4>, planes: Range<usize>) -> Tensor<4> {
    if difference.dims()[1] == 1 {
        return difference;
    }
    let black = colour::rgb_to_ycbcr([0.0; 3]);
    let sums = planes.map(|plane| {
        let of_channel = |c: usize| {
            let mut rgb = [0.0; 3];
            rgb[c] = 1.0;
            let weight = colour::rgb_to_ycbcr(rgb)[plane] - black[plane];
            difference.clone().narrow(1, c, 1).mul_scalar(weight)
        };
        of_channel(0) + of_channel(1) + of_channel(2)
    });
    Tensor::cat(sums.collect(), 1)
}

/// The real and the imaginary part of the orthonormal two-dimensional Fourier transform of `x [batch, c, h, w]`, as
/// matrix products: patches are small.
fn fourier(x: Tensor<4>) -> [Tensor<4>; 2] {
    let [_, _, height, width] = x.dims();
    let waves = |length: usize| {
        let angle = |i: usize| {
            // Of a whole turn, so that large products lose no digits.
            let part = (i / length) * (i % length) % length;
            std::f64::consts::TAU * part as f64 / length as f64
        };
        [f64::cos, f64::sin].map(|wave| {
            let norm = (length as f64).sqrt();
            let values = (0..length * length).map(|i| (wave(angle(i)) / norm) as f32);
            let data = TensorData::new(values.collect::<Vec<f32>>(), [1, 1, length, length]);
            Tensor::<4>::from_data(data, &x.device())
        })
    };
    let ([cos_h, sin_h], [cos_w, sin_w]) = (waves(height), waves(width));
    // (C − iS)·X·(C − iS), whose matrices are symmetric.
    let [cos, sin] = [cos_h, sin_h].map(|wave| wave.matmul(x.clone()));
    let real = cos.clone().matmul(cos_w.clone()) - sin.clone().matmul(sin_w.clone());
    let imaginary = (cos.matmul(sin_w) + sin.matmul(cos_w)).neg();
    [real, imaginary]
}

fn square<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * x
}

/// 0 for images of a single row and column.
fn total_variation(x: &Tensor<4>) -> Tensor<1> {
    let along = |dim: usize| {
        let side = x.dims()[dim];
        let part = |from| x.clone().narrow(dim, from, side - 1);
        (side > 1).then(|| (part(1) - part(0)).abs().mean())
    };
    let sum = [along(2), along(3)].into_iter().flatten();
    sum.reduce(|a, b| a + b)
        .unwrap_or_else(|| Tensor::zeros([1], &x.device()))
}
