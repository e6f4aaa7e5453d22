//! Operators by their definition in ONNX.

use engine::image::Planes;

/// `[channels, rows, columns]` with a value for each.
pub(super) fn planes(
    [channels, height, width]: [usize; 3],
    value: impl Fn(usize, usize, usize) -> f32,
) -> Planes {
    let at = |i: usize| value(i / (height * width), i / width % height, i % width);
    Planes {
        channels,
        width,
        height,
        data: (0..channels * height * width).map(at).collect(),
    }
}

/// The value of a pixel; zero outside.
pub(super) fn at(planes: &Planes, channel: usize, y: isize, x: isize) -> f32 {
    let inside = |at: isize, side: usize| usize::try_from(at).ok().filter(|at| *at < side);
    match (inside(y, planes.height), inside(x, planes.width)) {
        (Some(y), Some(x)) => planes.plane(channel)[y * planes.width + x],
        _ => 0.0,
    }
}

/// A kernel `[out, in / groups, rows, columns]`, or `[in, out / groups, rows, columns]` of a transposed convolution.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) shape: [usize; 4],
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Above, to the left, below and to the right.
    pub(super) pads: [usize; 4],
    pub(super) groups: usize,
    pub(super) output_padding: usize,
}

impl Window {
    fn taps(&self) -> impl Iterator<Item = (usize, usize)> {
        let [_, _, rows, columns] = self.shape;
        (0..rows).flat_map(move |y| (0..columns).map(move |x| (y, x)))
    }

    fn weight(&self, weight: &[f32], a: usize, b: usize, (y, x): (usize, usize)) -> f32 {
        let [_, of, rows, columns] = self.shape;
        weight[((a * of + b) * rows + y) * columns + x]
    }

    pub(super) fn conv(&self, input: &Planes, weight: &[f32], bias: &[f32]) -> Planes {
        let Self {
            shape,
            stride,
            dilation,
            pads,
            groups,
            ..
        } = self;
        let [outputs, inputs, rows, columns] = *shape;
        let [top, left, bottom, right] = *pads;
        let side = |side: usize, pad: usize, taps: usize| {
            (side + pad - dilation * (taps - 1) - 1) / stride + 1
        };
        let size = [
            outputs,
            side(input.height, top + bottom, rows),
            side(input.width, left + right, columns),
        ];
        planes(size, |out, y, x| {
            let group = out / (outputs / groups);
            let mut sum = bias[out];
            for (channel, tap) in (0..inputs).flat_map(|c| self.taps().map(move |tap| (c, tap))) {
                let [y, x] = [(y, tap.0, top), (x, tap.1, left)]
                    .map(|(at, tap, pad)| (at * stride + tap * dilation) as isize - pad as isize);
                sum += self.weight(weight, out, channel, tap)
                    * at(input, group * inputs + channel, y, x);
            }
            sum
        })
    }

    /// Each pixel of the input adds its kernel to the result.
    pub(super) fn conv_transpose(&self, input: &Planes, weight: &[f32], bias: &[f32]) -> Planes {
        let Self {
            shape,
            stride,
            dilation,
            pads,
            groups,
            output_padding,
        } = self;
        let [inputs, outputs, rows, columns] = *shape;
        let [top, left, bottom, right] = *pads;
        let side = |side: usize, pad: usize, taps: usize| {
            stride * (side - 1) + output_padding + dilation * (taps - 1) + 1 - pad
        };
        let size = [
            outputs * groups,
            side(input.height, top + bottom, rows),
            side(input.width, left + right, columns),
        ];
        let mut result = planes(size, |out, _, _| bias[out]);
        let pixels = (0..input.height).flat_map(|y| (0..input.width).map(move |x| (y, x)));
        for (row, column) in pixels {
            for (channel, out) in (0..inputs).flat_map(|c| (0..outputs).map(move |out| (c, out))) {
                let value = at(input, channel, row as isize, column as isize);
                let group = channel / (inputs / groups);
                for tap in self.taps() {
                    let [y, x] = [(row, tap.0, top), (column, tap.1, left)]
                        .map(|(at, tap, pad)| (at * stride + tap * dilation).wrapping_sub(pad));
                    if y < size[1] && x < size[2] {
                        let at = ((group * outputs + out) * size[1] + y) * size[2] + x;
                        result.data[at] += value * self.weight(weight, channel, out, tap);
                    }
                }
            }
        }
        result
    }
}
