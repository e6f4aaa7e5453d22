//! The gradient with respect to what the activation is given, as pixels.

use super::Shape;
use super::gradient_loops::ActivationGradient;
use super::pixels::{Pixels, ToPixels};
use super::scratch::room;
use crate::conv::planes::{Source, Target};
use crate::conv::{FusedActivation, Isa, on};

/// One image's gradient, on its way from the activation's output to its input.
pub(super) struct OutputGradient<'a> {
    pub isa: Isa,
    pub shape: &'a Shape,
    pub activation: FusedActivation<'a>,
    /// `[out, rows, columns]`: the activation's output or its input.
    pub value: &'a [f32],
    /// As large.
    pub gradient: &'a [f32],
}

impl OutputGradient<'_> {
    /// Makes all of `target`, and the sums for biases and slopes, `[out]` each. Some channels at a time are planes in
    /// `buffer`, which a second-level cache holds.
    ///
    /// # Safety
    /// `target` has writable pixels of the output's size with its channels, rounded up to whole vectors.
    pub unsafe fn pixels(
        &self,
        buffer: &mut Vec<f32>,
        bias: &mut [f32],
        slope: &mut [f32],
        target: Pixels,
    ) {
        let [rows, columns] = self.shape.output();
        let size = rows * columns;
        let lanes = self.isa.lanes();
        assert!(self.value.len() == self.gradient.len() && bias.len() == slope.len());
        assert_eq!(self.value.len(), bias.len() * size);
        let planes = Target {
            data: room(buffer, lanes * size).as_mut_ptr(),
            row: columns,
            plane: size,
            rows,
            columns,
        };
        for first in (0..bias.len()).step_by(lanes) {
            let channels = lanes.min(bias.len() - first);
            let source = |values: &[f32]| Source {
                data: values[first * size..].as_ptr(),
                ..planes.source()
            };
            let gradient = ActivationGradient {
                activation: match self.activation {
                    FusedActivation::PRelu(slopes) => FusedActivation::PRelu(&slopes[first..]),
                    other => other,
                },
                value: source(self.value),
                gradient: source(self.gradient),
                channels,
                target: planes,
                bias: bias[first..].as_mut_ptr(),
                slope: slope[first..].as_mut_ptr(),
            };
            let pixels = ToPixels {
                source: planes.source(),
                channels,
                rows,
                columns,
                target: Pixels {
                    data: target.data.wrapping_add(first),
                    ..target
                },
            };
            // SAFETY: there are as many values, sums and slopes as channels, and room for their planes; the target is
            // the caller's promise.
            unsafe {
                on!(self.isa, activation_gradient(&gradient));
                on!(self.isa, to_pixels(&pixels));
            }
        }
    }
}
