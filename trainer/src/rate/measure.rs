//! Measures one image: files of several qualities, and their scores.

use std::path::Path;

use anyhow::Context;
use engine::graph::Plan;
use engine::image::resize::imresize;
use engine::image::{Channels, Image};
use engine::{CpuEngine, Spec};
use serde::{Deserialize, Serialize};

use super::closeup::{self, Closeup};
use super::codec::Codec;
use super::curve::Curve;
use crate::data::crop_to_multiple;
use crate::eval::{Judge, upscaled};

/// Qualities of the files, from the lowest.
const QUALITIES: [f64; 12] = [
    5.0, 13.0, 21.0, 30.0, 39.0, 48.0, 57.0, 66.0, 75.0, 84.0, 92.0, 98.0,
];

/// Larger files are not measured, in bits per pixel of the full-size image.
const MOST_BITS: f64 = 1.6;

/// How an image is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    /// In full size.
    Full,
    /// As a small file, enlarged by bicubic interpolation.
    Bicubic,
    /// As a small file, enlarged by the model.
    Model,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Full, Self::Bicubic, Self::Model];
}

/// A file and its scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Point {
    pub codec: Codec,
    pub way: Way,
    /// On the format's scale, 0 to 100.
    pub quality: f64,
    pub bytes: usize,
    /// In the order of the metrics.
    pub scores: Vec<f64>,
}

/// An image's files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Width and height of the full-size image, cropped so that it can be halved.
    pub size: [usize; 2],
    pub points: Vec<Point>,
    pub closeup: Option<Closeup>,
}

impl Measured {
    /// Bits per pixel of the full-size image.
    pub fn bits(&self, bytes: usize) -> f64 {
        bits(bytes, self.size)
    }

    /// One metric's curve.
    pub fn curve(&self, codec: Codec, way: Way, metric: usize, is_distance: bool) -> Curve {
        let points = self.points.iter();
        let points = points.filter(|point| point.codec == codec && point.way == way);
        Curve::new(
            points.map(|point| (self.bits(point.bytes), point.scores[metric])),
            is_distance,
        )
    }
}

fn bits(bytes: usize, [width, height]: [usize; 2]) -> f64 {
    8.0 * bytes as f64 / (width * height) as f64
}

/// The model, formats and metrics that all images are measured with.
pub(super) struct Bench {
    pub plan: Plan,
    pub spec: Spec,
    pub codecs: Vec<Codec>,
    pub avif_speed: u8,
    pub density: usize,
    pub judge: Judge,
}

/// An image that is being measured.
pub(super) struct Subject {
    original: Image,
    small: Image,
    /// The original as it is compared.
    seen: Image,
    engine: CpuEngine,
}

/// A way to serve an image, and what a visitor gets.
pub(super) struct Served {
    pub point: Point,
    pub image: Image,
}

impl Bench {
    /// Measures an image, and saves crops of it under names that begin with `crops`. `tick` is called twice for each
    /// format.
    pub fn measure(
        &self,
        image: &Image,
        crops: &Path,
        tick: impl Fn(),
    ) -> anyhow::Result<Measured> {
        let scale = self.spec.scale;
        let original = crop_to_multiple(&image.to_channels(Channels::Rgb), scale * self.density)
            .context("the image is smaller than the scale")?;
        let size = [original.width, original.height];
        let mut subject = Subject {
            small: imresize(&original, size[0] / scale, size[1] / scale),
            seen: self.seen(&original),
            original,
            engine: CpuEngine::new(&self.plan, 1),
        };
        let mut points = Vec::new();
        for codec in &self.codecs {
            for is_full in [true, false] {
                for quality in QUALITIES {
                    let served = self.serve(&mut subject, *codec, is_full, quality)?;
                    let bytes = served.first().map_or(0, |served| served.point.bytes);
                    points.extend(served.into_iter().map(|served| served.point));
                    if bits(bytes, size) > MOST_BITS {
                        break;
                    }
                }
                tick();
            }
        }
        let mut measured = Measured {
            size,
            points,
            closeup: None,
        };
        measured.closeup = closeup::make(self, &mut subject, &mut measured, crops)?;
        Ok(measured)
    }

    /// Serves an image in full size, or as a small file, which is enlarged in two ways.
    pub fn serve(
        &self,
        subject: &mut Subject,
        codec: Codec,
        is_full: bool,
        quality: f64,
    ) -> anyhow::Result<Vec<Served>> {
        let source = if is_full {
            &subject.original
        } else {
            &subject.small
        };
        let file = codec.encode(source, quality, self.avif_speed)?;
        let images = if is_full {
            vec![(Way::Full, file.image)]
        } else {
            let (width, height) = (subject.original.width, subject.original.height);
            let bicubic = imresize(&file.image, width, height);
            let model = upscaled(&mut subject.engine, &self.spec, &file.image)?;
            vec![(Way::Bicubic, bicubic), (Way::Model, model)]
        };
        let seen: Vec<Image> = images.iter().map(|(_, image)| self.seen(image)).collect();
        let scores = self
            .judge
            .scores(&subject.seen, &seen.iter().collect::<Vec<_>>())?;
        let served = images.into_iter().zip(scores);
        let served = served.map(|((way, image), scores)| Served {
            point: Point {
                codec,
                way,
                quality,
                bytes: file.bytes.len(),
                scores,
            },
            image,
        });
        Ok(served.collect())
    }

    /// The image as it is compared: on a dense screen, shrunk to CSS pixels.
    fn seen(&self, image: &Image) -> Image {
        match self.density {
            1 => image.clone(),
            density => imresize(image, image.width / density, image.height / density),
        }
    }
}

impl Subject {
    pub fn original(&self) -> &Image {
        &self.original
    }
}
