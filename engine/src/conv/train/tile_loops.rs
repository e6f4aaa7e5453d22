//! The transforms of Winograd's filtering for channels that lie side by side, written once over [`Simd`].
//!
//! Names are those of [`winograd`](crate::conv::winograd): a tile of 6×6 input pixels and 4×4 output pixels is
//! transformed to 36 positions. Here the lanes of a vector are channels, so that narrow images leave no lane idle.

// Loops over registers are written with indices: with iterators the arrays would not stay in them.
#![allow(clippy::needless_range_loop)]

use super::pixels::Pixels;
use crate::conv::FusedActivation;
use crate::conv::simd::Simd;
use crate::conv::winograd::transform::{combine, resolve};
use crate::conv::winograd::{BIAS, REACH, SIDE};

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

/// A of the paper: the transpose of what makes pixels of positions.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn spread<S: Simd>([z0, z1, z2, z3]: [S::V; SIDE]) -> [S::V; REACH] {
    // SAFETY: as asked of the caller.
    unsafe {
        let four = S::splat(4.0);
        let (even, odd) = (S::add(z0, z2), S::add(z1, z3));
        let even_4 = S::fma(z2, four, z0);
        let odd_8 = S::mul(S::splat(2.0), S::fma(z3, four, z1));
        [
            z0,
            S::add(even, odd),
            S::sub(even, odd),
            S::add(even_4, odd_8),
            S::sub(even_4, odd_8),
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
                    let position = |y: usize| {
                        let at = REACH * y + x;
                        let value = S::load(from.add(at * source.position));
                        // All pixels of the tile get the bias so.
                        if at == BIAS {
                            S::add(value, bias)
                        } else {
                            value
                        }
                    };
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
                        let z = pixels[x];
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
            let sixth = S::splat(1.0 / 6.0);
            let outer = S::mul(S::add(g0, g2), S::splat(-1.0 / 6.0));
            let inner = S::mul(g1, sixth);
            let outer_2 = S::fma(g2, sixth, S::mul(g0, S::splat(1.0 / 24.0)));
            let inner_2 = S::mul(g1, S::splat(1.0 / 12.0));
            [
                S::mul(g0, S::splat(0.25)),
                S::sub(outer, inner),
                S::add(outer, inner),
                S::add(outer_2, inner_2),
                S::sub(outer_2, inner_2),
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
            let sixth = S::splat(1.0 / 6.0);
            let (sum, difference) = (S::add(m1, m2), S::sub(m2, m1));
            let (sum_2, difference_2) = (S::add(m3, m4), S::sub(m3, m4));
            let first = S::fma(sum_2, S::splat(1.0 / 24.0), S::mul(m0, S::splat(0.25)));
            [
                S::fma(sum, S::splat(-1.0 / 6.0), first),
                S::fma(
                    difference_2,
                    S::splat(1.0 / 12.0),
                    S::mul(difference, sixth),
                ),
                S::fma(S::sub(sum_2, sum), sixth, m5),
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
