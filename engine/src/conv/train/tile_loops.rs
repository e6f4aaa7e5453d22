//! The transforms of Winograd's filtering for channels that lie side by side, written once over [`Simd`].
//!
//! A tile of 6×6 input pixels and 4×4 output pixels is transformed to 36 positions. Here the lanes of a vector are
//! channels, so that narrow images leave no lane idle.
//!
//! [`winograd`](crate::conv::winograd) takes polynomials' values at 0, ±1, ±2 and infinity; here they are taken at 0,
//! ±2/3, ±3/2 and infinity, for which f32 errs by a quarter as much: powers grow less, and the product of the two
//! points is 1. With points a and b = 1/a:
//!
//! | matrix | rows, or columns, of 0, ±a, ±b and infinity |
//! |---|---|
//! | Bᵀ | `[1 0 −a²−b² 0 1 0]`, `[0 ∓b −b² ±a 1 0]`, `[0 ∓a −a² ±b 1 0]`, `[0 1 0 −a²−b² 0 1]` |
//! | G | `[1 0 0]`, `[1 ±a a²] / (2a²(a² − b²))`, `[1 ±b b²] / (2b²(b² − a²))`, `[0 0 1]` |
//! | A | `[1 0 0 0]`, `[1 ±a a² ±a³]`, `[1 ±b b² ±b³]`, `[0 0 0 1]` |

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::pixels::Pixels;
use crate::conv::FusedActivation;
use crate::conv::simd::Simd;
use crate::conv::winograd::{REACH, SIDE};

/// The points.
const A: f32 = 2.0 / 3.0;
const B: f32 = 1.5;

/// The factors of the rows of G that belong to the points ±a and ±b.
const A_SCALE: f32 = 1.0 / (2.0 * A * A * (A * A - B * B));
const B_SCALE: f32 = 1.0 / (2.0 * B * B * (B * B - A * A));

/// Values `[POSITIONS, tiles, channels]`, the channels rounded up to whole vectors.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Tiles {
    pub data: *mut f32,
    /// Values from one position to the next.
    pub position: usize,
    /// Values from one tile to the next.
    pub tile: usize,
}

impl Tiles {
    /// The same from another tile on.
    pub fn at(self, tile: usize) -> Self {
        Self {
            data: self.data.wrapping_add(tile * self.tile),
            ..self
        }
    }
}

/// A row of tiles, from pixels to positions.
pub(in crate::conv) struct ToTiles {
    /// The first row and column of the first tile.
    pub source: Pixels,
    pub tiles: usize,
    pub target: Tiles,
}

/// Bᵀ; what values share is computed once.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn combine<S: Simd>([d0, d1, d2, d3, d4, d5]: [S::V; REACH]) -> [S::V; REACH] {
    // SAFETY: as asked of the caller.
    unsafe {
        let both = S::splat(-A * A - B * B);
        let (even_a, odd_a) = (
            S::fma(d2, S::splat(-B * B), d4),
            S::fma(d1, S::splat(-B * B), d3),
        );
        let (even_b, odd_b) = (
            S::fma(d2, S::splat(-A * A), d4),
            S::fma(d1, S::splat(-A * A), d3),
        );
        [
            S::fma(d2, both, S::add(d0, d4)),
            S::fma(odd_a, S::splat(A), even_a),
            S::fma(odd_a, S::splat(-A), even_a),
            S::fma(odd_b, S::splat(B), even_b),
            S::fma(odd_b, S::splat(-B), even_b),
            S::fma(d3, both, S::add(d1, d5)),
        ]
    }
}

/// The convolution's input, Bᵀ·d·B.
///
/// # Safety
/// `source` is readable for six rows and the columns of `tiles` and two more; `target` is writable for as many tiles of
/// as many channels as a pixel has, and nothing else uses it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn input_tiles<S: Simd>(job: &ToTiles) {
    let ToTiles { source, target, .. } = *job;
    for tile in 0..job.tiles {
        for channel in (0..source.pixel).step_by(S::LANES) {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.at(0, tile * SIDE).data.add(channel);
                let to = target.at(tile).data.add(channel);
                let mut columns = [[S::zero(); REACH]; REACH];
                for x in 0..REACH {
                    let from = from.add(x * source.pixel);
                    let pixel = |y: usize| S::load(from.add(y * source.row));
                    let [d0, d1, d2, d3] = [pixel(0), pixel(1), pixel(2), pixel(3)];
                    columns[x] = combine::<S>([d0, d1, d2, d3, pixel(4), pixel(5)]);
                }
                for y in 0..REACH {
                    let mut row = [S::zero(); REACH];
                    for x in 0..REACH {
                        row[x] = columns[x][y];
                    }
                    let values = combine::<S>(row);
                    for x in 0..REACH {
                        S::store(to.add((REACH * y + x) * target.position), values[x]);
                    }
                }
            }
        }
    }
}

/// A: the transpose of [`resolve`].
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn spread<S: Simd>([z0, z1, z2, z3]: [S::V; SIDE]) -> [S::V; REACH] {
    // SAFETY: as asked of the caller.
    unsafe {
        let (even_a, odd_a) = (
            S::fma(z2, S::splat(A * A), z0),
            S::fma(z3, S::splat(A * A), z1),
        );
        let (even_b, odd_b) = (
            S::fma(z2, S::splat(B * B), z0),
            S::fma(z3, S::splat(B * B), z1),
        );
        [
            z0,
            S::fma(odd_a, S::splat(A), even_a),
            S::fma(odd_a, S::splat(-A), even_a),
            S::fma(odd_b, S::splat(B), even_b),
            S::fma(odd_b, S::splat(-B), even_b),
            z3,
        ]
    }
}

/// The gradient with respect to the convolution's output, A·z·Aᵀ.
///
/// # Safety
/// As [`input_tiles`], but four rows and the columns of `tiles` are read.
#[inline(always)]
pub(in crate::conv) unsafe fn gradient_tiles<S: Simd>(job: &ToTiles) {
    let ToTiles { source, target, .. } = *job;
    for tile in 0..job.tiles {
        for channel in (0..source.pixel).step_by(S::LANES) {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.at(0, tile * SIDE).data.add(channel);
                let to = target.at(tile).data.add(channel);
                let mut columns = [[S::zero(); REACH]; SIDE];
                for x in 0..SIDE {
                    let from = from.add(x * source.pixel);
                    let pixel = |y: usize| S::load(from.add(y * source.row));
                    columns[x] = spread::<S>([pixel(0), pixel(1), pixel(2), pixel(3)]);
                }
                for y in 0..REACH {
                    let [z0, z1, z2, z3] = [0, 1, 2, 3].map(|x: usize| columns[x][y]);
                    let values = spread::<S>([z0, z1, z2, z3]);
                    for x in 0..REACH {
                        S::store(to.add((REACH * y + x) * target.position), values[x]);
                    }
                }
            }
        }
    }
}

/// A row of tiles, from positions to pixels, with bias and activation.
pub(in crate::conv) struct FromTiles<'a> {
    pub source: Tiles,
    pub tiles: usize,
    /// `[channels]`, rounded up to whole vectors, as are slopes.
    pub bias: &'a [f32],
    pub activation: FusedActivation<'a>,
    /// Four rows.
    pub target: Pixels,
}

/// Aᵀ.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn resolve<S: Simd>([m0, m1, m2, m3, m4, m5]: [S::V; REACH]) -> [S::V; SIDE] {
    // SAFETY: as asked of the caller.
    unsafe {
        let (even_a, odd_a) = (S::add(m1, m2), S::sub(m1, m2));
        let (even_b, odd_b) = (S::add(m3, m4), S::sub(m3, m4));
        let last = S::fma(odd_a, S::splat(A * A * A), m5);
        [
            S::add(S::add(m0, even_a), even_b),
            S::fma(odd_b, S::splat(B), S::mul(odd_a, S::splat(A))),
            S::fma(even_b, S::splat(B * B), S::mul(even_a, S::splat(A * A))),
            S::fma(odd_b, S::splat(B * B * B), last),
        ]
    }
}

/// The convolution's output, Aᵀ·m·A.
///
/// # Safety
/// `source` is readable for `tiles` of as many channels as a pixel has; bias and slopes are as long; `target` is
/// writable for four rows and the columns of `tiles`, and nothing else uses it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn output_tiles<S: Simd>(job: &FromTiles) {
    let FromTiles { source, target, .. } = *job;
    for tile in 0..job.tiles {
        for channel in (0..target.pixel).step_by(S::LANES) {
            // SAFETY: as asked of the caller.
            unsafe {
                let from = source.at(tile).data.add(channel);
                let to = target.at(0, tile * SIDE).data.add(channel);
                let bias = S::load(job.bias.as_ptr().add(channel));
                let mut columns = [[S::zero(); SIDE]; REACH];
                for x in 0..REACH {
                    let from = from.add(x * source.position);
                    let position = |y: usize| S::load(from.add(REACH * y * source.position));
                    columns[x] = resolve::<S>([
                        position(0),
                        position(1),
                        position(2),
                        position(3),
                        position(4),
                        position(5),
                    ]);
                }
                for y in 0..SIDE {
                    let mut row = [S::zero(); REACH];
                    for x in 0..REACH {
                        row[x] = columns[x][y];
                    }
                    let pixels = resolve::<S>(row);
                    for x in 0..SIDE {
                        let z = S::add(pixels[x], bias);
                        let value = match job.activation {
                            FusedActivation::None => z,
                            FusedActivation::Relu => S::max(z, S::zero()),
                            FusedActivation::PRelu(slopes) => {
                                let slope = S::load(slopes.as_ptr().add(channel));
                                S::where_positive(z, z, S::mul(z, slope))
                            }
                        };
                        S::store(to.add(y * target.row + x * target.pixel), value);
                    }
                }
            }
        }
    }
}

/// Kernels at their positions, or the other way round.
pub(in crate::conv) struct KernelTiles {
    pub source: *const f32,
    /// Values from one tap, or position, of the source to the next.
    pub source_step: usize,
    pub target: *mut f32,
    /// As of the source.
    pub target_step: usize,
    /// Values of each tap: whole vectors.
    pub values: usize,
}

/// Kernels `[3, 3, values]` to positions, G·g·Gᵀ.
///
/// # Safety
/// `source` is readable for nine times `values`, `target` writable for as many at each position, and nothing else uses
/// it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn kernel_tiles<S: Simd>(job: &KernelTiles) {
    /// # Safety
    /// The processor has the instruction set.
    #[inline(always)]
    unsafe fn weigh<S: Simd>([g0, g1, g2]: [S::V; 3]) -> [S::V; REACH] {
        // SAFETY: as asked of the caller.
        unsafe {
            let even_a = S::mul(S::fma(g2, S::splat(A * A), g0), S::splat(A_SCALE));
            let even_b = S::mul(S::fma(g2, S::splat(B * B), g0), S::splat(B_SCALE));
            [
                g0,
                S::fma(g1, S::splat(A * A_SCALE), even_a),
                S::fma(g1, S::splat(-A * A_SCALE), even_a),
                S::fma(g1, S::splat(B * B_SCALE), even_b),
                S::fma(g1, S::splat(-B * B_SCALE), even_b),
                g2,
            ]
        }
    }
    for i in (0..job.values).step_by(S::LANES) {
        // SAFETY: as asked of the caller.
        unsafe {
            let tap =
                |y: usize, x: usize| S::load(job.source.add((3 * y + x) * job.source_step + i));
            let mut columns = [[S::zero(); REACH]; 3];
            for x in 0..3 {
                columns[x] = weigh::<S>([tap(0, x), tap(1, x), tap(2, x)]);
            }
            for y in 0..REACH {
                let values = weigh::<S>([columns[0][y], columns[1][y], columns[2][y]]);
                for x in 0..REACH {
                    let to = job.target.add((REACH * y + x) * job.target_step + i);
                    S::store(to, values[x]);
                }
            }
        }
    }
}

/// The gradients of kernels from those of positions, Gᵀ·m·G.
///
/// # Safety
/// `source` is readable for `values` at each position, `target` writable for nine times as many, and nothing else uses
/// it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn kernel_gradients<S: Simd>(job: &KernelTiles) {
    /// # Safety
    /// The processor has the instruction set.
    #[inline(always)]
    unsafe fn gather<S: Simd>([m0, m1, m2, m3, m4, m5]: [S::V; REACH]) -> [S::V; 3] {
        // SAFETY: as asked of the caller.
        unsafe {
            let (even_a, odd_a) = (S::add(m1, m2), S::sub(m1, m2));
            let (even_b, odd_b) = (S::add(m3, m4), S::sub(m3, m4));
            let first = S::fma(even_b, S::splat(B_SCALE), m0);
            let middle = S::mul(odd_b, S::splat(B * B_SCALE));
            let last = S::fma(even_b, S::splat(B * B * B_SCALE), m5);
            [
                S::fma(even_a, S::splat(A_SCALE), first),
                S::fma(odd_a, S::splat(A * A_SCALE), middle),
                S::fma(even_a, S::splat(A * A * A_SCALE), last),
            ]
        }
    }
    for i in (0..job.values).step_by(S::LANES) {
        // SAFETY: as asked of the caller.
        unsafe {
            let position =
                |y: usize, x: usize| S::load(job.source.add((REACH * y + x) * job.source_step + i));
            let mut columns = [[S::zero(); 3]; REACH];
            for x in 0..REACH {
                columns[x] = gather::<S>([
                    position(0, x),
                    position(1, x),
                    position(2, x),
                    position(3, x),
                    position(4, x),
                    position(5, x),
                ]);
            }
            for y in 0..3 {
                let mut row = [S::zero(); REACH];
                for x in 0..REACH {
                    row[x] = columns[x][y];
                }
                let values = gather::<S>(row);
                for x in 0..3 {
                    S::store(job.target.add((3 * y + x) * job.target_step + i), values[x]);
                }
            }
        }
    }
}
