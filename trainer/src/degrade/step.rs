//! The steps of a degradation.

use std::fmt;

use engine::image::resize::{Method, resize};
use engine::image::{Image, Planes};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;

use super::blur::{self, Kernel, Shape};
use super::codec::{self, Subsampling};
use super::number::{Choice, Range, Within};
use super::{avif, noise, palette};
use crate::planes::{to_image, to_planes};

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

/// What steps draw from, and what is known of their result.
pub(super) struct Draw<'a> {
    /// Width and height of the low resolution.
    pub low: (usize, usize),
    pub random: &'a mut Pcg64Mcg,
    /// Bytes of the file that the last lossy compression made.
    pub bytes: Option<usize>,
}

impl Draw<'_> {
    /// The planes of an image that a file of so many bytes holds.
    fn decoded(&mut self, (image, bytes): (Image, usize)) -> anyhow::Result<Planes> {
        self.bytes = Some(bytes);
        Ok(to_planes(&image))
    }
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

    /// Applies the step.
    fn apply(&self, mut planes: Planes, draw: &mut Draw) -> anyhow::Result<Planes> {
        match self {
            Self::Blur {
                sigma_px,
                other_sigma_px,
                angle_deg,
                shape,
                beta,
            } => {
                let sigma = sigma_px.draw(draw.random);
                let other = other_sigma_px.map_or(sigma, |other| other.draw(draw.random));
                let angle = angle_deg.map_or(0.0, |angle| angle.draw(draw.random));
                let beta = beta.map_or(1.0, |beta| beta.draw(draw.random));
                Ok(match (shape, other_sigma_px) {
                    (Shape::Gaussian, None) => blur::gaussian(&planes, sigma),
                    _ => {
                        let angle = angle.to_radians();
                        Kernel::blur(*shape, [sigma, other], angle, beta).apply(&planes)
                    }
                })
            }
            Self::Sinc { cutoff } => {
                let cutoff = std::f64::consts::PI * cutoff.draw(draw.random).max(0.01);
                Ok(Kernel::sinc(cutoff, SINC_REACH_PX).apply(&planes))
            }
            Self::Resize { factor, method } => {
                let factor = factor.draw(draw.random);
                let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
                let (width, height) = (side(planes.width), side(planes.height));
                Ok(resize(&planes, width, height, method.draw(draw.random)))
            }
            Self::Shrink { method } => Ok(resize(
                &planes,
                draw.low.0,
                draw.low.1,
                method.draw(draw.random),
            )),
            Self::GaussianNoise { sigma, grey } => {
                noise::gaussian(
                    &mut planes,
                    sigma.draw(draw.random) / 255.0,
                    *grey,
                    draw.random,
                )?;
                Ok(planes)
            }
            Self::PoissonNoise {
                photons,
                scale,
                grey,
            } => {
                let photons = photons.map_or(256.0, |photons| photons.draw(draw.random));
                let scale = scale.map_or(1.0, |scale| scale.draw(draw.random).max(1e-3));
                noise::poisson(&mut planes, photons / (scale * scale), *grey, draw.random)?;
                Ok(planes)
            }
            Self::Jpeg {
                quality,
                subsampling,
            } => {
                let quality = quality.draw(draw.random).round() as u8;
                let subsampling = subsampling.draw(draw.random);
                draw.decoded(codec::jpeg(&to_image(&planes)?, quality, subsampling)?)
            }
            Self::Webp { quality } => {
                let quality = quality.draw(draw.random).round() as f32;
                draw.decoded(codec::webp(&to_image(&planes)?, quality)?)
            }
            Self::Avif { quality } => {
                let quality = quality.draw(draw.random);
                draw.decoded(avif::compressed(&to_image(&planes)?, quality)?)
            }
            Self::Quantise { levels } => {
                let top = levels.draw(draw.random).round() as f32 - 1.0;
                let values = planes.data.iter_mut();
                values.for_each(|value| *value = (value.clamp(0.0, 1.0) * top).round() / top);
                Ok(planes)
            }
            Self::Palette { colours, dither } => {
                let colours = colours.draw(draw.random).round() as u16;
                let dither = dither.map_or(0.0, |dither| dither.draw(draw.random)) as f32;
                let image = palette::reduced(&to_image(&planes)?, colours, dither)?;
                Ok(to_planes(&image))
            }
            Self::Shuffle { steps } => {
                let mut order: Vec<&Part> = steps.iter().collect();
                order.shuffle(draw.random);
                let mut order = order.into_iter();
                order.try_fold(planes, |planes, part| part.apply(planes, draw))
            }
            Self::OneOf { steps } => {
                let sum: f64 = steps.iter().map(|part| part.probability).sum();
                let mut drawn = sum * draw.random.random::<f64>();
                let chosen = steps.iter().find(|part| {
                    drawn -= part.probability;
                    drawn < 0.0
                });
                match chosen {
                    Some(part) => part.step.apply(planes, draw),
                    None => Ok(planes),
                }
            }
            Self::Twice { steps } => {
                let mut steps = steps.iter().chain(steps);
                steps.try_fold(planes, |planes, part| part.apply(planes, draw))
            }
        }
    }
}

impl Part {
    /// Applies the step, or not, as its probability says.
    pub(super) fn apply(&self, planes: Planes, draw: &mut Draw) -> anyhow::Result<Planes> {
        let taken = self.probability == 1.0 || draw.random.random::<f64>() < self.probability;
        match taken {
            true => self.step.apply(planes, draw),
            false => Ok(planes),
        }
    }
}

/// Real-ESRGAN's largest kernels are 21 pixels wide.
const SINC_REACH_PX: usize = 10;
