//! Images, decoded once and kept as 8-bit.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use engine::Input;
use engine::image::{Channels, Image, resize};
use indicatif::ProgressBar;
use model::network::NetworkConfig;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::drawn::Degrader;
use super::{LeftOut, LowResolution, Pair, crop_to_multiple};
use crate::config::DataConfig;
use crate::image_file::{self, LoadError};
use crate::metric::Metric;

/// An image to learn from: the network's input and its targets.
pub struct Sample {
    /// The file's name.
    pub name: String,
    input: SampleInput,
    /// Width and height of the input.
    size: (usize, usize),
    /// RGB, by output pixels per pixel of the input: the original, cropped so that the scale divides
    /// its sides, comes last; before it the targets of a network's intermediate outputs.
    pub targets: Vec<(usize, Image)>,
}

/// Where a network's input comes from, in RGB.
enum SampleInput {
    /// The low-resolution image, enlarged again for [`Input::Upsampled`].
    Made(Image),
    /// Parts of the original, degraded for each patch.
    Drawn(Arc<Degrader>),
}

/// Everything a training learns from.
pub struct Dataset {
    /// The images that patches are drawn from.
    pub training: Vec<Sample>,
    /// The images by which the best weights are chosen.
    pub held_out: Vec<Pair>,
    /// The folders, with their numbers of images.
    pub sources: Vec<String>,
}

impl Dataset {
    /// Decodes all images of the configured folders.
    ///
    /// Bicubic images are made of them once; another degradation is drawn for every patch (see [`super::Sampler`]).
    ///
    /// Images that are damaged or too small are named on standard error and left out. Fails if no others remain.
    pub fn load(
        config: &DataConfig,
        network: &NetworkConfig,
        hold_out: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let folders: Vec<Vec<PathBuf>> = config
            .folders
            .iter()
            .map(|folder| image_file::list(folder))
            .collect::<anyhow::Result<_>>()?;
        let mut files = folders.concat();
        ensure!(
            hold_out < files.len(),
            "{hold_out} images are to be held out for evaluation, but there are only {}: \
             add images or lower evaluation.hold_out",
            files.len()
        );
        // Shuffled before the split, so that images of every folder are held out.
        files.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        let mut loader = Loader {
            low: config.low_resolution(seed),
            network,
            patch_px: config.patch_px,
            degrader: config.degrader(network).map(Arc::new),
            left_out: Vec::new(),
        };
        let mut files = files.into_iter();
        let mut held_out = Vec::new();
        // Images that are too small to be evaluated may still be large enough to train on.
        let mut unsuitable = Vec::new();
        while held_out.len() < hold_out && files.len() > 0 {
            let next: Vec<PathBuf> = files.by_ref().take(hold_out - held_out.len()).collect();
            for (file, pair) in loader.pairs(&next)? {
                match LeftOut::check_size(&file, &pair.hr, loader.evaluation_px()) {
                    Ok(()) => held_out.push(pair),
                    Err(_) => unsuitable.push(file),
                }
            }
        }
        let rest: Vec<PathBuf> = unsuitable.into_iter().chain(files).collect();
        let training = loader.samples(&rest)?;
        LeftOut::report(&loader.left_out);
        ensure!(
            !training.is_empty() && held_out.len() == hold_out,
            "of the images in the configured folders, {} can be used to learn from and {} of {hold_out} \
             can be held out; the others are damaged or smaller than {} px: add images, or lower \
             data.patch_px or evaluation.hold_out",
            training.len(),
            held_out.len(),
            loader.needed_px()
        );
        let used = |files: &Vec<PathBuf>| {
            let left_out =
                |file: &&PathBuf| loader.left_out.iter().any(|other| other.path() == *file);
            files.len() - files.iter().filter(left_out).count()
        };
        let sources = config.folders.iter().zip(&folders);
        let sources = sources
            .map(|(folder, files)| format!("{} ({} images)", short_name(folder), used(files)));
        Ok(Self {
            sources: sources.collect(),
            training,
            held_out,
        })
    }
}

/// Reads images, and keeps a list of those that cannot be used.
struct Loader<'a> {
    low: LowResolution,
    network: &'a NetworkConfig,
    patch_px: usize,
    /// If inputs are drawn for each patch.
    degrader: Option<Arc<Degrader>>,
    left_out: Vec<LeftOut>,
}

impl Loader<'_> {
    /// The smallest side of an original that a patch fits into.
    fn needed_px(&self) -> usize {
        let spec = self.network.spec();
        match spec.input {
            Input::LowResolution => self.patch_px * spec.scale,
            // Reducing and enlarging drops the rows and columns that the scale does not divide.
            Input::Upsampled => self.patch_px.next_multiple_of(spec.scale),
        }
    }

    /// The smallest side of an original that can be evaluated; the papers' protocol leaves out a border as wide as the
    /// scale.
    fn evaluation_px(&self) -> usize {
        Metric::Ssim.smallest_px() + 2 * self.network.spec().scale
    }

    /// The pairs of these files in RGB, without those that are left out.
    fn pairs(&mut self, files: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, Pair)>> {
        let results: Vec<_> = files.par_iter().map(|file| self.pair(file, 1)).collect();
        let mut pairs = Vec::new();
        for (file, result) in files.iter().zip(results) {
            match result? {
                Ok(pair) => pairs.push((file.clone(), pair)),
                Err(left_out) => self.left_out.push(left_out),
            }
        }
        Ok(pairs)
    }

    /// The samples of these files, without those that are left out.
    fn samples(&mut self, files: &[PathBuf]) -> anyhow::Result<Vec<Sample>> {
        let progress = ProgressBar::new(files.len() as u64);
        let needed_px = self.needed_px();
        let results = files.par_iter().map(|file| {
            let sample = match &self.degrader {
                Some(degrader) => {
                    let original = self.original(file, needed_px)?;
                    original.map(|original| {
                        Sample::drawn(image_file::name(file), original, degrader, self.network)
                    })
                }
                None => {
                    let pair = self.pair(file, needed_px)?;
                    pair.map(|pair| Sample::new(pair, self.network))
                }
            };
            progress.inc(1);
            Ok(sample)
        });
        let results: Vec<Result<Sample, LeftOut>> = results.collect::<anyhow::Result<_>>()?;
        progress.finish_and_clear();
        let mut samples = Vec::with_capacity(results.len());
        for result in results {
            match result {
                Ok(sample) => samples.push(sample),
                Err(left_out) => self.left_out.push(left_out),
            }
        }
        Ok(samples)
    }

    /// An original, or why the image is left out. An unreadable file is an error.
    fn read(&self, file: &Path, needed_px: usize) -> anyhow::Result<Result<Image, LeftOut>> {
        let hr = match image_file::load(file) {
            Ok(hr) => hr,
            Err(error @ LoadError::File { .. }) => return Err(error.into()),
            Err(error) => return Ok(Err(LeftOut::Damaged(error))),
        };
        let needed_px = needed_px.max(self.network.spec().scale);
        Ok(match LeftOut::check_size(file, &hr, needed_px) {
            Ok(()) => Ok(hr),
            Err(small) => Err(small),
        })
    }

    /// An original in RGB whose sides the scale divides.
    fn original(&self, file: &Path, needed_px: usize) -> anyhow::Result<Result<Image, LeftOut>> {
        let read = self.read(file, needed_px)?;
        Ok(read.map(|hr| {
            let hr = hr.to_channels(Channels::Rgb);
            crop_to_multiple(&hr, self.network.spec().scale).unwrap_or(hr)
        }))
    }

    /// A pair in RGB, or why the image is left out. An unreadable file or a low-resolution image that
    /// does not belong to its original is an error.
    fn pair(&self, file: &Path, needed_px: usize) -> anyhow::Result<Result<Pair, LeftOut>> {
        let scale = self.network.spec().scale;
        let hr = match self.read(file, needed_px)? {
            Ok(hr) => hr,
            Err(left_out) => return Ok(Err(left_out)),
        };
        match Pair::from_original(file, hr, scale, &self.low) {
            Ok(pair) => Ok(Ok(pair.into_rgb())),
            Err(error) => match error.downcast::<LoadError>() {
                Ok(error @ LoadError::File { .. }) => Err(error.into()),
                Ok(error) => Ok(Err(LeftOut::Damaged(error))),
                Err(error) => Err(error),
            },
        }
    }
}

impl Sample {
    /// The input and the targets of a network for an RGB pair.
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
        let size = (input.width, input.height);
        Self {
            targets: targets(target, size, network),
            name,
            input: SampleInput::Made(input),
            size,
        }
    }

    /// The targets for an RGB original, whose inputs are drawn later.
    fn drawn(
        name: String,
        original: Image,
        degrader: &Arc<Degrader>,
        network: &NetworkConfig,
    ) -> Self {
        let size = degrader.input_size(&original);
        Self {
            targets: targets(original, size, network),
            name,
            input: SampleInput::Drawn(Arc::clone(degrader)),
            size,
        }
    }

    /// An image that holds the input's square of `side` pixels at this corner, and the square's corner in it.
    pub(super) fn patch(
        &self,
        corner: (usize, usize),
        side: usize,
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<(Cow<'_, Image>, (usize, usize))> {
        match &self.input {
            SampleInput::Made(image) => Ok((Cow::Borrowed(image), corner)),
            SampleInput::Drawn(degrader) => {
                let (_, original) = self.targets.last().context("a sample has no target")?;
                let patch = degrader.patch(original, corner, side, random);
                let patch = patch.with_context(|| format!("in the image {}", self.name))?;
                Ok((Cow::Owned(patch), (0, 0)))
            }
        }
    }

    /// The number of positions that a patch can have, at multiples of `stride_px`.
    pub(super) fn positions(&self, patch_px: usize, stride_px: usize) -> usize {
        let along = |side: usize| (side - patch_px) / stride_px + 1;
        along(self.size.0) * along(self.size.1)
    }

    pub(super) fn random_position(
        &self,
        patch_px: usize,
        stride_px: usize,
        random: &mut Pcg64Mcg,
    ) -> (usize, usize) {
        let mut along =
            |side: usize| stride_px * random.random_range(0..=(side - patch_px) / stride_px);
        (along(self.size.0), along(self.size.1))
    }
}

/// The targets of a network by output pixels per input pixel, the original last, for inputs of this width and height.
fn targets(
    original: Image,
    (width, height): (usize, usize),
    network: &NetworkConfig,
) -> Vec<(usize, Image)> {
    let mut ratios = network.training_ratios();
    ratios.dedup();
    let largest = ratios.pop().unwrap_or(1);
    let smaller = ratios.into_iter().map(|ratio| {
        let smaller = resize::imresize(&original, width * ratio, height * ratio);
        (ratio, smaller)
    });
    let mut targets: Vec<_> = smaller.collect();
    targets.push((largest, original));
    targets
}

/// The last two parts of a path, which name the data set in reports.
fn short_name(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or(folder.to_path_buf());
    let parts: Vec<_> = absolute.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
