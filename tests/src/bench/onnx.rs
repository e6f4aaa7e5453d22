//! Exports a record's network as an ONNX file, for the peers.

use std::path::Path;

use anyhow::bail;
use engine::graph::{Activation, Conv, Padding, Plan, Step};
use serde_json::{Value, json};

use super::python::{Python, text};

/// Writes a record's network as an ONNX file. `max` writes PReLU as a maximum, which onnxruntime runs faster on a CPU.
pub fn write_onnx(python: &Python, record: &[u8], path: &Path, max: bool) -> anyhow::Result<()> {
    let (plan, _) = crate::plan(record)?;
    let steps = path.with_extension("json");
    std::fs::write(&steps, serde_json::to_vec(&description(&plan)?)?)?;
    let options: &[&str] = if max { &["max"] } else { &[] };
    let files = [text(&steps)?, text(path)?];
    python.script("onnx/make.py", &[&files, options].concat())?;
    Ok(())
}

/// The plan as JSON for `make.py`; the steps refer to values by number, as in the plan.
fn description(plan: &Plan) -> anyhow::Result<Value> {
    let channels = |value: usize| plan.extents()[value].channels;
    let mut steps = Vec::new();
    for step in plan.steps() {
        steps.push(match step {
            Step::Conv(conv) => convolution(conv, channels(conv.input))?,
            Step::Shuffle { input, scale, skip } => {
                json!({
                    "kind": "shuffle",
                    "input": input,
                    "scale": scale,
                    "skip": skip,
                    "channels": channels(*input) / (scale * scale),
                })
            }
            Step::Sum { terms, constant }
                if terms.len() == 2
                    && *constant == 0.0
                    && terms.iter().all(|term| term.factor == 1.0) =>
            {
                json!({ "kind": "add", "inputs": [terms[0].value, terms[1].value] })
            }
            Step::Concat { inputs } => json!({ "kind": "concat", "inputs": inputs }),
            Step::Activate { .. }
            | Step::Sum { .. }
            | Step::Product { .. }
            | Step::Unshuffle { .. }
            | Step::Repeat { .. }
            | Step::Mean { .. }
            | Step::Pad { .. }
            | Step::Align { .. }
            | Step::Crop { .. } => bail!("no ONNX form of this step: {}", step.kind()),
        });
    }
    Ok(json!({ "channels": plan.input().channels, "steps": steps }))
}

fn convolution(conv: &Conv, channels_in: usize) -> anyhow::Result<Value> {
    let activation = match &conv.activation {
        Activation::None => Value::Null,
        Activation::Relu => json!("relu"),
        Activation::PRelu(slopes) => json!(slopes),
        Activation::LeakyRelu(_)
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Silu
        | Activation::Gelu
        | Activation::Clamp { .. } => {
            bail!("no ONNX form of this activation: {:?}", conv.activation)
        }
    };
    if conv.dilation != 1 {
        bail!("no ONNX form of a dilated convolution");
    }
    Ok(json!({
        "kind": "conv",
        "input": conv.input,
        "add": conv.add,
        "groups": conv.groups,
        "padding": match conv.padding {
            Padding::Same => conv.k / 2,
            Padding::Valid => 0,
        },
        "shape": [conv.channels_out, channels_in / conv.groups, conv.k, conv.k],
        "weight": conv.kernel.weight,
        "bias": conv.kernel.bias,
        "activation": activation,
    }))
}
