//! Quality over bytes.

/// The quality that one way to serve an image reaches with a number of bits; linear in the logarithm of the bits
/// between measured points.
pub(super) struct Curve {
    /// Bits, and a goodness that is larger when the image is better; both rise from point to point.
    points: Vec<(f64, f64)>,
    /// −1 for distances.
    sign: f64,
}

impl Curve {
    /// A curve through points of bits and score. A point is left out if fewer bits reach its score: a site would serve
    /// that file.
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>, is_distance: bool) -> Self {
        let sign = if is_distance { -1.0 } else { 1.0 };
        let points = points.into_iter();
        let mut points: Vec<(f64, f64)> =
            points.map(|(bits, score)| (bits, sign * score)).collect();
        // The best of several points with equal bits comes first.
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut best = f64::NEG_INFINITY;
        points.retain(|(_, goodness)| {
            let is_better = *goodness > best;
            best = best.max(*goodness);
            is_better
        });
        Self { points, sign }
    }

    /// The score with so many bits; `None` outside the measured range.
    pub fn score_at(&self, bits: f64) -> Option<f64> {
        let (from, to) = (self.points.first()?, self.points.last()?);
        if bits < from.0 || bits > to.0 {
            return None;
        }
        let after = self.points.iter().position(|point| point.0 >= bits)?;
        let goodness = match after {
            0 => from.1,
            _ => {
                let (a, b) = (self.points[after - 1], self.points[after]);
                let share = (bits / a.0).ln() / (b.0 / a.0).ln();
                a.1 + share * (b.1 - a.1)
            }
        };
        Some(self.sign * goodness)
    }

    /// The fewest bits that reach a score: infinite if no measured file does, and those of the smallest file if that is
    /// better already.
    pub fn bits_for(&self, score: f64) -> f64 {
        let wanted = self.sign * score;
        let Some(after) = self.points.iter().position(|point| point.1 >= wanted) else {
            return f64::INFINITY;
        };
        if after == 0 {
            return self.points[0].0;
        }
        let (a, b) = (self.points[after - 1], self.points[after]);
        let share = (wanted - a.1) / (b.1 - a.1);
        a.0 * (b.0 / a.0).powf(share)
    }

    /// Whether a curve is above another one at these bits; `None` where one of them was not measured.
    fn is_better_at(&self, other: &Self, bits: f64) -> Option<bool> {
        let [own, others] = [self, other].map(|curve| curve.score_at(bits));
        Some(self.sign * own? > self.sign * others?)
    }

    /// The largest of these bits at which this curve is above another one; 0 if it is nowhere.
    pub fn better_up_to(&self, other: &Self, grid: &[f64]) -> f64 {
        let better = grid.iter().copied();
        let better = better.filter(|bits| self.is_better_at(other, *bits) == Some(true));
        better.fold(0.0, f64::max)
    }
}

/// `count` values from `from` to `to`, each larger than the one before by the same factor.
pub(super) fn grid(from: f64, to: f64, count: usize) -> Vec<f64> {
    let share = |i: usize| i as f64 / (count - 1) as f64;
    (0..count)
        .map(|i| from * (to / from).powf(share(i)))
        .collect()
}

/// The median; of an even number of values the mean of the two in the middle, which is infinite if one of them is.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let [below, above] = [last / 2, last.div_ceil(2)].map(|i| values[i]);
    Some(if below == above {
        below
    } else {
        below.midpoint(above)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn scores_are_linear_in_the_logarithm_of_bits() {
        let curve = Curve::new([(0.4, 70.0), (0.1, 30.0)], false);
        near(curve.score_at(0.1).unwrap(), 30.0);
        near(curve.score_at(0.2).unwrap(), 50.0);
        near(curve.score_at(0.4).unwrap(), 70.0);
        assert_eq!(curve.score_at(0.09), None);
        assert_eq!(curve.score_at(0.41), None);
        near(curve.bits_for(50.0), 0.2);
        near(curve.bits_for(70.0), 0.4);
        // The smallest measured file suffices; none does.
        near(curve.bits_for(10.0), 0.1);
        assert_eq!(curve.bits_for(70.1), f64::INFINITY);
    }

    #[test]
    fn of_distances_less_is_better() {
        let curve = Curve::new([(0.1, 0.5), (0.4, 0.1)], true);
        near(curve.score_at(0.2).unwrap(), 0.3);
        near(curve.bits_for(0.3), 0.2);
        assert_eq!(curve.bits_for(0.05), f64::INFINITY);
    }

    #[test]
    fn files_that_a_smaller_one_beats_are_left_out() {
        let curve = Curve::new([(0.1, 30.0), (0.2, 20.0), (0.2, 25.0), (0.4, 70.0)], false);
        near(curve.score_at(0.2).unwrap(), 50.0);
        near(curve.bits_for(25.0), 0.1);
        let nothing = Curve::new([], false);
        assert_eq!(nothing.score_at(0.1), None);
        assert_eq!(nothing.bits_for(0.1), f64::INFINITY);
    }

    #[test]
    fn a_curve_is_better_up_to_where_it_is_crossed() {
        let grid = grid(0.1, 1.6, 101);
        near(grid[0], 0.1);
        near(grid[25], 0.2);
        near(grid[100], 1.6);
        let steep = Curve::new([(0.1, 0.0), (1.6, 80.0)], false);
        let flat = Curve::new([(0.1, 20.0), (1.6, 60.0)], false);
        let crossed = flat.better_up_to(&steep, &grid);
        assert!((0.38..0.4).contains(&crossed), "{crossed}");
        near(steep.better_up_to(&flat, &grid), 1.6);
        let worse = Curve::new([(0.1, -5.0), (1.6, 30.0)], false);
        near(worse.better_up_to(&flat, &grid), 0.0);
    }

    #[test]
    fn the_median_is_infinite_if_half_of_the_values_are() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        let never = f64::INFINITY;
        assert_eq!(median(vec![1.0, never]), Some(never));
        assert_eq!(median(vec![never, 1.0, never, 1.0]), Some(never));
        assert_eq!(median(vec![1.0, never, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
