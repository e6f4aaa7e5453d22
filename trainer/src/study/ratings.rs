//! Reads the files that raters send back.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::plan::{Key, RATINGS_FORMAT};

/// The file that the page saves: one rater's grades.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratings {
    /// The file's format.
    pub format: String,
    /// The study's name.
    pub study: String,
    /// The rater's name.
    pub rater: String,
    /// Time of the start, as ISO 8601.
    pub started: String,
    /// Time of the last grade, as ISO 8601.
    pub finished: String,
    /// The versions in the order of the page.
    pub order: Vec<String>,
    /// The grades in the same order; fewer if the rater stopped early.
    pub answers: Vec<Answer>,
}

/// One grade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// 1 (bad) to 5 (excellent).
    pub grade: u8,
    /// Seconds from the image's appearance to the grade.
    pub seconds: f64,
}

/// The longest name that the page accepts, in characters.
const LONGEST_NAME: usize = 40;

impl Ratings {
    /// Reads a file and checks it against the study's key. Errors don't name the file.
    fn load(path: &Path, key: &Key) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let ratings: Self =
            serde_json::from_str(&text).context("it is damaged, or not a file of ratings")?;
        ratings.check(key)?;
        Ok(ratings)
    }

    fn check(&self, key: &Key) -> anyhow::Result<()> {
        ensure!(
            self.format == RATINGS_FORMAT,
            "its format is {:?}, where {RATINGS_FORMAT:?} is expected",
            self.format
        );
        ensure!(
            self.study == key.id,
            "it belongs to another study ({}; this one is {})",
            self.study,
            key.id
        );
        let name = self.rater.chars();
        ensure!(
            !self.rater.trim().is_empty()
                && name.clone().count() <= LONGEST_NAME
                && !name.clone().any(char::is_control),
            "its rater has no name, or one that the page does not accept"
        );
        ensure!(!self.answers.is_empty(), "it holds no grades");
        ensure!(
            self.answers.len() <= self.order.len(),
            "it grades more images ({}) than were shown ({})",
            self.answers.len(),
            self.order.len()
        );
        for (answer, number) in self.answers.iter().zip(1..) {
            ensure!(
                (1..=5).contains(&answer.grade),
                "its grade {number} is {}, not 1 to 5",
                answer.grade
            );
            ensure!(
                answer.seconds.is_finite() && answer.seconds >= 0.0,
                "its grade {number} took {} seconds",
                answer.seconds
            );
        }
        self.check_order(key)
    }

    /// The order has to contain every version of the study once or twice, and no others.
    fn check_order(&self, key: &Key) -> anyhow::Result<()> {
        let known: HashSet<&str> = key.versions.iter().map(|version| &*version.name).collect();
        let mut shown: HashMap<&str, usize> = HashMap::new();
        for name in &self.order {
            ensure!(
                known.contains(name.as_str()),
                "it shows {name:?}, which is not in the study"
            );
            *shown.entry(name).or_default() += 1;
        }
        ensure!(
            shown.len() == known.len(),
            "it leaves out {} of the study's versions",
            known.len() - shown.len()
        );
        ensure!(
            shown.values().all(|times| *times <= 2),
            "it shows a version more than twice"
        );
        Ok(())
    }

    /// The versions' names with their grades.
    pub fn given(&self) -> impl Iterator<Item = (&str, Answer)> {
        self.order
            .iter()
            .map(String::as_str)
            .zip(self.answers.iter().copied())
    }
}

/// Mean grades, `[rater][version]`.
pub(super) type Scores = Vec<Vec<Option<f64>>>;

/// A file that is not counted, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// Its path.
    pub file: PathBuf,
    /// The reason.
    pub reason: String,
}

/// Reads files, and the `.json` files of folders. Damaged files, those of other studies and second files of
/// a rater are refused.
pub fn load_all(paths: &[PathBuf], key: &Key) -> anyhow::Result<(Vec<Ratings>, Vec<Refused>)> {
    let mut found: Vec<(PathBuf, Ratings)> = Vec::new();
    let mut refused = Vec::new();
    for file in files(paths)? {
        let ratings = Ratings::load(&file, key).and_then(|ratings| {
            // Names that differ only in case or spaces probably belong to one person.
            let name = |ratings: &Ratings| ratings.rater.trim().to_lowercase();
            let twin = found
                .iter()
                .find(|(_, other)| name(other) == name(&ratings));
            ensure!(
                twin.is_none(),
                "its rater, {}, also sent {}, which was read first: name only one of them",
                ratings.rater,
                twin.map_or(String::new(), |(file, _)| file.display().to_string())
            );
            Ok(ratings)
        });
        match ratings {
            Ok(ratings) => found.push((file, ratings)),
            Err(error) => refused.push(Refused {
                file,
                reason: format!("{error:#}"),
            }),
        }
    }
    Ok((
        found.into_iter().map(|(_, ratings)| ratings).collect(),
        refused,
    ))
}

fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)
            .with_context(|| format!("cannot read the folder {}", path.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let file = entry?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                inside.push(file);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}
