//! Losses as arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::{Device, Tensor};

use super::text::Term;
use super::{Extractor, Gan, Layer, Loss, Sees, Vgg, gram, ms_ssim, ssim};

/// The ε of [`Term::Charbonnier`].
const CHARBONNIER_EPSILON: f64 = 1e-3;

impl Loss {
    /// Gets it ready to be computed: reads the weights of the features it needs, by the names
    /// `vgg16` and `vgg19`.
    pub fn prepare(
        &self,
        features: &BTreeMap<String, PathBuf>,
        device: &Device,
    ) -> anyhow::Result<Criterion> {
        let mut extractors = BTreeMap::new();
        for layer in self.terms.iter().filter_map(|(_, term)| term.layer()) {
            let name = layer.network.name();
            let path = features.get(name).with_context(|| {
                format!(
                    "the loss looks at {layer}, but training.features names no file of weights: \
                     write features = {{ {name} = \"{name}.safetensors\" }} (torchvision's names; \
                     convert the file of its model zoo, or use the one of the LPIPS packages)"
                )
            })?;
            let extractor: &mut Option<(Layer, Extractor)> =
                extractors.entry(layer.network).or_default();
            if extractor.as_ref().is_none_or(|(last, _)| *last < layer) {
                *extractor = Some((layer, Extractor::load(path, layer, device)?));
            }
        }
        let extractors = extractors.into_iter();
        Ok(Criterion {
            terms: self.terms.clone(),
            extractors: extractors
                .filter_map(|(network, extractor)| Some((network, extractor?.1)))
                .collect(),
        })
    }
}

/// A loss that is ready to be computed.
pub struct Criterion {
    terms: Vec<(f64, Term)>,
    extractors: BTreeMap<Vgg, Extractor>,
}

/// What layers of VGG see in a picture.
type Features = BTreeMap<Layer, Tensor<4>>;

impl Criterion {
    /// The loss of `output` against `target`, both `[batch, c, h, w]`, without its adversarial
    /// terms; one value.
    pub fn of(&self, output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let layers: BTreeSet<Layer> = self
            .terms
            .iter()
            .filter_map(|term| compared(term.1))
            .collect();
        let seen = [&output, &target].map(|picture| self.features(picture, &layers));
        let terms = self.terms.iter();
        terms
            .filter(|(_, term)| !matches!(term, Term::Gan(_)))
            .map(|(weight, term)| term_of(*term, &output, &target, &seen).mul_scalar(*weight))
            .reduce(|sum, term| sum + term)
            .unwrap_or_else(|| Tensor::zeros([1], &output.device()))
    }

    /// The adversarial terms and their weights.
    pub fn gans(&self) -> impl Iterator<Item = (f64, Gan)> {
        self.terms.iter().filter_map(|(weight, term)| match term {
            Term::Gan(gan) => Some((*weight, *gan)),
            _ => None,
        })
    }

    /// What a discriminator is shown of pictures `[batch, c, h, w]` in 0…1: themselves in −1…1, or
    /// their features.
    pub fn shown(&self, gan: Gan, picture: Tensor<4>) -> Tensor<4> {
        match gan.sees {
            Sees::Pixels => picture.mul_scalar(2.0).sub_scalar(1.0),
            Sees::Features(layer) => {
                let mut features = self.features(&picture, &BTreeSet::from([layer]));
                features.remove(&layer).unwrap_or(picture)
            }
        }
    }

    /// Each network is run once, whatever the number of its layers.
    fn features(&self, picture: &Tensor<4>, layers: &BTreeSet<Layer>) -> Features {
        let mut features = Features::new();
        for (network, extractor) in &self.extractors {
            let layers: Vec<Layer> = layers
                .iter()
                .copied()
                .filter(|l| l.network == *network)
                .collect();
            features.extend(extractor.of(picture.clone(), &layers));
        }
        features
    }
}

/// The layer whose maps a term compares.
fn compared(term: Term) -> Option<Layer> {
    match term {
        Term::Gan(_) => None,
        term => term.layer(),
    }
}

fn term_of(
    term: Term,
    output: &Tensor<4>,
    target: &Tensor<4>,
    [seen, wanted]: &[Features; 2],
) -> Tensor<1> {
    let difference = || output.clone() - target.clone();
    let maps = |layer| (seen[&layer].clone(), wanted[&layer].clone().detach());
    match term {
        Term::L1 => difference().abs().mean(),
        Term::Mse => square(difference()).mean(),
        Term::SmoothL1(beta) => {
            // Both parts of the definition in one: min(d, β)·(d − min(d, β)/2)/β.
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
            let (y, t) = maps(layer);
            square(y - t).mean()
        }
        Term::Texture(layer) => {
            let (y, t) = maps(layer);
            square(gram(y) - gram(t)).mean()
        }
        // Discriminators are not ours: see [`Adversarial`](super::Adversarial).
        Term::Gan(_) => Tensor::zeros([1], &output.device()),
    }
}

fn square<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * x
}

/// Nothing for pictures of a single row and column.
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    fn features() -> BTreeMap<String, PathBuf> {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/data/features/vgg16_lpips.safetensors"
        );
        BTreeMap::from([("vgg16".to_string(), PathBuf::from(file))])
    }

    fn criterion(loss: &str) -> Criterion {
        let loss: Loss = loss.parse().unwrap();
        loss.prepare(&features(), &Device::flex()).unwrap()
    }

    fn value(loss: &str, output: &[f32], target: &[f32], shape: [usize; 4]) -> f32 {
        let tensor = |values: &[f32]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
        };
        let loss = criterion(loss).of(tensor(output), tensor(target));
        loss.into_scalar::<f32>()
    }

    #[test]
    fn has_the_values_of_its_formulas() {
        let (output, target) = ([0.0, 0.5, 1.0, 0.25], [0.0, 0.0, 0.5, 0.5]);
        let value = |loss: &str| value(loss, &output, &target, [1, 1, 2, 2]);
        let close = |loss: &str, expected: f32| {
            let found = value(loss);
            assert!(
                (found - expected).abs() < 1e-6,
                "{loss}: {found}, not {expected}"
            );
        };
        close("l1", 0.3125);
        close("mse", 0.140625);
        let charbonnier = (0.001 + 2.0 * (0.25f32 + 1e-6).sqrt() + (0.0625f32 + 1e-6).sqrt()) / 4.0;
        close("charbonnier", charbonnier);
        close("2*l1 + 0.5*mse", 0.625 + 0.0703125);
        close("smooth_l1", 0.0703125);
        // Differences of 0, 0.5, 0.5 and 0.25; β = 0.4: 0.3, 0.3 and 0.0625 / 0.8.
        close("smooth_l1(0.4)", (0.6 + 0.078125) / 4.0);
        // Down 1 and 0.25, to the right 0.5 and 0.75.
        close("tv", (1.0 + 0.25) / 2.0 + (0.5 + 0.75) / 2.0);
        let row = super::tests::value("tv", &output, &target, [1, 1, 1, 4]);
        assert!((row - 1.75 / 3.0).abs() < 1e-6, "{row}");
    }

    /// Smooth and noisy values in 0…1.
    fn picture(count: usize, seed: f32) -> Vec<f32> {
        let value = |i: usize| {
            let noise = ((i as f32 * 12.9898 + seed).sin() * 43_758.547).fract();
            0.5 + 0.3 * (i as f32 * 0.05 + seed).sin() + 0.15 * noise
        };
        (0..count).map(value).collect()
    }

    #[test]
    fn similarity_is_that_of_the_metric() {
        let shape = [1, 1, 180, 177];
        let [height, width] = [180, 177];
        let (a, b) = (picture(height * width, 1.0), picture(height * width, 1.3));
        let plane = |values: &[f32]| crate::metric::Plane {
            width,
            height,
            data: values
                .iter()
                .map(|value| 255.0 * f64::from(*value))
                .collect(),
        };
        // Large enough for all five scales, which piq's figures hold the metric to.
        for (loss, metric) in [
            ("ssim", crate::metric::ssim as fn(&_, &_) -> Option<f64>),
            ("ms_ssim", crate::metric::ms_ssim),
        ] {
            let expected = 1.0 - metric(&plane(&a), &plane(&b)).unwrap();
            let found = f64::from(value(loss, &a, &b, shape));
            assert!(
                (found - expected).abs() < 1e-4,
                "{loss}: {found}, not {expected}"
            );
            assert!(value(loss, &a, &a, shape).abs() < 1e-5);
        }
    }

    #[test]
    fn gram_matrices_are_products_of_maps() {
        let maps = TensorData::new(vec![1f32, 2.0, 3.0, 4.0], [1, 2, 1, 2]);
        let found = gram(Tensor::from_data(maps, &Device::flex()));
        let found: Vec<f32> = found.into_data().iter::<f32>().collect();
        // 1·1 + 2·2, 1·3 + 2·4 and 3·3 + 4·4, by two maps of two values.
        assert_eq!(found, [1.25, 2.75, 2.75, 6.25]);
    }

    /// Along its own gradient a loss changes by the gradient's length.
    #[test]
    fn gradients_are_differences() {
        let mut losses = vec![
            ("l1", 24),
            ("mse", 24),
            ("smooth_l1(0.2)", 24),
            ("charbonnier", 24),
            ("tv", 24),
            ("ssim", 24),
            ("ms_ssim", 48),
        ];
        if features()["vgg16"].exists() {
            losses.extend([
                ("content(vgg16:relu2_2)", 24),
                ("1e3*texture(vgg16:relu2_1)", 24),
                ("content(vgg16:relu1_1) + 1e3*texture(vgg16:relu2_2)", 24),
            ]);
        } else {
            println!("NOT RUN: content and texture, as ../shared/data/features is missing");
        }
        let device = Device::flex().autodiff();
        for (loss, side) in losses {
            let shape = [2, 3, side, side];
            let count = shape.iter().product();
            let tensor = |seed| {
                let data = TensorData::new(picture(count, seed), shape);
                Tensor::<4>::from_data(data, &device)
            };
            let (output, target) = (tensor(1.0).require_grad(), tensor(1.4));
            let criterion = criterion(loss);
            let gradients = criterion.of(output.clone(), target.clone()).backward();
            let gradient = output.grad(&gradients).unwrap();
            let squares: Tensor<1> = (gradient.clone() * gradient.clone()).sum();
            let length = squares.sqrt().into_scalar::<f32>();
            let at = |step: f32| {
                let moved = output.clone().inner() + gradient.clone() * (step / length);
                let loss = criterion.of(moved, target.clone().inner());
                loss.into_scalar::<f32>()
            };
            let step = 0.02;
            let difference = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (difference - length).abs() < 0.03 * length,
                "{loss}: {difference}, not {length}"
            );
        }
    }

    #[test]
    fn says_which_weights_are_missing() {
        let needs: Loss = "content(vgg19:relu5_4)".parse().unwrap();
        let error = needs
            .prepare(&BTreeMap::new(), &Device::flex())
            .err()
            .unwrap();
        assert!(error.to_string().contains("training.features"), "{error}");
    }
}
