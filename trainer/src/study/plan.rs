//! What a study consists of: the plan that raters get, and the key that its maker keeps.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// Says what a file is, and which version of it.
pub(super) const KEY_FORMAT: &str = "uprez-study-key-1";

/// What a rater's file says of itself; `page/study.js` writes it.
pub(super) const RATINGS_FORMAT: &str = "uprez-ratings-1";

/// By this name originals stand among the methods.
pub(super) const ORIGINAL: &str = "original";

/// What the page is told. Nothing in it says which method made what.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What a rater's file has to say of itself.
    pub ratings_format: String,
    /// The study's own random name, by which its ratings are known.
    pub id: String,
    /// What raters read first.
    pub title: String,
    /// How many versions are shown a second time.
    pub repeats: usize,
    /// What is shown first, with the grades to give.
    pub calibration: Vec<Calibration>,
    /// The versions of every picture, so that two of one picture need not follow each other.
    pub pictures: Vec<Vec<String>>,
}

/// A version whose grade raters are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Its name, which is that of its file.
    pub version: String,
    /// 1 for the worst, 5 for the best.
    pub grade: u8,
}

/// What only the maker knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What this file is.
    pub format: String,
    /// The study's own random name.
    pub id: String,
    /// What raters read first.
    pub title: String,
    /// What names were drawn from; whoever has it can draw them again.
    pub seed: u64,
    /// The methods in the order in which they were named, originals last.
    pub methods: Vec<String>,
    /// The sets in the order in which they were named.
    pub sets: Vec<String>,
    /// Everything that is graded.
    pub versions: Vec<Version>,
}

/// One method's version of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Random, and all that raters see of it.
    pub name: String,
    /// The set that the picture belongs to.
    pub set: String,
    /// The picture's name in its set.
    pub picture: String,
    /// Who made it.
    pub method: String,
}

impl Key {
    /// Where a study's key lies: beside its folder, which is published, and not in it.
    pub fn path(study: &Path) -> PathBuf {
        beside(study, "-key.json")
    }

    /// Reads a key; a damaged one is an error that names it.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read the study's key {name}: `study make` left it beside the study's folder; \
                 name it by --key"
            )
        })?;
        let key: Self = serde_json::from_str(&text)
            .with_context(|| format!("{name} is no key of a study, or damaged"))?;
        ensure!(
            key.format == KEY_FORMAT,
            "{name} is a key of the format {}, where {KEY_FORMAT} is known",
            key.format
        );
        let pictures = key.versions.chunks(key.methods.len().max(1));
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
            !key.methods.is_empty() && pictures.into_iter().all(whole),
            "{name} is damaged: a picture is not there by every method"
        );
        Ok(key)
    }

    /// The places of a method's versions among all, picture by picture; of one set or of all.
    pub(super) fn places(&self, set: Option<&str>, method: &str) -> Vec<usize> {
        let versions = self.versions.iter().enumerate();
        let wanted = versions.filter(|(_, version)| {
            version.method == method && set.is_none_or(|set| version.set == set)
        });
        wanted.map(|(place, _)| place).collect()
    }
}

/// A folder's path with an ending put to its name.
pub(super) fn beside(folder: &Path, ending: &str) -> PathBuf {
    // Its components drop a slash at the end.
    let mut path: OsString = folder.components().collect::<PathBuf>().into();
    path.push(ending);
    path.into()
}
