//! The sums that the gradient of kernels is made of.

use super::Shape;
use super::pixels::Pixels;
use super::products::{Products, Strided};
use super::scratch::{PaddedPixels, room};
use crate::conv::{Isa, on};

/// The layout of the sums of one image: `[k, k, rows, columns]`.
#[derive(Clone, Copy)]
pub(super) struct KernelSums {
    isa: Isa,
    taps: usize,
    /// Rows are the output's channels, and columns the input's; otherwise the other way round.
    pub rows_out: bool,
    pub rows: usize,
    /// Whole vectors.
    pub columns: usize,
}

impl KernelSums {
    /// With fewer idle lanes.
    pub fn new(isa: Isa, shape: &Shape) -> Self {
        let padded = |channels: usize| channels.next_multiple_of(isa.lanes());
        let (ins, outs) = (shape.channels_in, shape.channels_out);
        let rows_out = outs * padded(ins) < ins * padded(outs);
        let (rows, columns) = if rows_out { (outs, ins) } else { (ins, outs) };
        Self {
            isa,
            taps: shape.k * shape.k,
            rows_out,
            rows,
            columns: padded(columns),
        }
    }

    /// Values of a tap.
    pub fn values(&self) -> usize {
        self.rows * self.columns
    }

    /// Values of all taps.
    pub fn len(&self) -> usize {
        self.taps * self.values()
    }

    /// `[out, in, k, k]`
    pub fn weights(&self, sums: &[f32], shape: &Shape) -> Vec<f32> {
        let mut weights = Vec::with_capacity(shape.weights());
        for out in 0..shape.channels_out {
            for channel in 0..shape.channels_in {
                let (row, column) = if self.rows_out {
                    (out, channel)
                } else {
                    (channel, out)
                };
                let kernel = sums[row * self.columns + column..].iter();
                weights.extend(kernel.step_by(self.values()).take(self.taps));
            }
        }
        weights
    }

    /// Pixels of the output's size, with its channels rounded up to whole vectors.
    pub fn output_pixels(&self, data: &mut Vec<f32>, shape: &Shape) -> Pixels {
        let [rows, columns] = shape.output();
        let pixel = shape.channels_out.next_multiple_of(self.isa.lanes());
        Pixels {
            data: room(data, rows * columns * pixel).as_mut_ptr(),
            row: columns * pixel,
            pixel,
        }
    }

    /// The sums of an image by their definition, from the output's gradient `z`.
    ///
    /// # Safety
    /// `z` are readable pixels as [`Self::output_pixels`] lays them out.
    pub unsafe fn add_up(
        &self,
        buffer: &mut Vec<f32>,
        shape: &Shape,
        x: &[f32],
        z: Pixels,
        sums: &mut [f32],
    ) {
        let Shape { k, padding, .. } = *shape;
        let [rows, columns] = shape.output();
        // Without channels between those of two pixels, a row of taps is one row of values.
        let ins = match self.rows_out {
            true => self.columns,
            false => shape.channels_in,
        };
        let height = rows + k - 1;
        let width = [padding, shape.width, columns + k - 1];
        let padded = PaddedPixels::new(buffer, height, width, ins);
        let planes = shape.input_planes(x);
        let from = -(padding as isize);
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

        assert_eq!(sums.len(), self.len());
        let target = Strided {
            data: sums.as_mut_ptr(),
            position: self.values(),
            row: self.columns,
        };
        let strided = |pixels: Pixels, position| Strided {
            data: pixels.data.cast_const(),
            position,
            row: pixels.pixel,
        };
        for y in 0..rows {
            let mut job = Products {
                positions: k,
                rows: self.rows,
                steps: columns,
                columns: self.columns,
                a: strided(z.at(y, 0), 0),
                a_row: 1,
                b: strided(padded.pixels.at(y, 0), ins),
                c: target,
                add: y > 0,
            };
            if self.rows_out {
                // Positions are the taps of a kernel's row.
                for ky in 0..k {
                    job.b = strided(padded.pixels.at(y + ky, 0), ins);
                    job.c.data = target.data.wrapping_add(ky * k * target.position);
                    // SAFETY: pixels and sums are as many as the shape says.
                    unsafe { on!(self.isa, products(&job)) };
                }
            } else {
                // Positions are the kernel's rows.
                job.rows = k * self.rows;
                (job.a, job.b) = (strided(padded.pixels.at(y, 0), padded.pixels.row), job.a);
                job.c.position = k * target.position;
                // SAFETY: as above.
                unsafe { on!(self.isa, products(&job)) };
            }
        }
    }
}
