//! A loss that is ready to be computed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::{Device, Tensor};

use super::terms::{self, Features};
use super::text::Term;
use super::{Extractor, Gan, Layer, Loss, Sees, Vgg};

impl Loss {
    /// Reads the weights of the feature networks that the loss needs; `features` names their files
    /// by `vgg16` and `vgg19`.
    pub fn prepare(
        &self,
        features: &BTreeMap<String, PathBuf>,
        device: &Device,
    ) -> anyhow::Result<Criterion> {
        let mut extractors = BTreeMap::new();
        for layer in self.layers() {
            let name = layer.network.name();
            let path = features.get(name).with_context(|| {
                format!(
                    "the loss compares features of {layer}, but training.features names no file of \
                     weights: write features = {{ {name} = \"{name}.safetensors\" }} (with torchvision's \
                     names of tensors; a file of its model zoo or of an LPIPS package)"
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

impl Criterion {
    /// The loss of `output` against `target`, both `[batch, c, h, w]`, without its adversarial
    /// terms: `[1]`.
    pub fn of(&self, output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let pixel_terms = || {
            let terms = self.terms.iter();
            terms.filter(|(_, term)| !matches!(term, Term::Gan(_)))
        };
        let layers = pixel_terms().filter_map(|(_, term)| term.layer());
        let layers: BTreeSet<Layer> = layers.collect();
        let features = [&output, &target].map(|image| self.features(image, &layers));
        pixel_terms()
            .map(|(weight, term)| {
                terms::value(*term, &output, &target, &features).mul_scalar(*weight)
            })
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

    /// The discriminator's input for images `[batch, c, h, w]` in 0…1: the images in −1…1, or their
    /// features.
    pub fn shown(&self, gan: Gan, images: Tensor<4>) -> Tensor<4> {
        match gan.sees {
            Sees::Pixels => images.mul_scalar(2.0).sub_scalar(1.0),
            Sees::Features(layer) => {
                let mut features = self.features(&images, &BTreeSet::from([layer]));
                features.remove(&layer).unwrap_or(images)
            }
        }
    }

    /// The features of some layers; each network runs once for all of them.
    fn features(&self, images: &Tensor<4>, layers: &BTreeSet<Layer>) -> Features {
        let mut features = Features::new();
        for (network, extractor) in &self.extractors {
            let layers: Vec<Layer> = layers
                .iter()
                .copied()
                .filter(|l| l.network == *network)
                .collect();
            features.extend(extractor.of(images.clone(), &layers));
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    use super::super::gram;

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
    fn values_follow_the_formulas() {
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

    /// Smooth values with noise in 0…1.
    fn image(count: usize, seed: f32) -> Vec<f32> {
        let value = |i: usize| {
            let noise = ((i as f32 * 12.9898 + seed).sin() * 43_758.547).fract();
            0.5 + 0.3 * (i as f32 * 0.05 + seed).sin() + 0.15 * noise
        };
        (0..count).map(value).collect()
    }

    #[test]
    fn similarity_equals_the_metric() {
        let shape = [1, 1, 180, 177];
        let [height, width] = [180, 177];
        let (a, b) = (image(height * width, 1.0), image(height * width, 1.3));
        let plane = |values: &[f32]| crate::metric::Plane {
            width,
            height,
            data: values
                .iter()
                .map(|value| 255.0 * f64::from(*value))
                .collect(),
        };
        // Large enough for all five scales of MS-SSIM.
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

    /// A loss's derivative in the direction of its gradient is the gradient's norm.
    #[test]
    fn gradients_equal_finite_differences() {
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
                let data = TensorData::new(image(count, seed), shape);
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
    fn missing_weights_are_named() {
        let needs: Loss = "content(vgg19:relu5_4)".parse().unwrap();
        let error = needs
            .prepare(&BTreeMap::new(), &Device::flex())
            .err()
            .unwrap();
        assert!(error.to_string().contains("training.features"), "{error}");
    }
}
