//! Pictures, decoded and degraded once, and kept as 8-bit.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use engine::Input;
use engine::image::{Image, resize};
use indicatif::ProgressBar;
use model::network::NetworkConfig;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::Pair;
use crate::config::DataConfig;
use crate::image_file;

/// A picture to learn from: what the network sees, and what it should make of it.
pub struct Sample {
    /// The file's name.
    pub name: String,
    /// RGB: the low-resolution picture, or that enlarged again for [`Input::Upsampled`].
    pub input: Image,
    /// RGB: the original, cropped so that the scale divides its sides; before it what a network
    /// compares on its way, by output pixels per pixel of its input.
    pub targets: Vec<(usize, Image)>,
}

/// Everything a training learns from.
pub struct Dataset {
    /// What patches are drawn from.
    pub training: Vec<Sample>,
    /// What is kept aside to choose the best weights by.
    pub held_out: Vec<Pair>,
    /// The folders and how many pictures each gave.
    pub sources: Vec<String>,
}

impl Dataset {
    /// Decodes and degrades all pictures of the configured folders.
    ///
    /// Pictures smaller than a patch are left out, and it says so.
    pub fn load(
        config: &DataConfig,
        network: &NetworkConfig,
        hold_out: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        let mut sources = Vec::new();
        for folder in &config.folders {
            let found = image_file::list(folder)?;
            sources.push(format!("{} ({} pictures)", short_name(folder), found.len()));
            files.extend(found);
        }
        ensure!(
            hold_out < files.len(),
            "{hold_out} pictures are to be held out for evaluation, but there are only {}: \
             add pictures or lower evaluation.hold_out",
            files.len()
        );
        // Shuffled before the split, so that what is held out comes from every folder.
        files.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        let training_files = files.split_off(hold_out);

        let low = config.low_resolution(seed);
        let load = |file: &PathBuf| {
            let pair = Pair::load(file, network.spec().scale, &low)?;
            Ok(pair.into_rgb())
        };
        let held_out = files.par_iter().map(load).collect::<anyhow::Result<_>>()?;
        let progress = ProgressBar::new(training_files.len() as u64);
        let all: Vec<Sample> = training_files
            .par_iter()
            .map(|file| {
                let sample = Sample::new(load(file)?, network);
                progress.inc(1);
                Ok(sample)
            })
            .collect::<anyhow::Result<_>>()?;
        progress.finish_and_clear();

        let (training, small): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|sample| sample.fits(config.patch_px));
        if !small.is_empty() {
            eprintln!(
                "{} pictures are smaller than a patch and left out, {} among them",
                small.len(),
                small[0].name
            );
        }
        if training.is_empty() {
            bail!(
                "no picture is as large as a patch of {} px at scale {}: use larger pictures or a smaller data.patch_px",
                config.patch_px,
                network.spec().scale
            );
        }
        Ok(Self {
            training,
            held_out,
            sources,
        })
    }
}

impl Sample {
    /// What a network sees of an RGB pair, and what it is compared with.
    pub fn new(pair: Pair, network: &NetworkConfig) -> Self {
        let Pair {
            name,
            hr: target,
            lr,
        } = pair;
        let input = match network.spec().input {
            Input::LowResolution => lr,
            Input::Upsampled => resize::imresize(&lr, target.width, target.height),
        };
        let mut ratios = network.training_ratios();
        ratios.dedup();
        let largest = ratios.pop().unwrap_or(1);
        let smaller = ratios.into_iter().map(|ratio| {
            let (width, height) = (input.width * ratio, input.height * ratio);
            (ratio, resize::imresize(&target, width, height))
        });
        Self {
            targets: smaller
                .collect::<Vec<_>>()
                .into_iter()
                .chain([(largest, target)])
                .collect(),
            name,
            input,
        }
    }

    fn fits(&self, patch_px: usize) -> bool {
        self.input.width >= patch_px && self.input.height >= patch_px
    }

    /// How many patches can start in this picture, a start at every `stride_px` pixels.
    pub(super) fn starts(&self, patch_px: usize, stride_px: usize) -> usize {
        let along = |side: usize| (side - patch_px) / stride_px + 1;
        along(self.input.width) * along(self.input.height)
    }

    /// The top left corner of a random patch.
    pub(super) fn random_start(
        &self,
        patch_px: usize,
        stride_px: usize,
        random: &mut Pcg64Mcg,
    ) -> (usize, usize) {
        let mut along =
            |side: usize| stride_px * random.random_range(0..=(side - patch_px) / stride_px);
        (along(self.input.width), along(self.input.height))
    }
}

/// The last two parts of a path: enough to know a data set by.
fn short_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or(folder.to_path_buf());
    let parts: Vec<_> = absolute.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
