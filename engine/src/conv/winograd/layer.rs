//! A whole convolution by Winograd's filtering, some tiles at a time.

use super::product::Product;
use super::transform::{Input, Output};
use super::{POSITIONS, Positions, SIDE};
use crate::conv::planes::{Part, Source, Target};
use crate::conv::rows::LANES;
use crate::conv::{FusedActivation, Isa, Scratch, on};

/// Values of all positions that are worked on together: half a megabyte, a common size of second-level caches.
const CHUNK_VALUES: usize = 128 * 1024;

/// Rows of tiles that are worked on together. With two of them fewer lanes of long vectors are idle; a page does
/// without the code.
const CHUNK_ROWS: usize = if cfg!(target_family = "wasm") { 1 } else { 2 };

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
        let (lanes, vectors) = (self.isa.lanes(), self.isa.vectors());
        let channels = self.channels_in + self.channels_out;
        let tiles = chunk_size(target.columns.div_ceil(SIDE), channels, [lanes, vectors]);
        let [rows, columns] = tiles.map(|tiles| SIDE * tiles);
        for y in (0..target.rows).step_by(rows) {
            for x in (0..target.columns).step_by(columns) {
                let chunk = Target {
                    data: target.data.wrapping_add(y * target.row + x),
                    rows: rows.min(target.rows - y),
                    columns: columns.min(target.columns - x),
                    ..target
                };
                let add = add.map(|add| add.at(y, x));
                // SAFETY: the chunk begins among the tiles; the rest is the caller's promise.
                unsafe { self.chunk(scratch, parts, [y, x], add, chunk) };
            }
        }
    }

    /// Makes a chunk, whose first row and column are `y` and `x` of the parts.
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
        // With one row known, the compiler leaves the loops out.
        let rows = match CHUNK_ROWS {
            1 => 1,
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
                bias: if position == super::BIAS {
                    self.bias
                } else {
                    &[]
                },
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

/// Rows and columns of tiles that are worked on together, where there are `columns` of them: as many as the
/// second-level cache holds at so many channels in and out, and at least the tiles of one block of the products, which
/// has so many vectors of so many lanes.
fn chunk_size(columns: usize, channels: usize, [lanes, vectors]: [usize; 2]) -> [usize; 2] {
    let tiles = (CHUNK_VALUES / (POSITIONS * channels)).max(lanes * vectors);
    let rows = (tiles / columns).clamp(1, CHUNK_ROWS);
    let chunks = columns.div_ceil(tiles);
    [rows, columns.div_ceil(chunks).next_multiple_of(lanes)]
}

/// Room for the positions of so many channels and tiles. Vectors begin at any tile, and may run past the last one.
fn positions(data: &mut Vec<f32>, channels: usize, tiles: usize) -> Positions {
    let plane = (tiles + LANES - 1).next_multiple_of(LANES);
    // A tile's values lie at all positions. With an odd number of cache lines between these, they fall into
    // different sets of the first-level cache.
    let position = ((channels * plane).div_ceil(LINE) | 1) * LINE;
    let length = POSITIONS * position;
    if data.len() < length + LINE {
        data.resize(length + LINE, 0.0);
    }
    let aligned = data.as_ptr().align_offset(LINE * size_of::<f32>());
    Positions {
        data: data[aligned..][..length].as_mut_ptr(),
        position,
        plane,
    }
}

/// Values in a cache line of 64 bytes.
const LINE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::winograd::columns_read;

    #[test]
    fn chunks_read_no_more_than_is_said() {
        for [lanes, vectors] in [[1, 2], [4, 2], [4, 3], [8, 2], [16, 3]] {
            for channels in [6, 32, 64, 96, 128, 256, 1024] {
                for columns in 1..=600usize {
                    let [_, width] = chunk_size(columns.div_ceil(SIDE), channels, [lanes, vectors]);
                    for x in (0..columns).step_by(width * SIDE) {
                        let tiles = (columns - x).div_ceil(SIDE).min(width);
                        // The last vector of tiles, and two columns of the tile after its last one, read by fours.
                        let end = x + tiles.next_multiple_of(lanes) * SIDE + SIDE;
                        assert!(
                            end <= columns_read(lanes, columns),
                            "{columns} columns, {channels} channels, vectors of {lanes}: {end} read at {x}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn positions_hold_all_vectors_and_lie_in_different_sets() {
        for (channels, tiles) in [(3, 1), (16, 112), (32, 48), (64, 28), (48, 37), (256, 48)] {
            let mut data = Vec::new();
            let positions = positions(&mut data, channels, tiles);
            assert!(positions.plane >= tiles + LANES - 1);
            assert!(positions.position >= channels * positions.plane);
            assert_eq!(positions.position / LINE % 2, 1);
            // The processor's vectors begin where a cache line does.
            assert_eq!(positions.data as usize % 64, 0);
            let skipped = (positions.data as usize - data.as_ptr() as usize) / size_of::<f32>();
            assert!(skipped + POSITIONS * positions.position <= data.len());
        }
    }
}
