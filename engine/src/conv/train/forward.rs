//! The forward pass.

use rayon::prelude::*;

use super::padded::{Padded, with_buffer};
use super::scratch::{PaddedPixels, with_scratch};
use super::tiles::{self, BEYOND, TileConvolution, chunk_rows};
use super::{Convolution, Shared, filled};
use crate::conv::block::pack;
use crate::conv::direct::{self, Forward};
use crate::conv::planes::Target;
use crate::conv::winograd::SIDE;
use crate::conv::{Isa, on};

/// How large a band's padded copy may be, in values: half of a small second-level cache.
const BAND_VALUES: usize = 64 * 1024;

impl Convolution<'_> {
    /// Convolution, bias and activation: `x [batch, in, h, w]` → `[batch, out, rows, columns]`.
    ///
    /// # Panics
    /// Where a slice is not as long as the shape says.
    pub fn forward(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        self.check(x);
        let Self {
            shape,
            weight,
            bias,
            activation,
        } = *self;
        if tiles::takes(&shape) {
            return self.forward_tiles(isa, x);
        }
        let taps = shape.k * shape.k;
        let packed = pack(
            isa.channels(),
            shape.channels_out,
            shape.channels_in,
            taps,
            |out, channel_in, tap| weight[(out * shape.channels_in + channel_in) * taps + tap],
        );
        let [rows, columns] = shape.output();
        let row_values = shape.channels_in * (shape.width + 32);
        let band = (BAND_VALUES / row_values).clamp(8, rows.max(8));
        let bands = rows.div_ceil(band);
        let columns_read = direct::columns_read(isa.lanes(), columns, shape.k, 1);
        filled(shape.batch * shape.output_size(), |target| {
            let target = Shared(target.as_mut_ptr().cast());
            (0..shape.batch * bands).into_par_iter().for_each(|job| {
                let (index, first) = (job / bands, job % bands * band);
                let count = band.min(rows - first);
                let image = &x[index * shape.input_size()..][..shape.input_size()];
                with_buffer(|buffer| {
                    let read = [count + shape.k - 1, shape.width];
                    let mut padded =
                        Padded::new(buffer, shape.channels_in, read, [0, shape.padding]);
                    padded.copy(image, shape.height, first as isize - shape.padding as isize);
                    let start = index * shape.output_size() + first * columns;
                    let job = Forward {
                        parts: &[padded.part([count + shape.k - 1, columns_read])],
                        k: shape.k,
                        dilation: 1,
                        weights: &packed,
                        bias,
                        activation,
                        add: None,
                        target: Target {
                            data: target.get().wrapping_add(start),
                            row: columns,
                            plane: rows * columns,
                            rows: count,
                            columns,
                        },
                        channels_out: shape.channels_out,
                    };
                    // SAFETY: the copy is padded as the kernel asks, `check` has checked the lengths, and jobs write
                    // to rows of their own.
                    unsafe { on!(isa, forward(&job)) };
                });
            });
        })
    }

    /// [`Self::forward`] by Winograd's filtering.
    fn forward_tiles(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        let Self { shape, weight, .. } = *self;
        let channels = [shape.channels_in, shape.channels_out];
        let kernel = |out: usize, channel_in: usize, tap: usize| {
            weight[(out * shape.channels_in + channel_in) * 9 + tap]
        };
        let convolution = TileConvolution::new(isa, channels, kernel, self.bias, self.activation);
        let [rows, columns] = shape.output();
        let [tile_rows, tile_columns] = [rows, columns].map(|side| side.div_ceil(SIDE));
        let [ins, outs] = channels.map(|channels| channels.next_multiple_of(isa.lanes()));
        let chunk = chunk_rows([tile_rows, tile_columns], ins + outs);
        let chunks = tile_rows.div_ceil(chunk);
        filled(shape.batch * shape.output_size(), |target| {
            let target = Shared(target.as_mut_ptr().cast());
            (0..shape.batch * chunks).into_par_iter().for_each(|job| {
                let (index, first) = (job / chunks, job % chunks * chunk * SIDE);
                let count = (chunk * SIDE).min(rows - first);
                let image = &x[index * shape.input_size()..][..shape.input_size()];
                let planes = shape.input_planes(image);
                let start = index * shape.output_size() + first * columns;
                let target = Target {
                    data: target.get().wrapping_add(start),
                    row: columns,
                    plane: rows * columns,
                    rows: count,
                    columns,
                };
                with_scratch(|scratch| {
                    let read = count.next_multiple_of(SIDE) + BEYOND;
                    let width = [shape.padding, shape.width, tile_columns * SIDE + BEYOND];
                    let padded = PaddedPixels::new(&mut scratch.pixels, read, width, ins);
                    let from = first as isize - shape.padding as isize;
                    let channels = shape.channels_in;
                    // SAFETY: `check` has checked the lengths, the pixels are those of whole tiles, and jobs write to
                    // rows of their own.
                    unsafe {
                        padded.fill(isa, planes, channels, shape.height, from, read);
                        convolution.run(&mut scratch.positions, padded.pixels, target);
                    }
                });
            });
        })
    }
}
