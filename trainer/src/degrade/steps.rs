//! The steps of a degradation.

use std::fmt;

use anyhow::Context;
use engine::image::Planes;
use engine::image::resize::{Method, resize};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use rand::RngExt;
use rand_distr::{Distribution, Normal, Poisson};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use serde::Deserialize;

use super::{to_image, to_planes};

/// A number, or a range from which a number is drawn for each image: `3` or `[1, 10]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Numbers")]
pub struct Range {
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or [low, high] is expected")]
enum Numbers {
    One(f64),
    Two([f64; 2]),
}

impl TryFrom<Numbers> for Range {
    type Error = String;

    fn try_from(numbers: Numbers) -> Result<Self, String> {
        let (low, high) = match numbers {
            Numbers::One(value) => (value, value),
            Numbers::Two([low, high]) => (low, high),
        };
        if low <= high && low.is_finite() && high.is_finite() {
            Ok(Self { low, high })
        } else {
            Err(format!("[{low}, {high}] is not a range: write [low, high]"))
        }
    }
}

impl Range {
    fn draw(self, random: &mut Pcg64Mcg) -> f64 {
        // Also drawn for a fixed number, so that the random numbers of later steps stay the same.
        self.low + (self.high - self.low) * random.random::<f64>()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{}", self.low)
        } else {
            write!(f, "{}–{}", self.low, self.high)
        }
    }
}

/// A [`Range`] within limits: `Within<1, 100>` for a quality.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Range")]
pub struct Within<const LOW: u32, const HIGH: u32>(Range);

impl<const LOW: u32, const HIGH: u32> TryFrom<Range> for Within<LOW, HIGH> {
    type Error = String;

    fn try_from(range: Range) -> Result<Self, String> {
        if range.low >= f64::from(LOW) && range.high <= f64::from(HIGH) {
            Ok(Self(range))
        } else {
            Err(format!("{range} has to lie within {LOW} to {HIGH}"))
        }
    }
}

/// One step on an image with values in 0…1.
///
/// The steps and their usual ranges are those of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833); its
/// second-order degradation lists the steps twice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Gaussian blur.
    Blur {
        /// Standard deviation in pixels.
        sigma_px: Within<0, 20>,
        /// Standard deviation perpendicular to it; absent: the same (isotropic).
        #[serde(default)]
        other_sigma_px: Option<Within<0, 20>>,
        /// Direction of `sigma_px` in degrees.
        #[serde(default)]
        angle_deg: Option<Range>,
    },
    /// Resizing by a factor.
    Resize {
        /// Factor on both sides.
        factor: Within<0, 8>,
        /// The interpolation.
        #[serde(default)]
        method: Method,
    },
    /// Resizing to the low resolution.
    Shrink {
        /// The interpolation.
        #[serde(default)]
        method: Method,
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
        photons: Within<1, 1_000_000>,
    },
    /// JPEG compression.
    Jpeg {
        /// Quality on libjpeg's scale.
        quality: Within<1, 100>,
    },
    /// Quantisation to equidistant levels.
    Quantise {
        /// Levels per channel; 256 are 8 bits.
        levels: Within<2, 65_536>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = |method: &Method| format!("{method:?}").to_lowercase();
        match self {
            Self::Blur {
                sigma_px,
                other_sigma_px: None,
                ..
            } => write!(f, "blur of σ {} px", sigma_px.0),
            Self::Blur {
                sigma_px,
                other_sigma_px: Some(other),
                ..
            } => write!(f, "blur of σ {} and {} px", sigma_px.0, other.0),
            Self::Resize { factor, method } => {
                write!(f, "resize by {} ({})", factor.0, how(method))
            }
            Self::Shrink { method } => write!(f, "shrink ({})", how(method)),
            Self::GaussianNoise { sigma, grey: false } => write!(f, "noise of σ {}", sigma.0),
            Self::GaussianNoise { sigma, grey: true } => write!(f, "grey noise of σ {}", sigma.0),
            Self::PoissonNoise { photons } => write!(f, "shot noise of {} photons", photons.0),
            Self::Jpeg { quality } => write!(f, "JPEG of quality {}", quality.0),
            Self::Quantise { levels } => write!(f, "{} levels", levels.0),
        }
    }
}

impl Step {
    /// Applies the step; `low` is width and height of the low resolution.
    pub(super) fn apply(
        &self,
        mut planes: Planes,
        low: (usize, usize),
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<Planes> {
        match self {
            Self::Blur {
                sigma_px,
                other_sigma_px,
                angle_deg,
            } => {
                let sigma = sigma_px.0.draw(random);
                let other = other_sigma_px.map_or(sigma, |other| other.0.draw(random));
                let angle = angle_deg.map_or(0.0, |angle| angle.draw(random));
                Ok(blur(&planes, [sigma, other], angle.to_radians()))
            }
            Self::Resize { factor, method } => {
                let factor = factor.0.draw(random);
                let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
                let (width, height) = (side(planes.width), side(planes.height));
                Ok(resize(&planes, width, height, *method))
            }
            Self::Shrink { method } => Ok(resize(&planes, low.0, low.1, *method)),
            Self::GaussianNoise { sigma, grey } => {
                let noise = Normal::new(0.0, sigma.0.draw(random) / 255.0)?;
                let size = planes.width * planes.height;
                if *grey {
                    for i in 0..size {
                        let noise = noise.sample(random) as f32;
                        (0..3).for_each(|channel| planes.data[channel * size + i] += noise);
                    }
                } else {
                    let values = planes.data.iter_mut();
                    values.for_each(|value| *value += noise.sample(random) as f32);
                }
                Ok(planes)
            }
            Self::PoissonNoise { photons } => {
                let photons = photons.0.draw(random);
                for value in &mut planes.data {
                    let mean = f64::from(value.max(0.0)) * photons;
                    // The distribution is not defined for a mean of 0.
                    if mean > 0.0 {
                        *value = (Poisson::new(mean)?.sample(random) / photons) as f32;
                    }
                }
                Ok(planes)
            }
            Self::Jpeg { quality } => {
                let quality = quality.0.draw(random).round() as u8;
                jpeg(&planes, quality)
            }
            Self::Quantise { levels } => {
                let top = levels.0.draw(random).round() as f32 - 1.0;
                let values = planes.data.iter_mut();
                values.for_each(|value| *value = (value.clamp(0.0, 1.0) * top).round() / top);
                Ok(planes)
            }
        }
    }
}

/// Convolution with a Gaussian; borders are mirrored, with the border pixel repeated.
fn blur(planes: &Planes, [sigma, other]: [f64; 2], angle: f64) -> Planes {
    if sigma.max(other) <= 0.0 {
        return planes.clone();
    }
    let reach = (3.0 * sigma.max(other)).ceil() as i64;
    let (sin, cos) = angle.sin_cos();
    // Avoids a division by 0.
    let square = |along: f64, sigma: f64| (along / sigma.max(0.05)).powi(2);
    let mut taps = Vec::new();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (dx as f64, dy as f64);
            let distance = square(cos * x + sin * y, sigma) + square(cos * y - sin * x, other);
            taps.push((dx, dy, (-distance / 2.0).exp()));
        }
    }
    let sum: f64 = taps.iter().map(|(.., weight)| weight).sum();
    let taps: Vec<_> = taps
        .into_iter()
        .map(|(dx, dy, weight)| (dx, dy, (weight / sum) as f32))
        .filter(|(.., weight)| *weight > 1e-6)
        .collect();
    let (width, height) = (planes.width as i64, planes.height as i64);
    let mirrored = |at: i64, side: i64| {
        let at = at.rem_euclid(2 * side);
        at.min(2 * side - 1 - at) as usize
    };
    let mut result = planes.clone();
    let rows = result.data.par_chunks_exact_mut(planes.width).enumerate();
    rows.for_each(|(row, values)| {
        let (channel, y) = (row / planes.height, (row % planes.height) as i64);
        let plane = planes.plane(channel);
        values.fill(0.0);
        for &(dx, dy, weight) in &taps {
            let line = &plane[mirrored(y + dy, height) * planes.width..][..planes.width];
            for (x, value) in values.iter_mut().enumerate() {
                *value += weight * line[mirrored(x as i64 + dx, width)];
            }
        }
    });
    result
}

fn jpeg(planes: &Planes, quality: u8) -> anyhow::Result<Planes> {
    let image = to_image(planes)?;
    let side = |side: usize| u32::try_from(side).context("the image is too large for JPEG");
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).write_image(
        &image.data,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    let decoded = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)?.into_rgb8();
    Ok(to_planes(&engine::image::Image::new(
        image.width,
        image.height,
        image.channels,
        decoded.into_raw(),
    )?))
}
