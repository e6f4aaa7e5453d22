//! Losses as text.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::structure::WINDOW_PX as SSIM_WINDOW_PX;
use super::{Adversarial, Gan, Sees, artefact};
use crate::metric;
use crate::vgg::{Layer, Vgg};

/// A weighted sum such as `1*l1 + 0.1*mse` or `1*mse + 0.006*content(vgg16:relu5_3) + 0.001*gan`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Loss {
    pub(super) terms: Vec<(f64, Term)>,
}

/// One loss of an output y and a target t of equal size, values in 0…1; means are over all values.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// `l1`: mean `|y − t|`; 0…1.
    L1,
    /// `mse`: mean `(y − t)²`; 0…1.
    Mse,
    /// `smooth_l1(β)`: mean of `d²/2β` where `d = |y − t|` is below β, else of `d − β/2` (Girshick
    /// 2015, arXiv:1504.08083). The default β = 1 makes it half the MSE.
    SmoothL1(f64),
    /// `charbonnier`: mean `√((y − t)² + ε²)` with ε = 10⁻³ (Lai et al. 2017, arXiv:1704.03915).
    Charbonnier,
    /// `tv`: total variation of the output alone, the mean of `|∂y/∂row| + |∂y/∂column|` between
    /// neighbours (Rudin, Osher and Fatemi 1992; anisotropic); 0…2.
    TotalVariation,
    /// `ssim`: 1 − structural similarity; 0…2, see [`ssim()`](super::ssim()).
    Ssim,
    /// `ms_ssim`: 1 − multi-scale structural similarity; 0…1, see [`ms_ssim()`](super::ms_ssim()).
    MsSsim,
    /// `luma`: mean `|y − t|` of the luma (Y of BT.601, in studio range) of RGB images; 0…0.86.
    Luma,
    /// `chroma`: mean `|y − t|` of both colour differences (Cb and Cr of BT.601, in studio range) of RGB images; 0…0.88.
    Chroma,
    /// `fft`: mean `|Re(Y − T)| + |Im(Y − T)|` over the frequencies of the orthonormal two-dimensional Fourier transforms
    /// (the frequency loss of MIMO-UNet, Cho et al. 2021, arXiv:2108.05054); 0 and up.
    Fft,
    /// `lpips`: the distance [`Lpips`](crate::metric::Lpips) of AlexNet or VGG16, whichever the file holds; 0 and up.
    Lpips,
    /// `dists`: the distance [`Dists`](crate::metric::Dists); 0…2.
    Dists,
    /// `distill(FILE)`: mean `|y − s|`, where s is what the model file's network makes of the same input, reduced by area
    /// where its scale is a multiple of this network's (distillation: Hinton et al. 2015, arXiv:1503.02531); 0…1.
    Distill(String),
    /// `ldl`: mean of |y − t| weighted by how much of an artefact a pixel is (the artefact loss of LDL, Liang et al. 2022,
    /// arXiv:2203.09195), which the moving average of the weights tells; 0 and up.
    Ldl,
    /// `content(layer)`: mean squared difference of a VGG layer's features (Johnson et al. 2016,
    /// arXiv:1603.08155; SRGAN's VGG loss without its factor).
    Content(Layer),
    /// `texture(layer)`: mean squared difference of the Gram matrices of a layer of VGG (Gatys et
    /// al. 2015, arXiv:1505.07376; for super-resolution Sajjadi et al. 2017, arXiv:1612.07919).
    Texture(Layer),
    /// `gan`, `gan(hinge)`, `gan(relativistic, vgg19:relu5_4)`: the loss by a discriminator that is
    /// trained together with the network; see [`Gan`].
    Gan(Gan),
}

const KNOWN: &str = "l1, mse, smooth_l1(β), charbonnier, tv, ssim, ms_ssim, luma, chroma, fft, content(layer), \
    texture(layer), lpips, dists, distill(file), ldl, gan(kind, layer)";

impl Term {
    /// The layer of VGG whose features it uses, if any.
    pub(super) fn layer(&self) -> Option<Layer> {
        match self {
            Self::Content(layer) | Self::Texture(layer) => Some(*layer),
            Self::Gan(gan) => gan.sees.layer(),
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
            ("luma", None) => Self::Luma,
            ("chroma", None) => Self::Chroma,
            ("fft", None) => Self::Fft,
            ("lpips", None) => Self::Lpips,
            ("dists", None) => Self::Dists,
            ("ldl", None) => Self::Ldl,
            ("distill", Some(file)) if !file.is_empty() => Self::Distill(file.to_string()),
            ("distill", _) => return Err("distill needs a model file: distill(teacher.bpk)".into()),
            ("content", _) => Self::Content(layer()?),
            ("texture", _) => Self::Texture(layer()?),
            ("gan", _) => Self::Gan(gan(argument)?),
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
            Self::Luma => f.write_str("luma"),
            Self::Chroma => f.write_str("chroma"),
            Self::Fft => f.write_str("fft"),
            Self::Lpips => f.write_str("lpips"),
            Self::Dists => f.write_str("dists"),
            Self::Ldl => f.write_str("ldl"),
            Self::Distill(file) => write!(f, "distill({file})"),
            Self::Content(layer) => write!(f, "content({layer})"),
            Self::Texture(layer) => write!(f, "texture({layer})"),
            Self::Gan(gan) => gan.fmt(f),
        }
    }
}

/// Parses the argument of `gan`: a kind, a layer, both or nothing.
fn gan(argument: Option<&str>) -> Result<Gan, String> {
    let mut gan = Gan::default();
    for part in argument.into_iter().flat_map(|text| text.split(',')) {
        let part = part.trim();
        if let Some(kind) = Adversarial::named(part) {
            gan.kind = kind;
        } else if part.contains(':') {
            gan.sees = Sees::Features(part.parse()?);
        } else {
            return Err(format!(
                "{part:?} is no kind of gan: there are {}, and layers such as vgg19:relu5_4",
                Adversarial::ALL.map(Adversarial::name).join(", ")
            ));
        }
    }
    Ok(gan)
}

impl Loss {
    pub(super) fn layers(&self) -> impl Iterator<Item = Layer> {
        self.terms.iter().filter_map(|(_, term)| term.layer())
    }

    /// Whether one of its terms compares colours.
    pub fn needs_colour(&self) -> bool {
        self.terms.iter().any(|(_, term)| *term == Term::Chroma)
    }

    /// Whether one of its terms needs what the moving average of the weights makes of the input.
    pub fn needs_average(&self) -> bool {
        self.terms.iter().any(|(_, term)| *term == Term::Ldl)
    }

    /// The smallest side of patches that all its terms can be computed of.
    pub fn smallest_px(&self) -> usize {
        let of_term = |(_, term): &(f64, Term)| match term {
            Term::Ssim | Term::MsSsim => SSIM_WINDOW_PX,
            Term::Lpips => metric::LPIPS_SMALLEST_PX,
            Term::Dists => metric::DISTS_SMALLEST_PX,
            Term::Ldl => artefact::WINDOW_PX,
            other => other
                .layer()
                .map_or(1, |layer| layer.channels_and_reduction().1),
        };
        self.terms.iter().map(of_term).max().unwrap_or(1)
    }

    /// The names in `training.features` of the files that its terms read, such as `vgg16`.
    pub fn features(&self) -> impl Iterator<Item = String> {
        self.terms.iter().flat_map(|(_, term)| {
            let names = match term {
                Term::Lpips => vec!["lpips".to_string()],
                Term::Dists => vec!["dists".to_string(), Vgg::Vgg16.name().to_string()],
                Term::Distill(_) => vec![term.to_string()],
                _ => Vec::new(),
            };
            let layer = term.layer().map(|layer| layer.network.name().to_string());
            names.into_iter().chain(layer)
        })
    }

    /// The model files that it names, by their names in `training.features`.
    pub fn teachers(&self) -> impl Iterator<Item = (String, &str)> {
        self.terms.iter().filter_map(|(_, term)| match term {
            Term::Distill(file) => Some((term.to_string(), file.as_str())),
            _ => None,
        })
    }

    /// Its terms with their weights, as text.
    pub fn terms(&self) -> impl Iterator<Item = String> {
        let term = |(weight, term): &(f64, Term)| format!("{weight}*{term}");
        self.terms.iter().map(term)
    }

    /// Its adversarial terms; each needs a discriminator.
    pub fn gans(&self) -> Vec<Gan> {
        let gan = |(_, term): &(f64, Term)| match term {
            Term::Gan(gan) => Some(*gan),
            _ => None,
        };
        self.terms.iter().filter_map(gan).collect()
    }

    /// Whether it has adversarial or feature terms, so that PSNR says little about the result.
    pub fn is_perceptual(&self) -> bool {
        let perceptual = |(_, term): &(f64, Term)| {
            matches!(
                term,
                Term::Gan(_) | Term::Content(_) | Term::Texture(_) | Term::Lpips | Term::Dists
            )
        };
        self.terms.iter().any(perceptual)
    }
}

/// A loss that cannot be parsed.
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

    #[test]
    fn reads_and_writes_text() {
        let loss: Loss = " 1*l1+0.1 * mse ".parse().unwrap();
        assert_eq!(loss.to_string(), "1*l1 + 0.1*mse");
        for text in [
            "1*smooth_l1(0.5) + 0.006*content(vgg16:relu5_3) + 2*texture(vgg19:relu3_4)",
            "1*mse + 0.001*gan",
            "1*luma + 0.5*chroma + 0.1*fft + 0.2*lpips + 0.2*dists",
            "1*distill(../teacher-x4.bpk)",
            "1*gan(hinge) + 2*gan(vgg16:relu4_3) + 3*gan(least_squares, vgg19:relu5_4)",
        ] {
            assert_eq!(text.parse::<Loss>().unwrap().to_string(), text);
        }
        assert_eq!("gan(vanilla)".parse::<Loss>().unwrap().to_string(), "1*gan");
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
            "distill",
            "fft(2)",
            "gan(wasserstein)",
            "gan(hinge, vgg19:relu9_1)",
        ] {
            assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
        }
        let message = "l2".parse::<Loss>().unwrap_err().to_string();
        assert!(message.contains("charbonnier"), "{message}");
    }
}
