//! The steps of a graph.

use super::{Footprint, Kernel, Parameter, Values};
use crate::image::resize::mirror;

/// A step's result, by its number: 0 is the network's input, n the result of step n − 1.
pub type Value = usize;

/// A function applied to every value of a feature map; `S` holds the slopes of PReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<S = Vec<f32>> {
    /// `z`
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`, with one slope (He et al. 2015, arXiv:1502.01852).
    LeakyRelu(f32),
    /// The same with a slope per channel. A parameter may hold fewer slopes than there are channels; each
    /// one is then shared by channels / slopes consecutive channels.
    PRelu(S),
    /// `1 / (1 + e^−z)`
    Sigmoid,
    /// `tanh z`
    Tanh,
    /// `z / (1 + e^−z)` (Elfwing et al. 2017, arXiv:1702.03118).
    Silu,
    /// `z · (1 + erf(z / √2)) / 2` (Hendrycks and Gimpel 2016, arXiv:1606.08415).
    Gelu,
    /// `min(max(z, low), high)`
    Clamp {
        /// The smallest result.
        low: f32,
        /// The largest result.
        high: f32,
    },
}

impl<S> Activation<S> {
    /// The same function with other slopes.
    pub fn try_map<T, E>(
        &self,
        slopes: impl FnOnce(&S) -> Result<T, E>,
    ) -> Result<Activation<T>, E> {
        Ok(match self {
            Self::None => Activation::None,
            Self::Relu => Activation::Relu,
            Self::LeakyRelu(slope) => Activation::LeakyRelu(*slope),
            Self::PRelu(old) => Activation::PRelu(slopes(old)?),
            Self::Sigmoid => Activation::Sigmoid,
            Self::Tanh => Activation::Tanh,
            Self::Silu => Activation::Silu,
            Self::Gelu => Activation::Gelu,
            Self::Clamp { low, high } => Activation::Clamp {
                low: *low,
                high: *high,
            },
        })
    }
}

/// Values outside the image that a convolution reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros: the result is as large as the input.
    Same,
    /// None: the result's margin is smaller by the kernel's reach.
    Valid,
}

/// A convolution of stride 1 with its bias, activation, and the value that is added after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv<K = Values, S = Vec<f32>> {
    /// The value it reads.
    pub input: Value,
    /// Weight and bias, as numbers in a plan, by name in a graph.
    pub kernel: K,
    /// Feature maps of the result.
    pub channels_out: usize,
    /// Groups of channels that are convolved separately; 1 in an ordinary convolution.
    pub groups: usize,
    /// Side of the kernel in taps: odd.
    pub k: usize,
    /// Pixels from tap to tap.
    pub dilation: usize,
    /// Values outside the image.
    pub padding: Padding,
    /// Applied after the bias.
    pub activation: Activation<S>,
    /// A value of the result's extent that is added after the activation.
    pub add: Option<Value>,
}

impl<K, S> Conv<K, S> {
    /// Pixels that the kernel reaches in each direction.
    pub fn reach_px(&self) -> usize {
        self.dilation * (self.k / 2)
    }
}

/// How an image continues beyond its borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// The border pixel is repeated.
    Replicate,
    /// Mirrored about the border, whose pixel is repeated, as in MATLAB's `imresize`; as often as needed.
    Symmetric,
    /// Mirrored about the middle of the border pixel, which is not repeated, as PyTorch's `reflect`; as often as needed.
    Reflect,
}

impl Border {
    /// The place, in a line of `length` pixels, of the pixel that is seen at the place `at` in or beyond it.
    pub fn inside(self, at: i64, length: usize) -> usize {
        let last = length as i64 - 1;
        match self {
            Self::Replicate => at.clamp(0, last) as usize,
            Self::Symmetric => mirror(at, length),
            Self::Reflect => {
                let period = (2 * last).max(1);
                let at = at.rem_euclid(period);
                at.min(period - at) as usize
            }
        }
    }
}

/// A value and its factor in a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The value.
    pub value: Value,
    /// It is multiplied by this.
    pub factor: f32,
}

/// One step. In a [`Graph`](super::Graph) it names its parameters, in a [`Plan`](super::Plan) it holds them.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<K = Values, S = Vec<f32>> {
    /// A convolution.
    Conv(Conv<K, S>),
    /// An activation that follows no convolution.
    Activate {
        /// The value it reads.
        input: Value,
        /// The function.
        activation: Activation<S>,
    },
    /// `Σ factor · value + constant`, of values of the same extent.
    Sum {
        /// The values and their factors; at least one.
        terms: Vec<Term>,
        /// Added to the sum.
        constant: f32,
    },
    /// `factor · a · b`, of values of the same extent.
    Product {
        /// One value.
        a: Value,
        /// The other one.
        b: Value,
        /// The product is multiplied by this.
        factor: f32,
    },
    /// Depth to space: `[c·s², h, w]` → `[c, s·h, s·w]`; map `(c·s + i)·s + j` becomes the pixels
    /// (s·y + i, s·x + j) of map c (Shi et al. 2016, arXiv:1609.05158). Then the pixel of `skip [c, h, w]`
    /// that covers each of them is added, if given.
    Shuffle {
        /// The value it reads; its margin is 0.
        input: Value,
        /// s
        scale: usize,
        /// The value that is enlarged by repeating its pixels, and added.
        skip: Option<Value>,
    },
    /// Space to depth, the inverse: `[c, h, w]` → `[c·s², ⌈h/s⌉, ⌈w/s⌉]`; pixels beyond the image are zeros.
    Unshuffle {
        /// The value it reads; its margin is 0.
        input: Value,
        /// s
        scale: usize,
    },
    /// Nearest-neighbour enlargement: `[c, h, w]` → `[c, s·h, s·w]`.
    Repeat {
        /// The value it reads; its margin is 0.
        input: Value,
        /// s
        scale: usize,
    },
    /// The mean over a window around each pixel; pixels outside the image do not count.
    Mean {
        /// The value it reads; its margin is 0.
        input: Value,
        /// Side of the window in pixels: odd.
        window: usize,
    },
    /// The maps of several values of the same size, one after the other. Where convolutions alone read it,
    /// nothing is copied.
    Concat {
        /// The values.
        inputs: Vec<Value>,
    },
    /// `margin` pixels more on each side.
    Pad {
        /// The value it reads; its margin is 0.
        input: Value,
        /// Pixels on each side.
        margin: usize,
        /// Their values.
        border: Border,
    },
    /// The last row and column repeated until `multiple` divides both sides.
    Align {
        /// The value it reads; its margin is 0.
        input: Value,
        /// Divides the sides of the result.
        multiple: usize,
    },
    /// The rows and columns that belong to `scale` times the network's input; those beyond are dropped.
    Crop {
        /// The value it reads; its margin is 0.
        input: Value,
        /// Size of the result relative to the network's input.
        scale: usize,
    },
}

/// A step that names its parameters.
pub type NamedStep = Step<Kernel, Parameter>;

/// A value that a step reads, and which of its rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The value.
    pub value: Value,
    /// Its rows for a row of the result; the same holds for columns.
    pub footprint: Footprint,
}

impl<K, S> Step<K, S> {
    /// The values that it reads.
    pub fn reads(&self) -> Vec<Read> {
        let read = |value, footprint| Read { value, footprint };
        let same = |value| read(value, Footprint::SAME);
        match self {
            Self::Conv(conv) => {
                let input = read(conv.input, Footprint::around(conv.reach_px()));
                std::iter::once(input).chain(conv.add.map(same)).collect()
            }
            Self::Sum { terms, .. } => terms.iter().map(|term| same(term.value)).collect(),
            Self::Product { a, b, .. } => vec![same(*a), same(*b)],
            Self::Shuffle { input, scale, skip } => {
                let footprint = Footprint::enlarging(*scale);
                let values = std::iter::once(*input).chain(*skip);
                values.map(|value| read(value, footprint)).collect()
            }
            Self::Unshuffle { input, scale } => vec![read(*input, Footprint::shrinking(*scale))],
            Self::Repeat { input, scale } => vec![read(*input, Footprint::enlarging(*scale))],
            Self::Mean { input, window } => vec![read(*input, Footprint::around(window / 2))],
            Self::Concat { inputs } => inputs.iter().map(|value| same(*value)).collect(),
            Self::Pad { input, margin, .. } => vec![read(*input, Footprint::mirrored(*margin))],
            Self::Align { input, multiple } => {
                // The builder refuses a multiple of 0 only after it has asked for this.
                vec![read(
                    *input,
                    Footprint::mirrored(multiple.saturating_sub(1)),
                )]
            }
            Self::Activate { input, .. } | Self::Crop { input, .. } => vec![same(*input)],
        }
    }

    /// The kind of step, as the text form has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv(_) => "conv",
            Self::Activate { .. } => "activate",
            Self::Sum { .. } => "sum",
            Self::Product { .. } => "product",
            Self::Shuffle { .. } => "shuffle",
            Self::Unshuffle { .. } => "unshuffle",
            Self::Repeat { .. } => "repeat",
            Self::Mean { .. } => "mean",
            Self::Concat { .. } => "concat",
            Self::Pad { .. } => "pad",
            Self::Align { .. } => "align",
            Self::Crop { .. } => "crop",
        }
    }
}
