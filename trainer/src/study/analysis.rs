//! From ratings to mean opinion scores.

use std::collections::HashMap;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::plan::{Key, Version};
use super::ratings::{Ratings, Refused};
use super::statistics::{
    RANDOM_P, Showings, bootstrap_interval, correlation, holm, mean, median, random_p,
    signed_rank_p,
};

/// Everything that a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Analysis {
    /// The study's name.
    pub study: String,
    /// What raters read first.
    pub title: String,
    /// Who was counted.
    pub raters: Vec<RaterSummary>,
    /// Raters that were left out because it was asked for.
    pub left_out: Vec<String>,
    /// Files that were not counted.
    pub refused: Vec<Refused>,
    /// By set, and within it by method.
    pub opinions: Vec<Opinion>,
    /// How far all raters agreed with themselves.
    pub repeats: Repeats,
    /// By set, every two methods.
    pub comparisons: Vec<Comparison>,
}

/// What people think of a method on a set.
#[derive(Clone, Debug, Serialize)]
pub struct Opinion {
    /// The set, or "all sets".
    pub set: String,
    /// The method.
    pub method: String,
    /// How often 1, 2, 3, 4 and 5 were given, second showings included.
    pub grades: [usize; 5],
    /// The mean opinion score, 1…5; a version that a rater saw twice counts once, with his mean.
    /// `None` where nobody graded anything.
    pub mos: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
}

/// Two methods compared, with raters as observations.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The set, or "all sets".
    pub set: String,
    /// The one method.
    pub a: String,
    /// The other.
    pub b: String,
    /// The mean over raters of their mean differences, a − b.
    pub difference: Option<f64>,
    /// Raters who graded both on a picture.
    pub raters: usize,
    /// Wilcoxon's signed-rank test, two-sided.
    pub p: f64,
    /// Corrected by Holm for all pairs of the set.
    pub p_holm: f64,
}

/// How far repeated grades agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Repeats {
    /// Versions graded twice by one rater.
    pub count: usize,
    /// Of these, the same grade twice.
    pub same: usize,
    /// Of these, grades at most one apart.
    pub within_one: usize,
    /// The mean of the absolute differences; 0 where there are none.
    pub mean_difference: f64,
}

/// One rater.
#[derive(Clone, Debug, Serialize)]
pub struct RaterSummary {
    /// The name.
    pub rater: String,
    /// Grades given.
    pub graded: usize,
    /// Grades asked for.
    pub asked: usize,
    /// The median time for a grade.
    pub median_seconds: f64,
    /// The correlation of his grades with the others' means; `None` with fewer than two others.
    pub correlation: Option<f64>,
    /// How far he agrees with himself.
    pub repeats: Repeats,
    /// The chance that random presses do as well; `None` where it cannot be told.
    pub random_p: Option<f64>,
    /// Whether nothing tells him from random presses.
    pub random: bool,
}

/// What several sets together are called.
const ALL_SETS: &str = "all sets";

/// With fewer grades nobody is said to press at random.
const LEAST_GRADES: usize = 10;

/// With fewer others, a rater who presses at random would spoil what an honest one is held to.
const LEAST_OTHERS: usize = 2;

/// Shuffles of a rater's grades.
const SHUFFLES: usize = 2000;

/// Ratings by rater and version: the mean of the grades a rater gave it.
type Scores = Vec<Vec<Option<f64>>>;

impl Analysis {
    /// Analyses ratings that belong to the key.
    ///
    /// `resamples` is how often the bootstrap draws; `seed` is for that and for shuffles.
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

/// The scores of some versions.
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

/// Every two methods on a set.
fn compare(key: &Key, scores: &Scores, set: Option<&str>) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for (index, a) in key.methods.iter().enumerate() {
        for b in &key.methods[index + 1..] {
            let (ours, theirs) = (key.places(set, a), key.places(set, b));
            // A rater's grades depend on each other: he is one observation.
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

fn summary(
    ratings: &[Ratings],
    scores: &Scores,
    places: &HashMap<&str, usize>,
    rater: usize,
    random: &mut Pcg64Mcg,
) -> RaterSummary {
    let own = &ratings[rater];
    let others = |place: usize| {
        let others = scores
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != rater);
        mean(others.filter_map(|(_, row)| row[place]))
    };
    let enough = ratings.len() > LEAST_OTHERS;
    let others = own
        .given()
        .map(|(name, _)| others(places[name]).filter(|_| enough));
    let others: Vec<Option<f64>> = others.collect();
    let grades: Vec<f64> = own
        .answers
        .iter()
        .map(|answer| f64::from(answer.grade))
        .collect();
    let pairs: Vec<(f64, f64)> = grades
        .iter()
        .zip(&others)
        .filter_map(|(grade, other)| Some((*grade, (*other)?)))
        .collect();
    let showings = Showings {
        grades,
        others,
        repeats: repeated(own),
    };
    let can_tell = pairs.len() >= LEAST_GRADES;
    let random_p = can_tell.then(|| random_p(&showings, SHUFFLES, random));
    let seconds = own.answers.iter().map(|answer| answer.seconds);
    RaterSummary {
        rater: own.rater.clone(),
        graded: own.answers.len(),
        asked: own.order.len(),
        median_seconds: median(seconds.collect()).unwrap_or(0.0),
        correlation: correlation(&pairs),
        repeats: Repeats::of(repeated_grades(own)),
        random_p,
        random: random_p.is_some_and(|p| p > RANDOM_P),
    }
}

/// Places of the first and the second showing of versions that were graded twice.
fn repeated(ratings: &Ratings) -> Vec<(usize, usize)> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut pairs = Vec::new();
    for (place, (name, _)) in ratings.given().enumerate() {
        if let Some(earlier) = first.insert(name, place) {
            pairs.push((earlier, place));
        }
    }
    pairs
}

fn repeated_grades(ratings: &Ratings) -> Vec<(u8, u8)> {
    let grade = |place: usize| ratings.answers[place].grade;
    let pairs = repeated(ratings).into_iter();
    pairs.map(|(a, b)| (grade(a), grade(b))).collect()
}

impl Repeats {
    /// Of pairs of grades.
    fn of(pairs: impl IntoIterator<Item = (u8, u8)>) -> Self {
        let apart = pairs.into_iter().map(|(a, b)| a.abs_diff(b));
        let apart: Vec<u8> = apart.collect();
        let up_to = |most: u8| apart.iter().filter(|apart| **apart <= most).count();
        Self {
            count: apart.len(),
            same: up_to(0),
            within_one: up_to(1),
            mean_difference: mean(apart.iter().map(|apart| f64::from(*apart))).unwrap_or(0.0),
        }
    }
}
