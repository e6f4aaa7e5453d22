//! How reliable each rater is.

use std::collections::HashMap;

use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::ratings::{Ratings, Scores};
use super::statistics::{RANDOM_P, Showings, correlation, mean, median, random_p};

/// The agreement of repeated grades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Repeats {
    /// Versions graded twice by one rater.
    pub count: usize,
    /// Of these, those with the same grade twice.
    pub same: usize,
    /// Of these, those with grades at most one apart.
    pub within_one: usize,
    /// The mean absolute difference; 0 without repeated grades.
    pub mean_difference: f64,
}

/// One rater.
#[derive(Clone, Debug, Serialize)]
pub struct RaterSummary {
    /// The rater's name.
    pub rater: String,
    /// Grades given.
    pub graded: usize,
    /// Grades asked for.
    pub asked: usize,
    /// The median time for a grade in seconds.
    pub median_seconds: f64,
    /// The correlation with the other raters' means; `None` with fewer than two others.
    pub correlation: Option<f64>,
    /// The agreement of the rater's repeated grades.
    pub repeats: Repeats,
    /// The probability that random grades agree as well; `None` with too few grades or raters.
    pub random_p: Option<f64>,
    /// Whether the grades cannot be distinguished from random ones.
    pub random: bool,
}

/// With fewer grades, the test for random grades is not made.
const LEAST_GRADES: usize = 10;

/// With fewer other raters, a random one among them would distort the mean too much.
const LEAST_OTHERS: usize = 2;

/// Shuffles of a rater's grades in the permutation test.
const SHUFFLES: usize = 2000;

pub(super) fn summary(
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

/// Indices of the first and the second grade of versions that were graded twice.
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

pub(super) fn repeated_grades(ratings: &Ratings) -> Vec<(u8, u8)> {
    let grade = |place: usize| ratings.answers[place].grade;
    let pairs = repeated(ratings).into_iter();
    pairs.map(|(a, b)| (grade(a), grade(b))).collect()
}

impl Repeats {
    /// The agreement of pairs of grades.
    pub(super) fn of(pairs: impl IntoIterator<Item = (u8, u8)>) -> Self {
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
