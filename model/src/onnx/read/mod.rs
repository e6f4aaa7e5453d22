//! Reads networks from [ONNX](https://onnx.ai) files.
//!
//! A file is a list of nodes. Their operators are more general than an engine's steps, and among them lies the
//! arithmetic by which exporters compute shapes. A file is read in four stages:
//!
//! 1. [`trace`] runs the nodes for an image of a given size: it computes all numbers that do not depend on pixels,
//!    and makes [`layers`] of the rest. Strides, transposed convolutions and reshapes become convolutions and shuffles.
//! 2. [`simplify`] merges layers: batch normalization and activations into convolutions, slices likewise.
//! 3. [`lower`] makes a graph and its parameters of the layers.
//! 4. If the file leaves the image's size open, all this is done for two sizes, and the graphs have to be equal.

mod error;
mod fields;
mod fold;
mod layers;
mod lower;
mod names;
mod node;
mod operators;
mod simplify;
mod taps;
mod tensor;
#[cfg(test)]
mod tests;
mod trace;
mod view;

use std::collections::{BTreeMap, HashSet};

use engine::graph::Graph;
use engine::{Colour, Input, Spec};
use prost::Message;

pub use self::error::ReadError;
use self::tensor::Budget;
use super::proto;

/// A network read from an ONNX file.
#[derive(Clone, Debug, PartialEq)]
pub struct OnnxNetwork {
    /// Its steps.
    pub graph: Graph,
    /// The numbers of the parameters that the graph names, all finite.
    pub parameters: BTreeMap<String, Vec<f32>>,
    /// Its scale, and the planes that it reads.
    pub spec: Spec,
}

/// Most nodes of a file. Shapes take many of them; networks have hundreds of layers.
const MAX_NODES: usize = 1 << 14;

/// Versions of ONNX's operators that are read.
const OPSETS: [i64; 2] = [7, 24];

/// Rows and columns for which a file of open size is read. All usual strides divide them, and 256 maps of four times the
/// size have fewer values than 32 bits count.
const SIZES: [[usize; 2]; 2] = [[192, 384], [576, 192]];

/// Longest side of an image, in pixels, in a file that fixes it.
const MAX_IMAGE_PX: usize = 1 << 14;

/// Largest scale of a network.
const MAX_SCALE: usize = 8;

/// Reads the network of an ONNX file that makes an image of an image: one input `[N, C, H, W]` with 1 or 3 channels,
/// one result of the same channels and 1 to 8 times the size. Its values are `range` times those of a graph, 0…1.
pub fn read(bytes: &[u8], range: f32) -> Result<OnnxNetwork, ReadError> {
    let model = decode(bytes)?;
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| ReadError::Format("it has no graph".into()))?;
    if graph.node.len() > MAX_NODES {
        return Err(ReadError::TooManyNodes {
            found: graph.node.len(),
            limit: MAX_NODES,
        });
    }
    let opset = opset(&model)?;
    let image = Image::of(graph)?;
    let size = |open: [usize; 2]| [0, 1].map(|axis| image.sides[axis].unwrap_or(open[axis]));
    let [first, second] = SIZES.map(size);
    let network = convert(graph, opset, &image, range, first)?;
    if first != second && convert(graph, opset, &image, range, second)? != network {
        let text = |[rows, columns]: [usize; 2]| format!("{columns}×{rows}");
        return Err(ReadError::Sizes(text(first), text(second)));
    }
    Ok(network)
}

fn decode(bytes: &[u8]) -> Result<proto::Model, ReadError> {
    fields::check_fields(bytes).map_err(|problem| ReadError::Format(problem.into()))?;
    proto::Model::decode(bytes).map_err(|error| ReadError::Format(error.to_string()))
}

/// The version of ONNX's own operators.
fn opset(model: &proto::Model) -> Result<i64, ReadError> {
    let own = model
        .opset_import
        .iter()
        .find(|set| trace::is_own(&set.domain));
    let found = own.map_or(0, |set| set.version);
    let [min, max] = OPSETS;
    match (min..=max).contains(&found) {
        true => Ok(found),
        false => Err(ReadError::Opset { found, min, max }),
    }
}

/// The file's input.
struct Image {
    name: String,
    channels: usize,
    batch: usize,
    /// Rows and columns; `None` where they are open.
    sides: [Option<usize>; 2],
}

impl Image {
    fn of(graph: &proto::Graph) -> Result<Self, ReadError> {
        // Old versions list the weights among the inputs.
        let weights: HashSet<&str> = graph
            .initializer
            .iter()
            .map(|tensor| &tensor.name[..])
            .collect();
        let is_image = |input: &&proto::ValueInfo| !weights.contains(&input.name[..]);
        let inputs: Vec<_> = graph.input.iter().filter(is_image).collect();
        let [input] = inputs[..] else {
            return Err(ReadError::Ends {
                what: "input",
                found: inputs.len(),
            });
        };
        let kind = input.r#type.as_ref().and_then(|kind| kind.tensor.as_ref());
        let shape = kind.and_then(|kind| kind.shape.as_ref());
        // More would only make the error longer.
        let sides = shape.into_iter().flat_map(|shape| &shape.dim).take(8);
        let dims: Vec<i64> = sides.map(|dim| dim.value).collect();
        let element = kind.map_or(0, |kind| kind.element);
        let refused = || ReadError::Input {
            found: format!("of type {element} and shape {dims:?}"),
            max_px: MAX_IMAGE_PX,
        };
        let [batch, channels, rows, columns] = dims[..] else {
            return Err(refused());
        };
        use proto::ElementType::{Bfloat16, Double, Float, Float16};
        let is_float = [Float, Float16, Bfloat16, Double]
            .iter()
            .any(|kind| *kind as i32 == element);
        // Open sides have a name, or nothing, in place of a number.
        let side = |side: i64| match usize::try_from(side) {
            Ok(0) => Ok(None),
            Ok(side) if side <= MAX_IMAGE_PX => Ok(Some(side)),
            Err(_) if side == -1 => Ok(None),
            _ => Err(refused()),
        };
        if !is_float || ![1, 3].contains(&channels) || !(-1..=64).contains(&batch) {
            return Err(refused());
        }
        Ok(Self {
            name: input.name.clone(),
            channels: channels as usize,
            batch: batch.max(1) as usize,
            sides: [side(rows)?, side(columns)?],
        })
    }
}

/// The network for images of `size` (rows and columns).
fn convert(
    graph: &proto::Graph,
    opset: i64,
    image: &Image,
    range: f32,
    [rows, columns]: [usize; 2],
) -> Result<OnnxNetwork, ReadError> {
    let input = [image.batch, image.channels, rows, columns];
    let mut budget = Budget::new();
    let (layers, result, shape) =
        trace::trace(graph, opset, (&image.name, input), range, &mut budget)?;
    let scale = shape.get(2).map_or(0, |result| result / rows);
    let expected = [image.batch, image.channels, rows * scale, columns * scale];
    if shape != expected || !(1..=MAX_SCALE).contains(&scale) {
        return Err(ReadError::Output {
            input: input.to_vec(),
            found: shape,
        });
    }
    let at_node = |(node, problem)| trace::at(graph, node, problem);
    let (layers, _) = simplify::simplify(layers, result, &mut budget).map_err(at_node)?;
    let (graph, parameters) = lower::lower(&layers, &mut budget).map_err(at_node)?;
    let colour = match image.channels {
        1 => Colour::Y,
        _ => Colour::Rgb,
    };
    Ok(OnnxNetwork {
        graph,
        parameters,
        spec: Spec {
            scale,
            colour,
            input: Input::LowResolution,
        },
    })
}
