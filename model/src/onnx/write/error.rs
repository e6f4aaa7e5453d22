//! Networks that cannot be written.

use engine::graph::{CompileError, GraphError};

/// A network that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The plan was compiled from another graph.
    #[error(
        "step {step} of the plan ({found}) is not that of the graph ({expected}): compile the plan from this graph"
    )]
    Steps {
        /// The step's number, from 1.
        step: usize,
        /// Kind of the plan's step.
        found: &'static str,
        /// Kind of the graph's step.
        expected: &'static str,
    },
    /// The network does not read or return the planes that its description says.
    #[error("the network {verb} {found} channels, but its description says {expected}")]
    Channels {
        /// `reads` or `returns`.
        verb: &'static str,
        /// The network's own.
        found: usize,
        /// The description's.
        expected: usize,
    },
    /// The network does not enlarge by the factor that its description says.
    #[error("the network's result is {found} a side, but its description says {expected}")]
    Scale {
        /// A formula of the input's side.
        found: String,
        /// The description's.
        expected: String,
    },
    /// The bicubic enlargement cannot be built: the scale is too large.
    #[error("the bicubic enlargement around the network: {0}")]
    Enlargement(#[from] GraphError),
    /// The bicubic enlargement's weights are too large.
    #[error("the bicubic enlargement around the network: {0}")]
    Weights(#[from] CompileError),
    /// Two entries of metadata with one name.
    #[error("the metadata have two entries of the name `{0}`: ONNX allows one")]
    Metadata(String),
    /// More than protobuf's largest message.
    #[error("the network takes more than 2 GiB, the most that an ONNX file holds")]
    TooLarge,
}
