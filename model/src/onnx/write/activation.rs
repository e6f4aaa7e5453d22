//! Activations as nodes.

use std::f32::consts::SQRT_2;

use engine::graph::Activation;

use super::WriteError;
use super::writer::{Writer, float};

/// Writes an activation of `input`; returns its result, which for no activation is the input itself. `slopes` is the
/// name of PReLU's parameter.
pub(super) fn write(
    writer: &mut Writer,
    activation: &Activation,
    input: &str,
    name: &str,
    slopes: &str,
) -> Result<String, WriteError> {
    let named = |kind: &str| format!("{name}/{kind}");
    let plain =
        |writer: &mut Writer, operator, kind| writer.plain(operator, &named(kind), &[input]);
    Ok(match activation {
        Activation::None => input.to_string(),
        Activation::Relu => plain(writer, "Relu", "relu"),
        Activation::Sigmoid => plain(writer, "Sigmoid", "sigmoid"),
        Activation::Tanh => plain(writer, "Tanh", "tanh"),
        Activation::LeakyRelu(slope) => {
            let alpha = vec![float("alpha", *slope)];
            writer.node("LeakyRelu", &named("leaky"), &[input], alpha)
        }
        Activation::PRelu(values) => {
            let slopes = writer.floats(slopes, &[values.len(), 1, 1], values)?;
            writer.plain("PRelu", &named("prelu"), &[input, &slopes])
        }
        Activation::Silu => {
            let sigmoid = plain(writer, "Sigmoid", "sigmoid");
            writer.plain("Mul", &named("silu"), &[input, &sigmoid])
        }
        Activation::Gelu => gelu(writer, input, name)?,
        Activation::Clamp { low, high } => {
            let low = writer.float("low", *low)?;
            let high = writer.float("high", *high)?;
            writer.plain("Clip", &named("clamp"), &[input, &low, &high])
        }
    })
}

/// As PyTorch writes it, so that runtimes that look for this pattern find it.
fn gelu(writer: &mut Writer, input: &str, name: &str) -> Result<String, WriteError> {
    let root = writer.float("root_of_two", SQRT_2)?;
    let one = writer.float("one", 1.0)?;
    let half = writer.float("half", 0.5)?;
    let mut node = |operator: &str, part: &str, inputs: &[&str]| {
        writer.plain(operator, &format!("{name}/{part}"), inputs)
    };
    let scaled = node("Div", "scaled", &[input, &root]);
    let erf = node("Erf", "erf", &[&scaled]);
    let share = node("Add", "share", &[&erf, &one]);
    let twice = node("Mul", "twice", &[input, &share]);
    Ok(node("Mul", "gelu", &[&twice, &half]))
}
