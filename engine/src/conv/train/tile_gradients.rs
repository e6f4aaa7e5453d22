//! The gradients of 3×3 convolutions by Winograd's filtering.

use super::kernel_sums::KernelSums;
use super::output_gradient::OutputGradient;
use super::pixels::Pixels;
use super::products::{Products, Strided};
use super::scratch::{PaddedPixels, Scratch, room, with_scratch};
use super::tile_loops::{KernelTiles, Tiles, ToTiles};
use super::tiles::{BEYOND, TileConvolution, chunk_rows, position, tiles};
use super::{Convolution, Shape, Shared};
use crate::conv::planes::Target;
use crate::conv::winograd::{POSITIONS, SIDE};
use crate::conv::{FusedActivation, Isa, on};

/// The parts of the backward pass that all images share.
pub(super) struct TileGradients<'a> {
    isa: Isa,
    shape: &'a Shape,
    activation: FusedActivation<'a>,
    /// Makes the input's gradient.
    convolution: Option<TileConvolution<'static>>,
    kernels: KernelSums,
}

impl<'a> TileGradients<'a> {
    pub fn new(
        convolution: &Convolution<'a>,
        isa: Isa,
        shape: &'a Shape,
        kernels: KernelSums,
        want_x: bool,
    ) -> Self {
        // The input's gradient is a convolution with weights flipped and transposed.
        let flipped = |channel_in: usize, out: usize, tap: usize| {
            convolution.weight[(out * shape.channels_in + channel_in) * 9 + 8 - tap]
        };
        let flipped_convolution = want_x.then(|| {
            let no_bias = vec![0f32; shape.channels_in];
            TileConvolution::new(
                isa,
                [shape.channels_out, shape.channels_in],
                flipped,
                &no_bias,
                FusedActivation::None,
            )
        });
        Self {
            isa,
            shape,
            activation: convolution.activation,
            convolution: flipped_convolution,
            kernels,
        }
    }

    /// The gradients of one image. `sums` are those of the kernels, the biases and the slopes; `target` is the image in
    /// the input's gradient.
    pub fn image(
        &self,
        x: &[f32],
        value: &[f32],
        gradient: &[f32],
        sums: &mut [f32],
        target: Option<Shared>,
    ) {
        let shape = self.shape;
        let [rows, columns] = shape.output();
        let (kernel_sums, channel_sums) = sums.split_at_mut(self.kernels.len());
        let (bias_sums, slope_sums) = channel_sums.split_at_mut(shape.channels_out);
        with_scratch(|scratch| {
            let margin = BEYOND - shape.padding;
            let reach = |input: usize, output: usize| {
                let [input, output] = [input, output].map(|side| side.next_multiple_of(SIDE));
                (input + BEYOND).max(margin + output)
            };
            let outs = shape.channels_out.next_multiple_of(self.isa.lanes());
            let height = reach(shape.height, rows);
            let width = reach(shape.width, columns);
            let padded = PaddedPixels::new(
                &mut scratch.gradient,
                height,
                [margin, columns, width],
                outs,
            );
            let inside = padded.pixels.at(margin, margin);
            let z = OutputGradient {
                isa: self.isa,
                shape,
                activation: self.activation,
                value,
                gradient,
            };
            // SAFETY: the pixels are of the output's size and its margins.
            unsafe {
                padded.clear_rows(0, margin);
                padded.clear_rows(margin + rows, height - margin - rows);
                z.pixels(&mut scratch.planes, bias_sums, slope_sums, inside);
            }

            if let (Some(convolution), Some(target)) = (&self.convolution, target) {
                let target = Target {
                    data: target.get(),
                    row: shape.width,
                    plane: shape.height * shape.width,
                    rows: shape.height,
                    columns: shape.width,
                };
                // SAFETY: the pixels reach as far as whole tiles do, and the target is this image's.
                unsafe { convolution.run(&mut scratch.positions, padded.pixels, target) };
            }
            self.kernels(scratch, x, inside, kernel_sums);
        });
    }

    /// The kernels' gradient of one image, from the pixels of the output's gradient: zeros beyond the image.
    fn kernels(&self, scratch: &mut Scratch, x: &[f32], gradient: Pixels, sums: &mut [f32]) {
        let shape = self.shape;
        let [rows, columns] = shape.output().map(|side| side.div_ceil(SIDE));
        let ins = shape.channels_in.next_multiple_of(self.isa.lanes());
        let outs = gradient.pixel;
        let chunk = chunk_rows([rows, columns], ins + outs);
        let values = self.kernels.values();
        let step = position(values);
        let kernels = room(&mut scratch.positions.kernels, POSITIONS * step).as_mut_ptr();
        for first in (0..rows).step_by(chunk) {
            let rows = chunk.min(rows - first);
            let height = rows * SIDE + BEYOND;
            let width = [shape.padding, shape.width, columns * SIDE + BEYOND];
            let padded = PaddedPixels::new(&mut scratch.pixels, height, width, ins);
            let planes = shape.input_planes(x);
            let from = (first * SIDE) as isize - shape.padding as isize;
            // SAFETY: `x` is as long as the shape says.
            unsafe {
                padded.fill(
                    self.isa,
                    planes,
                    shape.channels_in,
                    shape.height,
                    from,
                    height,
                )
            };
            let count = rows * columns;
            let inputs = tiles(&mut scratch.positions.from, count, ins);
            let gradients = tiles(&mut scratch.positions.to, count, outs);
            for row in 0..rows {
                let input = ToTiles {
                    source: padded.pixels.at(row * SIDE, 0),
                    tiles: columns,
                    target: inputs.at(row * columns),
                };
                let gradient = ToTiles {
                    source: gradient.at((first + row) * SIDE, 0),
                    tiles: columns,
                    target: gradients.at(row * columns),
                };
                // SAFETY: there are pixels of whole tiles, and room for all of them.
                unsafe {
                    on!(self.isa, input_tiles(&input));
                    on!(self.isa, gradient_tiles(&gradient));
                }
            }
            let [a, b] = if self.kernels.rows_out {
                [gradients, inputs]
            } else {
                [inputs, gradients]
            };
            let strided = |tiles: Tiles| Strided {
                data: tiles.data.cast_const(),
                position: tiles.position,
                row: tiles.tile,
            };
            let job = Products {
                positions: POSITIONS,
                rows: self.kernels.rows,
                steps: count,
                columns: self.kernels.columns,
                a: strided(a),
                a_row: 1,
                b: strided(b),
                c: Strided {
                    data: kernels,
                    position: step,
                    row: self.kernels.columns,
                },
                add: first > 0,
            };
            // SAFETY: as above.
            unsafe { on!(self.isa, products(&job)) };
        }
        let job = KernelTiles {
            source: kernels,
            source_step: step,
            target: sums.as_mut_ptr(),
            target_step: values,
            values,
        };
        // SAFETY: there are as many sums as the taps of all kernels.
        unsafe { on!(self.isa, kernel_gradients(&job)) };
    }
}
