//! ONNX files that cannot be read.

use engine::graph::GraphError;

/// An ONNX file of which no network can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// Bytes that are no ONNX model.
    #[error("the file is no ONNX model, or it is damaged: {0}")]
    Format(String),
    /// More nodes than are read.
    #[error("the file has {found} nodes, at most {limit} are read")]
    TooManyNodes {
        /// Nodes in the file.
        found: usize,
        /// Largest number that is read.
        limit: usize,
    },
    /// A version of the operators that is not known.
    #[error("the file uses version {found} of ONNX's operators, known are {min} to {max}")]
    Opset {
        /// The file's version.
        found: i64,
        /// The oldest one known.
        min: i64,
        /// The newest one known.
        max: i64,
    },
    /// Another number of inputs or outputs.
    #[error("the network has {found} {what}s, expected is one {what}")]
    Ends {
        /// `input` or `output`.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An input that is no image.
    #[error(
        "the input {found} is no image: expected are [N, C, H, W] with C = 1 or 3 and sides of 1 to {max_px} px, in f32 \
         or f16"
    )]
    Input {
        /// Type and shape in the file.
        found: String,
        /// Longest side that is read.
        max_px: usize,
    },
    /// A result that is no enlarged image.
    #[error(
        "the result has the shape {found:?} for an input of {input:?}: expected are the same channels, and 1 to 8 times \
         the sides"
    )]
    Output {
        /// Shape of the input.
        input: Vec<usize>,
        /// Shape of the result.
        found: Vec<usize>,
    },
    /// The network depends on the size of its input.
    #[error(
        "the network is not the same for images of {0} and {1} px: it has to be the same for all sizes"
    )]
    Sizes(String, String),
    /// Weights in another file.
    #[error(
        "the tensor `{0}` lies in another file: save the model with all its weights in one file"
    )]
    External(String),
    /// A tensor of other than numbers.
    #[error(
        "the tensor `{name}` has elements of type {found}, known are floats of 16, 32 and 64 bits, integers and booleans"
    )]
    Element {
        /// The tensor.
        name: String,
        /// Number of the type in ONNX.
        found: i32,
    },
    /// Dimensions that do not fit the data.
    #[error(
        "the tensor `{name}` has the shape {dims:?}, but holds {found} values or bytes that do not fit it"
    )]
    TensorSize {
        /// The tensor.
        name: String,
        /// Its dimensions.
        dims: Vec<i64>,
        /// Values, or bytes, that the file holds.
        found: usize,
    },
    /// A weight that is no number.
    #[error("the parameter `{0}` holds a value that is not finite")]
    NotFinite(String),
    /// A value that a later node computes.
    #[error(
        "{node} reads `{value}`, which only it or a later node computes: the nodes have a cycle or are not in order"
    )]
    Order {
        /// The node.
        node: String,
        /// The value.
        value: String,
    },
    /// A value that is not computed.
    #[error("{node} reads `{value}`, which no node computes")]
    Unknown {
        /// The node, or the result.
        node: String,
        /// The value.
        value: String,
    },
    /// A value that is computed twice.
    #[error("{node} computes `{value}`, which exists already")]
    Duplicate {
        /// The node.
        node: String,
        /// The value.
        value: String,
    },
    /// An operator that is not known.
    #[error("{node}: the operator {operator} is not supported")]
    Operator {
        /// The node.
        node: String,
        /// Its operator, with the domain if it is not ONNX's own.
        operator: String,
    },
    /// An option of an operator that is not known.
    #[error("{node}: {attribute} = {found} is not supported, only {expected}")]
    Attribute {
        /// The node.
        node: String,
        /// The attribute, or the input that takes its place.
        attribute: String,
        /// Its value.
        found: String,
        /// Values that are supported.
        expected: String,
    },
    /// Values that an operator cannot process here.
    #[error("{node}: {problem}")]
    Operand {
        /// The node.
        node: String,
        /// The reason.
        problem: String,
    },
    /// More numbers than are computed.
    #[error("{node}: the network would need more than {limit} numbers")]
    TooLarge {
        /// The node.
        node: String,
        /// Largest number of values.
        limit: usize,
    },
    /// A step that the engine refuses.
    #[error("{node}: {source}")]
    Step {
        /// The node.
        node: String,
        /// The engine's reason.
        source: GraphError,
    },
}

/// The reason for which a node is refused; [`ReadError`] adds the node.
#[derive(Debug)]
pub(super) enum Problem {
    Operator,
    Attribute {
        name: &'static str,
        found: String,
        expected: &'static str,
    },
    Operand(String),
    TooLarge,
    Step(GraphError),
    /// An error that needs no node.
    Other(ReadError),
}

impl Problem {
    pub(super) fn attribute(
        name: &'static str,
        found: impl std::fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self::Attribute {
            name,
            found: found.to_string(),
            expected,
        }
    }

    pub(super) fn at(self, node: String, operator: &str) -> ReadError {
        match self {
            Self::Operator => ReadError::Operator {
                node,
                operator: operator.to_string(),
            },
            Self::Attribute {
                name,
                found,
                expected,
            } => ReadError::Attribute {
                node,
                attribute: name.to_string(),
                found,
                expected: expected.to_string(),
            },
            Self::Operand(problem) => ReadError::Operand { node, problem },
            Self::TooLarge => ReadError::TooLarge {
                node,
                limit: super::tensor::MAX_VALUES,
            },
            Self::Step(source) => ReadError::Step { node, source },
            Self::Other(error) => error,
        }
    }
}

impl From<GraphError> for Problem {
    fn from(error: GraphError) -> Self {
        Self::Step(error)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::Other(error)
    }
}

/// An [`Problem::Operand`] with a formatted text.
macro_rules! operand {
    ($($text:tt)*) => { $crate::onnx::read::error::Problem::Operand(format!($($text)*)) };
}
pub(super) use operand;
