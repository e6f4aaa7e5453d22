//! The networks that are measured, and the same ones as ONNX files.

use std::path::Path;

use anyhow::{Context, bail};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use engine::graph::{Activation, Plan, Step};
use engine::image::Planes;
use model::network::NetworkConfig;
use model::record;
use serde_json::{Value, json};

use super::python::{Python, text};

/// The network of 13.7 K parameters that contenders have in common.
const REFERENCE: &str = "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = 16\ndepth = 5\nends_px = 3\n\
                         skip = \"nearest\"\nlong_skip = false";

/// Trainings start from weights that let a picture fade from layer to layer, until nothing but the skip is left of
/// it; with these times the weights it keeps its contrast (He et al. 2015, arXiv:1502.01852), and a wrong picture
/// is seen to be wrong.
const GAIN: f32 = 2.45;

struct Louder;

impl ModuleMapper for Louder {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Kernels, but neither biases nor slopes.
        param.map(|values| if D == 4 { values * GAIN } else { values })
    }
}

/// The reference network as a record: 3→16, five 16→16, 16→12 (all 3×3, PReLU), nearest skip, shuffle ×2.
/// Its weights are random.
pub fn reference() -> anyhow::Result<Vec<u8>> {
    let quiet = crate::model_file(REFERENCE)?;
    let (network, metadata) = record::read(&quiet, &Device::flex())?;
    Ok(record::write(&network.map(&mut Louder), &metadata)?)
}

/// A record's plan.
pub fn plan(record: &[u8]) -> anyhow::Result<Plan> {
    crate::plan(record)?.0.context("the network has no plan")
}

/// Writes a record's network as an ONNX file; `max` writes its PReLUs as maxima, which onnxruntime likes better
/// on a CPU.
pub fn write_onnx(python: &Python, record: &[u8], path: &Path, max: bool) -> anyhow::Result<()> {
    let weights = path.with_extension("json");
    std::fs::write(&weights, serde_json::to_vec(&description(record)?)?)?;
    let options: &[&str] = if max { &["max"] } else { &[] };
    let files = [text(&weights)?, text(path)?];
    python.script("onnx/make.py", &[&files, options].concat())?;
    Ok(())
}

/// What `make.py` takes.
fn description(record: &[u8]) -> anyhow::Result<Value> {
    let (plan, metadata) = crate::plan(record)?;
    let plan = plan.context("the network has no plan")?;
    let NetworkConfig::Plain(config) = metadata.network else {
        bail!("only plain networks are known as ONNX files");
    };
    let mut layers = Vec::new();
    for step in plan.steps() {
        if let Step::Conv(conv) = step {
            let slope = match &conv.activation {
                Activation::None => None,
                Activation::PRelu(slope) => Some(slope),
                other => bail!("plain networks have no {other:?}"),
            };
            let channels_in = plan.extents()[conv.input].channels / conv.groups;
            let shape = [conv.channels_out, channels_in, conv.k, conv.k];
            layers.push(json!({
                "weight": { "shape": shape, "data": conv.weight },
                "bias": conv.bias,
                "slope": slope,
            }));
        }
    }
    Ok(json!({
        "scale": config.scale,
        "channels": config.colour.channels(),
        "skip": config.skip,
        "long_skip": config.long_skip,
        "layers": layers,
    }))
}

/// Planes of noise in 0…1, the same every time.
pub fn noise(channels: usize, side: usize) -> Planes {
    let mut state = 1u32;
    let value = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Few enough bits for a float.
        (state >> 8) as f32 / (1 << 24) as f32
    };
    Planes {
        channels,
        width: side,
        height: side,
        data: (0..channels * side * side).map(value).collect(),
    }
}
