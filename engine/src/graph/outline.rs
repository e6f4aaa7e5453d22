//! A plan that names its parameters.

use super::{Activation, Conv, Extent, Padding, Phases, Plan, Reads, Step, Value};
use crate::image::resize::{Method, phase_taps};

/// A parameter of a record, by its name and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its path in the module.
    pub name: String,
    /// `[out, in, k, k]` or `[in, out, k, k]`; of biases and slopes `[n, 1, 1, 1]`.
    pub shape: [usize; 4],
}

impl Parameter {
    /// One value for each of `count` maps.
    pub fn vector(name: String, count: usize) -> Self {
        Self {
            name,
            shape: [count, 1, 1, 1],
        }
    }
}

/// How a weight becomes that of a convolution at stride 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `[out, in, k, k]`, its taps so many pixels apart; 1 is an ordinary one.
    Dilated(usize),
    /// `[in, out, k, k]` of a transposed convolution: one kernel for each of its `scale²` phases,
    /// which a shuffle interleaves.
    Transposed {
        /// Its stride.
        scale: usize,
        /// Its padding in pixels of the output.
        padding: usize,
    },
}

/// How a picture is enlarged around a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Each pixel repeated.
    Nearest,
    /// A triangle, borders repeated.
    Bilinear,
    /// MATLAB's bicubic (a = −0.5), borders mirrored.
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

    /// How many pixels it looks around.
    pub fn reach_px(self) -> usize {
        match self {
            Self::Nearest => 0,
            Self::Bilinear => 1,
            Self::Bicubic => 2,
        }
    }
}

/// Where a convolution's weight comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// From a record.
    Parameter {
        /// Its weight.
        weight: Parameter,
        /// What becomes of it.
        form: Form,
        /// Its bias, of as many maps as the weight gives; 0 where there is none.
        bias: Option<Parameter>,
    },
    /// From nowhere: it interpolates, each of `channels` for itself, to the `scale²` maps of its phases.
    Enlarge {
        /// Maps that it reads.
        channels: usize,
        /// The factor.
        scale: usize,
        /// The way.
        interpolation: Interpolation,
    },
}

/// The sizes that follow from a [`Kernel`].
pub(super) struct Sizes {
    pub channels_in: usize,
    pub channels_out: usize,
    pub groups: usize,
    pub k: usize,
}

impl Kernel {
    pub(super) fn sizes(&self) -> Sizes {
        match self {
            Self::Parameter { weight, form, .. } => {
                let [a, b, k, _] = weight.shape;
                match *form {
                    Form::Dilated(dilation) => Sizes {
                        channels_in: b,
                        channels_out: a,
                        groups: 1,
                        k: dilation * (k - 1) + 1,
                    },
                    Form::Transposed { scale, padding } => Sizes {
                        channels_in: a,
                        channels_out: b * scale * scale,
                        groups: 1,
                        k: Phases::transposed(k, scale, padding).side(),
                    },
                }
            }
            Self::Enlarge {
                channels,
                scale,
                interpolation,
            } => Sizes {
                channels_in: *channels,
                channels_out: channels * scale * scale,
                groups: *channels,
                k: 2 * interpolation.reach_px() + 1,
            },
        }
    }
}

/// What follows a convolution's bias.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivationDraft {
    /// Nothing.
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`; each slope serves for as many maps, one after the other,
    /// as there are maps for each of them.
    PRelu(Parameter),
    /// The same with one slope that is given.
    LeakyRelu(f32),
    /// `1 / (1 + e^−z)`
    Sigmoid,
    /// `tanh z`
    Tanh,
}

/// A convolution that names its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvDraft {
    /// What it reads.
    pub input: Value,
    /// Its weight.
    pub kernel: Kernel,
    /// What stands outside.
    pub padding: Padding,
    /// What follows the bias.
    pub activation: ActivationDraft,
    /// A value of the result's extent that is added to it, after the activation.
    pub add: Option<Value>,
}

impl Reads for ConvDraft {
    fn reads(&self) -> (Value, Option<Value>) {
        (self.input, self.add)
    }
}

/// A plan that names its parameters; made by a [`Builder`](super::Builder), or read as [text](super::text).
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub(super) steps: Vec<Step<ConvDraft>>,
    pub(super) extents: Vec<Extent>,
}

/// Parameters that are not what an outline needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// One that is not there.
    #[error("parameter `{0}` is missing from the model file")]
    Missing(String),
    /// One of another size.
    #[error("parameter `{0}` has another size than its network needs")]
    Size(String),
}

impl Outline {
    /// The steps; step n gives the value n + 1.
    pub fn steps(&self) -> &[Step<ConvDraft>] {
        &self.steps
    }

    /// Gives every parameter another name.
    pub fn rename(&mut self, name: impl Fn(&str) -> String) {
        for step in &mut self.steps {
            let Step::Conv(conv) = step else { continue };
            if let Kernel::Parameter { weight, bias, .. } = &mut conv.kernel {
                weight.name = name(&weight.name);
                if let Some(bias) = bias {
                    bias.name = name(&bias.name);
                }
            }
            if let ActivationDraft::PRelu(slope) = &mut conv.activation {
                slope.name = name(&slope.name);
            }
        }
    }

    /// The plan, with the values that `lookup` has for a parameter's name.
    pub fn compile<'a>(
        &self,
        lookup: impl Fn(&str) -> Option<&'a [f32]>,
    ) -> Result<Plan, CompileError> {
        let values = |parameter: &Parameter| {
            let found = lookup(&parameter.name);
            let found = found.ok_or_else(|| CompileError::Missing(parameter.name.clone()))?;
            let mut sides = parameter.shape.iter();
            let size = sides.try_fold(1usize, |size, side| size.checked_mul(*side));
            if Some(found.len()) == size {
                Ok(found)
            } else {
                Err(CompileError::Size(parameter.name.clone()))
            }
        };
        let compile = |step: &Step<ConvDraft>| {
            Ok(match step {
                Step::Conv(conv) => Step::Conv(compile(conv, &values)?),
                Step::Shuffle { input, scale, skip } => Step::Shuffle {
                    input: *input,
                    scale: *scale,
                    skip: *skip,
                },
                Step::Add { a, b } => Step::Add { a: *a, b: *b },
                Step::Concat { inputs } => Step::Concat {
                    inputs: inputs.clone(),
                },
                Step::Pad {
                    input,
                    margin,
                    border,
                } => Step::Pad {
                    input: *input,
                    margin: *margin,
                    border: *border,
                },
            })
        };
        Ok(Plan {
            steps: self.steps.iter().map(compile).collect::<Result<_, _>>()?,
            extents: self.extents.clone(),
        })
    }
}

fn compile<'a>(
    conv: &ConvDraft,
    values: &dyn Fn(&Parameter) -> Result<&'a [f32], CompileError>,
) -> Result<Conv, CompileError> {
    let Sizes {
        channels_out,
        groups,
        k,
        ..
    } = conv.kernel.sizes();
    let (weight, bias) = match &conv.kernel {
        Kernel::Parameter { weight, form, bias } => {
            let [a, b, k, _] = weight.shape;
            let weight = values(weight)?;
            let weight = match *form {
                Form::Dilated(dilation) => dilated(weight, k, dilation),
                Form::Transposed { scale, padding } => {
                    Phases::transposed(k, scale, padding).arrange(weight, [a, b])
                }
            };
            let bias = match bias {
                Some(bias) => repeated(values(bias)?, channels_out),
                None => vec![0.0; channels_out],
            };
            (weight, bias)
        }
        Kernel::Enlarge {
            channels,
            scale,
            interpolation,
        } => (
            enlarging(*channels, *scale, *interpolation),
            vec![0.0; channels_out],
        ),
    };
    Ok(Conv {
        input: conv.input,
        channels_out,
        groups,
        k,
        weight,
        bias,
        padding: conv.padding,
        activation: match &conv.activation {
            ActivationDraft::None => Activation::None,
            ActivationDraft::Relu => Activation::Relu,
            ActivationDraft::PRelu(slope) => {
                Activation::PRelu(repeated(values(slope)?, channels_out))
            }
            ActivationDraft::LeakyRelu(slope) => Activation::PRelu(vec![*slope; channels_out]),
            ActivationDraft::Sigmoid => Activation::Sigmoid,
            ActivationDraft::Tanh => Activation::Tanh,
        },
        add: conv.add,
    })
}

/// Each value as often as makes `length` of them; it divides it.
fn repeated(values: &[f32], length: usize) -> Vec<f32> {
    let times = length / values.len();
    let each = values.iter();
    each.flat_map(|value| std::iter::repeat_n(*value, times))
        .collect()
}

/// A kernel whose taps are `dilation` pixels apart, as one with zeros between them.
fn dilated(weight: &[f32], k: usize, dilation: usize) -> Vec<f32> {
    let side = dilation * (k - 1) + 1;
    let mut spread = vec![0.0; weight.len() / (k * k) * side * side];
    for (i, value) in weight.iter().enumerate() {
        let (kernel, tap) = (i / (k * k), i % (k * k));
        spread[kernel * side * side + dilation * (tap / k * side + tap % k)] = *value;
    }
    spread
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
