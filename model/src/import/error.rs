//! Files that cannot be imported.

use super::Tensors;
use crate::network::{ConfigError, GraphConfigError};
use crate::onnx;
use crate::weights::WeightsError;

/// A file of which no network can be made.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Neither format.
    #[error(
        "this is no complete PyTorch (.pth, written by torch.save), safetensors or ONNX file: it begins with \"{start}\""
    )]
    Foreign {
        /// The first bytes, escaped.
        start: String,
    },
    /// A mean that no image has.
    #[error("the mean is {0:?}, but its numbers have to be between 0 and 1")]
    Mean([f32; 3]),
    /// An unusual range.
    #[error("the range is {0}, but has to be 1 or 255")]
    Range(f32),
    /// A file of weights that cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An ONNX file that cannot be read, or has an operator that graphs lack.
    #[error(transparent)]
    Onnx(#[from] onnx::ReadError),
    /// An ONNX file's graph that a network cannot have.
    #[error(transparent)]
    Graph(#[from] GraphConfigError),
    /// A network that no rule recognises.
    #[error(
        "the network is not known{}: its tensors are called {names}. Known are compact (SRVGGNetCompact), rrdb (ESRGAN, \
         Real-ESRGAN) and span (SPAN)",
        likely(*.family)
    )]
    Unknown {
        /// The first names.
        names: String,
        /// The network that it seems to be.
        family: Option<&'static str>,
    },
    /// A network that is known, in a variant that is not.
    #[error("the file holds {0}, which is not supported")]
    Variant(&'static str),
    /// A tensor that the network needs.
    #[error("the tensor `{0}` is missing")]
    Missing(String),
    /// A layer with other sizes than the others imply.
    #[error("the layer {layer} has the shape {found:?}, but its network needs {expected:?}")]
    Shape {
        /// The layer.
        layer: String,
        /// Shape of its weight in the file.
        found: Vec<usize>,
        /// Shape that the network needs.
        expected: Vec<usize>,
    },
    /// Another number of layers.
    #[error("the file has {found} layers, but its network needs {expected}")]
    Layers {
        /// Layers in the file.
        found: usize,
        /// Layers of the network.
        expected: usize,
    },
    /// Tensors that the network does not have.
    #[error("{count} tensors belong to no layer of the network, `{first}` among them")]
    Left {
        /// The first of their names.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// A file that leaves a fact open.
    #[error("{0}")]
    Open(&'static str),
    /// Sizes that are not supported.
    #[error("the network has sizes that are not supported: {0}")]
    Config(#[from] ConfigError),
}

/// Names that appear in files of networks that other projects know.
const FAMILIES: [(&str, &str); 12] = [
    (
        "relative_position_bias_table",
        "SwinIR, HAT or another transformer",
    ),
    ("residual_group", "SwinIR, HAT or another transformer"),
    ("attn.", "a transformer"),
    ("unet1.", "Real-CUGAN"),
    ("m_head", "SCUNet or DRUNet"),
    ("feats.0", "PLKSR"),
    ("body.0.body.0", "EDSR"),
    ("conv_up1", "a relative of ESRGAN"),
    ("sub_mean", "EDSR or RCAN"),
    ("block_1.c1_r", "a relative of SPAN"),
    ("model.2.weight", "DnCNN or FFDNet"),
    ("stages.0", "a network of several stages"),
];

fn likely(family: Option<&str>) -> String {
    family.map_or_else(String::new, |family| format!(" (it may be {family})"))
}

/// Names that an error lists.
const LISTED: usize = 3;

impl ImportError {
    pub(super) fn unknown(tensors: &Tensors) -> Self {
        let family = FAMILIES
            .iter()
            .find(|(part, _)| tensors.names().any(|name| name.contains(part)));
        let mut names: Vec<&str> = tensors.names().take(LISTED).collect();
        if tensors.names().count() > LISTED {
            names.push("…");
        }
        Self::Unknown {
            names: names.join(", "),
            family: family.map(|(_, family)| *family),
        }
    }
}
