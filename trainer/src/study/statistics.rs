//! Statistics of grades: intervals, agreement, significance.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// The mean; `None` without values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .into_iter()
        .fold((0.0, 0usize), |(sum, count), value| {
            (sum + value, count + 1)
        });
    (count > 0).then(|| sum / count as f64)
}

/// The median; `None` without values.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, 0.5))
}

/// A quantile of sorted values, interpolated linearly between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - part) + sorted[above] * part
}

/// The 95 % interval of the mean of `[rater][image]`: percentiles of a bootstrap that samples raters and,
/// independently, images with replacement.
///
/// Sampling both generalises to other raters and other images. This is the pigeonhole bootstrap of Owen
/// (2007, doi:10.1214/07-AOAS122), which is slightly conservative. Missing values are left out. `None`
/// without any value.
pub fn bootstrap_interval(
    values: &[Vec<Option<f64>>],
    resamples: usize,
    random: &mut Pcg64Mcg,
) -> Option<(f64, f64)> {
    let images = values.first().map_or(0, Vec::len);
    let mut means: Vec<f64> = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn = drawn(images, random);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (row, weight) in values.iter().zip(self::drawn(values.len(), random)) {
            if weight == 0.0 {
                continue;
            }
            for (value, drawn) in row.iter().zip(&drawn) {
                if let Some(value) = value {
                    sum += weight * drawn * value;
                    weights += weight * drawn;
                }
            }
        }
        // With many missing values, a sample may be empty.
        if weights > 0.0 {
            means.push(sum / weights);
        }
    }
    means.sort_by(f64::total_cmp);
    (!means.is_empty()).then(|| (quantile(&means, 0.025), quantile(&means, 0.975)))
}

/// The number of times that each of `count` items is drawn in `count` draws with replacement.
fn drawn(count: usize, random: &mut Pcg64Mcg) -> Vec<f64> {
    let mut times = vec![0.0; count];
    for _ in 0..count {
        times[random.random_range(0..count)] += 1.0;
    }
    times
}

/// The two-sided p value of Wilcoxon's signed-rank test of paired differences (Wilcoxon 1945,
/// doi:10.2307/3001968).
///
/// Differences of zero are left out, and ties share their mean rank. The distribution is exact, with ties
/// as well.
pub fn signed_rank_p(differences: &[f64]) -> f64 {
    // Equal means may differ in their last bit.
    let close = |value: &f64| (value * 1e9).round() as i64;
    let steps = differences.iter().map(close).filter(|step| *step != 0);
    let steps: Vec<i64> = steps.collect();
    let mut equal: BTreeMap<i64, usize> = BTreeMap::new();
    for step in &steps {
        *equal.entry(step.abs()).or_default() += 1;
    }
    // Twice the rank, an integer also for shared ranks: below·2 + count + 1.
    let mut below = 0;
    let doubled: BTreeMap<i64, usize> = equal
        .into_iter()
        .map(|(size, count)| {
            let rank = 2 * below + count + 1;
            below += count;
            (size, rank)
        })
        .collect();
    let ranks: Vec<usize> = steps.iter().map(|step| doubled[&step.abs()]).collect();
    let positive = steps.iter().zip(&ranks).filter(|(step, _)| **step > 0);
    let found: usize = positive.map(|(_, rank)| rank).sum();

    // probabilities[s]: that the doubled ranks with a positive random sign add up to s.
    let mut probabilities = vec![0.0; ranks.iter().sum::<usize>() + 1];
    probabilities[0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = if sum >= rank {
                probabilities[sum - rank]
            } else {
                0.0
            };
            probabilities[sum] = (probabilities[sum] + with) / 2.0;
        }
    }
    let low: f64 = probabilities[..=found].iter().sum();
    let high: f64 = probabilities[found..].iter().sum();
    (2.0 * low.min(high)).min(1.0)
}

/// Holm's correction of a family of p values, in the same order (Holm 1979, doi:10.2307/4615733).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![1.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max(p[index] * (p.len() - rank) as f64).min(1.0);
        corrected[index] = largest;
    }
    corrected
}

/// Pearson's correlation; `None` if either variable is constant.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let a = mean(pairs.iter().map(|(a, _)| *a))?;
    let b = mean(pairs.iter().map(|(_, b)| *b))?;
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(x - a, y - b)).sum::<f64>();
    let scale = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    (scale > 1e-12).then(|| sum(&|x, y| x * y) / scale)
}

/// A rater's grades with the values to compare them with.
pub struct Showings {
    /// The grades in the order of the answers.
    pub grades: Vec<f64>,
    /// The other raters' mean grade of the same version, if there is one.
    pub others: Vec<Option<f64>>,
    /// Indices of the first and the second grade of a version.
    pub repeats: Vec<(usize, usize)>,
}

/// The probability that the same grades in random order agree as well with the others and with each
/// other; above [`RANDOM_P`] a rater's grades cannot be distinguished from random ones.
///
/// A permutation test of two sums: that of grade times the others' mean, and that of the differences of
/// repeated grades. Each is standardised by its mean and standard deviation over shuffles of the grades,
/// and the first minus the second is compared with the same of the shuffles. Constant grades give 1.
pub fn random_p(showings: &Showings, shuffles: usize, random: &mut Pcg64Mcg) -> f64 {
    let centre = mean(showings.others.iter().flatten().copied()).unwrap_or(0.0);
    let others = showings
        .others
        .iter()
        .map(|other| other.map_or(0.0, |other| other - centre));
    let others: Vec<f64> = others.collect();
    let sums = |grades: &[f64]| {
        let agreement: f64 = grades.iter().zip(&others).map(|(a, b)| a * b).sum();
        let apart = showings
            .repeats
            .iter()
            .map(|(a, b)| (grades[*a] - grades[*b]).abs());
        [agreement, -apart.sum::<f64>()]
    };
    let mut grades = showings.grades.clone();
    let shuffled: Vec<[f64; 2]> = (0..shuffles)
        .map(|_| {
            grades.shuffle(random);
            sums(&grades)
        })
        .collect();
    let scales = [0, 1].map(|which| {
        let values = || shuffled.iter().map(|sums| sums[which]);
        let centre = mean(values()).unwrap_or(0.0);
        let variance = mean(values().map(|value| (value - centre).powi(2))).unwrap_or(0.0);
        (centre, variance.sqrt())
    });
    let standardised = |sums: &[f64; 2]| -> f64 {
        let parts = sums.iter().zip(scales);
        let parts = parts.filter(|(_, (_, deviation))| *deviation > 1e-9);
        parts
            .map(|(sum, (centre, deviation))| (sum - centre) / deviation)
            .sum()
    };
    let found = standardised(&sums(&showings.grades)) - 1e-9;
    let as_good = shuffled
        .iter()
        .filter(|sums| standardised(sums) >= found)
        .count();
    (1 + as_good) as f64 / (1 + shuffles) as f64
}

/// A rater with a larger [`random_p`] is named; random grades are below it in one of twenty cases.
pub const RANDOM_P: f64 = 0.05;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// The first two are from SciPy 1.17.1 (`scipy.stats.wilcoxon`, exact); the others are computed by hand.
    #[test]
    fn signed_rank_p_values_are_exact() {
        let plants = [
            6., 8., 14., 16., 23., 24., 28., 29., 41., -48., 49., 56., 60., -67., 75.,
        ];
        for (differences, expected) in [
            (&plants[..], 0.041_259_765_625),
            (&[1., 2., 2.5, -1.5, 3., 0.5], 0.156_25),
            (&[1., 2., 3., 4., 5., 6.], 2. / 64.),
            // Ranks 1.5, 1.5 and 3: the sum of the positive ranks is 4.5 in 2 and 6 in 1 of 8 cases.
            (&[1., -1., 2., 0.], 6. / 8.),
            (&[0., 0.], 1.),
            (&[], 1.),
        ] {
            let found = signed_rank_p(differences);
            assert!(
                (found - expected).abs() < 1e-12,
                "{differences:?}: {found}, not {expected}"
            );
        }
    }

    #[test]
    fn holms_correction_is_monotonic() {
        let found = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
        assert_eq!(holm(&[0.7, 0.8]), [1.0, 1.0]);
    }

    #[test]
    fn correlation_and_median_by_hand() {
        let found = correlation(&[(1., 2.), (2., 1.), (3., 4.), (4., 3.)]).unwrap();
        assert!((found - 0.6).abs() < 1e-12, "{found}");
        assert_eq!(correlation(&[(1., 2.), (1., 3.)]), None);
        assert_eq!(median(vec![4., 1., 2., 10.]), Some(3.));
    }

    #[test]
    fn intervals_cover_the_variance_of_raters_and_of_images() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let same = vec![vec![Some(3.0); 4]; 5];
        assert_eq!(
            bootstrap_interval(&same, 100, &mut random),
            Some((3.0, 3.0))
        );
        assert_eq!(bootstrap_interval(&[vec![None]], 100, &mut random), None);
        // Only images differ, then only raters: the interval is wide in both cases.
        let rows: Vec<Vec<Option<f64>>> = vec![[1., 2., 4., 5.].map(Some).to_vec(); 4];
        let columns: Vec<_> = (0..4).map(|i| vec![rows[0][i]; 4]).collect();
        for values in [rows, columns] {
            let (low, high) = bootstrap_interval(&values, 2000, &mut random).unwrap();
            assert!(low < 2.0 && high > 4.0, "{low} to {high}");
        }
    }
}
