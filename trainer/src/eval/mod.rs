//! Judging a network by the protocol of the super-resolution papers.

mod command;
mod table;

use std::path::Path;

use anyhow::{Context, ensure};
use model::engine::Engine;
use model::network::Spec;
use model::pixel::{Image, resize};
use model::{Options, upscale};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{LowResolution, Pair};
use crate::image_file;
use crate::metric::{Lpips, Luma, psnr_db, ssim};

pub use command::{EvalArgs, run};

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
    pub fn load(folder: &Path, scale: usize) -> anyhow::Result<Self> {
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
        let set = Self {
            name: image_file::name(folder),
            low_resolution: low.degradation.to_string(),
            pairs,
        };
        set.check(scale)?;
        Ok(set)
    }

    /// Fails where a picture is too small to be judged.
    pub fn check(&self, scale: usize) -> anyhow::Result<()> {
        for Pair { name, hr, .. } in &self.pairs {
            ensure!(
                Luma::of(hr, scale).is_some_and(|luma| luma.width >= 11 && luma.height >= 11),
                "{name} is too small to be judged: SSIM needs 11 px inside a border of {scale} px"
            );
        }
        Ok(())
    }

    /// How it is judged, as reports say it.
    fn protocol(&self, scale: usize, lpips: Option<&Lpips>) -> String {
        let lpips = lpips.map_or(String::new(), |lpips| {
            format!("; {} on RGB, whole pictures", lpips.name())
        });
        format!(
            "×{scale}, low resolution by {}, 8-bit RGB from end to end, PSNR and SSIM on Y (BT.601 \
             studio range, floating point), border {scale} px{lpips}",
            self.low_resolution
        )
    }
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
    /// LPIPS, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lpips: Option<f64>,
    /// Bicubic interpolation's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bicubic_lpips: Option<f64>,
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

/// Evaluates an engine on pictures.
pub fn evaluate<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
) -> anyhow::Result<Evaluation> {
    evaluate_with(engine, spec, set, None, |_, _| Ok(()))
}

/// The same, by LPIPS too where it is given; `keep` is given each pair and its upscaled picture.
pub fn evaluate_with<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    set: &TestSet,
    lpips: Option<&Lpips>,
    mut keep: impl FnMut(&Pair, &Image) -> anyhow::Result<()>,
) -> anyhow::Result<Evaluation> {
    let mut images = Vec::with_capacity(set.pairs.len());
    for pair in &set.pairs {
        let watch = |_| std::ops::ControlFlow::Continue(());
        let options = Options::default();
        let work = upscale(engine, spec, &pair.lr, &options, watch);
        let upscaled = pollster::block_on(work).with_context(|| pair.name.clone())?;
        keep(pair, &upscaled)?;
        let bicubic = resize::imresize(&pair.lr, pair.hr.width, pair.hr.height);
        let distance = |image| {
            lpips
                .map(|lpips| lpips.distance(image, &pair.hr))
                .transpose()
        };
        let [model_lpips, bicubic_lpips] = [distance(&upscaled)?, distance(&bicubic)?];
        let [hr, model, bicubic] = [&pair.hr, &upscaled, &bicubic].map(|image| {
            Luma::of(image, spec.scale).context("the picture is smaller than the border")
        });
        let (hr, model, bicubic) = (hr?, model?, bicubic?);
        let similarity =
            |luma| ssim(&hr, luma).context("the picture is smaller than SSIM's window");
        images.push(ImageScores {
            name: pair.name.clone(),
            scores: Scores {
                psnr_y: psnr_db(&hr, &model),
                ssim_y: similarity(&model)?,
                bicubic_psnr_y: psnr_db(&hr, &bicubic),
                bicubic_ssim_y: similarity(&bicubic)?,
                lpips: model_lpips,
                bicubic_lpips,
            },
        });
    }
    Ok(Evaluation {
        protocol: set.protocol(spec.scale, lpips),
        scale: spec.scale,
        mean: mean(&images),
        images,
    })
}

fn mean(images: &[ImageScores]) -> Scores {
    let mean = |score: fn(&Scores) -> f64| {
        let sum: f64 = images.iter().map(|image| score(&image.scores)).sum();
        sum / images.len().max(1) as f64
    };
    let some = |score: fn(&Scores) -> Option<f64>| {
        let scores = images.iter().map(|image| score(&image.scores));
        let scores = scores.collect::<Option<Vec<f64>>>()?;
        Some(scores.iter().sum::<f64>() / scores.len().max(1) as f64)
    };
    Scores {
        psnr_y: mean(|scores| scores.psnr_y),
        ssim_y: mean(|scores| scores.ssim_y),
        bicubic_psnr_y: mean(|scores| scores.bicubic_psnr_y),
        bicubic_ssim_y: mean(|scores| scores.bicubic_ssim_y),
        lpips: some(|scores| scores.lpips),
        bicubic_lpips: some(|scores| scores.bicubic_lpips),
    }
}
