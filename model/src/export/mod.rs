//! Writes networks in the formats of other projects.
//!
//! An ONNX file ([`onnx()`]) holds the network itself, and any runtime gives its result. A safetensors file
//! ([`safetensors()`]) holds its parameters under the names of a public PyTorch implementation.

mod names;
mod safetensors;

pub use self::safetensors::safetensors;

use crate::network::Network;
use crate::onnx;
use crate::ops::BuildError;
use crate::record::Metadata;

/// A network that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No public implementation that could read the file.
    #[error(
        "a network of the kind `{kind}` has no public PyTorch implementation whose names the file could use; write \
         ONNX, or a network of the kind {known}"
    )]
    Kind {
        /// The network.
        kind: String,
        /// The networks that can be written.
        known: &'static str,
    },
    /// A network whose sizes the public implementation does not have.
    #[error("the public PyTorch implementation has no {0}; write ONNX")]
    Variant(&'static str),
    /// The network's graph cannot be built.
    #[error(transparent)]
    Graph(#[from] BuildError),
    /// The graph cannot be written as ONNX.
    #[error(transparent)]
    Onnx(#[from] onnx::WriteError),
    /// The file cannot be put together.
    #[error("the file cannot be written: {0}")]
    Write(String),
}

/// Writes a folded network as ONNX: RGB images in 0…1, `[1, 3, h, w]` → `[1, 3, s·h, s·w]`, of any size.
///
/// A network that computes on luma is written with the colour conversion, and one that reads enlarged images with the
/// interpolation, so that the file gives what [`engine::pipeline`] gives, before that rounds to 8 bits.
pub fn onnx(network: &Network, metadata: &Metadata) -> Result<Vec<u8>, ExportError> {
    let about = onnx::About {
        name: &metadata.name,
        version: env!("CARGO_PKG_VERSION"),
        metadata: facts(metadata),
    };
    let (graph, plan) = (network.graph()?, network.plan()?);
    Ok(onnx::write(
        &graph,
        &plan,
        &metadata.network.spec(),
        &about,
    )?)
}

/// Facts about the network that the file records.
fn facts(metadata: &Metadata) -> Vec<(String, String)> {
    let mut facts = vec![
        ("name".to_string(), metadata.name.clone()),
        (
            "scale".to_string(),
            metadata.network.spec().scale.to_string(),
        ),
        ("degradation".to_string(), metadata.degradation.clone()),
    ];
    if let Some(imported) = &metadata.origin.imported {
        facts.push(("imported_from".into(), imported.file.clone()));
        facts.push(("imported_sha256".into(), imported.sha256.clone()));
        let given = [("licence", &imported.licence), ("credit", &imported.credit)];
        for (name, text) in given {
            facts.extend(text.iter().map(|text| (name.into(), text.clone())));
        }
    }
    facts
}

/// The values of a parameter.
fn values<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Result<Vec<f32>, ExportError> {
    let data = tensor.into_data().try_into_vec();
    data.map_err(|e| ExportError::Write(e.to_string()))
}
