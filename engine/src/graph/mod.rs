//! A network compiled for inference: a short list of fused steps.
//!
//! It has two forms. An [`Outline`] names its parameters: `Network::outline` of the crate `model` makes
//! it of a module, a record carries it as [text], and so a page runs networks whose definitions it has
//! never seen. With the parameters of a record it compiles to a [`Plan`], which is what engines run.
//! Neither knows anything of Burn, so that engines link none of Burn's operators.

mod builder;
mod outline;
mod phases;
pub mod text;

pub use builder::{Builder, Misfit};
pub use outline::{
    ActivationDraft, CompileError, ConvDraft, Form, Interpolation, Kernel, Outline, Parameter,
};
pub use phases::Phases;

/// What a step gives, by its number: 0 is the network's input, n the result of step n − 1.
pub type Value = usize;

/// The size of a value for an input of `h`×`w` pixels: `[channels, h·scale + 2·margin, w·scale +
/// 2·margin]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Maps.
    pub channels: usize,
    /// Pixels per pixel of the network's input, in each direction.
    pub scale: usize,
    /// Pixels around the picture, on each side.
    pub margin: usize,
}

/// What follows a convolution's bias.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`; one slope a channel. LeakyReLU is one, too.
    PRelu(Vec<f32>),
    /// `1 / (1 + e^−z)`
    Sigmoid,
    /// `tanh z`
    Tanh,
}

/// What stands outside of the value that a convolution reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros: the result is as large as the input.
    Same,
    /// Nothing: the result's margin is smaller by `k / 2`.
    Valid,
}

/// A convolution of stride 1, its bias, its activation, and what is added after that.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// What it reads.
    pub input: Value,
    /// Maps that it gives.
    pub channels_out: usize,
    /// Groups of channels that know nothing of each other; 1 in an ordinary convolution.
    pub groups: usize,
    /// Side of the kernel in pixels: odd.
    pub k: usize,
    /// `[channels_out, channels_in / groups, k, k]`
    pub weight: Vec<f32>,
    /// `[channels_out]`
    pub bias: Vec<f32>,
    /// What stands outside.
    pub padding: Padding,
    /// What follows the bias.
    pub activation: Activation,
    /// A value of the result's extent that is added to it, after the activation.
    pub add: Option<Value>,
}

/// How a picture goes on beyond its borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// The border pixel is repeated.
    Replicate,
    /// Mirrored, the border pixel being repeated once, as MATLAB's `imresize` has it; as often as
    /// it takes.
    Symmetric,
}

/// One step; `C` is a convolution, with its weights or with their names.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<C = Conv> {
    /// A convolution.
    Conv(C),
    /// `[c·s², h, w]` → `[c, s·h, s·w]`: map `(c·s + i)·s + j` becomes the pixels (s·y + i, s·x + j)
    /// of map c (Shi et al. 2016, arXiv:1609.05158); then the pixel of `skip [c, h, w]` that covers
    /// them is added, where there is one.
    Shuffle {
        /// What it reads; its margin is 0.
        input: Value,
        /// s
        scale: usize,
        /// What is enlarged by repeating its pixels, and added.
        skip: Option<Value>,
    },
    /// The sum of two values of the same extent.
    Add {
        /// One of them.
        a: Value,
        /// The other one.
        b: Value,
    },
    /// The maps of several values of the same size, one after the other.
    Concat {
        /// The values.
        inputs: Vec<Value>,
    },
    /// `margin` pixels more on each side.
    Pad {
        /// What it reads; its margin is 0.
        input: Value,
        /// How many pixels.
        margin: usize,
        /// Which pixels.
        border: Border,
    },
}

/// What all convolutions read.
pub trait Reads {
    /// Its input, and what is added to its result.
    fn reads(&self) -> (Value, Option<Value>);
}

impl Reads for Conv {
    fn reads(&self) -> (Value, Option<Value>) {
        (self.input, self.add)
    }
}

impl<C: Reads> Step<C> {
    /// The values that it reads.
    pub fn inputs(&self) -> Vec<Value> {
        let (first, second) = match self {
            Self::Conv(conv) => conv.reads(),
            Self::Shuffle { input, skip, .. } => (*input, *skip),
            Self::Add { a, b } => (*a, Some(*b)),
            Self::Concat { inputs } => return inputs.clone(),
            Self::Pad { input, .. } => (*input, None),
        };
        std::iter::once(first).chain(second).collect()
    }
}

/// A compiled network: its steps in order, the last of which gives its result.
///
/// Compiled from an [`Outline`], which a [`Builder`] made, who sees to it that extents fit, that every
/// value but the result is read by a later step, and that the result has no margin.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    steps: Vec<Step>,
    extents: Vec<Extent>,
}

impl Plan {
    /// The steps; step n gives the value n + 1.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The extent of every value, the input's first; there is one more than there are steps.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// The input's.
    pub fn input(&self) -> Extent {
        self.extents[0]
    }

    /// The result's.
    pub fn output(&self) -> Extent {
        self.extents[self.steps.len()]
    }

    /// Multiplications per pixel of the network's input, borders aside: what a pixel costs.
    pub fn multiplications(&self) -> usize {
        let steps = self.steps.iter().zip(&self.extents[1..]);
        steps
            .map(|(step, extent)| match step {
                Step::Conv(conv) => conv.weight.len() * extent.scale * extent.scale,
                _ => 0,
            })
            .sum()
    }
}
