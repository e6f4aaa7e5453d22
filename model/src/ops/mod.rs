//! The operations that networks are made of, and their interpreters.
//!
//! A network's topology is written once, as a function over whoever interprets it:
//! [`Topology::run`]. [`TensorOps`] computes with Burn tensors, [`GraphOps`] builds a graph, and
//! [`Blocks`] lists the network's convolutions.

mod blocks;
mod graph_ops;
mod tensor_ops;

use engine::graph::Border;

pub use self::blocks::Blocks;
pub use self::graph_ops::{BuildError, GraphOps};
pub(crate) use self::graph_ops::{Names, Values};
pub use self::tensor_ops::TensorOps;
use crate::layer::{ConvBlock, Skip};

/// The operations of a network's topology. `Maps` are feature maps `[c, h, w]`, of a batch or as a value of
/// a graph.
pub trait Ops {
    /// Feature maps.
    type Maps: Clone;
    /// An operation that cannot be carried out.
    type Error;

    /// Convolution, normalisation and activation with zero padding; sides change as the block says.
    fn conv(&mut self, block: &ConvBlock, x: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// The same without padding: the result loses the kernel's reach on each side.
    fn conv_valid(&mut self, block: &ConvBlock, x: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// `a + b`
    fn add(&mut self, a: &Self::Maps, b: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// `a − b`
    fn subtract(&mut self, a: &Self::Maps, b: &Self::Maps) -> Result<Self::Maps, Self::Error>;

    /// `factor · x`
    fn scale(&mut self, x: &Self::Maps, factor: f64) -> Result<Self::Maps, Self::Error>;

    /// Feature maps one after the other.
    fn concat(&mut self, parts: &[Self::Maps]) -> Result<Self::Maps, Self::Error>;

    /// The sub-pixel shuffle `[c·s², h, w]` → `[c, s·h, s·w]`, plus `x [c, h, w]` enlarged as `skip` says.
    fn sub_pixel(
        &mut self,
        maps: &Self::Maps,
        x: &Self::Maps,
        skip: Skip,
        scale: usize,
    ) -> Result<Self::Maps, Self::Error>;

    /// `margin` pixels more on each side.
    fn pad(
        &mut self,
        x: &Self::Maps,
        margin: usize,
        border: Border,
    ) -> Result<Self::Maps, Self::Error>;

    /// The last row and column repeated until `multiple` divides both sides.
    fn align(&mut self, x: &Self::Maps, multiple: usize) -> Result<Self::Maps, Self::Error>;

    /// The rows and columns that belong to `scale` times the network's input.
    fn crop(&mut self, x: &Self::Maps, scale: usize) -> Result<Self::Maps, Self::Error>;

    /// The mean over a window of `window`×`window` pixels around each; pixels outside do not count.
    fn mean(&mut self, x: &Self::Maps, window: usize) -> Result<Self::Maps, Self::Error>;

    /// Whether results on the way are wanted, because training compares them with a target.
    fn wants_intermediate(&self) -> bool {
        false
    }

    /// A result on the way; see [`wants_intermediate`](Self::wants_intermediate).
    fn intermediate(&mut self, _result: &Self::Maps) {}
}

/// A network's topology.
pub trait Topology {
    /// `[c, h, w]` → `[c, r·h, r·w]`, values in 0…1 (the result may overshoot); r is the network's scale,
    /// or 1 for [`Input::Upsampled`](engine::Input).
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error>;

    /// The same as it is trained, where that differs. Of a network that enlarges level by level the first
    /// `levels` levels take part, the last one by the fraction alone.
    fn run_training<O: Ops>(
        &self,
        ops: &mut O,
        input: O::Maps,
        _levels: f64,
    ) -> Result<O::Maps, O::Error> {
        self.run(ops, input)
    }
}
