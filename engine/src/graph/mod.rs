//! A network as data: a list of steps.
//!
//! A [`Graph`] names its parameters. A [`Builder`] makes it of a network's topology, a record carries it
//! as [text], and so a page runs networks whose Rust type it has never seen. With a record's values it
//! compiles into a [`Plan`], which engines run. Sizes, halos, memory and cost follow from the
//! [`Footprint`] of each step.

mod analysis;
mod builder;
mod check;
mod kernel;
mod phases;
mod plan;
mod size;
mod step;
pub mod text;

pub use analysis::Reach;
pub(crate) use analysis::lcm;
pub use builder::{Builder, ConvOptions, GraphError};
pub use kernel::{Form, Interpolation, Kernel, Parameter, Values};
pub use phases::Phases;
pub use plan::{CompileError, MAX_PLAN_BYTES};
pub use size::{Extent, Footprint, Size};
pub use step::{Activation, Border, Conv, NamedStep, Padding, Read, Step, Term, Value};

/// A network's steps, and the extents of the values that they compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps<K, S> {
    steps: Vec<Step<K, S>>,
    extents: Vec<Extent>,
}

/// A network whose steps name their parameters.
///
/// Made by a [`Builder`], or read as [text]; both check that extents fit, that every value but the result
/// is read by a later step, and that the result has no margin.
pub type Graph = Steps<Kernel, Parameter>;

/// A network whose steps hold the numbers of their parameters: what engines run.
pub type Plan = Steps<Values, Vec<f32>>;

impl<K, S> Steps<K, S> {
    /// The steps; step n (from 0) computes the value n + 1, and the last one the result.
    pub fn steps(&self) -> &[Step<K, S>] {
        &self.steps
    }

    /// The extent of every value, the input's first; one more than there are steps.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// The extent of the input.
    pub fn input(&self) -> Extent {
        self.extents[0]
    }

    /// The extent of the result.
    pub fn output(&self) -> Extent {
        self.extents[self.steps.len()]
    }

    /// The input pixels around a tile that its result depends on.
    pub fn reach(&self) -> Reach {
        Reach::of(&self.steps, &self.extents)
    }

    /// Multiplications per pixel of the network's input, borders aside.
    pub fn multiplications(&self) -> f64 {
        analysis::multiplications(&self.steps, &self.extents)
    }
}

impl Graph {
    /// Gives every parameter another name; fails with the first name that `rename` does not know.
    pub fn rename(&mut self, rename: impl Fn(&str) -> Option<String>) -> Result<(), CompileError> {
        for parameter in self.steps.iter_mut().flat_map(parameters) {
            let name = rename(&parameter.name);
            parameter.name = name.ok_or_else(|| CompileError::Missing(parameter.name.clone()))?;
        }
        Ok(())
    }
}

/// The parameters that a step names.
fn parameters(step: &mut NamedStep) -> Vec<&mut Parameter> {
    let (kernel, activation) = match step {
        Step::Conv(conv) => (Some(&mut conv.kernel), &mut conv.activation),
        Step::Activate { activation, .. } => (None, activation),
        Step::Sum { .. }
        | Step::Product { .. }
        | Step::Shuffle { .. }
        | Step::Unshuffle { .. }
        | Step::Repeat { .. }
        | Step::Mean { .. }
        | Step::Concat { .. }
        | Step::Pad { .. }
        | Step::Align { .. }
        | Step::Crop { .. } => return Vec::new(),
    };
    let mut found = Vec::new();
    if let Some(Kernel::Parameter { weight, bias, .. }) = kernel {
        found.push(weight);
        found.extend(bias);
    }
    if let Activation::PRelu(slopes) = activation {
        found.push(slopes);
    }
    found
}
