//! The files of a study: the plan for the page, and the secret key.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// The key's format and version.
pub(super) const KEY_FORMAT: &str = "uprez-study-key-1";

/// The format and version of a rater's file, which `page/study.js` writes.
pub(super) const RATINGS_FORMAT: &str = "uprez-ratings-1";

/// The name of the originals among the methods.
pub(super) const ORIGINAL: &str = "original";

/// The page's data, which do not reveal the methods.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The format of a rater's file.
    pub ratings_format: String,
    /// The study's random name, which its ratings contain.
    pub id: String,
    /// The title that raters see.
    pub title: String,
    /// How many versions are shown twice.
    pub repeats: usize,
    /// The versions that are shown first, with the grades to give.
    pub calibration: Vec<Calibration>,
    /// The versions by image, so that the page can separate versions of one image.
    pub pictures: Vec<Vec<String>>,
}

/// A version that is shown with its grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The version's name, which is also its file's name.
    pub version: String,
    /// 1 for the worst, 5 for the best.
    pub grade: u8,
}

/// The secret part of a study: which version is by which method.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The file's format.
    pub format: String,
    /// The study's random name.
    pub id: String,
    /// The title that raters see.
    pub title: String,
    /// The seed of the names.
    pub seed: u64,
    /// The methods in the order of the arguments, originals last.
    pub methods: Vec<String>,
    /// The sets in the order of the arguments.
    pub sets: Vec<String>,
    /// The versions, image by image, in the order of the methods.
    pub versions: Vec<Version>,
}

/// One method's version of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The random name that raters see.
    pub name: String,
    /// The set that the image belongs to.
    pub set: String,
    /// The image's name in its set.
    pub picture: String,
    /// The method.
    pub method: String,
}

impl Key {
    /// The path of a study's key: beside the study's folder, because the folder is published.
    pub fn path(study: &Path) -> PathBuf {
        beside(study, "-key.json")
    }

    /// Reads a key; a damaged one is an error that names it.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read the study's key {name}: `study make` wrote it beside the study's folder; \
                 name it with --key"
            )
        })?;
        let key: Self = serde_json::from_str(&text)
            .with_context(|| format!("{name} is damaged, or not a study's key"))?;
        ensure!(
            key.format == KEY_FORMAT,
            "{name} has the format {}, where {KEY_FORMAT} is expected",
            key.format
        );
        let images = key.versions.chunks(key.methods.len().max(1));
        let whole = |versions: &[Version]| {
            let methods = versions.iter().map(|version| &version.method);
            let first = &versions[0];
            let mut versions = versions.iter();
            methods.eq(&key.methods)
                && key.sets.contains(&first.set)
                && versions
                    .all(|other| (&other.set, &other.picture) == (&first.set, &first.picture))
        };
        ensure!(
            !key.methods.is_empty() && images.into_iter().all(whole),
            "{name} is damaged: an image lacks a method's version"
        );
        Ok(key)
    }

    /// The indices of a method's versions, image by image, in one set or in all.
    pub(super) fn places(&self, set: Option<&str>, method: &str) -> Vec<usize> {
        let versions = self.versions.iter().enumerate();
        let wanted = versions.filter(|(_, version)| {
            version.method == method && set.is_none_or(|set| version.set == set)
        });
        wanted.map(|(place, _)| place).collect()
    }
}

/// A folder's path with a suffix on its name.
pub(super) fn beside(folder: &Path, suffix: &str) -> PathBuf {
    // Collecting the components removes a trailing slash.
    let mut path: OsString = folder.components().collect::<PathBuf>().into();
    path.push(suffix);
    path.into()
}
