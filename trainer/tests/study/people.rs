//! Simulated raters.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64Mcg;
use trainer::study::{Key, Ratings};

use crate::fixture::rater;

/// A model of raters: each rater and each image has a level, and there is noise.
pub struct People {
    pub random: Pcg64Mcg,
    rater_deviation: f64,
    image_deviation: f64,
    noise: f64,
}

impl People {
    fn normal(&mut self, deviation: f64) -> f64 {
        Normal::new(0.0, deviation)
            .unwrap()
            .sample(&mut self.random)
    }

    /// Every rater grades every version once and some twice; methods have these qualities.
    pub fn grade(
        &mut self,
        key: &Key,
        qualities: &[f64],
        raters: usize,
        repeats: usize,
    ) -> Vec<Ratings> {
        let mut levels: HashMap<String, f64> = HashMap::new();
        for version in &key.versions {
            let deviation = self.image_deviation;
            levels
                .entry(version.picture.clone())
                .or_insert(self.normal(deviation));
        }
        let methods = key.methods.len();
        let mut everyone = Vec::new();
        for number in 0..raters {
            let own = self.normal(self.rater_deviation);
            let mut shown: Vec<usize> = (0..key.versions.len()).collect();
            shown.shuffle(&mut self.random);
            shown.extend_from_within(..repeats);
            let grades = shown.into_iter().map(|place| {
                let version = &key.versions[place];
                let noise = self.normal(self.noise);
                let opinion = qualities[place % methods] + own + levels[&version.picture] + noise;
                (version.name.as_str(), opinion.round().clamp(1.0, 5.0) as u8)
            });
            let grades: Vec<_> = grades.collect();
            everyone.push(rater(key, &format!("rater {number}"), &grades));
        }
        everyone
    }

    /// The mean grade of a quality over all possible raters and images.
    pub fn true_mos(&mut self, quality: f64) -> f64 {
        let squares = [self.rater_deviation, self.image_deviation, self.noise].map(|d| d * d);
        let deviation = squares.iter().sum::<f64>().sqrt();
        let draws = 400_000;
        let grade = |opinion: f64| (quality + opinion).round().clamp(1.0, 5.0);
        (0..draws)
            .map(|_| grade(self.normal(deviation)))
            .sum::<f64>()
            / f64::from(draws)
    }
}

/// Raters with realistic deviations.
pub fn people(seed: u64) -> People {
    People {
        random: Pcg64Mcg::seed_from_u64(seed),
        rater_deviation: 0.4,
        image_deviation: 0.4,
        noise: 0.6,
    }
}
