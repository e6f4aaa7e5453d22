//! Winograd's minimal filtering F(4, 3) down the rows of a 3×3 convolution.
//!
//! Four output rows are made of six input rows with 18 multiplications a pixel column where the
//! definition takes 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
//! 2016, arXiv:1509.09308). The rows are combined to six *positions*, each of which is convolved
//! along the row with three taps, and the results are combined to four rows. In one direction only:
//! in both it would multiply half as often again, but need vectors to be transposed.
//!
//! Values differ from the definition's by some 1e-6 of their size, and depend on where blocks of
//! four rows begin: whoever cuts pictures into tiles has to begin them at multiples of four rows.

use super::loops::{self, Activation, Source, Target};
use super::simd::Simd;

/// Rows that are made together.
pub(super) const ROWS: usize = 4;

/// Combinations of six rows.
pub(super) const POSITIONS: usize = 6;

/// G of the paper: from three rows of a kernel to the positions.
const WEIGHTS: [[f64; 3]; POSITIONS] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// What a kernel `[3, 3]` weighs at a position, in each of its three columns.
pub(super) fn weights(kernel: &[f32], position: usize, column: usize) -> f32 {
    let rows = WEIGHTS[position].iter().enumerate();
    let sum: f64 = rows
        .map(|(row, factor)| factor * f64::from(kernel[3 * row + column]))
        .sum();
    sum as f32
}

/// Where the positions lie: `[POSITIONS, channels, columns]`.
#[derive(Clone, Copy)]
pub(super) struct Positions {
    pub data: *mut f32,
    /// From one position to the next.
    pub position: usize,
    /// From one channel to the next.
    pub plane: usize,
}

/// Six rows to the positions.
pub(super) struct Input {
    /// The first of the six rows.
    pub source: Source,
    pub channels: usize,
    pub columns: usize,
    pub target: Positions,
}

/// Runs an [`Input`].
///
/// # Safety
/// `source` has `channels` planes of six rows, readable for `columns` rounded up to whole vectors;
/// `target` is writable for as many, and nobody else's.
#[inline(always)]
pub(super) unsafe fn input<S: Simd>(job: &Input) {
    let Input { source, target, .. } = *job;
    for channel in 0..job.channels {
        let mut x = 0;
        while x < job.columns {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.data.add(channel * source.plane + x);
                let row = |i: usize| S::load(from.add(i * source.row));
                let [d0, d1, d2, d3, d4, d5] = [row(0), row(1), row(2), row(3), row(4), row(5)];
                let (two, four) = (S::splat(2.0), S::splat(4.0));
                let (minus_four, minus_five) = (S::splat(-4.0), S::splat(-5.0));
                // Bᵀ of the paper, what rows share being computed once.
                let even = S::fma(d2, minus_four, d4);
                let odd = S::fma(d1, minus_four, d3);
                let even_2 = S::sub(d4, d2);
                let odd_2 = S::sub(d3, d1);
                let values = [
                    S::fma(d0, four, S::fma(d2, minus_five, d4)),
                    S::add(even, odd),
                    S::sub(even, odd),
                    S::fma(odd_2, two, even_2),
                    S::fma(odd_2, S::splat(-2.0), even_2),
                    S::fma(d1, four, S::fma(d3, minus_five, d5)),
                ];
                let to = target.data.add(channel * target.plane + x);
                for (position, value) in values.into_iter().enumerate() {
                    S::store(to.add(position * target.position), value);
                }
            }
            x += S::LANES;
        }
    }
}

/// The positions to four rows; bias, activation and what is added after it included.
pub(super) struct Output {
    pub source: Positions,
    pub channels: usize,
    /// One a channel.
    pub bias: *const f32,
    pub activation: Activation,
    /// As large as the target.
    pub add: Option<Source>,
    /// Four rows, or the first of them.
    pub target: Target,
}

/// Runs an [`Output`].
///
/// # Safety
/// `source` has `channels` planes a position, readable for the columns of `target` rounded up to whole
/// vectors, and so is `add`; `bias` and slopes are as long as the channels; `target` has at most four
/// rows, is writable, and nobody else's.
#[inline(always)]
pub(super) unsafe fn output<S: Simd>(job: &Output) {
    let Output { source, target, .. } = *job;
    for channel in 0..job.channels {
        let mut x = 0;
        while x < target.columns {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.data.add(channel * source.plane + x);
                let position = |i: usize| S::load(from.add(i * source.position));
                let bias = S::splat(*job.bias.add(channel));
                let (m1, m2, m3, m4) = (position(1), position(2), position(3), position(4));
                // Aᵀ of the paper.
                let (sum, difference) =
                    (S::add(S::add(m1, m2), bias), S::add(S::sub(m1, m2), bias));
                let (sum_2, difference_2) = (S::add(m3, m4), S::sub(m3, m4));
                let rows = [
                    S::add(S::add(position(0), sum), sum_2),
                    S::fma(difference_2, S::splat(2.0), difference),
                    S::fma(sum_2, S::splat(4.0), sum),
                    S::add(S::fma(difference_2, S::splat(8.0), difference), position(5)),
                ];
                let to = target.data.add(channel * target.plane + x);
                for (y, z) in rows.into_iter().enumerate().take(target.rows) {
                    let v = loops::activate::<S>(job.activation, z, channel);
                    let v = loops::add::<S>(job.add, v, [channel, y, x]);
                    loops::store_part::<S>(to.add(y * target.row), v, target.columns - x);
                }
            }
            x += S::LANES;
        }
    }
}
