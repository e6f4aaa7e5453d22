//! The steps of a degradation.

use std::fmt;

use engine::image::resize::Method;
use serde::Deserialize;

use super::blur::Shape;
use super::codec::Subsampling;
use super::number::{Choice, Range, Within};

/// A step, and how often it is taken.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Part {
    /// The probability of the step; among the steps of `one_of`, its weight.
    pub(super) probability: f64,
    pub(super) step: Step,
}

impl TryFrom<toml::Table> for Part {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let probability = match table.remove("probability") {
            None => 1.0,
            Some(value) => {
                let number = value
                    .as_float()
                    .or(value.as_integer().map(|value| value as f64));
                let number = number.filter(|number| (0.0..=1.0).contains(number));
                number.ok_or(format!("probability = {value} has to lie within 0 to 1"))?
            }
        };
        let step: Step = table
            .try_into()
            .map_err(|error: toml::de::Error| error.message().to_string())?;
        step.check()?;
        Ok(Self { probability, step })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.probability {
            1.0 => write!(f, "{}", self.step),
            // Without needless digits.
            probability => write!(f, "{} ({} %)", self.step, (1e5 * probability).round() / 1e3),
        }
    }
}

/// One step on an image with values in 0…1.
///
/// The steps and their usual ranges are those of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Blur.
    Blur {
        /// Standard deviation in pixels.
        sigma_px: Within<0, 20>,
        /// Standard deviation perpendicular to it; absent: the same (isotropic).
        #[serde(default)]
        other_sigma_px: Option<Within<0, 20>>,
        /// Direction of `sigma_px` in degrees.
        #[serde(default)]
        angle_deg: Option<Range>,
        /// The kernel's profile.
        #[serde(default)]
        shape: Shape,
        /// The exponent of the profiles that have one.
        #[serde(default)]
        beta: Option<Within<0, 10>>,
    },
    /// The ideal low-pass filter, which makes rings.
    Sinc {
        /// The highest frequency that is kept, as a share of the highest that there is.
        cutoff: Within<0, 1>,
    },
    /// Resizing by a factor.
    Resize {
        /// Factor on both sides.
        factor: Within<0, 8>,
        /// The interpolation.
        #[serde(default)]
        method: Choice<Method>,
    },
    /// Resizing to the low resolution.
    Shrink {
        /// The interpolation.
        #[serde(default)]
        method: Choice<Method>,
    },
    /// Additive white Gaussian noise.
    GaussianNoise {
        /// Standard deviation in 8-bit levels.
        sigma: Within<0, 255>,
        /// Whether all channels get the same noise.
        #[serde(default)]
        grey: bool,
    },
    /// Shot noise: a value v becomes a Poisson number of mean v·photons, divided by `photons`.
    PoissonNoise {
        /// Photons of a white pixel; fewer give more noise.
        #[serde(default)]
        photons: Option<Within<1, 1_000_000>>,
        /// In place of them, Real-ESRGAN's factor on the noise of 256 photons: 256 / scale² photons.
        #[serde(default)]
        scale: Option<Within<0, 16>>,
        /// Whether all channels get the same noise.
        #[serde(default)]
        grey: bool,
    },
    /// JPEG compression.
    Jpeg {
        /// Quality on libjpeg's scale.
        quality: Within<1, 100>,
        /// How colour is stored.
        #[serde(default)]
        subsampling: Choice<Subsampling>,
    },
    /// Lossy WebP compression.
    Webp {
        /// Quality on libwebp's scale.
        quality: Within<0, 100>,
    },
    /// AVIF compression, with colour at half resolution.
    Avif {
        /// Quality: 100 minus AV1's quantiser index in per cent of its largest.
        quality: Within<0, 100>,
    },
    /// Quantisation to equidistant levels.
    Quantise {
        /// Levels per channel; 256 are 8 bits.
        levels: Within<2, 65_536>,
    },
    /// Reduction to a palette of the image's own colours, as in GIF files.
    Palette {
        /// Colours of the palette.
        colours: Within<2, 256>,
        /// The share of each pixel's error that is passed on to its neighbours (Floyd and Steinberg's dithering).
        #[serde(default)]
        dither: Option<Within<0, 1>>,
    },
    /// Steps in random order.
    Shuffle {
        /// The steps.
        steps: Vec<Part>,
    },
    /// One of several steps, drawn by their probabilities as weights.
    OneOf {
        /// The steps.
        steps: Vec<Part>,
    },
    /// Steps that are taken twice, as in Real-ESRGAN's degradation of second order.
    Twice {
        /// The steps.
        steps: Vec<Part>,
    },
}

/// The texts of steps, with a word between each two.
fn listed(steps: &[Part], between: &str) -> String {
    let steps: Vec<String> = steps.iter().map(Part::to_string).collect();
    steps.join(between)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blur {
                sigma_px,
                other_sigma_px,
                shape,
                ..
            } => {
                match shape {
                    Shape::Gaussian => write!(f, "blur")?,
                    shape => write!(f, "{} blur", format!("{shape:?}").to_lowercase())?,
                }
                match other_sigma_px {
                    None => write!(f, " of σ {sigma_px} px"),
                    Some(other) => write!(f, " of σ {sigma_px} and {other} px"),
                }
            }
            Self::Sinc { cutoff } => write!(f, "sinc filter of {cutoff} of all frequencies"),
            Self::Resize { factor, method } => write!(f, "resize by {factor} ({method})"),
            Self::Shrink { method } => write!(f, "shrink ({method})"),
            Self::GaussianNoise { sigma, grey: false } => write!(f, "noise of σ {sigma}"),
            Self::GaussianNoise { sigma, grey: true } => write!(f, "grey noise of σ {sigma}"),
            Self::PoissonNoise {
                photons,
                scale,
                grey,
            } => {
                let grey = if *grey { "grey " } else { "" };
                match (photons, scale) {
                    (Some(photons), _) => write!(f, "{grey}shot noise of {photons} photons"),
                    (_, Some(scale)) => write!(f, "{grey}shot noise of scale {scale}"),
                    (None, None) => write!(f, "{grey}shot noise"),
                }
            }
            Self::Jpeg {
                quality,
                subsampling,
            } => {
                let names = subsampling.all().iter().map(|value| value.name());
                let names: Vec<_> = names.collect();
                write!(f, "JPEG of quality {quality} ({})", names.join(" or "))
            }
            Self::Webp { quality } => write!(f, "WebP of quality {quality}"),
            Self::Avif { quality } => write!(f, "AVIF of quality {quality}"),
            Self::Quantise { levels } => write!(f, "{levels} levels"),
            Self::Palette { colours, dither } => match dither {
                None => write!(f, "{colours} colours"),
                Some(dither) => write!(f, "{colours} colours, dithered by {dither}"),
            },
            Self::Shuffle { steps } => write!(f, "in random order ({})", listed(steps, ", ")),
            Self::OneOf { steps } => write!(f, "one of ({})", listed(steps, ", ")),
            Self::Twice { steps } => write!(f, "twice ({})", listed(steps, ", then ")),
        }
    }
}

impl Step {
    /// Whether settings fit each other.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Blur { shape, beta, .. } => match (shape, beta) {
                (Shape::Gaussian, Some(_)) => Err("a Gaussian blur has no `beta`".into()),
                (Shape::Generalised | Shape::Plateau, None) => {
                    Err("blurs of another shape than gaussian need a `beta`".into())
                }
                _ => Ok(()),
            },
            Self::PoissonNoise { photons, scale, .. } if photons.is_some() == scale.is_some() => {
                Err("poisson_noise needs either `photons` or `scale`".into())
            }
            Self::OneOf { steps } if steps.iter().all(|part| part.probability == 0.0) => {
                Err("one_of needs a step with a probability above 0".into())
            }
            Self::Twice { .. } if self.shrinks() => {
                Err("`shrink` cannot be taken twice: use `resize`".into())
            }
            _ => Ok(()),
        }
    }

    /// Whether it resizes to the low resolution.
    pub(super) fn shrinks(&self) -> bool {
        match self {
            Self::Shrink { .. } => true,
            Self::Shuffle { steps } | Self::OneOf { steps } | Self::Twice { steps } => {
                steps.iter().any(|part| part.step.shrinks())
            }
            _ => false,
        }
    }
}
