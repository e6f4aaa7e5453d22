//! Judging a network by the protocol of the super-resolution papers.

mod command;
mod compare;
mod crop;
mod html;
mod judge;
mod protocol;
mod report;
mod table;

use std::fmt;
use std::path::Path;

use anyhow::Context;
use engine::Engine;
use engine::Spec;
use engine::image::{Image, resize};
use engine::pipeline::{Options, upscale};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{LowResolution, Pair};
use crate::image_file;

pub use command::{EvalArgs, run};
pub use judge::Judge;
pub use protocol::{Protocol, ProtocolName};
use table::Table;

/// Pictures to judge a network by.
pub struct TestSet {
    /// Its name in tables.
    pub name: String,
    /// How the low-resolution pictures came about.
    pub low_resolution: String,
    /// The pictures.
    pub pairs: Vec<Pair>,
}

impl TestSet {
    /// The pictures of a folder, or of `HR` in it, shrunk by MATLAB's bicubic.
    ///
    /// Fails where one is too small for PSNR and SSIM under the papers' protocol.
    pub fn load(folder: &Path, scale: usize) -> anyhow::Result<Self> {
        let set = Self::read(folder, scale)?;
        set.check(scale)?;
        Ok(set)
    }

    /// The same without a look at sizes.
    fn read(folder: &Path, scale: usize) -> anyhow::Result<Self> {
        let low = LowResolution::default();
        let inner = folder.join("HR");
        let files_in = if inner.is_dir() { &inner } else { folder };
        let pairs = image_file::list(files_in)?
            .par_iter()
            .map(|file| {
                let name = file.strip_prefix(files_in).unwrap_or(file);
                let name = name.to_string_lossy().into_owned();
                Pair::from_hr(name, &image_file::load(file)?, scale, &low)
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            name: image_file::name(folder),
            low_resolution: low.degradation.to_string(),
            pairs,
        })
    }

    /// Fails where a picture is too small to be judged.
    pub fn check(&self, scale: usize) -> anyhow::Result<()> {
        papers(scale).check(self)
    }
}

/// PSNR and SSIM as the papers have them.
fn papers(scale: usize) -> Judge {
    Judge::standard(Protocol::new(ProtocolName::Y, scale, None))
}

/// The scores of a picture, or their mean.
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

/// A picture and its scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageScores {
    /// The file's name.
    pub name: String,
    /// Its scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// What a network reaches on a set of pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// How it was measured.
    pub protocol: String,
    /// The network's scale.
    pub scale: usize,
    /// Each picture.
    pub images: Vec<ImageScores>,
    /// The mean over all pictures.
    pub mean: Scores,
}

/// Evaluates an engine on pictures, by the papers' protocol.
pub fn evaluate<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
) -> anyhow::Result<Evaluation> {
    evaluate_with(engine, spec, set, |_, _| Ok(()))
}

/// The same; `watch` is shown each pair, and what the network and bicubic interpolation make of it.
pub fn evaluate_with<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
    mut watch: impl FnMut(&Pair, &[Image; 2]) -> anyhow::Result<()>,
) -> anyhow::Result<Evaluation> {
    let judge = papers(spec.scale);
    let mut images = Vec::with_capacity(set.pairs.len());
    for pair in &set.pairs {
        let pictures = [upscaled(engine, spec, pair)?, bicubic(pair)];
        watch(pair, &pictures)?;
        let scores = judge.scores(&pair.hr, &pictures.each_ref())?;
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
    let mean = |score: fn(&Scores) -> f64| mean(images.iter().map(|image| score(&image.scores)));
    Ok(Evaluation {
        protocol: judge.describe(spec.scale, &set.low_resolution),
        scale: spec.scale,
        mean: Scores {
            psnr_y: mean(|scores| scores.psnr_y),
            ssim_y: mean(|scores| scores.ssim_y),
            bicubic_psnr_y: mean(|scores| scores.bicubic_psnr_y),
            bicubic_ssim_y: mean(|scores| scores.bicubic_ssim_y),
        },
        images,
    })
}

/// What a network makes of a pair's low-resolution picture.
fn upscaled<E: Engine>(engine: &mut E, spec: &Spec, pair: &Pair) -> anyhow::Result<Image> {
    let watch = |_| std::ops::ControlFlow::Continue(());
    let options = Options::default();
    let work = upscale(engine, spec, &pair.lr, &options, watch);
    pollster::block_on(work).with_context(|| pair.name.clone())
}

/// What bicubic interpolation makes of it.
fn bicubic(pair: &Pair) -> Image {
    resize::imresize(&pair.lr, pair.hr.width, pair.hr.height)
}

/// 0 of nothing.
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
