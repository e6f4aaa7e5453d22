//! Evaluation on the held-out images, by which the best weights are chosen.

use std::path::Path;

use anyhow::Context;
use burn::tensor::Device;
use engine::Spec;
use model::burn_engine::BurnEngine;
use model::network::Network;

use super::log::Entry;
use crate::config::Config;
use crate::eval::{self, TestSet};
use crate::image_file;
use crate::metric::Lpips;
use crate::sheet::{middle, sheet};

const NAME: &str = "held-out images";

const SAMPLE_PX: usize = 240;

/// The score by which weights are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The highest PSNR on Y.
    Psnr,
    /// The lowest LPIPS.
    Lpips,
    /// None: the last weights are kept, because PSNR says little about a perceptual loss.
    Last,
    /// None: the last weights are kept, because no images are held out.
    NoImages,
}

impl Measure {
    /// The measure of a training.
    pub fn of(config: &Config) -> Self {
        match &config.evaluation.lpips {
            _ if config.evaluation.hold_out == 0 => Self::NoImages,
            Some(_) => Self::Lpips,
            None if config.last_loss().is_perceptual() => Self::Last,
            None => Self::Psnr,
        }
    }

    /// Which weights are kept, for reports.
    pub fn choice(self, config: &Config) -> String {
        let images = match (config.evaluation.hold_out, &config.data.tile[..]) {
            (count, []) => format!("{count} held-out images"),
            (count, _) => {
                format!("{count} held-out images, of whose photographs no tile was learnt from")
            }
        };
        match self {
            Self::Psnr => format!("the best by PSNR on {images}"),
            Self::Lpips => format!("the best by LPIPS on {images}"),
            Self::Last => "the last ones".to_string(),
            Self::NoImages => {
                "the last ones, as no images were held out (evaluation.hold_out = 0)".to_string()
            }
        }
    }

    /// The score of an evaluation if it is better than the best so far.
    pub fn improvement(self, entry: &Entry, best: Option<f64>) -> Option<f64> {
        let Entry::Evaluation { psnr_y, lpips, .. } = entry else {
            return None;
        };
        match self {
            Self::Psnr => best.is_none_or(|best| *psnr_y > best).then_some(*psnr_y),
            Self::Lpips => lpips.filter(|lpips| best.is_none_or(|best| *lpips < best)),
            Self::Last | Self::NoImages => Some(*psnr_y),
        }
    }
}

/// The held-out images and how they are evaluated.
pub struct HeldOut {
    /// The images.
    pub set: TestSet,
    spec: Spec,
    lpips: Option<Lpips>,
    samples: usize,
}

impl HeldOut {
    /// Fails if an image is too small, or if LPIPS's weights cannot be read.
    pub fn new(
        config: &Config,
        pairs: Vec<crate::data::Pair>,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let evaluation = &config.evaluation;
        let set = TestSet {
            name: NAME.to_string(),
            low_resolution: config.data.low_resolution_text(),
            pairs,
        };
        let spec = config.network.spec();
        set.check(spec.scale)?;
        let lpips = evaluation.lpips.as_ref();
        Ok(Self {
            set,
            spec,
            lpips: lpips.map(|path| Lpips::load(path, device)).transpose()?,
            samples: evaluation.samples,
        })
    }

    /// Whether no images are held out.
    pub fn is_empty(&self) -> bool {
        self.set.pairs.is_empty()
    }

    /// Evaluates a network, and writes samples to `folder`: rows of bicubic interpolation, the network's
    /// output and the original.
    pub fn evaluate(
        &self,
        network: Network,
        device: &Device,
        step: u64,
        folder: &Path,
    ) -> anyhow::Result<Entry> {
        let mut engine = BurnEngine::new(network, device.clone(), "training");
        let mut rows = Vec::new();
        let mut distances = Vec::new();
        let result = eval::evaluate_with(&mut engine, &self.spec, &self.set, |pair, images| {
            let [upscaled, bicubic] = images;
            if let Some(lpips) = &self.lpips {
                distances.push(lpips.distance(upscaled, &pair.hr)?);
            }
            if rows.len() < self.samples {
                let row = [bicubic, upscaled, &pair.hr].into_iter();
                rows.push(row.map(|image| middle(image, SAMPLE_PX)).collect());
            }
            Ok(())
        })?;
        let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
        if let Some(sheet) = sheet(&rows) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
            image_file::save(&sheet, &folder.join(format!("step-{step:07}.png")))?;
        }
        Ok(Entry::Evaluation {
            step,
            psnr_y: result.mean.psnr_y,
            bicubic_psnr_y: result.mean.bicubic_psnr_y,
            lpips: (!distances.is_empty()).then_some(mean),
        })
    }
}
