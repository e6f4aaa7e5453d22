//! Writes networks as ONNX files, so that other runtimes give this project's results.
//!
//! A file holds the whole way from RGB to RGB: the network's steps (`steps`), and around them the pipeline's
//! colour conversion and bicubic enlargement (`colour`), all in operators of ONNX's own set. Results are those of
//! the pipeline before it rounds them to 8 bits; like the pipeline's, they are not clipped to 0…1 before that.
//!
//! The images' sides are open, and so is the batch size. The same network gives the same bytes.

mod activation;
mod check;
mod colour;
mod error;
mod spatial;
mod steps;
#[cfg(test)]
mod tests;
mod writer;

use engine::Spec;
use engine::graph::{Graph, Plan, Size};
use prost::Message;

pub use self::error::WriteError;
use self::writer::Writer;
use super::proto;

/// Version of ONNX's operators.
const OPSET: i64 = 17;

/// Version of ONNX's file format; the one that came with [`OPSET`].
const IR_VERSION: i64 = 8;

/// Largest file: readers of protobuf refuse larger ones.
const MAX_BYTES: u64 = (1 << 31) - 1;

/// The image that a file's graph reads.
const INPUT: &str = "input";

/// The image that a file's graph computes.
const OUTPUT: &str = "output";

/// Facts that a file records about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About<'a> {
    /// Name of the network, such as `fast-x2`.
    pub name: &'a str,
    /// Version of this project.
    pub version: &'a str,
    /// Further entries, name and value; no name may occur twice.
    pub metadata: Vec<(String, String)>,
}

/// An ONNX file of a network: `input [batch, 3, height, width]` → `output [batch, 3, s·height, s·width]`, RGB in
/// 0…1, for the scale s of `spec`. Output values may lie a little outside of 0…1; clip them before rounding.
///
/// `graph` names the parameters whose numbers are in `plan`. Networks on Y get the pipeline's colour conversion and
/// bicubic chroma; networks on grey images return three equal planes, as the pipeline does for colour images.
pub fn write(
    graph: &Graph,
    plan: &Plan,
    spec: &Spec,
    about: &About,
) -> Result<Vec<u8>, WriteError> {
    check::same_steps(graph, plan)?;
    check::spec(plan, spec)?;
    let mut writer = Writer::new();
    let output = colour::write(&mut writer, graph, plan, spec)?;
    let size = [1, 1, spec.scale];
    finish(writer, about, [3, 3], size, output)
}

/// An ONNX file of a network's steps alone, without colour conversion: `input [batch, c, height, width]`, the network's
/// own planes → its result as `output`.
pub fn write_steps(graph: &Graph, plan: &Plan, about: &About) -> Result<Vec<u8>, WriteError> {
    check::same_steps(graph, plan)?;
    let mut writer = Writer::new();
    let output = steps::write(&mut writer, graph, plan, INPUT, "")?;
    let [from, to] = [plan.input(), plan.output()];
    let channels = [from.channels, to.channels];
    finish(writer, about, channels, to.size.parts(), output)
}

/// The file, of whose nodes one computes the value `output`; `size` is that of the result, as in [`Size::parts`].
fn finish(
    mut writer: Writer,
    about: &About,
    [channels_in, channels_out]: [usize; 2],
    size: [usize; 3],
    output: String,
) -> Result<Vec<u8>, WriteError> {
    writer.rename(&output, OUTPUT);
    let image = |name: &str, channels, size| proto::ValueInfo {
        name: name.into(),
        r#type: Some(image(channels, size)),
    };
    let model = proto::Model {
        ir_version: IR_VERSION,
        opset_import: vec![proto::OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
        producer_name: "uprez".into(),
        producer_version: about.version.into(),
        graph: Some(proto::Graph {
            node: writer.nodes,
            name: about.name.into(),
            initializer: writer.initializers,
            input: vec![image(INPUT, channels_in, Size::INPUT.parts())],
            output: vec![image(OUTPUT, channels_out, size)],
        }),
        metadata: metadata(about)?,
    };
    if model.encoded_len() as u64 > MAX_BYTES {
        return Err(WriteError::TooLarge);
    }
    Ok(model.encode_to_vec())
}

/// The type of an image with open sides.
fn image(channels: usize, size: [usize; 3]) -> proto::Type {
    let open = |name: String| proto::Dimension { value: 0, name };
    let channels = proto::Dimension {
        value: channels as i64,
        name: String::new(),
    };
    let sides = ["height", "width"].map(|side| open(length(side, size)));
    let [height, width] = sides;
    proto::Type {
        tensor: Some(proto::TensorType {
            element: proto::ElementType::Float as i32,
            shape: Some(proto::Shape {
                dim: vec![open("batch".into()), channels, height, width],
            }),
        }),
    }
}

/// The length of a result's side as a formula of the input's: `2*width`.
fn length(side: &str, [up, down, multiple]: [usize; 3]) -> String {
    let times = |factor, text: &str| match factor {
        1 => text.to_string(),
        factor => format!("{factor}*{text}"),
    };
    let larger = times(up, side);
    let smaller = match down {
        1 => larger,
        down => format!("ceil({larger}/{down})"),
    };
    times(multiple, &smaller)
}

fn metadata(about: &About) -> Result<Vec<proto::Entry>, WriteError> {
    let mut entries: Vec<proto::Entry> = Vec::new();
    for (key, value) in &about.metadata {
        if entries.iter().any(|entry| entry.key == *key) {
            return Err(WriteError::Metadata(key.clone()));
        }
        entries.push(proto::Entry {
            key: key.clone(),
            value: value.clone(),
        });
    }
    Ok(entries)
}
