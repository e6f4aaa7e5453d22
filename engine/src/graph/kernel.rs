//! Weights of convolutions: their names in a graph, their numbers in a plan.

use super::{CompileError, Phases};
use crate::image::resize::{Method, phase_taps};

/// A parameter of a record, by name and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its path in the module.
    pub name: String,
    /// `[out, in, k, k]` or `[in, out, k, k]`; `[n, 1, 1, 1]` for biases and slopes.
    pub shape: [usize; 4],
}

impl Parameter {
    /// A vector of `count` values.
    pub fn vector(name: String, count: usize) -> Self {
        Self {
            name,
            shape: [count, 1, 1, 1],
        }
    }
}

/// How a weight becomes that of a convolution of stride 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `[out, in / groups, k, k]`, taken as it is.
    Plain,
    /// `[in, out, k, k]` of a transposed convolution: one kernel for each of its `stride²` phases, which a
    /// shuffle interleaves.
    Transposed {
        /// Its stride.
        stride: usize,
        /// Its padding in pixels of the output.
        padding: usize,
    },
    /// `[out, in / groups, k, k]` of a strided convolution, applied to the unshuffled input.
    Strided {
        /// Its stride.
        stride: usize,
        /// Its padding in pixels of the input.
        padding: usize,
    },
}

/// Classical interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Each pixel repeated.
    Nearest,
    /// A triangle, borders repeated.
    Bilinear,
    /// MATLAB's bicubic (Keys 1981 with a = −0.5), borders mirrored.
    Bicubic,
}

impl Interpolation {
    fn method(self) -> Method {
        match self {
            Self::Nearest => Method::Nearest,
            Self::Bilinear => Method::Bilinear,
            Self::Bicubic => Method::Bicubic,
        }
    }

    /// Pixels that it reads around each pixel.
    pub fn reach_px(self) -> usize {
        match self {
            Self::Nearest => 0,
            Self::Bilinear => 1,
            Self::Bicubic => 2,
        }
    }
}

/// The weights of a convolution in a graph.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// Parameters of a record.
    Parameter {
        /// The weight.
        weight: Parameter,
        /// How it is rearranged.
        form: Form,
        /// The bias, if any. It may hold fewer values than there are output channels; each one is then
        /// shared by consecutive channels.
        bias: Option<Parameter>,
    },
    /// Fixed interpolation weights, applied to each channel separately: `[c, h, w]` → `[c·scale², h, w]`,
    /// the phases of the enlarged image.
    Enlarge {
        /// Channels it reads.
        channels: usize,
        /// The factor.
        scale: usize,
        /// The interpolation.
        interpolation: Interpolation,
    },
}

/// The weights of a convolution in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// `[channels_out, channels_in / groups, k, k]`
    pub weight: Vec<f32>,
    /// `[channels_out]`
    pub bias: Vec<f32>,
}

/// Sizes of the convolution of stride 1 that a [`Kernel`] becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub channels_in: usize,
    pub channels_out: usize,
    pub k: usize,
}

impl Kernel {
    /// Sizes for a kernel whose weight has sensible dimensions; see the builder.
    pub(super) fn sizes(&self, groups: usize) -> Sizes {
        match self {
            Self::Parameter { weight, form, .. } => {
                let [a, b, k, _] = weight.shape;
                let sizes = |channels_in, channels_out, k| Sizes {
                    channels_in,
                    channels_out,
                    k,
                };
                match *form {
                    Form::Plain => sizes(b * groups, a, k),
                    Form::Transposed { stride, padding } => {
                        let side = Phases::transposed(k, stride, padding).side();
                        sizes(a, b * stride * stride, side)
                    }
                    Form::Strided { stride, padding } => {
                        let side = Phases::strided(k, stride, padding).side();
                        sizes(b * groups * stride * stride, a, side)
                    }
                }
            }
            Self::Enlarge {
                channels,
                scale,
                interpolation,
            } => Sizes {
                channels_in: *channels,
                channels_out: channels * scale * scale,
                k: 2 * interpolation.reach_px() + 1,
            },
        }
    }

    /// The kernel's numbers for so many output channels; `values` looks parameters up.
    pub(super) fn compile<'a>(
        &self,
        channels_out: usize,
        values: &dyn Fn(&Parameter) -> Result<&'a [f32], CompileError>,
    ) -> Result<Values, CompileError> {
        let (weight, bias) = match self {
            Self::Parameter { weight, form, bias } => {
                let [a, b, k, _] = weight.shape;
                let numbers = values(weight)?;
                let weight = match *form {
                    Form::Plain => numbers.to_vec(),
                    Form::Transposed { stride, padding } => {
                        Phases::transposed(k, stride, padding).arrange_turned(numbers, [a, b])
                    }
                    Form::Strided { stride, padding } => {
                        Phases::strided(k, stride, padding).arrange(numbers)
                    }
                };
                (weight, bias.as_ref().map(values).transpose()?)
            }
            Self::Enlarge {
                channels,
                scale,
                interpolation,
            } => (enlarging(*channels, *scale, *interpolation), None),
        };
        let bias = match bias {
            Some(bias) => repeated(bias, channels_out),
            None => vec![0.0; channels_out],
        };
        Ok(Values { weight, bias })
    }
}

/// Each value repeated so that there are `length` of them; their number divides it.
pub(super) fn repeated(values: &[f32], length: usize) -> Vec<f32> {
    let times = length / values.len();
    let each = values.iter();
    each.flat_map(|value| std::iter::repeat_n(*value, times))
        .collect()
}

/// The kernels of an enlargement's phases, once for each channel.
fn enlarging(channels: usize, scale: usize, interpolation: Interpolation) -> Vec<f32> {
    let taps: Vec<Vec<f32>> = (0..scale)
        .map(|phase| phase_taps(phase, scale, interpolation.method()))
        .collect();
    let mut weight = Vec::new();
    for _ in 0..channels {
        for (rows, columns) in taps.iter().flat_map(|r| taps.iter().map(move |c| (r, c))) {
            weight.extend(rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)));
        }
    }
    weight
}
