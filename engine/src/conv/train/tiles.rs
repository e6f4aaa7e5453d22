//! 3×3 convolutions and their gradients by Winograd's filtering F(4×4, 3×3).
//!
//! With `y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A` for a tile of the output (see [`winograd`](crate::conv::winograd)), the gradient
//! of the kernel is `Gᵀ[(A·z·Aᵀ) ⊙ (Bᵀ·d·B)]G`, summed over all tiles, where z is the gradient of y. Sums over
//! channels and tiles become products of matrices, one for each of the 36 positions.
//!
//! Values differ from the definition's by less than 5e-6 of the largest one, with 64 channels by some 2e-6.

use super::Shape;
use super::pixels::{Pixels, ToPlanes};
use super::products::{Products, Strided};
use super::scratch::{LINE, Positions, room};
use super::tile_loops::{FromTiles, KernelTiles, Tiles, ToTiles};
use crate::conv::planes::Target;
use crate::conv::winograd::{POSITIONS, REACH, SIDE};
use crate::conv::{FusedActivation, Isa, on};

/// Rows and columns of the input beyond a tile of the output.
pub(super) const BEYOND: usize = REACH - SIDE;

/// Fewer channels than these, in or out, are not worth the transforms.
const FEWEST_CHANNELS: usize = 8;

/// Values of all positions that are worked on together: a megabyte, half of a second-level cache.
const CHUNK_VALUES: usize = 256 * 1024;

/// Whether a convolution is computed this way.
pub(super) fn takes(shape: &Shape) -> bool {
    shape.k == 3 && shape.channels_in.min(shape.channels_out) >= FEWEST_CHANNELS
}

/// Values from one position to the next, where each has so many. With an odd number of cache lines, a tile's values at
/// all positions fall into different sets of the first-level cache.
pub(super) fn position(values: usize) -> usize {
    (values.div_ceil(LINE) | 1) * LINE
}

/// Room for the positions of so many tiles with so many channels.
pub(super) fn tiles(data: &mut Vec<f32>, count: usize, channels: usize) -> Tiles {
    let position = position(count * channels);
    Tiles {
        data: room(data, POSITIONS * position).as_mut_ptr(),
        position,
        tile: channels,
    }
}

/// Rows of tiles that are worked on together, where there are so many rows and columns of them, with so many channels
/// in and out.
pub(super) fn chunk_rows([rows, columns]: [usize; 2], channels: usize) -> usize {
    let most = (CHUNK_VALUES / (POSITIONS * channels * columns)).clamp(1, rows);
    rows.div_ceil(rows.div_ceil(most))
}

/// A convolution with its kernels at all positions.
pub(super) struct TileConvolution<'a> {
    isa: Isa,
    channels_in: usize,
    channels_out: usize,
    /// `[POSITIONS, channels in, channels out]`, the latter and what follows rounded up to whole vectors.
    weights: Vec<f32>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
    activation: FusedActivation<'a>,
}

impl<'a> TileConvolution<'a> {
    /// With kernels that are read through `at(out, in, tap)`.
    pub fn new(
        isa: Isa,
        [channels_in, channels_out]: [usize; 2],
        at: impl Fn(usize, usize, usize) -> f32,
        bias: &[f32],
        activation: FusedActivation<'a>,
    ) -> Self {
        let outs = channels_out.next_multiple_of(isa.lanes());
        let values = channels_in * outs;
        let mut taps = vec![0f32; 9 * values];
        for (tap, kernels) in taps.chunks_exact_mut(values).enumerate() {
            for (channel, kernels) in kernels.chunks_exact_mut(outs).enumerate() {
                for (out, value) in kernels[..channels_out].iter_mut().enumerate() {
                    *value = at(out, channel, tap);
                }
            }
        }
        let mut weights = vec![0f32; POSITIONS * values];
        let job = KernelTiles {
            source: taps.as_ptr(),
            source_step: values,
            target: weights.as_mut_ptr(),
            target_step: values,
            values,
        };
        // SAFETY: both are as long as the steps say.
        unsafe { on!(isa, kernel_tiles(&job)) };
        let padded = |values: &[f32]| {
            let mut values = values.to_vec();
            values.resize(outs, 0.0);
            values
        };
        Self {
            isa,
            channels_in,
            channels_out,
            weights,
            bias: padded(bias),
            slopes: match activation {
                FusedActivation::PRelu(slopes) => padded(slopes),
                _ => Vec::new(),
            },
            activation,
        }
    }

    /// Makes all of `target` from pixels, the first of which is the first one's first tap.
    ///
    /// # Safety
    /// `source` is readable for the rows and columns of `target`, rounded up to whole tiles, and two more; `target` has
    /// writable planes, which nothing else uses.
    pub unsafe fn run(&self, scratch: &mut Positions, source: Pixels, target: Target) {
        let columns = target.columns.div_ceil(SIDE);
        let outs = self.channels_out.next_multiple_of(self.isa.lanes());
        let rows = target.rows.div_ceil(SIDE);
        let chunk = chunk_rows([rows, columns], source.pixel + outs);
        for first in (0..rows).step_by(chunk) {
            let rows = chunk.min(rows - first);
            let count = rows * columns;
            let from = tiles(&mut scratch.from, count, source.pixel);
            let to = tiles(&mut scratch.to, count, outs);
            for row in 0..rows {
                let job = ToTiles {
                    source: source.at((first + row) * SIDE, 0),
                    tiles: columns,
                    target: from.at(row * columns),
                };
                // SAFETY: as asked of the caller, and there is room for the tiles.
                unsafe { on!(self.isa, input_tiles(&job)) };
            }
            let values = self.channels_in * outs;
            let job = Products {
                positions: POSITIONS,
                rows: count,
                steps: self.channels_in,
                columns: outs,
                a: Strided {
                    data: from.data.cast_const(),
                    position: from.position,
                    row: 1,
                },
                a_row: source.pixel,
                b: Strided {
                    data: self.weights.as_ptr(),
                    position: values,
                    row: outs,
                },
                c: Strided {
                    data: to.data,
                    position: to.position,
                    row: outs,
                },
                add: false,
            };
            // SAFETY: as above.
            unsafe { on!(self.isa, products(&job)) };
            let row_values = columns * SIDE * outs;
            let strip = Pixels {
                data: room(&mut scratch.strip, SIDE * row_values).as_mut_ptr(),
                row: row_values,
                pixel: outs,
            };
            for row in 0..rows {
                let y = (first + row) * SIDE;
                let pixels = FromTiles {
                    source: to.at(row * columns),
                    tiles: columns,
                    bias: &self.bias,
                    activation: match self.activation {
                        FusedActivation::PRelu(_) => FusedActivation::PRelu(&self.slopes),
                        other => other,
                    },
                    target: strip,
                };
                let planes = ToPlanes {
                    source: strip,
                    channels: self.channels_out,
                    target: target.rows(y..target.rows.min(y + SIDE)),
                };
                // SAFETY: as above; the target is the caller's promise.
                unsafe {
                    on!(self.isa, output_tiles(&pixels));
                    on!(self.isa, to_planes(&planes));
                }
            }
        }
    }
}
