//! The formulas of the terms.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::text::Term;
use super::{Layer, gram, ms_ssim, ssim};

const CHARBONNIER_EPSILON: f64 = 1e-3;

pub(super) type Features = BTreeMap<Layer, Tensor<4>>;

/// The value of a term for `output` and `target`, both `[batch, c, h, w]`, whose features are given;
/// 0 for an adversarial term, whose value depends on a discriminator.
pub(super) fn value(
    term: Term,
    output: &Tensor<4>,
    target: &Tensor<4>,
    [found, wanted]: &[Features; 2],
) -> Tensor<1> {
    let difference = || output.clone() - target.clone();
    let features = |layer| (found[&layer].clone(), wanted[&layer].clone().detach());
    match term {
        Term::L1 => difference().abs().mean(),
        Term::Mse => square(difference()).mean(),
        Term::SmoothL1(beta) => {
            // Both cases of the definition in one expression: min(d, β)·(d − min(d, β)/2)/β.
            let d = difference().abs();
            let low = d.clone().clamp_max(beta);
            (low.clone() * (d - low * 0.5)).mean() / beta
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
        Term::Gan(_) => Tensor::zeros([1], &output.device()),
    }
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
