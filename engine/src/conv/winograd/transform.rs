//! The transforms of Winograd's filtering: pixels to positions, and positions to pixels.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::{Positions, REACH, SIDE};
use crate::conv::FusedActivation;
use crate::conv::block::Activate;
use crate::conv::planes::{Source, Target};
use crate::conv::simd::Simd;

/// From pixels to positions.
pub(in crate::conv) struct Input {
    /// The first row and column of the first tile.
    pub source: Source,
    pub channels: usize,
    /// Tiles, side by side.
    pub tiles: usize,
    pub target: Positions,
}

/// Bᵀ of the paper; what values share is computed once.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn combine<S: Simd>(d: [S::V; REACH]) -> [S::V; REACH] {
    // SAFETY: as asked of the caller.
    unsafe {
        let [d0, d1, d2, d3, d4, d5] = d;
        let (two, four, minus_four) = (S::splat(2.0), S::splat(4.0), S::splat(-4.0));
        let (even, odd) = (S::fma(d2, minus_four, d4), S::fma(d1, minus_four, d3));
        let (near, far) = (S::sub(d4, d2), S::sub(d3, d1));
        let far_2 = S::mul(far, two);
        [
            S::fma(S::sub(d0, d2), four, near),
            S::add(even, odd),
            S::sub(even, odd),
            S::add(near, far_2),
            S::sub(near, far_2),
            S::fma(far, minus_four, S::sub(d5, d3)),
        ]
    }
}

/// Aᵀ of the paper.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn resolve<S: Simd>(m: [S::V; REACH]) -> [S::V; SIDE] {
    // SAFETY: as asked of the caller.
    unsafe {
        let [m0, m1, m2, m3, m4, m5] = m;
        let (sum, difference) = (S::add(m1, m2), S::sub(m1, m2));
        let (sum_2, difference_2) = (S::add(m3, m4), S::sub(m3, m4));
        [
            S::add(S::add(m0, sum), sum_2),
            S::fma(difference_2, S::splat(2.0), difference),
            S::fma(sum_2, S::splat(4.0), sum),
            S::add(S::fma(difference_2, S::splat(8.0), difference), m5),
        ]
    }
}

/// Runs an [`Input`].
///
/// # Safety
/// `source` has `channels` planes of six rows, readable for the columns of `tiles` rounded up to whole
/// vectors and two more; `target` is writable for as many tiles, rounded up, and nothing else uses it; the
/// processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn input<S: Simd>(job: &Input) {
    let Input { source, target, .. } = *job;
    for channel in 0..job.channels {
        let mut tile = 0;
        while tile < job.tiles {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.data.add(channel * source.plane + SIDE * tile);
                let mut rows = [[S::zero(); REACH]; REACH];
                for y in 0..REACH {
                    let row = from.add(y * source.row);
                    let [d0, d1, d2, d3] = S::load_4(row);
                    // The next tile begins with them.
                    let next = row.add(SIDE * S::LANES);
                    let (d4, d5) = (S::shift_in(d0, *next), S::shift_in(d1, *next.add(1)));
                    rows[y] = combine::<S>([d0, d1, d2, d3, d4, d5]);
                }
                let to = target.data.add(channel * target.plane + tile);
                for x in 0..REACH {
                    let column = std::array::from_fn(|y| rows[y][x]);
                    let values = combine::<S>(column);
                    for y in 0..REACH {
                        S::store(to.add((REACH * y + x) * target.position), values[y]);
                    }
                }
            }
            tile += S::LANES;
        }
    }
}

/// From positions to pixels, with activation, and an addition after it.
pub(in crate::conv) struct Output<'a> {
    pub source: Positions,
    pub channels: usize,
    pub activation: FusedActivation<'a>,
    /// As large as the target.
    pub add: Option<Source>,
    /// Four rows, or fewer at the image's end.
    pub target: Target,
}

/// Runs an [`Output`].
///
/// # Safety
/// `source` has `channels` planes a position, readable for the tiles of `target`'s columns rounded up to
/// whole vectors, and `add` is readable for as many columns; there are as many slopes as channels; `target` has at
/// most four rows, is writable, and nothing else uses it; the processor has the
/// instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn output<S: Simd>(job: &Output) {
    let Output { source, target, .. } = *job;
    for channel in 0..job.channels {
        // SAFETY: as asked of the caller.
        let activation = unsafe { Activate::of::<S>(job.activation, channel) };
        let mut x = 0;
        while x < target.columns {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.data.add(channel * source.plane + x / SIDE);
                let mut columns = [[S::zero(); SIDE]; REACH];
                for i in 0..REACH {
                    let position = |y: usize| S::load(from.add((REACH * y + i) * source.position));
                    columns[i] = resolve::<S>(std::array::from_fn(position));
                }
                for y in 0..target.rows {
                    let row = resolve::<S>(std::array::from_fn(|i| columns[i][y]));
                    let mut pixels = activation.apply::<S, SIDE>(row);
                    if let Some(add) = job.add {
                        let from = add.data.add(channel * add.plane + y * add.row + x);
                        let added = S::load_4(from);
                        pixels = std::array::from_fn(|i| S::add(pixels[i], added[i]));
                    }
                    let to = target.data.add(channel * target.plane + y * target.row + x);
                    store_4_part::<S>(to, pixels, target.columns - x);
                }
            }
            x += SIDE * S::LANES;
        }
    }
}

/// Stores the pixels that were dealt out to four vectors, or the first `room` of them where that is less.
///
/// # Safety
/// `room` values are writable at `to`; the processor has the instruction set.
#[inline(always)]
unsafe fn store_4_part<S: Simd>(to: *mut f32, v: [S::V; SIDE], room: usize) {
    // SAFETY: as asked of the caller; the longest vector has sixteen values.
    unsafe {
        if room >= SIDE * S::LANES {
            S::store_4(to, v);
        } else {
            let mut pixels = [0f32; SIDE * 16];
            S::store_4(pixels.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(pixels.as_ptr(), to, room);
        }
    }
}
