//! `[data]`: the images that a network learns from.

use std::path::PathBuf;

use model::network::NetworkConfig;
use serde::{Deserialize, Deserializer};

use crate::data::{Degrader, LowResolution, Sampling};
use crate::degrade::Degradation;

/// The images that a network learns from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folders of high-resolution images, relative to the configuration's folder.
    pub folders: Vec<PathBuf>,
    /// Side of a patch in pixels of the network's input.
    pub patch_px: usize,
    /// Patches start at multiples of this many pixels.
    #[serde(default = "one")]
    pub stride_px: usize,
    /// The order of the patches.
    #[serde(default)]
    pub sampling: Sampling,
    /// Whether patches are mirrored and turned at random.
    #[serde(default = "yes")]
    pub flips: bool,
    /// How low-resolution images are made.
    #[serde(default)]
    pub degradation: Degradation,
    /// A folder of low-resolution images made elsewhere, which replace the degradation. Each has the
    /// name of its original, with or without a suffix `x2`, `x3`, … for the scale, as in DIV2K.
    #[serde(default)]
    pub low_resolution: Option<PathBuf>,
    /// Learn from originals that are sharpened by unsharp masking, as Real-ESRGAN does; those held out are not.
    #[serde(default)]
    pub sharpen_targets: bool,
    /// How the names of tiles of a photograph end, `#` being a number, such as `_s#`: if one is held out, the others are
    /// not learnt from. Of several ends, each is taken off in turn, if the name has it.
    #[serde(default, deserialize_with = "one_or_more")]
    pub tile: Vec<String>,
    /// Gigabytes for decoded images. Of folders that need more, a part is in memory at a time.
    #[serde(default = "memory_gb")]
    pub memory_gb: f64,
}

/// A text, or a list of texts.
fn one_or_more<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts is expected")]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(text)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    })
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn memory_gb() -> f64 {
    2.0
}

impl DataConfig {
    /// How patches are degraded, one by one; `None` where low-resolution images are given, or made by bicubic
    /// interpolation.
    pub(crate) fn degrader(&self, network: &NetworkConfig) -> Option<Degrader> {
        let is_fixed = self.low_resolution.is_some() || self.degradation.is_bicubic();
        (!is_fixed).then(|| Degrader::new(&self.degradation, network))
    }

    /// The source of low-resolution images.
    pub fn low_resolution(&self, seed: u64) -> LowResolution {
        LowResolution {
            folder: self.low_resolution.clone(),
            degradation: self.degradation.clone(),
            seed,
        }
    }

    /// The source of low-resolution images of a test set: bicubic interpolation, as the papers have it, but for the
    /// scale 1, at which it changes nothing, the degradation.
    pub fn test_low_resolution(&self, scale: usize, seed: u64) -> LowResolution {
        match scale {
            1 => LowResolution {
                folder: None,
                ..self.low_resolution(seed)
            },
            _ => LowResolution::default(),
        }
    }

    /// A description of that source, for records and reports.
    pub fn low_resolution_text(&self) -> String {
        self.low_resolution(0).to_string()
    }
}
