//! Winograd's minimal filtering F(4×4, 3×3).
//!
//! A tile of 4×4 output pixels is made of 6×6 input pixels with 36 multiplications a channel where the
//! definition takes 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
//! 2016, arXiv:1509.09308). The pixels of a tile are combined to 36 *positions*, each of which is a
//! convolution with one tap, and the results are combined to 16 pixels. The lanes of a vector are
//! tiles that lie side by side.
//!
//! Values differ from the definition's by some 1e-6 of their size, and depend on where tiles begin:
//! whoever cuts pictures has to cut at multiples of [`SIDE`].

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::loops::{self, Activation, Source, Target};
use super::simd::Simd;

/// Rows and columns that are made together.
pub(super) const SIDE: usize = 4;

/// Rows and columns that they are made of.
const REACH: usize = 6;

/// Combinations of these.
pub(super) const POSITIONS: usize = REACH * REACH;

/// G of the paper: from three taps of a kernel to the positions along one axis.
const WEIGHTS: [[f64; 3]; REACH] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// What a kernel `[3, 3]` weighs at a position: G·g·Gᵀ.
pub(super) fn weight(kernel: &[f32], position: usize) -> f32 {
    let (rows, columns) = (WEIGHTS[position / REACH], WEIGHTS[position % REACH]);
    let tap = |i: usize| rows[i / 3] * columns[i % 3] * f64::from(kernel[i]);
    (0..9).map(tap).sum::<f64>() as f32
}

/// Where the positions lie: `[POSITIONS, channels, tiles]`.
#[derive(Clone, Copy)]
pub(super) struct Positions {
    pub data: *mut f32,
    /// From one position to the next.
    pub position: usize,
    /// From one channel to the next.
    pub plane: usize,
}

impl Positions {
    /// The same from another tile on.
    pub fn skip(self, tiles: usize) -> Self {
        Self {
            data: self.data.wrapping_add(tiles),
            ..self
        }
    }
}

/// Pixels to the positions.
pub(super) struct Input {
    /// The first row and column of the first tile.
    pub source: Source,
    pub channels: usize,
    /// Side by side.
    pub tiles: usize,
    pub target: Positions,
}

/// Bᵀ of the paper, what values share being computed once.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn combine<S: Simd>(d: [S::V; REACH]) -> [S::V; REACH] {
    // SAFETY: as asked of the caller.
    unsafe {
        let [d0, d1, d2, d3, d4, d5] = d;
        let (two, four, five) = (S::splat(2.0), S::splat(4.0), S::splat(-5.0));
        let minus_four = S::splat(-4.0);
        let (even, odd) = (S::fma(d2, minus_four, d4), S::fma(d1, minus_four, d3));
        let (near, far) = (S::sub(d4, d2), S::mul(S::sub(d3, d1), two));
        [
            S::fma(d0, four, S::fma(d2, five, d4)),
            S::add(even, odd),
            S::sub(even, odd),
            S::add(near, far),
            S::sub(near, far),
            S::fma(d1, four, S::fma(d3, five, d5)),
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
/// vectors and four more; `target` is writable for as many tiles, and nobody else's.
#[inline(always)]
pub(super) unsafe fn input<S: Simd>(job: &Input) {
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
                    let [d4, d5, ..] = S::load_4(row.add(SIDE));
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

/// One position of all input channels to the same position of all output channels.
pub(super) struct Product {
    /// `[channels_in, tiles]`
    pub source: Source,
    pub channels_in: usize,
    pub tiles: usize,
    /// As [`loops::pack`] leaves them, for one tap.
    pub weights: *const f32,
    /// `[channels_out, tiles]`
    pub target: *mut f32,
    /// From one channel of the target to the next.
    pub plane: usize,
    pub channels_out: usize,
}

/// Runs a [`Product`].
///
/// # Safety
/// `source` is readable and `target` writable for `tiles` rounded up to whole vectors; `weights` are as
/// many as the channels say; `target` is nobody else's.
#[inline(always)]
pub(super) unsafe fn product<S: Simd>(job: &Product) {
    let mut first = 0;
    while first < job.channels_out {
        let block = loops::block_of(S::WIDE, job.channels_out - first);
        // SAFETY: the channels of the block exist; the rest is the caller's promise.
        unsafe {
            match block {
                8 => product_channels::<S, 8>(job, first),
                4 => product_channels::<S, 4>(job, first),
                2 => product_channels::<S, 2>(job, first),
                _ => product_channels::<S, 1>(job, first),
            }
        }
        first += block;
    }
}

#[inline(always)]
unsafe fn product_channels<S: Simd, const C: usize>(job: &Product, first: usize) {
    let mut tile = 0;
    while tile < job.tiles {
        let vectors = (job.tiles - tile).div_ceil(S::LANES);
        // SAFETY: the vectors start among the tiles.
        unsafe {
            match vectors {
                3.. if S::WIDE => product_block::<S, C, 3>(job, first, tile),
                2.. => product_block::<S, C, 2>(job, first, tile),
                _ => product_block::<S, C, 1>(job, first, tile),
            }
        }
        tile += S::LANES * vectors.min(if S::WIDE { 3 } else { 2 });
    }
}

#[inline(always)]
unsafe fn product_block<S: Simd, const C: usize, const N: usize>(
    job: &Product,
    first: usize,
    tile: usize,
) {
    // SAFETY: indices stay within what `product` asks for.
    unsafe {
        let mut sums = [[S::zero(); N]; C];
        let mut weight = job.weights.add(first * job.channels_in);
        let mut from = job.source.data.add(tile);
        let plane = job.source.plane;
        // There is so little to do for a channel that four are taken together.
        for _ in 0..job.channels_in / 4 {
            loops::tap::<S, C, N>(&mut sums, from, weight);
            loops::tap::<S, C, N>(&mut sums, from.add(plane), weight.add(C));
            loops::tap::<S, C, N>(&mut sums, from.add(2 * plane), weight.add(2 * C));
            loops::tap::<S, C, N>(&mut sums, from.add(3 * plane), weight.add(3 * C));
            weight = weight.add(4 * C);
            from = from.add(4 * plane);
        }
        for _ in 0..job.channels_in % 4 {
            loops::tap::<S, C, N>(&mut sums, from, weight);
            weight = weight.add(C);
            from = from.add(plane);
        }
        for c in 0..C {
            let to = job.target.add((first + c) * job.plane + tile);
            for n in 0..N {
                S::store(to.add(n * S::LANES), sums[c][n]);
            }
        }
    }
}

/// The positions to pixels; bias, activation and what is added after it included.
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
/// `source` has `channels` planes a position, readable for the tiles of `target`'s columns rounded up to
/// whole vectors, and `add` is readable for as many columns; `bias` and slopes are as long as the
/// channels; `target` has at most four rows, is writable, and nobody else's.
#[inline(always)]
pub(super) unsafe fn output<S: Simd>(job: &Output) {
    let Output { source, target, .. } = *job;
    for channel in 0..job.channels {
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
                let bias = S::splat(*job.bias.add(channel));
                for y in 0..target.rows {
                    let row = resolve::<S>(std::array::from_fn(|i| columns[i][y]));
                    let added = job
                        .add
                        .map(|add| S::load_4(add.data.add(channel * add.plane + y * add.row + x)));
                    let mut pixels = [S::zero(); SIDE];
                    for i in 0..SIDE {
                        let z = S::add(row[i], bias);
                        let v = loops::activate::<S>(job.activation, z, channel);
                        pixels[i] = match added {
                            Some(added) => S::add(v, added[i]),
                            None => v,
                        };
                    }
                    let to = target.data.add(channel * target.plane + y * target.row + x);
                    store_4_part::<S>(to, pixels, target.columns - x);
                }
            }
            x += SIDE * S::LANES;
        }
    }
}

/// Stores four vectors dealt out to pixels, or as many of these as `room` has place for.
///
/// # Safety
/// `room` values are writable at `to`.
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
