//! The two bands of the steerable pyramid that IFC uses.

use super::Plane;

pub(super) const LEVELS: usize = 4;

/// Low-pass filter before the first level. Here and below are filters of the steerable pyramid with
/// derivatives of fifth order (Simoncelli and Freeman 1995; Karasaridis and Simoncelli 1996; numbers of
/// `sp5Filters` in matlabPyrTools). The low-pass filters are symmetric under flips and rotations: one
/// triangle is given, from the centre outwards.
const FIRST_LOW: [&[f64]; 3] = [
    &[0.403_041_48],
    &[0.159_255_70, 0.055_869_82],
    &[-0.038_482_15, -0.015_512_46, 0.003_416_14],
];

/// Half of the low-pass filter between levels.
const LOW: [&[f64]; 5] = [
    &[0.100_965_40],
    &[0.081_696_18, 0.064_263_33],
    &[0.039_813_93, 0.032_770_38, 0.013_967_46],
    &[0.010_029_88, 0.004_106_00, -0.006_611_17, -0.005_232_81],
    &[
        -0.009_620_54,
        -0.009_444_32,
        -0.003_878_12,
        -0.002_449_17,
        0.000_854_04,
    ],
];

/// Band-pass filter for vertical changes: the upper rows up to the middle column. The filter is symmetric
/// from left to right and antisymmetric from top to bottom; its middle row is 0.
const BAND: [[f64; 4]; 3] = [
    [0.002_776_43, 0.004_961_94, 0.010_266_99, 0.014_553_99],
    [-0.009_869_04, -0.008_930_64, 0.011_898_59, 0.027_551_55],
    [-0.010_218_52, -0.030_753_56, -0.082_264_45, -0.117_322_97],
];

/// A filter of odd side.
struct Filter {
    side: usize,
    /// `[side, side]`
    taps: Vec<f64>,
}

impl Filter {
    fn new(side: usize, tap: impl Fn(usize, usize) -> f64) -> Self {
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        Self {
            side,
            taps: places.map(|(x, y)| tap(x, y)).collect(),
        }
    }

    /// A low-pass filter from its triangle of taps, times `factor`.
    fn low_pass(triangle: &[&[f64]], factor: f64) -> Self {
        let centre = triangle.len() - 1;
        Self::new(2 * centre + 1, |x, y| {
            let (x, y) = (x.abs_diff(centre), y.abs_diff(centre));
            factor * triangle[x.max(y)][x.min(y)]
        })
    }

    /// The band-pass filter for vertical changes, or its transpose for horizontal ones.
    fn band(vertical: bool) -> Self {
        Self::new(7, |x, y| {
            let (along, across) = if vertical { (x, y) } else { (y, x) };
            match across {
                3 => 0.0,
                0..3 => BAND[across][along.min(6 - along)],
                _ => -BAND[6 - across][along.min(6 - along)],
            }
        })
    }
}

/// The bands of vertical and of horizontal changes at each of four levels, the finest first.
pub(super) fn bands(plane: &Plane) -> Vec<[Plane; 2]> {
    let directions = [true, false].map(Filter::band);
    let low = Filter::low_pass(&LOW, 2.0);
    let mut plane = correlated(plane, &Filter::low_pass(&FIRST_LOW, 1.0), 0, 1);
    let mut levels = Vec::with_capacity(LEVELS);
    for level in 0..LEVELS {
        if level > 0 {
            plane = correlated(&plane, &low, 0, 2);
        }
        levels.push([0, 1].map(|i| correlated(&plane, &directions[i], 0, 1)));
    }
    levels
}

/// The mean of a square of odd side around every `step`th position from `start` on.
pub(super) fn means(plane: &Plane, side: usize, start: usize, step: usize) -> Plane {
    let weight = 1.0 / (side * side) as f64;
    correlated(plane, &Filter::new(side, |_, _| weight), start, step)
}

/// Correlation with the filter at every `step`th position from `start` on. Borders are mirrored, and
/// the border pixel is not repeated.
fn correlated(plane: &Plane, filter: &Filter, start: usize, step: usize) -> Plane {
    let half = filter.side / 2;
    // For every position along a side, the indices under the filter's taps.
    let taps = |side: usize| -> Vec<usize> {
        let places = (start..side).step_by(step);
        let around = |place| (place..place + filter.side).map(|i| mirrored(i, half, side));
        places.flat_map(around).collect()
    };
    let (columns, rows) = (taps(plane.width), taps(plane.height));
    let mut data = Vec::with_capacity(columns.len() * rows.len() / filter.taps.len().max(1));
    for rows in rows.chunks_exact(filter.side) {
        for columns in columns.chunks_exact(filter.side) {
            let mut sum = 0.0;
            for (y, weights) in rows.iter().zip(filter.taps.chunks_exact(filter.side)) {
                let row = &plane.data[y * plane.width..][..plane.width];
                for (x, weight) in columns.iter().zip(weights) {
                    sum += row[*x] * weight;
                }
            }
            data.push(sum);
        }
    }
    Plane {
        width: columns.len() / filter.side,
        height: rows.len() / filter.side,
        data,
    }
}

/// The index `i − half`, mirrored at the borders.
fn mirrored(i: usize, half: usize, side: usize) -> usize {
    let place = i.abs_diff(half);
    place.min((2 * (side - 1)).saturating_sub(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_mirrored_without_repetition() {
        let found: Vec<usize> = (0..8).map(|i| mirrored(i, 2, 4)).collect();
        assert_eq!(found, [2, 1, 0, 1, 2, 3, 2, 1]);
    }

    #[test]
    fn the_bands_of_a_flat_plane_are_zero() {
        let plane = Plane {
            width: 70,
            height: 66,
            data: vec![90.0; 70 * 66],
        };
        for band in bands(&plane).iter().flatten() {
            assert!(band.data.iter().all(|value| value.abs() < 1e-12));
        }
    }
}
