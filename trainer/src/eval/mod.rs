//! Evaluation by the protocol of the super-resolution papers.

mod command;
mod compare;
pub(crate) mod crop;
mod html;
mod judge;
pub(crate) mod labels;
mod levels;
mod networks;
mod protocol;
mod report;
pub(crate) mod table;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use engine::image::{Image, resize};
use engine::pipeline::{Options, upscale};
use engine::{Engine, Spec};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{LeftOut, LowResolution, Pair};
use crate::image_file::{self, LoadError};

pub use command::{EvalArgs, run};
pub use judge::Judge;
pub use networks::MetricNetworks;
pub use protocol::{Protocol, ProtocolName};
use table::Table;

/// A set of images to evaluate on.
pub struct TestSet {
    /// Its name in tables.
    pub name: String,
    /// How the low-resolution images were made.
    pub low_resolution: String,
    /// The images.
    pub pairs: Vec<Pair>,
}

impl TestSet {
    /// The images of a folder, or of `HR` in it, and their low-resolution images.
    ///
    /// Damaged images are named on standard error and left out. Fails if an image is too small for
    /// PSNR and SSIM under the papers' protocol.
    pub fn load(folder: &Path, scale: usize, low: &LowResolution) -> anyhow::Result<Self> {
        let set = Self::read(folder, scale, low)?;
        set.check(scale)?;
        Ok(set)
    }

    /// Like [`Self::load`], without checking the sizes.
    fn read(folder: &Path, scale: usize, low: &LowResolution) -> anyhow::Result<Self> {
        let inner = folder.join("HR");
        let files_in = if inner.is_dir() { &inner } else { folder };
        let files = image_file::list(files_in)?;
        Self::of(image_file::name(folder), &files, Some(files_in), scale, low)
    }

    /// The images of these files, which are named by their paths in `folder`, or by their names alone.
    fn of(
        name: String,
        files: &[PathBuf],
        folder: Option<&Path>,
        scale: usize,
        low: &LowResolution,
    ) -> anyhow::Result<Self> {
        let pairs = files.par_iter().map(|file| {
            let inside = folder.and_then(|folder| file.strip_prefix(folder).ok());
            let name = match inside {
                Some(inside) => inside.to_string_lossy().into_owned(),
                None => image_file::name(file),
            };
            match image_file::load(file) {
                Ok(image) => {
                    let mut pair = Pair::from_original(file, image, scale, low)?;
                    pair.name = name;
                    Ok(Ok(pair))
                }
                Err(error @ LoadError::File { .. }) => Err(error.into()),
                Err(error) => Ok(Err(LeftOut::Damaged(error))),
            }
        });
        let (mut found, mut left_out) = (Vec::new(), Vec::new());
        for pair in pairs.collect::<anyhow::Result<Vec<_>>>()? {
            match pair {
                Ok(pair) => found.push(pair),
                Err(image) => left_out.push(image),
            }
        }
        LeftOut::report(&left_out);
        ensure!(!found.is_empty(), "no image in {name} can be decoded");
        Ok(Self {
            name,
            low_resolution: low.to_string(),
            pairs: found,
        })
    }

    /// Mean bits per pixel of the compressed low-resolution images; `None` if one is not compressed.
    fn bits_per_pixel(&self) -> Option<f64> {
        let of =
            |pair: &Pair| Some(8.0 * pair.bytes? as f64 / (pair.lr.width * pair.lr.height) as f64);
        let each: Option<Vec<f64>> = self.pairs.iter().map(of).collect();
        each.map(|each| mean(each.into_iter()))
    }

    /// Fails if an image is too small for PSNR and SSIM.
    pub fn check(&self, scale: usize) -> anyhow::Result<()> {
        papers(scale).check(self)
    }
}

/// PSNR and SSIM by the papers' protocol.
fn papers(scale: usize) -> Judge {
    Judge::standard(Protocol::new(ProtocolName::Y, scale, None))
}

/// The scores of an image, or their mean over a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// PSNR on Y in dB.
    pub psnr_y: f64,
    /// SSIM on Y.
    pub ssim_y: f64,
    /// Bicubic interpolation's PSNR on Y in dB.
    pub bicubic_psnr_y: f64,
    /// Bicubic interpolation's SSIM on Y.
    pub bicubic_ssim_y: f64,
}

/// An image and its scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageScores {
    /// The file's name.
    pub name: String,
    /// The scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// A network's scores on a set of images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// A description of the protocol.
    pub protocol: String,
    /// The network's scale.
    pub scale: usize,
    /// Each image.
    pub images: Vec<ImageScores>,
    /// The mean over the images that the degradation changed, if there are any; equal images count as 100 dB.
    pub mean: Scores,
}

/// Equal images have an infinite PSNR, which has no mean and no JSON.
const EQUAL_DB: f64 = 100.0;

/// Evaluates an engine on a set by the papers' protocol.
pub fn evaluate<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
) -> anyhow::Result<Evaluation> {
    evaluate_with(engine, spec, set, |_, _| Ok(()))
}

/// Like [`evaluate`]; calls `watch` with each pair, the network's output and that of bicubic interpolation.
pub fn evaluate_with<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
    mut watch: impl FnMut(&Pair, &[Image; 2]) -> anyhow::Result<()>,
) -> anyhow::Result<Evaluation> {
    let judge = papers(spec.scale);
    let mut images = Vec::with_capacity(set.pairs.len());
    for pair in &set.pairs {
        let model = upscaled(engine, spec, &pair.lr).with_context(|| pair.name.clone())?;
        let outputs = [model, bicubic(pair)];
        watch(pair, &outputs)?;
        let scores = judge.scores(&pair.hr, &outputs.each_ref())?;
        images.push(ImageScores {
            name: pair.name.clone(),
            scores: Scores {
                psnr_y: scores[0][0],
                ssim_y: scores[0][1],
                bicubic_psnr_y: scores[1][0],
                bicubic_ssim_y: scores[1][1],
            },
        });
    }
    Ok(Evaluation {
        protocol: judge.describe(spec.scale, &set.low_resolution),
        scale: spec.scale,
        mean: means(&images),
        images,
    })
}

/// See [`Evaluation::mean`].
fn means(images: &[ImageScores]) -> Scores {
    let all: Vec<&Scores> = images.iter().map(|image| &image.scores).collect();
    let is_changed = |scores: &&Scores| scores.bicubic_psnr_y.is_finite();
    let changed: Vec<&Scores> = all.iter().copied().filter(is_changed).collect();
    let counted = if changed.is_empty() { all } else { changed };
    let mean = |score: fn(&Scores) -> f64| mean(counted.iter().map(|scores| score(scores)));
    Scores {
        psnr_y: mean(|scores| scores.psnr_y.min(EQUAL_DB)),
        ssim_y: mean(|scores| scores.ssim_y),
        bicubic_psnr_y: mean(|scores| scores.bicubic_psnr_y.min(EQUAL_DB)),
        bicubic_ssim_y: mean(|scores| scores.bicubic_ssim_y),
    }
}

/// The network's output for a low-resolution image.
pub(crate) fn upscaled<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    image: &Image,
) -> anyhow::Result<Image> {
    let watch = |_| std::ops::ControlFlow::Continue(());
    let options = Options::default();
    Ok(pollster::block_on(upscale(
        engine, spec, image, &options, watch,
    ))?)
}

/// The low-resolution image enlarged by bicubic interpolation.
fn bicubic(pair: &Pair) -> Image {
    resize::imresize(&pair.lr, pair.hr.width, pair.hr.height)
}

/// The mean; 0 without values.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = || vec!["PSNR-Y".to_string(), "SSIM-Y".to_string()];
        let mut table = Table::new("image");
        table.group("model", metrics());
        table.group("bicubic", metrics());
        table.group("gain", vec!["dB".to_string()]);
        let images = self
            .images
            .iter()
            .map(|image| (image.name.as_str(), &image.scores));
        for (name, scores) in images.chain([("mean", &self.mean)]) {
            let cells = [
                format!("{:.3}", scores.psnr_y),
                format!("{:.4}", scores.ssim_y),
                format!("{:.3}", scores.bicubic_psnr_y),
                format!("{:.4}", scores.bicubic_ssim_y),
                format!("{:+.2}", scores.psnr_y - scores.bicubic_psnr_y),
            ];
            table.row(name, cells.map(table::Cell::plain).to_vec());
        }
        write!(f, "{}\n{}", self.protocol, table.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(psnr_y: f64, bicubic_psnr_y: f64) -> ImageScores {
        let scores = Scores {
            psnr_y,
            ssim_y: 1.0,
            bicubic_psnr_y,
            bicubic_ssim_y: 1.0,
        };
        ImageScores {
            name: String::new(),
            scores,
        }
    }

    #[test]
    fn unchanged_images_do_not_count_in_means() {
        let unchanged = scored(50.0, f64::INFINITY);
        let mixed = means(&[unchanged.clone(), scored(30.0, 28.0)]);
        assert_eq!((mixed.psnr_y, mixed.bicubic_psnr_y), (30.0, 28.0));
        // Alone they do, and what is written as JSON stays a number.
        let alone = means(&[unchanged]);
        assert_eq!((alone.psnr_y, alone.bicubic_psnr_y), (50.0, EQUAL_DB));
    }
}
