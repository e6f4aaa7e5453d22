//! The operations of networks, and their interpreters.
//!
//! [`Topology::run`] defines the topology of a network once, for all interpreters: [`TensorOps`] computes with Burn
//! tensors, [`GraphOps`] builds a graph, and [`Blocks`] lists the network's convolutions.

mod blocks;
mod graph_ops;
mod tensor_ops;

use std::convert::Infallible;

use engine::graph::{Activation, Border};

pub use self::blocks::Blocks;
pub use self::graph_ops::{BuildError, GraphOps};
pub(crate) use self::graph_ops::{Names, Values};
pub use self::tensor_ops::TensorOps;
use crate::layer::{ConvBlock, Skip};

/// The operations of a network's topology. `Maps` stands for feature maps `[c, h, w]`: a batch of them, or a value of a
/// graph.
pub trait Ops {
    /// Feature maps.
    type Maps: Clone;
    /// The error of an operation that the interpreter cannot carry out.
    type Error;

    /// Convolution with zero padding, normalisation and activation; the block's [`Resample`](crate::layer::Resample)
    /// tells how height and width change.
    fn conv(&mut self, block: &ConvBlock, x: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// The same without padding: the result is smaller by the kernel's reach on each side.
    fn conv_valid(&mut self, block: &ConvBlock, x: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// `a + b`
    fn add(&mut self, a: &Self::Maps, b: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// `Σ factor · maps + constant`; at least one term.
    fn sum(
        &mut self,
        terms: &[(&Self::Maps, f64)],
        constant: f64,
    ) -> Result<Self::Maps, Self::Error>;

    /// `a · b`, value by value.
    fn product(&mut self, a: &Self::Maps, b: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// An activation without parameters that no convolution applies.
    fn activate(
        &mut self,
        x: &Self::Maps,
        activation: &Activation<Infallible>,
    ) -> Result<Self::Maps, Self::Error>;

    /// Concatenates feature maps along the channels.
    fn concat(&mut self, parts: &[Self::Maps]) -> Result<Self::Maps, Self::Error>;

    /// The pixel shuffle `[c·s², h, w]` → `[c, s·h, s·w]`, plus `x [c, h, w]` enlarged as `skip` says.
    fn sub_pixel(
        &mut self,
        maps: &Self::Maps,
        x: &Self::Maps,
        skip: Skip,
        scale: usize,
    ) -> Result<Self::Maps, Self::Error>;

    /// Nearest-neighbour enlargement: `[c, h, w]` → `[c, s·h, s·w]`.
    fn repeat(&mut self, x: &Self::Maps, scale: usize) -> Result<Self::Maps, Self::Error>;

    /// The pixel unshuffle `[c, h, w]` → `[c·s², h/s, w/s]`; `s` has to divide height and width, see
    /// [`align`](Self::align).
    fn unshuffle(&mut self, x: &Self::Maps, scale: usize) -> Result<Self::Maps, Self::Error>;

    /// Pads by `margin` pixels on each side.
    fn pad(
        &mut self,
        x: &Self::Maps,
        margin: usize,
        border: Border,
    ) -> Result<Self::Maps, Self::Error>;

    /// Repeats the last row and column until height and width are multiples of `multiple`.
    fn align(&mut self, x: &Self::Maps, multiple: usize) -> Result<Self::Maps, Self::Error>;

    /// Crops to `scale` times the size of the network's input, which removes the pixels added by
    /// [`align`](Self::align).
    fn crop(&mut self, x: &Self::Maps, scale: usize) -> Result<Self::Maps, Self::Error>;

    /// Mean over the `window`×`window` pixels around each pixel; pixels outside the image do not count.
    fn mean(&mut self, x: &Self::Maps, window: usize) -> Result<Self::Maps, Self::Error>;

    /// Whether intermediate results are wanted, which training compares with a target.
    fn wants_intermediate(&self) -> bool {
        false
    }

    /// Receives an intermediate result; see [`wants_intermediate`](Self::wants_intermediate).
    fn intermediate(&mut self, _result: &Self::Maps) {}
}

/// The topology of a network.
pub trait Topology {
    /// `[c, h, w]` → `[c, r·h, r·w]` with values in 0…1, which the result may exceed; r is the network's scale, or 1
    /// for [`Input::Upsampled`](engine::Input).
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error>;

    /// The topology in training, if it differs. Of a network that enlarges level by level, only the first `levels`
    /// levels run; a fraction of `levels` is the weight of the last level's details.
    fn run_training<O: Ops>(
        &self,
        ops: &mut O,
        input: O::Maps,
        _levels: f64,
    ) -> Result<O::Maps, O::Error> {
        self.run(ops, input)
    }
}
