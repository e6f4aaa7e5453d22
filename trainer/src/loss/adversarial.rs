//! Adversarial losses: a discriminator learns to tell the network's outputs from originals.

use std::fmt;

use burn::tensor::{Tensor, activation};

use crate::vgg::Layer;

/// An adversarial term: its loss and the discriminator's input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gan {
    /// The loss.
    pub kind: Adversarial,
    /// The discriminator's input.
    pub sees: Sees,
}

/// A discriminator's input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sees {
    /// The image.
    #[default]
    Pixels,
    /// The features of a VGG layer, as in SRFeat (Park et al. 2018, ECCV).
    Features(Layer),
}

impl Sees {
    pub(super) fn layer(self) -> Option<Layer> {
        match self {
            Self::Pixels => None,
            Self::Features(layer) => Some(layer),
        }
    }
}

impl fmt::Display for Gan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.sees) {
            (Adversarial::Vanilla, Sees::Pixels) => f.write_str("gan"),
            (kind, Sees::Pixels) => write!(f, "gan({})", kind.name()),
            (Adversarial::Vanilla, Sees::Features(layer)) => write!(f, "gan({layer})"),
            (kind, Sees::Features(layer)) => write!(f, "gan({}, {layer})", kind.name()),
        }
    }
}

/// A pair of losses, the discriminator's and the network's, on the discriminator's logits r for originals
/// and f for the network's outputs; `⟨⟩` is the mean over the batch, `s(x) = ln(1 + eˣ)`.
///
/// All are at least 0, except the network's hinge loss, which is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adversarial {
    /// `vanilla`: `⟨s(−r)⟩ + ⟨s(f)⟩` and `⟨s(−f)⟩` (Goodfellow et al. 2014, arXiv:1406.2661, the
    /// non-saturating form; SRGAN's).
    #[default]
    Vanilla,
    /// `least_squares`: `½⟨(r − 1)²⟩ + ½⟨f²⟩` and `½⟨(f − 1)²⟩` (Mao et al. 2017,
    /// arXiv:1611.04076).
    LeastSquares,
    /// `hinge`: `⟨max(0, 1 − r)⟩ + ⟨max(0, 1 + f)⟩` and `−⟨f⟩` (Lim and Ye 2017,
    /// arXiv:1705.02894).
    Hinge,
    /// `relativistic`: `⟨s(⟨f⟩ − r)⟩ + ⟨s(f − ⟨r⟩)⟩` and the same with r and f exchanged
    /// (Jolicoeur-Martineau 2018, arXiv:1807.00734, the average form; ESRGAN's, which halves it).
    Relativistic,
}

impl Adversarial {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Vanilla,
        Self::LeastSquares,
        Self::Hinge,
        Self::Relativistic,
    ];

    /// Its name in a loss's text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vanilla => "vanilla",
            Self::LeastSquares => "least_squares",
            Self::Hinge => "hinge",
            Self::Relativistic => "relativistic",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The discriminator's loss for the logits `real` and `fake`, `[batch]` each: `[1]`.
    pub fn discriminator(self, real: Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        match self {
            Self::Vanilla => softplus(-real).mean() + softplus(fake).mean(),
            Self::LeastSquares => {
                (square(real.sub_scalar(1.0)).mean() + square(fake).mean()).mul_scalar(0.5)
            }
            Self::Hinge => {
                let below = |x: Tensor<1>| activation::relu(x.add_scalar(1.0)).mean();
                below(-real) + below(fake)
            }
            Self::Relativistic => relative(real, fake),
        }
    }

    /// The network's loss for the same logits: `[1]`. Only the relativistic loss evaluates `real`.
    pub fn generator(self, real: impl FnOnce() -> Tensor<1>, fake: Tensor<1>) -> Tensor<1> {
        match self {
            Self::Vanilla => softplus(-fake).mean(),
            Self::LeastSquares => square(fake.sub_scalar(1.0)).mean().mul_scalar(0.5),
            Self::Hinge => -fake.mean(),
            Self::Relativistic => relative(fake, real()),
        }
    }
}

/// Small if all of `high` are above the mean of `low`, and all of `low` below the mean of `high`.
fn relative(high: Tensor<1>, low: Tensor<1>) -> Tensor<1> {
    let (high_mean, low_mean) = (high.clone().mean(), low.clone().mean());
    softplus(low_mean - high).mean() + softplus(low - high_mean).mean()
}

/// `ln(1 + eˣ)`, written so that eˣ cannot overflow.
fn softplus(x: Tensor<1>) -> Tensor<1> {
    let rest = (-x.clone().abs()).exp().log1p();
    activation::relu(x) + rest
}

fn square(x: Tensor<1>) -> Tensor<1> {
    x.clone() * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const REAL: [f32; 3] = [2.0, 0.5, -1.0];
    const FAKE: [f32; 3] = [-3.0, 0.0, 1.5];

    fn losses(kind: Adversarial, real: [f32; 3], fake: [f32; 3]) -> [f32; 2] {
        let tensor = |values: [f32; 3]| Tensor::<1>::from_floats(values, &Device::flex());
        let (real, fake) = (tensor(real), tensor(fake));
        let discriminator = kind.discriminator(real.clone(), fake.clone());
        [discriminator, kind.generator(|| real, fake)].map(Tensor::into_scalar::<f32>)
    }

    #[test]
    fn values_follow_the_formulas() {
        let s = |x: f32| (1.0 + x.exp()).ln();
        let mean = |values: [f32; 3]| values.iter().sum::<f32>() / 3.0;
        let [r, f] = [mean(REAL), mean(FAKE)];
        let expected = [
            (
                Adversarial::Vanilla,
                mean(REAL.map(|r| s(-r))) + mean(FAKE.map(s)),
                mean(FAKE.map(|f| s(-f))),
            ),
            // Squares by hand: (1 + 0.25 + 4) / 3 and (9 + 0 + 2.25) / 3; (16 + 1 + 0.25) / 3.
            (Adversarial::LeastSquares, (5.25 + 11.25) / 6.0, 17.25 / 6.0),
            // (0 + 0.5 + 2) / 3 and (0 + 1 + 2.5) / 3; −(−3 + 0 + 1.5) / 3.
            (Adversarial::Hinge, 6.0 / 3.0, 0.5),
            (
                Adversarial::Relativistic,
                mean(REAL.map(|x| s(f - x))) + mean(FAKE.map(|x| s(x - r))),
                mean(FAKE.map(|x| s(r - x))) + mean(REAL.map(|x| s(x - f))),
            ),
        ];
        for (kind, discriminator, generator) in expected {
            let found = losses(kind, REAL, FAKE);
            for (found, expected) in found.into_iter().zip([discriminator, generator]) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{kind:?}: {found}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn does_not_overflow() {
        for kind in Adversarial::ALL {
            let found = losses(kind, [200.0, -300.0, 0.0], [150.0, -150.0, 0.0]);
            assert!(
                found.iter().all(|loss| loss.is_finite()),
                "{kind:?}: {found:?}"
            );
        }
    }

    /// A loss's derivative along its gradient is the gradient's squared norm.
    #[test]
    fn gradients_equal_finite_differences() {
        let device = Device::flex().autodiff();
        for kind in Adversarial::ALL {
            for generator in [false, true] {
                let loss = |real: Tensor<1>, fake: Tensor<1>| match generator {
                    true => kind.generator(|| real, fake),
                    false => kind.discriminator(real, fake),
                };
                let real = Tensor::<1>::from_floats(REAL, &device);
                let fake = Tensor::<1>::from_floats(FAKE, &device).require_grad();
                let gradients = loss(real.clone(), fake.clone()).backward();
                let gradient = fake.grad(&gradients).unwrap();
                let square: f32 = (gradient.clone() * gradient.clone()).sum().into_scalar();
                let at = |step: f64| {
                    let moved = fake.clone().inner() + gradient.clone().mul_scalar(step);
                    loss(real.clone().inner(), moved).into_scalar::<f32>()
                };
                let step = 0.01;
                let difference = (at(step) - at(-step)) / (2.0 * step as f32);
                assert!(
                    (difference - square).abs() < 2e-3 * square.max(0.1),
                    "{kind:?}, {generator}: {difference}, not {square}"
                );
            }
        }
    }
}
