//! The results of images, kept so that the same command goes on where it stopped.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::codec::Codec;
use super::measure::Measured;
use crate::image_file;

/// Folder of the results, and folder of the crops.
const RESULTS: &str = "results";
pub(super) const CROPS: &str = "crops";

/// Grows when results are measured in another way, so that older ones are not used.
const VERSION: u32 = 1;

/// Everything that results depend on, but for the image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Options {
    version: u32,
    /// SHA-256 of the model file.
    pub model: String,
    pub codecs: Vec<Codec>,
    pub avif_speed: u8,
    pub density: usize,
    /// SHA-256 of the weights of LPIPS and DISTS.
    pub weights: Vec<String>,
}

impl Options {
    pub fn new(
        model: &[u8],
        codecs: Vec<Codec>,
        avif_speed: u8,
        density: usize,
        weights: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let hash = |path: &PathBuf| {
            let bytes = std::fs::read(path);
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            Ok(sha256(&[&bytes]))
        };
        Ok(Self {
            version: VERSION,
            model: sha256(&[model]),
            codecs,
            avif_speed,
            density,
            weights: weights.iter().map(hash).collect::<anyhow::Result<_>>()?,
        })
    }
}

/// An image's results as they are written.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// The image's name when it was measured.
    image: String,
    options: Options,
    measured: Measured,
}

pub(super) struct Store {
    folder: PathBuf,
    options: Options,
}

impl Store {
    /// Creates the folders.
    pub fn open(folder: &Path, options: Options) -> anyhow::Result<Self> {
        for inner in [RESULTS, CROPS] {
            let path = folder.join(inner);
            std::fs::create_dir_all(&path)
                .with_context(|| format!("cannot create the folder {}", path.display()))?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            options,
        })
    }

    /// The name of an image's results: a hash of its file and of the options.
    pub fn key(&self, file: &[u8]) -> anyhow::Result<String> {
        let mut key = sha256(&[&serde_json::to_vec(&self.options)?, file]);
        key.truncate(16);
        Ok(key)
    }

    /// Prefix of the paths of an image's crops.
    pub fn crops(&self, key: &str) -> PathBuf {
        self.folder.join(CROPS).join(key)
    }

    /// The results that were kept; `None` if they or their crops are missing or damaged.
    pub fn read(&self, key: &str) -> Option<Measured> {
        let text = std::fs::read(self.path(key)).ok()?;
        let Entry { measured, .. } = serde_json::from_slice(&text).ok()?;
        let is_there = |file: &str| self.folder.join(CROPS).join(file).is_file();
        let are_there = measured.closeup.as_ref().is_none_or(|closeup| {
            let mut crops = closeup.rows.iter().flat_map(|row| &row.crops);
            is_there(&closeup.original) && crops.all(|crop| is_there(&crop.file))
        });
        are_there.then_some(measured)
    }

    pub fn write(&self, key: &str, image: &str, measured: &Measured) -> anyhow::Result<()> {
        let entry = Entry {
            image: image.to_string(),
            options: self.options.clone(),
            measured: measured.clone(),
        };
        let text = serde_json::to_string_pretty(&entry)?;
        image_file::write_atomically(&self.path(key), text.as_bytes())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(RESULTS).join(format!("{key}.json"))
    }
}

fn sha256(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
