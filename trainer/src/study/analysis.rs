//! Mean opinion scores and comparisons from ratings.

use std::collections::HashMap;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::plan::{Key, Version};
use super::raters::{RaterSummary, Repeats, repeated_grades, summary};
use super::ratings::{Ratings, Refused, Scores};
use super::statistics::{bootstrap_interval, holm, mean, signed_rank_p};

/// The content of a report.
#[derive(Clone, Debug, Serialize)]
pub struct Analysis {
    /// The study's name.
    pub study: String,
    /// The title that raters see.
    pub title: String,
    /// The raters that were counted.
    pub raters: Vec<RaterSummary>,
    /// Raters that were left out by --without.
    pub left_out: Vec<String>,
    /// Files that were not counted.
    pub refused: Vec<Refused>,
    /// Scores by set and method.
    pub opinions: Vec<Opinion>,
    /// The agreement of all raters' repeated grades.
    pub repeats: Repeats,
    /// Every two methods by set.
    pub comparisons: Vec<Comparison>,
}

/// The opinion about a method on a set.
#[derive(Clone, Debug, Serialize)]
pub struct Opinion {
    /// The set, or "all sets".
    pub set: String,
    /// The method.
    pub method: String,
    /// Counts of the grades 1, 2, 3, 4 and 5, including repeated showings.
    pub grades: [usize; 5],
    /// The mean opinion score, 1…5; a version that a rater saw twice counts once, with the mean of both
    /// grades. `None` without grades.
    pub mos: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
}

/// A comparison of two methods, with raters as observations.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The set, or "all sets".
    pub set: String,
    /// The first method.
    pub a: String,
    /// The second method.
    pub b: String,
    /// The mean over raters of their mean differences, a − b.
    pub difference: Option<f64>,
    /// The number of raters who graded both on an image.
    pub raters: usize,
    /// The p value of Wilcoxon's signed-rank test, two-sided.
    pub p: f64,
    /// The p value with Holm's correction for all pairs of the set.
    pub p_holm: f64,
}

/// The name for several sets together.
const ALL_SETS: &str = "all sets";

impl Analysis {
    /// Analyses ratings that belong to the key.
    ///
    /// `resamples` is the number of bootstrap samples; `seed` is for them and for shuffles.
    pub fn new(key: &Key, ratings: &[Ratings], resamples: usize, seed: u64) -> Self {
        let names = key.versions.iter().zip(0..);
        let places: HashMap<&str, usize> = names
            .map(|(Version { name, .. }, place)| (name.as_str(), place))
            .collect();
        let scores: Scores = ratings
            .iter()
            .map(|ratings| scores_of(ratings, &places))
            .collect();
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut sets: Vec<Option<&str>> = key.sets.iter().map(|set| Some(set.as_str())).collect();
        if sets.len() > 1 {
            sets.push(None);
        }
        let mut opinions = Vec::new();
        let mut comparisons = Vec::new();
        for set in sets {
            for method in &key.methods {
                let wanted = key.places(set, method);
                let chosen = choose(&scores, &wanted);
                opinions.push(Opinion {
                    set: set.unwrap_or(ALL_SETS).to_string(),
                    method: method.clone(),
                    grades: histogram(key, ratings, &wanted),
                    mos: mean(chosen.iter().flatten().flatten().copied()),
                    interval: bootstrap_interval(&chosen, resamples, &mut random),
                });
            }
            comparisons.extend(compare(key, &scores, set));
        }
        let raters: Vec<RaterSummary> = (0..ratings.len())
            .map(|rater| summary(ratings, &scores, &places, rater, &mut random))
            .collect();
        let pairs = ratings.iter().flat_map(repeated_grades);
        Self {
            study: key.id.clone(),
            title: key.title.clone(),
            raters,
            left_out: Vec::new(),
            refused: Vec::new(),
            opinions,
            repeats: Repeats::of(pairs),
            comparisons,
        }
    }
}

fn scores_of(ratings: &Ratings, places: &HashMap<&str, usize>) -> Vec<Option<f64>> {
    let mut grades: Vec<Vec<f64>> = vec![Vec::new(); places.len()];
    for (name, answer) in ratings.given() {
        grades[places[name]].push(f64::from(answer.grade));
    }
    grades.into_iter().map(mean).collect()
}

fn choose(scores: &Scores, places: &[usize]) -> Scores {
    let row = |row: &Vec<Option<f64>>| places.iter().map(|place| row[*place]).collect();
    scores.iter().map(row).collect()
}

fn histogram(key: &Key, ratings: &[Ratings], places: &[usize]) -> [usize; 5] {
    let names: Vec<&str> = places
        .iter()
        .map(|place| &*key.versions[*place].name)
        .collect();
    let mut grades = [0; 5];
    for (name, answer) in ratings.iter().flat_map(Ratings::given) {
        if names.contains(&name) {
            grades[usize::from(answer.grade) - 1] += 1;
        }
    }
    grades
}

fn compare(key: &Key, scores: &Scores, set: Option<&str>) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for (index, a) in key.methods.iter().enumerate() {
        for b in &key.methods[index + 1..] {
            let (ours, theirs) = (key.places(set, a), key.places(set, b));
            // Grades of one rater depend on each other: each rater is one observation.
            let differences = scores.iter().filter_map(|row| {
                let pairs = ours.iter().zip(&theirs);
                mean(pairs.filter_map(|(ours, theirs)| Some(row[*ours]? - row[*theirs]?)))
            });
            let differences: Vec<f64> = differences.collect();
            comparisons.push(Comparison {
                set: set.unwrap_or(ALL_SETS).to_string(),
                a: a.clone(),
                b: b.clone(),
                difference: mean(differences.iter().copied()),
                raters: differences.len(),
                p: signed_rank_p(&differences),
                p_holm: 1.0,
            });
        }
    }
    let p: Vec<f64> = comparisons.iter().map(|comparison| comparison.p).collect();
    for (comparison, p) in comparisons.iter_mut().zip(holm(&p)) {
        comparison.p_holm = p;
    }
    comparisons
}
