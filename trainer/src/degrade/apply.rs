//! Applies the steps of a degradation.

use engine::image::resize::resize;
use engine::image::{Image, Planes};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::blur::{self, Kernel, Shape};
use super::step::{Part, Step};
use super::{avif, codec, noise, palette};
use crate::planes::{to_image, to_planes};

/// The state of a draw: its random numbers, the size of its result, and the size of its file.
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

impl Step {
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
