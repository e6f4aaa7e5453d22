//! A whole convolution by Winograd's filtering, some tiles at a time.

use super::product::Product;
use super::transform::{Input, Output};
use super::{POSITIONS, Positions, SIDE};
use crate::conv::planes::{Part, Source, Target};
use crate::conv::rows::LANES;
use crate::conv::{FusedActivation, Isa, Scratch, on};

/// Columns whose positions are worked on together: their tiles are a multiple of every block of the
/// loops, and they are few enough for a cache of the second level.
const CHUNK: usize = if cfg!(target_family = "wasm") {
    96
} else {
    192
};

/// Rows whose positions are worked on together: with two of tiles fewer lanes of long vectors idle. A
/// page does without the code.
const CHUNK_ROWS: usize = if cfg!(target_family = "wasm") {
    SIDE
} else {
    2 * SIDE
};

/// A convolution with its bias and activation.
pub(in crate::conv) struct Layer<'a> {
    pub isa: Isa,
    pub channels_in: usize,
    pub channels_out: usize,
    /// Of each position as [`pack`](crate::conv::block::pack) leaves them, for one tap.
    pub weights: &'a [f32],
    /// `[channels_out]`
    pub bias: &'a [f32],
    pub activation: FusedActivation<'a>,
}

impl Layer<'_> {
    /// Makes all of `target`.
    ///
    /// # Safety
    /// The parts have `channels_in` channels together, and are readable for the rows of `target` rounded up to
    /// whole tiles and two more, of [`columns_read`](super::columns_read) columns; `add` is readable for the rows
    /// of `target` and its columns rounded up to four whole vectors; weights, bias and slopes are as long as the
    /// channels say; `target` has `channels_out` writable planes that nothing else uses.
    pub unsafe fn run(
        &self,
        scratch: &mut Scratch,
        parts: &[Part],
        add: Option<Source>,
        target: Target,
    ) {
        for y in (0..target.rows).step_by(CHUNK_ROWS) {
            for x in (0..target.columns).step_by(CHUNK) {
                let chunk = Target {
                    data: target.data.wrapping_add(y * target.row + x),
                    rows: CHUNK_ROWS.min(target.rows - y),
                    columns: CHUNK.min(target.columns - x),
                    ..target
                };
                let add = add.map(|add| add.at(y, x));
                // SAFETY: the chunk begins among the tiles; the rest is the caller's promise.
                unsafe { self.chunk(scratch, parts, [y, x], add, chunk) };
            }
        }
    }

    /// Makes at most [`CHUNK_ROWS`] rows and [`CHUNK`] columns, the first of which are `y` and `x` of the parts.
    ///
    /// # Safety
    /// As [`Self::run`].
    unsafe fn chunk(
        &self,
        scratch: &mut Scratch,
        parts: &[Part],
        [y, x]: [usize; 2],
        add: Option<Source>,
        target: Target,
    ) {
        let (inputs, outputs) = (self.channels_in, self.channels_out);
        let tiles = target.columns.div_ceil(SIDE);
        // Rows of tiles lie one after the other, so that only the last one's last vector is not full.
        // With one row of them known, the compiler leaves the loops out.
        let rows = match CHUNK_ROWS {
            SIDE => 1,
            _ => target.rows.div_ceil(SIDE),
        };
        let all = rows * tiles;
        let from = positions(&mut scratch.input, inputs, all);
        let to = positions(&mut scratch.output, outputs, all);
        for row in 0..rows {
            let mut channel = 0;
            for part in parts {
                let job = Input {
                    source: part.source.at(y + row * SIDE, x),
                    channels: part.channels,
                    tiles,
                    target: from.at(channel, row * tiles),
                };
                // SAFETY: the source is the caller's promise; a position has room for the vectors of all tiles.
                unsafe { on!(self.isa, winograd_input(&job)) };
                channel += part.channels;
            }
        }
        let weights = self.weights.chunks_exact(inputs * outputs);
        for (position, weights) in weights.enumerate() {
            let job = Product {
                source: Source {
                    data: from.data.wrapping_add(position * from.position),
                    row: 0,
                    plane: from.plane,
                },
                channels_in: inputs,
                tiles: all,
                weights,
                target: to.data.wrapping_add(position * to.position),
                plane: to.plane,
                channels_out: outputs,
            };
            // SAFETY: as above.
            unsafe { on!(self.isa, winograd_product(&job)) };
        }
        for row in 0..rows {
            let y = row * SIDE;
            let job = Output {
                source: to.at(0, row * tiles),
                channels: outputs,
                bias: self.bias,
                activation: self.activation,
                add: add.map(|add| add.at(y, 0)),
                target: Target {
                    data: target.data.wrapping_add(y * target.row),
                    rows: SIDE.min(target.rows - y),
                    ..target
                },
            };
            // SAFETY: as above; the target is the caller's promise.
            unsafe { on!(self.isa, winograd_output(&job)) };
        }
    }
}

/// Room for the positions of so many channels and tiles. Vectors begin at any tile, and may run past the last one.
fn positions(data: &mut Vec<f32>, channels: usize, tiles: usize) -> Positions {
    let plane = tiles.next_multiple_of(LANES) + LANES;
    let length = POSITIONS * channels * plane;
    if data.len() < length {
        data.resize(length, 0.0);
    }
    Positions {
        data: data.as_mut_ptr(),
        position: channels * plane,
        plane,
    }
}
