//! Convolutions of rows against the definition, on every instruction set of this processor.
//!
//! `cargo xtask test` runs them under AddressSanitizer as well. The processors of most build machines lack an
//! instruction set or two; that these stay inside of [`Rows`] is shown by arithmetic, in `rows.rs`.

use super::{Ending, Isa, RowConv, RowConvShape, Rows, Scratch, Threads};
use crate::graph::Activation;

/// Every odd side of a kernel up to 63.
const SIDES: std::ops::RangeInclusive<usize> = 0..=31;

/// Widths around one vector and around four, for vectors of 4, 8 and 16 values.
const WIDTHS: [usize; 17] = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129];

struct Random(u32);

impl Random {
    fn value(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    /// Rows of noise whose memory ends with the last value, so that AddressSanitizer sees reads past it.
    fn rows(&mut self, [channels, height, columns]: [usize; 3], border: usize) -> Rows {
        let mut rows = Rows::default();
        rows.reset(channels, columns, border, 0);
        rows.push(height);
        for y in 0..height {
            for channel in 0..channels {
                let row = rows.row_mut(y as isize, channel);
                row.copy_from_slice(&self.values(columns));
            }
        }
        rows.push_zeros(border);
        // A clone has no spare capacity.
        rows.clone()
    }
}

/// A convolution, how its input is divided, and how much of it is made.
struct Case {
    shape: RowConvShape,
    /// Channels of each input.
    inputs: Vec<usize>,
    /// Rows and columns of the output.
    rows: usize,
    columns: usize,
    /// The row and column at which a block begins.
    first: isize,
}

impl Case {
    /// Runs on every instruction set, with and without an addition, and compares with the definition.
    fn check(&self, random: &mut Random) {
        let Self { shape, columns, .. } = self;
        let weight =
            random.values(shape.channels_out * shape.channels_in / shape.groups * shape.k.pow(2));
        let bias = random.values(shape.channels_out);
        let slopes = random.values(shape.channels_out);
        for isa in Isa::available() {
            let mut conv = RowConv::new(isa, *shape, &weight, &bias);
            conv.begin_blocks_at(self.first);
            let beyond = conv.block() - 1;
            let border = shape.padding + beyond;
            let inside = 2 * (shape.reach() - shape.padding);
            let size = |channels| {
                [
                    channels,
                    (self.rows + inside).max(conv.rows_read(self.rows)),
                    columns + inside,
                ]
            };
            let inputs: Vec<Rows> = self
                .inputs
                .iter()
                .map(|channels| random.rows(size(*channels), border))
                .collect();
            let inputs: Vec<&Rows> = inputs.iter().collect();
            let add = random.rows([shape.channels_out, self.rows, *columns], beyond);
            let mut output = Rows::default();
            output.reset(shape.channels_out, *columns, beyond, 0);
            conv.run(
                &Threads::ONE,
                &mut [Scratch::default()],
                &inputs,
                Ending {
                    activation: &Activation::PRelu(slopes.clone()),
                    add: Some(&add),
                },
                &mut output,
                self.rows,
            );
            for (out, slope) in slopes.iter().enumerate() {
                for y in 0..self.rows {
                    let found = output.row(y as isize, out);
                    let add = add.row(y as isize, out);
                    for x in 0..*columns {
                        let z = self.sum(&inputs, &weight, &bias, [out, y, x]);
                        let slope = if z > 0.0 { 1.0 } else { f64::from(*slope) };
                        let expected = z * slope + f64::from(add[x]);
                        let error = (f64::from(found[x]) - expected).abs();
                        assert!(
                            error < 1e-5 * (shape.k * shape.channels_in).max(10) as f64,
                            "[{out}, {y}, {x}] of {shape:?}, {columns} columns on {isa:?}: {}, not {expected}",
                            found[x]
                        );
                    }
                }
            }
        }
    }

    /// The definition.
    fn sum(&self, inputs: &[&Rows], weight: &[f32], bias: &[f32], [out, y, x]: [usize; 3]) -> f64 {
        let RowConvShape {
            channels_in,
            channels_out,
            groups,
            k,
            dilation,
            padding,
        } = self.shape;
        let channels: Vec<(&Rows, usize)> = inputs
            .iter()
            .flat_map(|rows| (0..rows.channels()).map(move |channel| (*rows, channel)))
            .collect();
        let count = channels_in / groups;
        let first = out / (channels_out / groups) * count;
        let mut sum = f64::from(bias[out]);
        for (i, (rows, channel)) in channels[first..first + count].iter().enumerate() {
            for ky in 0..k {
                let row =
                    rows.zeros_or_row((y + ky * dilation) as isize - padding as isize, *channel);
                let Some(row) = row else { continue };
                for kx in 0..k {
                    let Some(x) = (x + kx * dilation).checked_sub(padding) else {
                        continue;
                    };
                    if let Some(value) = row.get(x) {
                        let weight = weight[((out * count + i) * k + ky) * k + kx];
                        sum += f64::from(*value) * f64::from(weight);
                    }
                }
            }
        }
        sum
    }
}

impl Rows {
    /// A row of a channel; `None` where it is a row of zeros above the image or below what was pushed.
    fn zeros_or_row(&self, row: isize, channel: usize) -> Option<&[f32]> {
        (0..self.end())
            .contains(&row)
            .then(|| self.row(row, channel))
    }
}

fn shape([channels_in, channels_out, groups]: [usize; 3], k: usize) -> RowConvShape {
    RowConvShape {
        channels_in,
        channels_out,
        groups,
        k,
        dilation: 1,
        padding: 0,
    }
}

/// With and without padding.
fn paddings(shape: RowConvShape) -> [RowConvShape; 2] {
    [0, shape.reach()].map(|padding| RowConvShape { padding, ..shape })
}

#[test]
fn every_side_of_a_kernel_at_every_width() {
    let mut random = Random(5);
    for k in SIDES.map(|half| 2 * half + 1) {
        for columns in WIDTHS {
            // Two inputs, and a depthwise kernel.
            for (channels, inputs) in [([2, 1, 1], vec![1, 1]), ([2, 2, 2], vec![2])] {
                for shape in paddings(shape(channels, k)) {
                    let case = Case {
                        shape,
                        inputs: inputs.clone(),
                        rows: 1,
                        columns,
                        first: 0,
                    };
                    case.check(&mut random);
                }
            }
        }
    }
}

#[test]
fn dilated_kernels_at_every_width() {
    let mut random = Random(6);
    for (k, dilation) in [(1, 3), (3, 2), (3, 5), (3, 16), (5, 3), (7, 2), (15, 4)] {
        for columns in WIDTHS {
            for (channels, inputs) in [
                ([3, 5, 1], vec![2, 1]),
                ([4, 4, 4], vec![4]),
                ([4, 2, 2], vec![4]),
            ] {
                let dilated = RowConvShape {
                    dilation,
                    ..shape(channels, k)
                };
                for shape in paddings(dilated) {
                    let case = Case {
                        shape,
                        inputs: inputs.clone(),
                        rows: 2,
                        columns,
                        first: 0,
                    };
                    case.check(&mut random);
                }
            }
        }
    }
}

#[test]
fn winograd_at_every_width_from_every_block() {
    let mut random = Random(7);
    for columns in WIDTHS.into_iter().chain([95, 96, 97, 191, 192, 193, 200]) {
        for rows in [1, 4, 9] {
            for first in 0..4 {
                for shape in paddings(shape([5, 6, 1], 3)) {
                    let case = Case {
                        shape,
                        inputs: vec![1, 4],
                        rows,
                        columns,
                        first,
                    };
                    case.check(&mut random);
                }
            }
        }
    }
}

#[test]
fn winograd_with_every_number_of_channels() {
    let mut random = Random(8);
    for (inputs, channels_out) in [
        (vec![3], 64),
        (vec![64, 32], 7),
        (vec![16, 1, 14], 33),
        (vec![48], 48),
    ] {
        let channels_in = inputs.iter().sum();
        for shape in paddings(shape([channels_in, channels_out, 1], 3)) {
            let case = Case {
                shape,
                inputs: inputs.clone(),
                rows: 5,
                columns: 41,
                first: 0,
            };
            case.check(&mut random);
        }
    }
}

#[test]
#[should_panic]
fn rows_with_too_narrow_a_border_are_refused() {
    let mut random = Random(9);
    let shape = paddings(shape([1, 1, 1], 9))[1];
    let conv = RowConv::new(Isa::best(), shape, &random.values(81), &[0.0]);
    let input = random.rows([1, 9, 8], 3);
    let mut output = Rows::default();
    output.reset(1, 8, 0, 0);
    let activation = Activation::None;
    conv.run(
        &Threads::ONE,
        &mut [Scratch::default()],
        &[&input],
        Ending {
            activation: &activation,
            add: None,
        },
        &mut output,
        1,
    );
}
