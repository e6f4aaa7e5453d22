//! Random file names, and the choice of images for calibration.

use std::path::{Path, PathBuf};

use engine::image::{Channels, Image};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::pairing::{self, Versions};
use super::plan::{Calibration, Version};
use crate::image_file;

/// An image file to write.
pub struct Shown<'a> {
    /// Its random name.
    pub name: String,
    /// The source of its pixels.
    pub source: Source<'a>,
}

/// The source of an image file's pixels.
pub enum Source<'a> {
    /// An image's version by the method of this index.
    Version(&'a Versions, usize),
    /// A file, unchanged.
    File(PathBuf),
}

impl Source<'_> {
    /// The pixels in RGB.
    pub fn image(&self) -> anyhow::Result<Image> {
        match self {
            Self::Version(versions, index) => versions.load(*index),
            Self::File(file) => Ok(image_file::load(file)?.to_channels(Channels::Rgb)),
        }
    }
}

/// 64 random bits; a hash of the method's name could be found by trying names.
pub fn random_name(random: &mut Pcg64Mcg) -> String {
    format!("{:016x}", random.random::<u64>())
}

/// Names every version; returns them with the files to write.
pub fn name_versions<'a>(
    images: &'a [Versions],
    methods: &[String],
    random: &mut Pcg64Mcg,
) -> (Vec<Version>, Vec<Shown<'a>>) {
    let versions = images.iter().flat_map(|image| {
        let methods = methods.iter().enumerate();
        methods.map(move |(index, method)| (image, index, method))
    });
    let named = versions.map(|(image, index, method)| {
        let name = random_name(random);
        let version = Version {
            name: name.clone(),
            set: image.set.clone(),
            picture: image.name.clone(),
            method: method.clone(),
        };
        let source = Source::Version(image, index);
        (version, Shown { name, source })
    });
    named.unzip()
}

/// Calibrates on images of the study itself, each by the worst method and as original.
pub fn own_calibration(
    versions: &[Version],
    methods: usize,
    worst: usize,
    count: usize,
    random: &mut Pcg64Mcg,
) -> Vec<Calibration> {
    let mut images: Vec<&[Version]> = versions.chunks_exact(methods).collect();
    images.shuffle(random);
    let shown = images
        .into_iter()
        .take(count)
        .flat_map(|versions| [(&versions[worst], 1), (&versions[methods - 1], 5)]);
    shown
        .map(|(version, grade)| Calibration {
            version: version.name.clone(),
            grade,
        })
        .collect()
}

/// Calibrates on the images in the subfolders `worst` and `best`; returns the files to write as well.
pub fn separate_calibration(
    folder: &Path,
    count: usize,
    random: &mut Pcg64Mcg,
) -> anyhow::Result<(Vec<Calibration>, Vec<Shown<'static>>)> {
    let folders = ["worst", "best"].map(|name| folder.join(name));
    let mut images = pairing::pair("the calibration", &folders, false)?;
    images.shuffle(random);
    images.truncate(count);
    let files = images
        .into_iter()
        .flat_map(|image| image.files.into_iter().zip([1, 5]));
    let named = files.map(|(file, grade)| {
        let version = random_name(random);
        let shown = Shown {
            name: version.clone(),
            source: Source::File(file),
        };
        (Calibration { version, grade }, shown)
    });
    Ok(named.unzip())
}
