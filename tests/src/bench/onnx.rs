//! Writes a record's network as an ONNX file, for the peers.

use std::path::Path;

use burn::tensor::Device;
use model::{onnx, record};

use super::python::{Python, text};

/// Writes a record's network, without colour conversion, as an ONNX file. `max` writes PReLU as a maximum, which
/// onnxruntime runs faster on a CPU.
pub fn write_onnx(python: &Python, record: &[u8], path: &Path, max: bool) -> anyhow::Result<()> {
    let (network, _) = record::read(record, &Device::flex())?;
    let (graph, plan) = (network.graph()?, network.plan()?);
    let about = onnx::About {
        name: "network",
        ..Default::default()
    };
    let file = onnx::write_steps(&graph, &plan, &about)?;
    std::fs::write(path, file)?;
    if max {
        python.script("onnx/prelu_as_max.py", &[text(path)?])?;
    }
    Ok(())
}
