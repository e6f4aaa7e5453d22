//! Makes a network of the kind `graph` of an ONNX file.

use engine::graph::{Graph, Kernel, Parameter, Step};

use super::{ImportError, ImportOptions, Parameters, Tensor};
use crate::network::{GraphConfig, NetworkConfig};
use crate::onnx::{self, OnnxNetwork};

pub(super) fn read(
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<(NetworkConfig, Vec<Parameters>), ImportError> {
    let ImportOptions {
        mean,
        range,
        activation,
    } = options;
    if mean.is_some() || activation.is_some() {
        return Err(ImportError::Open(
            "an ONNX file states its mean and its activations: leave --mean and --activation out",
        ));
    }
    let OnnxNetwork {
        graph,
        parameters,
        spec,
    } = onnx::read(bytes, range.unwrap_or(1.0))?;
    let value = |parameter: &Parameter| {
        let found = parameters.get(&parameter.name);
        let missing = || ImportError::Missing(parameter.name.clone());
        found.cloned().ok_or_else(missing)
    };
    let layers = layers(&graph, value)?;
    let config = GraphConfig::new(graph, spec)?;
    Ok((NetworkConfig::Graph(config), layers))
}

/// The parameters of the convolutions in the order in which they run.
fn layers(
    graph: &Graph,
    value: impl Fn(&Parameter) -> Result<Vec<f32>, ImportError>,
) -> Result<Vec<Parameters>, ImportError> {
    let mut layers = Vec::new();
    for step in graph.steps() {
        let Step::Conv(conv) = step else { continue };
        let Kernel::Parameter { weight, bias, .. } = &conv.kernel else {
            continue;
        };
        let bias = match bias {
            Some(bias) => value(bias)?,
            None => vec![0.0; conv.channels_out],
        };
        let slope = match &conv.activation {
            engine::graph::Activation::PRelu(slopes) => Some(value(slopes)?),
            _ => None,
        };
        layers.push(Parameters {
            weight: Tensor {
                shape: weight.shape.to_vec(),
                values: value(weight)?,
            },
            bias,
            slope,
        });
    }
    Ok(layers)
}
