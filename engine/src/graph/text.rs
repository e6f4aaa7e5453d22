//! A graph as text, as records carry it: one line for the pipeline's facts, one for each step.
//!
//! ```text
//! uprez-plan 2
//! spec scale=2 colour=y input=small channels=1
//! conv input=0 weight=Plain.first.weight:16,1,5,5 bias=Plain.first.bias:16 prelu=Plain.first.slope:16
//! shuffle input=7 scale=2 skip=0
//! ```
//!
//! Integers are decimal. Fractions (slopes, factors, constants) are the bits of an f32 in hexadecimal digits,
//! because parsing decimals would cost a page as much code as some kernels do. Version 1, which had fewer
//! steps and a halo in its second line, is read as well.

mod read;
mod write;

pub use read::read;
pub use write::write;

use super::GraphError;

/// First line of what is written.
const HEAD: &str = "uprez-plan 2";

/// First line of the older version.
const HEAD_1: &str = "uprez-plan 1";

/// Longest text that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// A text that is no graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Another version, or another file format.
    #[error("the model file's graph has a format that is not known here: update uprez")]
    Unknown,
    /// A line that cannot be parsed, counted from 1.
    #[error("line {0} of the model file's graph cannot be parsed")]
    Line(usize),
    /// A step that does not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A graph that does not fit what its second line says.
    #[error("the model file's graph {what} {found}, but its description says {expected}")]
    Spec {
        /// The quantity.
        what: &'static str,
        /// The graph's own.
        found: usize,
        /// The second line's.
        expected: usize,
    },
}
