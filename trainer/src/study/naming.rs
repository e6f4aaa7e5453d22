//! What is left to chance: names that tell nothing, and the pictures that calibrate.

use std::path::{Path, PathBuf};

use engine::image::{Channels, Image};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::pairing::{self, Picture};
use super::plan::{Calibration, Version};
use crate::image_file;

/// A picture file to write.
pub struct Shown<'a> {
    /// Its random name.
    pub name: String,
    /// Where its pixels come from.
    pub source: Source<'a>,
}

/// Where pixels come from.
pub enum Source<'a> {
    /// A picture's version by the method of this number.
    Version(&'a Picture, usize),
    /// A file as it is.
    File(PathBuf),
}

impl Source<'_> {
    /// RGB.
    pub fn image(&self) -> anyhow::Result<Image> {
        match self {
            Self::Version(picture, index) => picture.version(*index),
            Self::File(file) => Ok(image_file::load(file)?.to_channels(Channels::Rgb)),
        }
    }
}

/// 64 random bits: unlike a hash of the method's name, nobody finds them by trying names.
pub fn random_name(random: &mut Pcg64Mcg) -> String {
    format!("{:016x}", random.random::<u64>())
}

/// A name for every version, and what its file will hold.
pub fn name_versions<'a>(
    pictures: &'a [Picture],
    methods: &[String],
    random: &mut Pcg64Mcg,
) -> (Vec<Version>, Vec<Shown<'a>>) {
    let versions = pictures.iter().flat_map(|picture| {
        let methods = methods.iter().enumerate();
        methods.map(move |(index, method)| (picture, index, method))
    });
    let named = versions.map(|(picture, index, method)| {
        let name = random_name(random);
        let version = Version {
            name: name.clone(),
            set: picture.set.clone(),
            picture: picture.name.clone(),
            method: method.clone(),
        };
        let source = Source::Version(picture, index);
        (version, Shown { name, source })
    });
    named.unzip()
}

/// Pictures of the study itself as worst and as original, in this order.
pub fn own_calibration(
    versions: &[Version],
    methods: usize,
    worst: usize,
    count: usize,
    random: &mut Pcg64Mcg,
) -> Vec<Calibration> {
    let mut pictures: Vec<&[Version]> = versions.chunks_exact(methods).collect();
    pictures.shuffle(random);
    let shown = pictures
        .into_iter()
        .take(count)
        .flat_map(|picture| [(&picture[worst], 1), (&picture[methods - 1], 5)]);
    shown
        .map(|(version, grade)| Calibration {
            version: version.name.clone(),
            grade,
        })
        .collect()
}

/// Pictures that are in `worst` and `best`, and what their files will hold.
pub fn foreign_calibration(
    folder: &Path,
    count: usize,
    random: &mut Pcg64Mcg,
) -> anyhow::Result<(Vec<Calibration>, Vec<Shown<'static>>)> {
    let folders = ["worst", "best"].map(|name| folder.join(name));
    let mut pictures = pairing::pair("the calibration", &folders, false)?;
    pictures.shuffle(random);
    pictures.truncate(count);
    let files = pictures
        .into_iter()
        .flat_map(|picture| picture.files.into_iter().zip([1, 5]));
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
