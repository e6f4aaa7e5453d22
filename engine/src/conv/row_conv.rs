//! A convolution whose input comes in row by row.

use super::loops::{self, Forward, Source, Target};
use super::rows::{LANES, Rows};
use super::winograd::{self, POSITIONS, Positions};
use super::{Activation, Isa, on};

/// Fewer channels than these, in or out, are not worth combining rows for.
const FEWEST_CHANNELS: usize = 3;

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
    winograd::SIDE
} else {
    2 * winograd::SIDE
};

/// The sizes of a [`RowConv`].
#[derive(Clone, Copy, Debug)]
pub struct RowConvShape {
    /// Input channels, of all groups.
    pub channels_in: usize,
    /// Output channels, of all groups.
    pub channels_out: usize,
    /// Groups of channels that know nothing of each other.
    pub groups: usize,
    /// Side of the kernel: odd.
    pub k: usize,
    /// Zeros around the input: 0, or k / 2 for an output of the input's size.
    pub padding: usize,
}

/// A convolution with its weights in the order in which they are used.
#[derive(Clone, Debug)]
pub struct RowConv {
    isa: Isa,
    shape: RowConvShape,
    /// Of each group one after the other; of each position, where there are positions.
    weights: Vec<f32>,
    bias: Vec<f32>,
    is_winograd: bool,
    /// Rows above the picture and columns left of it that belong to the first blocks.
    overhang: usize,
}

/// What convolutions need beside their input and output; it may serve one after the other.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Scratch {
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
}

impl RowConv {
    /// `weight [channels_out, channels_in / groups, k, k]`, `bias [channels_out]`.
    ///
    /// # Panics
    /// Where a slice is not as long as the shape says.
    pub fn new(isa: Isa, shape: RowConvShape, weight: &[f32], bias: &[f32]) -> Self {
        let RowConvShape {
            channels_in,
            channels_out,
            groups,
            k,
            padding,
        } = shape;
        assert!(k % 2 == 1 && (padding == 0 || padding == k / 2));
        assert!(channels_in % groups == 0 && channels_out % groups == 0);
        let (inputs, outputs, taps) = (channels_in / groups, channels_out / groups, k * k);
        assert_eq!(weight.len(), channels_out * inputs * taps);
        assert_eq!(bias.len(), channels_out);
        let is_winograd = k == 3 && groups == 1 && channels_in.min(channels_out) >= FEWEST_CHANNELS;
        let kernel =
            |out: usize, channel: usize| &weight[(out * inputs + channel) * taps..][..taps];
        let pack = |taps, at: &dyn Fn(usize, usize, usize) -> f32| {
            loops::pack(isa.wide(), outputs, inputs, taps, at)
        };
        let weights = if is_winograd {
            let position = |p| {
                pack(1, &|out, channel, _| {
                    winograd::weight(kernel(out, channel), p)
                })
            };
            (0..POSITIONS).flat_map(position).collect()
        } else {
            let group = |g| {
                pack(taps, &|out, channel, tap| {
                    kernel(g * outputs + out, channel)[tap]
                })
            };
            (0..groups).flat_map(group).collect()
        };
        Self {
            isa,
            shape,
            weights,
            bias: bias.to_vec(),
            is_winograd,
            overhang: 0,
        }
    }

    /// Rows and columns that are made together.
    pub fn block(&self) -> usize {
        if self.is_winograd { winograd::SIDE } else { 1 }
    }

    /// Lets blocks begin at this row and column, and so at every [`block`](Self::block)th; results
    /// depend on it.
    pub fn begin_blocks_at(&mut self, first: isize) {
        self.overhang = (-first).rem_euclid(self.block() as isize) as usize;
    }

    /// Rows of a row's block that lie above it.
    pub fn begun(&self, row: usize) -> usize {
        (row + self.overhang) % self.block()
    }

    /// Input rows that are read for `count` output rows.
    pub fn rows_read(&self, count: usize) -> usize {
        count.next_multiple_of(self.block()) + self.shape.k - 1
    }

    /// Makes the next `count` rows of `output`, the first of which begins a block or is the picture's
    /// own; `add` is added to them after the activation.
    ///
    /// # Panics
    /// Where `input` lacks rows, columns or borders that are read, `add` those that are added, or sizes
    /// don't fit together.
    pub fn run(
        &self,
        scratch: &mut Scratch,
        input: &Rows,
        activation: Activation,
        add: Option<&Rows>,
        output: &mut Rows,
        count: usize,
    ) {
        let RowConvShape {
            channels_in,
            channels_out,
            groups,
            k,
            padding,
        } = self.shape;
        assert_eq!(input.channels(), channels_in);
        assert_eq!(output.channels(), channels_out);
        assert_eq!(input.columns() + 2 * padding, output.columns() + k - 1);
        if let Activation::PRelu(slopes) = activation {
            assert_eq!(slopes.len(), channels_out);
        }
        let row = output.push(count);
        let above = self.begun(row as usize);
        assert!(above == 0 || row == 0);
        let (start, count) = (row - above as isize, above + count);
        let (from, left) = (start - padding as isize, self.overhang);
        let columns = output.columns();
        let add = |channel| {
            add.map(|rows| {
                assert_eq!([rows.channels(), rows.columns()], [channels_out, columns]);
                rows.source(start, count, channel, left)
            })
        };
        if self.is_winograd {
            let source = input.source(from, self.rows_read(count), 0, padding + left);
            let add = add(0);
            let target = output.target(start, count, 0, left);
            for y in (0..count).step_by(CHUNK_ROWS) {
                for x in (0..target.columns).step_by(CHUNK) {
                    let part = Target {
                        data: target.data.wrapping_add(y * target.row + x),
                        rows: CHUNK_ROWS.min(count - y),
                        columns: CHUNK.min(target.columns - x),
                        ..target
                    };
                    let add = add.map(|add| at(add, y, x));
                    self.winograd(scratch, at(source, y, x), activation, add, part);
                }
            }
            output.clear_outside(start, left);
            return;
        }
        let (inputs, outputs) = (channels_in / groups, channels_out / groups);
        for group in 0..groups {
            let first = group * outputs;
            let activation = match activation {
                Activation::PRelu(slopes) => Activation::PRelu(&slopes[first..]),
                other => other,
            };
            let job = Forward {
                source: input.source(from, self.rows_read(count), group * inputs, padding),
                channels_in: inputs,
                kernel: [k, k],
                weights: self.weights[first * inputs * k * k..].as_ptr(),
                bias: self.bias[first..].as_ptr(),
                activation: activation.raw(),
                add: add(first),
                target: output.target(start, count, first, left),
                channels_out: outputs,
            };
            on!(self.isa, forward, &job);
        }
    }

    /// At most [`CHUNK_ROWS`] rows and [`CHUNK`] columns.
    fn winograd(
        &self,
        scratch: &mut Scratch,
        source: Source,
        activation: Activation,
        add: Option<Source>,
        target: Target,
    ) {
        let (inputs, outputs) = (self.shape.channels_in, self.shape.channels_out);
        let tiles = target.columns.div_ceil(winograd::SIDE);
        // Rows of tiles lie one after the other, so that only the last one's last vector is not full.
        // With one row of them known, the compiler leaves the loops out.
        let rows = match CHUNK_ROWS {
            winograd::SIDE => 1,
            _ => target.rows.div_ceil(winograd::SIDE),
        };
        let all = rows * tiles;
        let from = Scratch::positions(&mut scratch.input, inputs, all);
        let to = Scratch::positions(&mut scratch.output, outputs, all);
        for row in 0..rows {
            let (y, first) = (row * winograd::SIDE, row * tiles);
            let job = winograd::Input {
                source: at(source, y, 0),
                channels: inputs,
                tiles,
                target: from.skip(first),
            };
            on!(self.isa, winograd_input, &job);
        }
        let weights = self.weights.chunks_exact(inputs * outputs);
        for (position, weights) in weights.enumerate() {
            let job = winograd::Product {
                source: Source {
                    data: from.data.wrapping_add(position * from.position),
                    row: 0,
                    plane: from.plane,
                },
                channels_in: inputs,
                tiles: all,
                weights: weights.as_ptr(),
                target: to.data.wrapping_add(position * to.position),
                plane: to.plane,
                channels_out: outputs,
            };
            on!(self.isa, winograd_product, &job);
        }
        for row in 0..rows {
            let (y, first) = (row * winograd::SIDE, row * tiles);
            let job = winograd::Output {
                source: to.skip(first),
                channels: outputs,
                bias: self.bias.as_ptr(),
                activation: activation.raw(),
                add: add.map(|add| at(add, y, 0)),
                target: Target {
                    data: target.data.wrapping_add(y * target.row),
                    rows: winograd::SIDE.min(target.rows - y),
                    ..target
                },
            };
            on!(self.isa, winograd_output, &job);
        }
    }
}

/// The same planes from another row and column on.
fn at(source: Source, row: usize, column: usize) -> Source {
    Source {
        data: source.data.wrapping_add(row * source.row + column),
        ..source
    }
}
