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
            Step::Activate {
                input,
                activation: function,
            } => {
                json!({ "kind": "activate", "input": input, "activation": activation(function)? })
            }
            Step::Sum { terms, constant } => {
                let terms = terms.iter().map(|term| json!([term.value, term.factor]));
                let terms: Vec<Value> = terms.collect();
                json!({ "kind": "sum", "terms": terms, "constant": constant })
            }
            Step::Product { a, b, factor } if *factor == 1.0 => {
                json!({ "kind": "product", "inputs": [a, b] })
            }
            Step::Concat { inputs } => json!({ "kind": "concat", "inputs": inputs }),
            Step::Product { .. }
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

fn activation(activation: &Activation) -> anyhow::Result<Value> {
    Ok(match activation {
        Activation::None => Value::Null,
        Activation::Relu => json!("Relu"),
        Activation::Sigmoid => json!("Sigmoid"),
        Activation::Silu => json!("Silu"),
        Activation::PRelu(slopes) => json!(slopes),
        Activation::LeakyRelu(_)
        | Activation::Tanh
        | Activation::Gelu
        | Activation::Clamp { .. } => bail!("no ONNX form of this activation: {activation:?}"),
    })
}

fn convolution(conv: &Conv, channels_in: usize) -> anyhow::Result<Value> {
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
        "activation": activation(&conv.activation)?,
    }))
}
