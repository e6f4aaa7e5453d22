//! The backward pass.

use rayon::prelude::*;

use super::gradient_loops::ActivationGradient;
use super::kernel_sums::KernelSums;
use super::output_gradient::OutputGradient;
use super::padded::{Padded, with_buffer};
use super::pixels::{Pixels, ToPixels};
use super::scratch::with_scratch;
use super::tile_gradients::TileGradients;
use super::{Convolution, Shape, Shared, filled, tiles};
use crate::conv::block::pack;
use crate::conv::direct::{self, Forward};
use crate::conv::planes::{Source, Target};
use crate::conv::{FusedActivation, Isa, on};

/// The gradients of a convolution.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// `[batch, in, h, w]`, where it was asked for.
    pub x: Option<Vec<f32>>,
    /// `[out, in, k, k]`
    pub weight: Vec<f32>,
    /// `[out]`
    pub bias: Vec<f32>,
    /// `[out]`: of the slopes of PReLU.
    pub slope: Vec<f32>,
}

/// Slopes below this cannot be divided by to get back at what a PReLU was given.
const SMALLEST_SLOPE: f32 = 1e-6;

impl Convolution<'_> {
    /// The gradients of [`Self::forward`].
    ///
    /// `y` is what forward gave, `gradient` the gradient with respect to it, both
    /// `[batch, out, rows, columns]`. What the activation was given is taken from `y`: its sign is that
    /// of y while slopes are positive, its value below zero y / slope. Where a slope is too small or
    /// negative, the convolution is computed once more.
    ///
    /// # Panics
    /// Where a slice is not as long as the shape says.
    pub fn backward(
        &self,
        isa: Isa,
        x: &[f32],
        y: &[f32],
        gradient: &[f32],
        want_x: bool,
    ) -> Gradients {
        self.check(x);
        let Self {
            shape, activation, ..
        } = *self;
        assert_eq!(y.len(), shape.batch * shape.output_size());
        assert_eq!(gradient.len(), y.len());

        let recomputed = match activation {
            FusedActivation::PRelu(slopes)
                if slopes.iter().any(|&slope| slope < SMALLEST_SLOPE) =>
            {
                let linear = Self {
                    activation: FusedActivation::None,
                    ..*self
                };
                Some(linear.forward(isa, x))
            }
            _ => None,
        };
        let value = recomputed.as_deref().unwrap_or(y);

        let kernels = KernelSums::new(isa, &shape);
        let kernel_values = kernels.len();
        let sums_size = kernel_values + 2 * shape.channels_out;
        let mut sums = vec![0f32; shape.batch * sums_size];
        let way = if tiles::takes(&shape) {
            Way::Tiles(TileGradients::new(self, isa, &shape, kernels, want_x))
        } else {
            Way::Direct(Backward::new(self, isa, &shape, kernels, want_x))
        };
        let x_gradient = filled(if want_x { x.len() } else { 0 }, |target| {
            let target = Shared(target.as_mut_ptr().cast());
            let images = sums.par_chunks_exact_mut(sums_size).enumerate();
            images.for_each(|(image, sums)| {
                let input = |values| image_of(values, image, shape.input_size());
                let output = |values| image_of(values, image, shape.output_size());
                let start = image * shape.input_size();
                let target = want_x.then(|| Shared(target.get().wrapping_add(start)));
                let (x, value, gradient) = (input(x), output(value), output(gradient));
                match &way {
                    Way::Tiles(tiles) => tiles.image(x, value, gradient, sums, target),
                    Way::Direct(direct) => direct.image(x, value, gradient, sums, target),
                }
            });
        });

        let mut total = total(&sums, sums_size);
        let mut slope = total.split_off(kernel_values + shape.channels_out);
        let bias = total.split_off(kernel_values);

        if let (FusedActivation::PRelu(slopes), None) = (activation, &recomputed) {
            for (gradient, slope) in slope.iter_mut().zip(slopes) {
                *gradient /= slope;
            }
        }
        Gradients {
            x: want_x.then_some(x_gradient),
            weight: kernels.weights(&total, &shape),
            bias,
            slope,
        }
    }
}

/// The sums of all images, in their order.
fn total(sums: &[f32], size: usize) -> Vec<f32> {
    /// Values that a thread adds up at a time.
    const PART: usize = 4096;
    let mut total = vec![0f32; size];
    let parts = total.par_chunks_mut(PART).enumerate();
    parts.for_each(|(part, total)| {
        for image in sums.chunks_exact(size) {
            for (total, value) in total.iter_mut().zip(&image[part * PART..]) {
                *total += value;
            }
        }
    });
    total
}

fn image_of(values: &[f32], image: usize, size: usize) -> &[f32] {
    &values[image * size..][..size]
}

/// How gradients are computed.
enum Way<'a> {
    Direct(Backward<'a>),
    Tiles(TileGradients<'a>),
}

/// The parts of the backward pass that all images share.
struct Backward<'a> {
    isa: Isa,
    shape: &'a Shape,
    activation: FusedActivation<'a>,
    /// Of the convolution that makes the input's gradient.
    packed: Vec<f32>,
    no_bias: Vec<f32>,
    kernels: KernelSums,
}

impl<'a> Backward<'a> {
    fn new(
        convolution: &Convolution<'a>,
        isa: Isa,
        shape: &'a Shape,
        kernels: KernelSums,
        want_x: bool,
    ) -> Self {
        let (ins, outs, taps) = (shape.channels_in, shape.channels_out, shape.k * shape.k);
        let weight = convolution.weight;
        // The input's gradient is a convolution with weights flipped and transposed.
        let flipped = |channel_in: usize, out: usize, tap: usize| {
            weight[(out * ins + channel_in) * taps + taps - 1 - tap]
        };
        Self {
            isa,
            shape,
            activation: convolution.activation,
            packed: match want_x {
                true => pack(isa.channels(), ins, outs, taps, flipped),
                false => Vec::new(),
            },
            no_bias: vec![0f32; ins],
            kernels,
        }
    }

    fn image(
        &self,
        x: &[f32],
        value: &[f32],
        gradient: &[f32],
        sums: &mut [f32],
        target: Option<Shared>,
    ) {
        let shape = self.shape;
        let (kernel_sums, channel_sums) = sums.split_at_mut(self.kernels.len());
        let (bias_sums, slope_sums) = channel_sums.split_at_mut(shape.channels_out);
        with_scratch(|scratch| {
            let z = self.kernels.output_pixels(&mut scratch.gradient, shape);
            if let Some(target) = target {
                // The convolution reads planes.
                self.input_gradient(value, gradient, [bias_sums, slope_sums], target, z);
            } else {
                let gradient = OutputGradient {
                    isa: self.isa,
                    shape,
                    activation: self.activation,
                    value,
                    gradient,
                };
                // SAFETY: the pixels are as large as the output.
                unsafe { gradient.pixels(&mut scratch.planes, bias_sums, slope_sums, z) };
            }
            // SAFETY: as above.
            unsafe {
                self.kernels
                    .add_up(&mut scratch.pixels, shape, x, z, kernel_sums)
            };
        });
    }

    /// The gradients of the input, the biases and the slopes, and pixels of that of the output.
    fn input_gradient(
        &self,
        value: &[f32],
        gradient: &[f32],
        [bias, slope]: [&mut [f32]; 2],
        target: Shared,
        pixels: Pixels,
    ) {
        let shape = self.shape;
        let [rows, columns] = shape.output();
        let planes = |values: &[f32]| Source {
            data: values.as_ptr(),
            row: columns,
            plane: rows * columns,
        };
        with_buffer(|buffer| {
            let margin = shape.k - 1 - shape.padding;
            let mut z = Padded::new(buffer, shape.channels_out, [rows, columns], [margin; 2]);
            let job = ActivationGradient {
                activation: self.activation,
                value: planes(value),
                gradient: planes(gradient),
                channels: shape.channels_out,
                target: z.inside_mut(),
                bias: bias.as_mut_ptr(),
                slope: slope.as_mut_ptr(),
            };
            // SAFETY: `backward` has checked the lengths, and each image has sums of its own.
            unsafe { on!(self.isa, activation_gradient(&job)) };

            let read = direct::columns_read(self.isa.lanes(), shape.width, shape.k, 1);
            let job = Forward {
                parts: &[z.part([shape.height + shape.k - 1, read])],
                k: shape.k,
                dilation: 1,
                weights: &self.packed,
                bias: &self.no_bias,
                activation: FusedActivation::None,
                add: None,
                target: Target {
                    data: target.get(),
                    row: shape.width,
                    plane: shape.height * shape.width,
                    rows: shape.height,
                    columns: shape.width,
                },
                channels_out: shape.channels_in,
            };
            // SAFETY: as above; the copy is padded as the kernel asks.
            unsafe { on!(self.isa, forward(&job)) };

            let job = ToPixels {
                source: z.inside([rows, columns]),
                channels: shape.channels_out,
                rows,
                columns,
                target: pixels,
            };
            // SAFETY: the pixels are as large as the output.
            unsafe { on!(self.isa, to_pixels(&job)) };
        });
    }
}
