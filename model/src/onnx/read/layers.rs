//! The network between the file and the graph: a list of layers that hold their numbers.
//!
//! It has the engine's steps, and three things that it can do without: picks of channels, paddings on single sides,
//! and convolutions that read beyond the border. [`simplify`](super::simplify) merges layers, and
//! [`lower`](super::lower) makes a graph of them.

use std::rc::Rc;

use engine::graph::{Activation, Border, Term};

use super::error::{Problem, operand};

/// The number of a layer, which stands for its result; 0 is the image.
pub(super) type Id = usize;

/// Most layers, maps of a layer, and pixels of a side. The engine's own bounds are checked later.
const MAX_LAYERS: usize = 1 << 14;
pub(super) const MAX_CHANNELS: usize = 1 << 14;
const MAX_SIDE_PX: usize = 1 << 21;

/// Weights with the name that they had in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) name: String,
    pub(super) numbers: Rc<Vec<f32>>,
}

impl Weights {
    pub(super) fn new(name: &str, numbers: Vec<f32>) -> Self {
        Self {
            name: name.to_string(),
            numbers: Rc::new(numbers),
        }
    }
}

/// How a convolution treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The result is as large as the input, which continues like this, or with zeros.
    Same(Option<Border>),
    /// The result is smaller by the kernel's reach.
    Valid,
}

/// A convolution of stride 1 with a square kernel of an odd side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conv {
    pub(super) input: Id,
    pub(super) channels_in: usize,
    /// `[channels_out, channels_in / groups, k, k]`
    pub(super) weight: Weights,
    pub(super) bias: Option<Weights>,
    pub(super) groups: usize,
    pub(super) k: usize,
    pub(super) dilation: usize,
    pub(super) edge: Edge,
    pub(super) activation: Activation<Weights>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    Image,
    Conv(Conv),
    Activate {
        input: Id,
        activation: Activation<Weights>,
    },
    /// The error function. The engine has it only as a part of GELU.
    Erf(Id),
    Sum {
        terms: Vec<Term>,
        constant: f32,
    },
    Product {
        a: Id,
        b: Id,
        factor: f32,
    },
    Shuffle {
        input: Id,
        scale: usize,
    },
    Unshuffle {
        input: Id,
        scale: usize,
    },
    Repeat {
        input: Id,
        scale: usize,
    },
    Mean {
        input: Id,
        window: usize,
    },
    Concat(Vec<Id>),
    /// More pixels above, to the left, below and to the right.
    Pad {
        input: Id,
        sides: [usize; 4],
        /// `None`: zeros.
        border: Option<Border>,
    },
    /// These channels of the input in this order, some perhaps more than once.
    Pick {
        input: Id,
        channels: Rc<Vec<usize>>,
    },
}

impl Op {
    pub(super) fn reads(&self) -> Vec<Id> {
        match self {
            Self::Image => Vec::new(),
            Self::Conv(conv) => vec![conv.input],
            Self::Sum { terms, .. } => terms.iter().map(|term| term.value).collect(),
            Self::Product { a, b, .. } => vec![*a, *b],
            Self::Concat(inputs) => inputs.clone(),
            Self::Activate { input, .. }
            | Self::Erf(input)
            | Self::Shuffle { input, .. }
            | Self::Unshuffle { input, .. }
            | Self::Repeat { input, .. }
            | Self::Mean { input, .. }
            | Self::Pad { input, .. }
            | Self::Pick { input, .. } => vec![*input],
        }
    }

    /// Makes it read other values.
    pub(super) fn redirect(&mut self, to: impl Fn(Id) -> Id) {
        match self {
            Self::Image => {}
            Self::Conv(conv) => conv.input = to(conv.input),
            Self::Sum { terms, .. } => terms
                .iter_mut()
                .for_each(|term| term.value = to(term.value)),
            Self::Product { a, b, .. } => (*a, *b) = (to(*a), to(*b)),
            Self::Concat(inputs) => inputs.iter_mut().for_each(|input| *input = to(*input)),
            Self::Activate { input, .. }
            | Self::Erf(input)
            | Self::Shuffle { input, .. }
            | Self::Unshuffle { input, .. }
            | Self::Repeat { input, .. }
            | Self::Mean { input, .. }
            | Self::Pad { input, .. }
            | Self::Pick { input, .. } => *input = to(*input),
        }
    }
}

/// A layer, and the shape of its result.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) op: Op,
    /// Channels, rows and columns for an input of the size that the file is read for.
    pub(super) shape: [usize; 3],
    /// The node of the file that it comes from.
    pub(super) node: usize,
}

/// All layers; each one reads earlier ones.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) all: Vec<Layer>,
    /// The node that is being read.
    pub(super) node: usize,
}

impl Layers {
    pub(super) fn new(image: [usize; 3]) -> Self {
        let image = Layer {
            op: Op::Image,
            shape: image,
            node: 0,
        };
        Self {
            all: vec![image],
            node: 0,
        }
    }

    pub(super) fn shape(&self, id: Id) -> [usize; 3] {
        self.all[id].shape
    }

    pub(super) fn push(&mut self, op: Op, shape: [usize; 3]) -> Result<Id, Problem> {
        let [channels, rows, columns] = shape;
        let has_size = (1..=MAX_CHANNELS).contains(&channels)
            && [rows, columns]
                .iter()
                .all(|side| (1..=MAX_SIDE_PX).contains(side));
        if !has_size {
            return Err(operand!(
                "its result would have {channels} maps of {columns}×{rows} px, at most {MAX_CHANNELS} maps of \
                 {MAX_SIDE_PX} px a side are allowed, and at least one"
            ));
        }
        if self.all.len() >= MAX_LAYERS {
            return Err(operand!("the network has more than {MAX_LAYERS} layers"));
        }
        let node = self.node;
        self.all.push(Layer { op, shape, node });
        Ok(self.all.len() - 1)
    }

    pub(super) fn activate(
        &mut self,
        input: Id,
        activation: Activation<Weights>,
    ) -> Result<Id, Problem> {
        self.push(Op::Activate { input, activation }, self.shape(input))
    }

    /// `factor · input + constant`
    pub(super) fn scale(&mut self, input: Id, factor: f32, constant: f32) -> Result<Id, Problem> {
        let term = Term {
            value: input,
            factor,
        };
        let terms = vec![term];
        self.push(Op::Sum { terms, constant }, self.shape(input))
    }

    pub(super) fn pick(&mut self, input: Id, channels: Vec<usize>) -> Result<Id, Problem> {
        let [count, rows, columns] = self.shape(input);
        if channels.iter().copied().eq(0..count) {
            return Ok(input);
        }
        let shape = [channels.len(), rows, columns];
        let channels = Rc::new(channels);
        self.push(Op::Pick { input, channels }, shape)
    }

    pub(super) fn shuffle(&mut self, input: Id, scale: usize) -> Result<Id, Problem> {
        let [channels, rows, columns] = self.shape(input);
        if scale == 1 {
            return Ok(input);
        }
        let shape = [channels / (scale * scale), rows * scale, columns * scale];
        self.push(Op::Shuffle { input, scale }, shape)
    }

    /// The sides have to be multiples of the scale.
    pub(super) fn unshuffle(&mut self, input: Id, scale: usize) -> Result<Id, Problem> {
        let [channels, rows, columns] = self.shape(input);
        if ![rows, columns]
            .iter()
            .all(|side| side.is_multiple_of(scale))
        {
            return Err(operand!(
                "{scale} does not divide the {columns}×{rows} px that it reads"
            ));
        }
        let shape = [channels * scale * scale, rows / scale, columns / scale];
        self.push(Op::Unshuffle { input, scale }, shape)
    }
}
