//! Reads the images of a training, and says which ones cannot be used.

use std::path::Path;
use std::sync::Arc;

use engine::Input;
use engine::image::{Channels, Image};
use model::network::NetworkConfig;

use super::drawn::Degrader;
use super::sharpen::sharpened;
use super::{LeftOut, LowResolution, Pair, Sample, crop_to_multiple};
use crate::config::DataConfig;
use crate::image_file::{self, LoadError};
use crate::metric::Metric;

/// Reads images, each as a pair for evaluations or as a sample to learn from.
pub(super) struct Loader {
    low: LowResolution,
    network: NetworkConfig,
    patch_px: usize,
    sharpen_targets: bool,
    /// If inputs are drawn for each patch.
    degrader: Option<Arc<Degrader>>,
}

impl Loader {
    /// A loader for a network's training.
    pub fn new(config: &DataConfig, network: &NetworkConfig, seed: u64) -> Self {
        Self {
            low: config.low_resolution(seed),
            network: network.clone(),
            patch_px: config.patch_px,
            sharpen_targets: config.sharpen_targets,
            degrader: config.degrader(network).map(Arc::new),
        }
    }

    /// Width and height of the network's input for an original of this size, and the bytes of a sample in memory.
    pub fn input_size(&self, original: (usize, usize)) -> ((usize, usize), usize) {
        let spec = self.network.spec();
        let small = (original.0 / spec.scale, original.1 / spec.scale);
        let size = match spec.input {
            Input::LowResolution => small,
            Input::Upsampled => (small.0 * spec.scale, small.1 * spec.scale),
        };
        let target = original.0 * original.1;
        // Smaller targets, of networks that enlarge step by step, are a third of the largest at most.
        let smaller = if self.network.training_ratios().len() > 1 {
            target / 3
        } else {
            0
        };
        let input = match &self.degrader {
            Some(_) => 0,
            None => size.0 * size.1,
        };
        (size, 3 * (target + smaller + input))
    }

    /// The smallest side of an original that a patch fits into.
    pub fn needed_px(&self) -> usize {
        let spec = self.network.spec();
        match spec.input {
            Input::LowResolution => self.patch_px * spec.scale,
            // Reducing and enlarging drops the rows and columns that the scale does not divide.
            Input::Upsampled => self.patch_px.next_multiple_of(spec.scale),
        }
    }

    /// The smallest side of an original that can be evaluated; the papers' protocol leaves out a border as wide as the
    /// scale.
    pub fn evaluation_px(&self) -> usize {
        Metric::Ssim.smallest_px() + 2 * self.network.spec().scale
    }

    /// A sample, or why the image is left out.
    pub fn sample(&self, file: &Path) -> anyhow::Result<Result<Sample, LeftOut>> {
        let mut original = match self.read(file, self.needed_px())? {
            Ok(original) => original,
            Err(left_out) => return Ok(Err(left_out)),
        };
        if self.sharpen_targets {
            original = sharpened(&original.to_channels(Channels::Rgb))?;
        }
        Ok(match &self.degrader {
            Some(degrader) => {
                let original = original.to_channels(Channels::Rgb);
                let scale = self.network.spec().scale;
                let original = crop_to_multiple(&original, scale).unwrap_or(original);
                let name = image_file::name(file);
                Ok(Sample::drawn(name, original, degrader, &self.network))
            }
            None => {
                let pair = self.pair_of(file, original)?;
                pair.map(|pair| Sample::new(pair, &self.network))
            }
        })
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

    /// A pair in RGB, or why the image is left out. An unreadable file or a low-resolution image that
    /// does not belong to its original is an error.
    pub fn pair(&self, file: &Path, needed_px: usize) -> anyhow::Result<Result<Pair, LeftOut>> {
        match self.read(file, needed_px)? {
            Ok(original) => self.pair_of(file, original),
            Err(left_out) => Ok(Err(left_out)),
        }
    }

    /// See [`Self::pair`]; `hr` has been read from `file`.
    fn pair_of(&self, file: &Path, hr: Image) -> anyhow::Result<Result<Pair, LeftOut>> {
        match Pair::from_original(file, hr, self.network.spec().scale, &self.low) {
            Ok(pair) => Ok(Ok(pair.into_rgb())),
            Err(error) => match error.downcast::<LoadError>() {
                Ok(error @ LoadError::File { .. }) => Err(error.into()),
                Ok(error) => Ok(Err(LeftOut::Damaged(error))),
                Err(error) => Err(error),
            },
        }
    }
}
