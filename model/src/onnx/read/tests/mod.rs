//! Models that are put together here, and what becomes of them.

mod convolutions;
mod definition;
mod hostile;
mod operators;
mod structure;

use engine::image::Planes;
use engine::{CpuEngine, Engine};
use prost::Message;

use super::proto::{self, ElementType};
use super::{OnnxNetwork, ReadError, read};

/// A model that is being written, node by node.
#[derive(Clone, Default)]
pub(super) struct Writer {
    graph: proto::Graph,
    seed: u64,
}

/// An attribute's value.
pub(super) enum Attr<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

impl Writer {
    /// With an image `x` of open size, or of these rows and columns.
    pub(super) fn new(channels: i64, size: Option<[i64; 2]>) -> Self {
        let [rows, columns] = size.unwrap_or_default();
        let mut writer = Self {
            seed: 1,
            ..Self::default()
        };
        writer.graph.input = vec![value("x", &[1, channels, rows, columns])];
        writer
    }

    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attr)],
    ) -> String {
        self.nodes(operator, inputs, attributes, 1).remove(0)
    }

    pub(super) fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attr)],
        outputs: usize,
    ) -> Vec<String> {
        let count = self.graph.node.len();
        let output: Vec<String> = (0..outputs).map(|i| format!("v{count}.{i}")).collect();
        let attribute = attributes.iter().map(|(name, value)| {
            let mut attribute = proto::Attribute {
                name: name.to_string(),
                ..Default::default()
            };
            match value {
                Attr::Int(i) => attribute.i = *i,
                Attr::Ints(ints) => attribute.ints = ints.to_vec(),
                Attr::Float(f) => attribute.f = *f,
                Attr::Text(text) => attribute.s = text.as_bytes().to_vec(),
            }
            attribute
        });
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|name| name.to_string()).collect(),
            output: output.clone(),
            op_type: operator.into(),
            attribute: attribute.collect(),
            ..Default::default()
        });
        output
    }

    /// Values between −0.5 and 0.5.
    pub(super) fn random(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.seed = self
                .seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (self.seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    pub(super) fn floats(&mut self, dims: &[i64], numbers: &[f32]) -> String {
        let name = format!("w{}", self.graph.initializer.len());
        self.graph.initializer.push(proto::Tensor {
            dims: dims.to_vec(),
            data_type: ElementType::Float as i32,
            float_data: numbers.to_vec(),
            name: name.clone(),
            ..Default::default()
        });
        name
    }

    pub(super) fn ints(&mut self, numbers: &[i64]) -> String {
        let name = format!("w{}", self.graph.initializer.len());
        self.graph.initializer.push(proto::Tensor {
            dims: vec![numbers.len() as i64],
            data_type: ElementType::Int64 as i32,
            raw_data: numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect(),
            name: name.clone(),
            ..Default::default()
        });
        name
    }

    /// A 3×3 convolution with zero padding and random weights.
    pub(super) fn conv3(&mut self, input: &str, [channels_in, channels_out]: [i64; 2]) -> String {
        let weight = self.random((channels_in * channels_out * 9) as usize);
        let weight = self.floats(&[channels_out, channels_in, 3, 3], &weight);
        let bias = self.random(channels_out as usize);
        let bias = self.floats(&[channels_out], &bias);
        self.node(
            "Conv",
            &[input, &weight, &bias],
            &[("pads", Attr::Ints(&[1; 4]))],
        )
    }

    pub(super) fn model(mut self, result: &str) -> proto::Model {
        self.graph.output = vec![value(result, &[])];
        proto::Model {
            ir_version: 8,
            opset_import: vec![proto::OperatorSet {
                domain: String::new(),
                version: 17,
            }],
            graph: Some(self.graph),
            ..Default::default()
        }
    }

    pub(super) fn read(self, result: &str) -> Result<OnnxNetwork, ReadError> {
        read(&self.model(result).encode_to_vec(), 1.0)
    }
}

fn value(name: &str, dims: &[i64]) -> proto::ValueInfo {
    let dim = dims.iter().map(|side| proto::Dimension {
        value: *side,
        ..Default::default()
    });
    proto::ValueInfo {
        name: name.into(),
        r#type: Some(proto::Type {
            tensor: Some(proto::TensorType {
                element: ElementType::Float as i32,
                shape: Some(proto::Shape { dim: dim.collect() }),
            }),
        }),
    }
}

/// A random image `[channels, rows, columns]`.
pub(super) fn image([channels, height, width]: [usize; 3]) -> Planes {
    Planes {
        channels,
        width,
        height,
        data: Writer {
            seed: 7,
            ..Default::default()
        }
        .random(channels * width * height),
    }
}

/// Fails unless the network makes `expected` of the image.
pub(super) fn assert_computes(network: &OnnxNetwork, input: Planes, expected: &Planes, what: &str) {
    let parameters = &network.parameters;
    let plan = network
        .graph
        .compile(|name| parameters.get(name).map(|numbers| &numbers[..]));
    let found = pollster::block_on(CpuEngine::new(&plan.unwrap(), 1).run(input)).unwrap();
    let size = |planes: &Planes| [planes.channels, planes.height, planes.width];
    assert_eq!(size(&found), size(expected), "{what}");
    let pairs = found.data.iter().zip(&expected.data);
    let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 3e-5, "{what}: {apart}");
}
