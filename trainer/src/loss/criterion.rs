//! A loss that is ready to be computed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::{Device, Tensor};
use engine::Spec;

use super::artefact;
use super::teacher::Teacher;
use super::terms::{self, Features};
use super::text::Term;
use super::{Gan, Loss, Sees};
use crate::metric::{Dists, Lpips};
use crate::vgg::{Extractor, Layer, Vgg};

impl Loss {
    /// Reads the files that the loss needs, which `features` names: `vgg16`, `vgg19`, `lpips`, `dists`, and the model
    /// files of `distill`. `spec` is that of the network in training.
    pub fn prepare(
        &self,
        features: &BTreeMap<String, PathBuf>,
        spec: &Spec,
        device: &Device,
    ) -> anyhow::Result<Criterion> {
        let file = |name: &str, needs: &dyn Display| {
            features.get(name).with_context(|| {
                format!(
                    "the loss {needs} needs weights, but training.features names no file of them: write features = {{ \
                     {name} = \"{name}.safetensors\" }}"
                )
            })
        };
        let mut extractors: BTreeMap<Vgg, (Layer, Extractor)> = BTreeMap::new();
        for layer in self.layers() {
            let path = file(layer.network.name(), &layer)?;
            let known = extractors.get(&layer.network);
            if known.is_none_or(|(last, _)| *last < layer) {
                let extractor = Extractor::load(path, layer, device)?;
                extractors.insert(layer.network, (layer, extractor));
            }
        }
        let mut judges = BTreeMap::new();
        for (index, (_, term)) in self.terms.iter().enumerate() {
            let judge = match term {
                Term::Lpips => Judge::Lpips(Lpips::load(file("lpips", term)?, device)?),
                Term::Dists => {
                    let vgg16 = file(Vgg::Vgg16.name(), term)?;
                    Judge::Dists(Box::new(Dists::load(file("dists", term)?, vgg16, device)?))
                }
                Term::Distill(_) => Judge::Teacher(Box::new(Teacher::load(
                    file(&term.to_string(), term)?,
                    spec,
                    device,
                )?)),
                _ => continue,
            };
            judges.insert(index, judge);
        }
        let extractors = extractors.into_iter();
        Ok(Criterion {
            terms: self.terms.clone(),
            extractors: extractors
                .map(|(network, (_, extractor))| (network, extractor))
                .collect(),
            judges,
        })
    }
}

/// A loss that is ready to be computed.
pub struct Criterion {
    terms: Vec<(f64, Term)>,
    extractors: BTreeMap<Vgg, Extractor>,
    /// The networks that compute a term, by the term's index.
    judges: BTreeMap<usize, Judge>,
}

/// A network that computes a term.
enum Judge {
    Lpips(Lpips),
    Dists(Box<Dists>),
    Teacher(Box<Teacher>),
}

/// The input of a loss: tensors `[batch, c, h, w]`.
pub struct Compared {
    /// The network's input.
    pub input: Tensor<4>,
    /// Its output.
    pub output: Tensor<4>,
    /// The original.
    pub target: Tensor<4>,
    /// The output of the network with its averaged weights, if [`Loss::needs_average`].
    pub average: Option<Tensor<4>>,
    /// Output pixels per pixel of the input.
    pub ratio: usize,
}

impl Criterion {
    /// The weighted terms, `[1]` each; 0 for the adversarial ones.
    pub fn terms(&self, compared: &Compared) -> Vec<Tensor<1>> {
        let Compared { output, target, .. } = compared;
        let is_own = |(_, term): &&(f64, Term)| !matches!(term, Term::Gan(_));
        let layers = self.terms.iter().filter(is_own);
        let layers: BTreeSet<Layer> = layers.filter_map(|(_, term)| term.layer()).collect();
        let features = [output, target].map(|image| self.features(image, &layers));
        let terms = self.terms.iter().enumerate();
        terms
            .map(|(index, (weight, term))| {
                let value = match self.judges.get(&index) {
                    Some(Judge::Lpips(lpips)) => lpips.of(output.clone(), target.clone()),
                    Some(Judge::Dists(dists)) => dists.of(output.clone(), target.clone()),
                    Some(Judge::Teacher(teacher)) => teacher.distance(compared),
                    None if let (Term::Ldl, Some(average)) = (term, &compared.average) => {
                        artefact::loss(output, target, average)
                    }
                    None => terms::value(term, output, target, &features),
                };
                value.mul_scalar(*weight)
            })
            .collect()
    }

    /// The adversarial terms: their indices among the terms, their weights, and what they are.
    pub fn gans(&self) -> impl Iterator<Item = (usize, f64, Gan)> {
        let terms = self.terms.iter().enumerate();
        terms.filter_map(|(index, (weight, term))| match term {
            Term::Gan(gan) => Some((index, *weight, *gan)),
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

    use crate::vgg::gram;

    fn features() -> BTreeMap<String, PathBuf> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/features/");
        let names = [
            ("vgg16", "vgg16_lpips"),
            ("lpips", "vgg16_lpips"),
            ("dists", "dists_weights"),
        ];
        let file = |name: &str| PathBuf::from(format!("{folder}{name}.safetensors"));
        let files = names.map(|(name, stem)| (name.to_string(), file(stem)));
        BTreeMap::from(files)
    }

    fn criterion(loss: &str) -> Criterion {
        let loss: Loss = loss.parse().unwrap();
        loss.prepare(&features(), &model_spec(), &Device::flex())
            .unwrap()
    }

    fn model_spec() -> Spec {
        Spec {
            scale: 1,
            colour: engine::Colour::Rgb,
            input: engine::Input::LowResolution,
        }
    }

    /// The sum of a loss's terms.
    fn sum(criterion: &Criterion, output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let terms = criterion.terms(&Compared {
            input: output.clone(),
            average: Some(output.clone()),
            output,
            target,
            ratio: 1,
        });
        Tensor::cat(terms, 0).sum()
    }

    fn value(loss: &str, output: &[f32], target: &[f32], shape: [usize; 4]) -> f32 {
        let tensor = |values: &[f32]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
        };
        let loss = sum(&criterion(loss), tensor(output), tensor(target));
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
        // Grey images have no colour; the four frequencies of a 2×2 image are sums and differences, halved.
        close("luma", 0.3125);
        close("fft", (1.25 + 0.25 + 0.25 + 0.75) / 2.0 / 4.0);
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
        // The last ones need the weights in ../shared/data/features.
        let losses = [
            ("l1", 24),
            ("mse", 24),
            ("smooth_l1(0.2)", 24),
            ("charbonnier", 24),
            ("tv", 24),
            ("ssim", 24),
            ("ms_ssim", 48),
            ("luma", 24),
            ("chroma", 24),
            ("fft", 12),
            ("content(vgg16:relu2_2)", 24),
            ("1e3*texture(vgg16:relu2_1)", 24),
            ("content(vgg16:relu1_1) + 1e3*texture(vgg16:relu2_2)", 24),
            ("lpips", 64),
            ("dists", 48),
        ];
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
            let gradients = sum(&criterion, output.clone(), target.clone()).backward();
            let gradient = output.grad(&gradients).unwrap();
            let squares: Tensor<1> = (gradient.clone() * gradient.clone()).sum();
            let length = squares.sqrt().into_scalar::<f32>();
            let at = |step: f32| {
                let moved = output.clone().inner() + gradient.clone() * (step / length);
                let loss = sum(&criterion, moved, target.clone().inner());
                loss.into_scalar::<f32>()
            };
            // DISTS bends more than the others.
            let step = if loss == "dists" { 0.002 } else { 0.02 };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (difference - length).abs() < 0.03 * length,
                "{loss}: {difference}, not {length}"
            );
        }
    }

    /// The factor of SRGAN's content loss is that of its features, squared; it is there to bring the loss to the size of
    /// the mean squared error (Ledig et al. 2017, arXiv:1609.04802, section 3.2).
    #[test]
    fn srgans_factor_makes_content_as_large_as_squared_errors() {
        let factor: f32 = 1.0 / 12.75;
        assert!((factor * factor - 0.006).abs() < 2e-4);
        let side = 96;
        let shape = [1, 3, side, side];
        let target = image(3 * side * side, 1.0);
        // A moving mean: what a network that has learnt little makes.
        let output: Vec<f32> = (0..target.len())
            .map(|i| {
                let window = &target[i.saturating_sub(1)..(i + 2).min(target.len())];
                window.iter().sum::<f32>() / window.len() as f32
            })
            .collect();
        let error = value("mse", &output, &target, shape);
        for layer in ["relu2_2", "relu5_3"] {
            let content = format!("0.006*content(vgg16:{layer})");
            let ratio = value(&content, &output, &target, shape) / error;
            assert!((0.05..20.0).contains(&ratio), "{layer}: {ratio}");
        }
    }

    #[test]
    fn missing_weights_are_named() {
        let needs: Loss = "content(vgg19:relu5_4)".parse().unwrap();
        let error = needs
            .prepare(&BTreeMap::new(), &model_spec(), &Device::flex())
            .err()
            .unwrap();
        assert!(error.to_string().contains("training.features"), "{error}");
    }
}
