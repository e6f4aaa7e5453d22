//! What training minimises: a weighted sum of terms, written as text.

mod features;
mod structure;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

pub use features::{Extractor, Layer, Vgg, gram};
pub use structure::{ms_ssim, ssim};

/// A weighted sum such as `1*l1 + 0.1*mse` or `1*mse + 0.006*content(vgg16:relu5_3)`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Loss {
    terms: Vec<(f64, Term)>,
}

/// One loss on an output y and a target t of equal size, values in 0…1; means are over all values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Term {
    /// `l1`: mean `|y − t|`; 0…1.
    L1,
    /// `mse`: mean `(y − t)²`; 0…1.
    Mse,
    /// `smooth_l1(β)`: mean of `d²/2β` where `d = |y − t|` is below β, else of `d − β/2` (Girshick
    /// 2015, arXiv:1504.08083); β is 1 where it isn't said, which makes it half the MSE.
    SmoothL1(f64),
    /// `charbonnier`: mean `√((y − t)² + ε²)` with ε = 10⁻³ (Lai et al. 2017, arXiv:1704.03915).
    Charbonnier,
    /// `tv`: total variation of the output alone, the mean of `|∂y/∂row| + |∂y/∂column|` between
    /// neighbours (Rudin, Osher and Fatemi 1992; anisotropic); 0…2.
    TotalVariation,
    /// `ssim`: 1 − structural similarity; 0…2, see [`ssim()`].
    Ssim,
    /// `ms_ssim`: 1 − multi-scale structural similarity; 0…1, see [`ms_ssim()`].
    MsSsim,
    /// `content(layer)`: mean squared difference of what a layer of VGG sees (Johnson et al. 2016,
    /// arXiv:1603.08155; SRGAN's VGG loss without its factor).
    Content(Layer),
    /// `texture(layer)`: mean squared difference of the Gram matrices of a layer of VGG (Gatys et
    /// al. 2015, arXiv:1505.07376; for super-resolution Sajjadi et al. 2017, arXiv:1612.07919).
    Texture(Layer),
}

/// The ε of [`Term::Charbonnier`].
const CHARBONNIER_EPSILON: f64 = 1e-3;

/// Terms as one writes them, for messages.
const KNOWN: &str =
    "l1, mse, smooth_l1(β), charbonnier, tv, ssim, ms_ssim, content(layer), texture(layer)";

impl Term {
    /// The layer of VGG that it looks at, if any.
    fn layer(self) -> Option<Layer> {
        match self {
            Self::Content(layer) | Self::Texture(layer) => Some(layer),
            _ => None,
        }
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(argument) => (name.trim(), Some(argument.trim())),
                None => return Err(format!("{text:?} lacks its closing parenthesis")),
            },
            None => (text, None),
        };
        let layer = || argument.unwrap_or_default().parse::<Layer>();
        let term = match (name, argument) {
            ("l1", None) => Self::L1,
            ("mse", None) => Self::Mse,
            ("charbonnier", None) => Self::Charbonnier,
            ("tv", None) => Self::TotalVariation,
            ("ssim", None) => Self::Ssim,
            ("ms_ssim", None) => Self::MsSsim,
            ("smooth_l1", None) => Self::SmoothL1(1.0),
            ("smooth_l1", Some(text)) => match text.parse() {
                Ok(beta) if beta > 0.0 => Self::SmoothL1(beta),
                _ => return Err(format!("{text:?} is no positive number")),
            },
            ("content", _) => Self::Content(layer()?),
            ("texture", _) => Self::Texture(layer()?),
            (known, Some(_)) if known.parse::<Self>().is_ok() => {
                return Err(format!("{known} takes no argument"));
            }
            _ => return Err(format!("{text:?} is unknown")),
        };
        Ok(term)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::L1 => f.write_str("l1"),
            Self::Mse => f.write_str("mse"),
            Self::SmoothL1(beta) => write!(f, "smooth_l1({beta})"),
            Self::Charbonnier => f.write_str("charbonnier"),
            Self::TotalVariation => f.write_str("tv"),
            Self::Ssim => f.write_str("ssim"),
            Self::MsSsim => f.write_str("ms_ssim"),
            Self::Content(layer) => write!(f, "content({layer})"),
            Self::Texture(layer) => write!(f, "texture({layer})"),
        }
    }
}

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

impl Criterion {
    /// The loss of `output` against `target`, both `[batch, c, h, w]`; one value.
    pub fn of(&self, output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let terms = self.terms.iter();
        terms
            .map(|(weight, term)| self.term(*term, &output, &target).mul_scalar(*weight))
            .reduce(|sum, term| sum + term)
            .expect("a loss has at least one term: its only constructor sees to it")
    }

    fn term(&self, term: Term, output: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
        let difference = || output.clone() - target.clone();
        let square = |x: Tensor<4>| x.clone() * x;
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
                let [y, t] = self.features(layer, output, target);
                square(y - t).mean()
            }
            Term::Texture(layer) => {
                let [y, t] = self.features(layer, output, target);
                let difference = gram(y) - gram(t);
                (difference.clone() * difference).mean()
            }
        }
    }

    fn features(&self, layer: Layer, output: &Tensor<4>, target: &Tensor<4>) -> [Tensor<4>; 2] {
        let extractor = self.extractors.get(&layer.network);
        let extractor = extractor.expect("`Loss::prepare` has loaded what the terms need");
        let target = extractor.of(target.clone(), layer).detach();
        [extractor.of(output.clone(), layer), target]
    }
}

fn total_variation(x: &Tensor<4>) -> Tensor<1> {
    let along = |dim: usize| {
        let side = x.dims()[dim];
        let part = |from| x.clone().narrow(dim, from, side - 1);
        (part(1) - part(0)).abs().mean()
    };
    along(2) + along(3)
}

/// A loss that cannot be understood.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "loss {text:?}: {problem}; write weights and terms like \"1*l1 + 0.1*mse\" (terms: {KNOWN})"
)]
pub struct LossError {
    text: String,
    problem: String,
}

impl FromStr for Loss {
    type Err = LossError;

    fn from_str(text: &str) -> Result<Self, LossError> {
        let error = |problem: String| LossError {
            text: text.to_string(),
            problem,
        };
        let term = |part: &str| {
            let (weight, term) = match part.split_once('*') {
                Some((weight, term)) => (weight.trim(), term.trim()),
                None => ("1", part.trim()),
            };
            let weight: f64 = weight
                .parse()
                .map_err(|_| error(format!("{weight:?} is no number")))?;
            if !weight.is_finite() {
                return Err(error(format!("{weight} is no usable weight")));
            }
            Ok((weight, term.parse().map_err(error)?))
        };
        let terms = text.split('+').map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

impl TryFrom<String> for Loss {
    type Error = LossError;

    fn try_from(text: String) -> Result<Self, LossError> {
        text.parse()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (weight, term)) in self.terms.iter().enumerate() {
            let plus = if i == 0 { "" } else { " + " };
            write!(f, "{plus}{weight}*{term}")?;
        }
        Ok(())
    }
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
        let shape = [1, 1, 40, 33];
        let (a, b) = (picture(40 * 33, 1.0), picture(40 * 33, 1.3));
        let plane = |values: &[f32]| crate::metric::Plane {
            width: 33,
            height: 40,
            data: values
                .iter()
                .map(|value| 255.0 * f64::from(*value))
                .collect(),
        };
        let expected = 1.0 - crate::metric::ssim(&plane(&a), &plane(&b)).unwrap();
        let found = f64::from(value("ssim", &a, &b, shape));
        assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
        assert!(value("ssim", &a, &a, shape).abs() < 1e-5);
        assert!(value("ms_ssim", &a, &a, shape).abs() < 1e-5);
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
    fn reads_and_writes_text() {
        let loss: Loss = " 1*l1+0.1 * mse ".parse().unwrap();
        assert_eq!(loss.to_string(), "1*l1 + 0.1*mse");
        let text = "1*smooth_l1(0.5) + 0.006*content(vgg16:relu5_3) + 2*texture(vgg19:relu3_4)";
        assert_eq!(text.parse::<Loss>().unwrap().to_string(), text);
        for wrong in [
            "",
            "l2",
            "x*l1",
            "1*l1 +",
            "nan*l1",
            "l1(3)",
            "smooth_l1(0)",
            "smooth_l1(0.5",
            "content",
            "content(vgg16:relu3_4)",
            "content(vgg17:relu1_1)",
            "texture(vgg16:conv1_1)",
        ] {
            assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
        }
        let message = "l2".parse::<Loss>().unwrap_err().to_string();
        assert!(message.contains("charbonnier"), "{message}");
        let needs: Loss = "content(vgg19:relu5_4)".parse().unwrap();
        let error = needs
            .prepare(&BTreeMap::new(), &Device::flex())
            .err()
            .unwrap();
        assert!(error.to_string().contains("training.features"), "{error}");
    }
}
