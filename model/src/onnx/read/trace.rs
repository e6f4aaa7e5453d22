//! Runs the nodes of a file for an image of a given size, and makes layers of those that depend on its pixels.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::error::{Problem, ReadError, operand};
use super::fold;
use super::layers::{Id, Layer, Layers};
use super::node::{Node, Value, label};
use super::proto;
use super::tensor::{Budget, Tensor};
use super::view::{Realised, View};

/// The layers of the nodes that have been read.
pub(super) struct Tracer<'b> {
    pub(super) layers: Layers,
    pub(super) budget: &'b mut Budget,
    /// Images that the network takes at once.
    pub(super) batch: usize,
}

/// Whether a domain is that of ONNX's own operators.
pub(super) fn is_own(domain: &str) -> bool {
    ["", "ai.onnx"].contains(&domain)
}

/// Adds the node to a problem.
pub(super) fn at(graph: &proto::Graph, node: usize, problem: Problem) -> ReadError {
    match graph.node.get(node) {
        Some(node) => problem.at(label(node), &operator(node)),
        None => problem.at("the result".into(), ""),
    }
}

fn operator(node: &proto::Node) -> String {
    match is_own(&node.domain) {
        true => node.op_type.clone(),
        false => format!("{}.{}", node.domain, node.op_type),
    }
}

/// All layers, the one that computes the result, and the result's shape. The nodes compute with values of 0…`range`.
pub(super) fn trace(
    graph: &proto::Graph,
    opset: i64,
    (image, shape): (&str, [usize; 4]),
    range: f32,
    budget: &mut Budget,
) -> Result<(Vec<Layer>, Id, Vec<usize>), ReadError> {
    let [batch, channels, rows, columns] = shape;
    let mut tracer = Tracer {
        layers: Layers::new([channels, rows, columns]),
        budget,
        batch,
    };
    let mut values: HashMap<&str, Value> = HashMap::new();
    for tensor in &graph.initializer {
        let read = Value::Constant(Rc::new(Tensor::read(tensor)?));
        if values.insert(&tensor.name, read).is_some() {
            return Err(ReadError::Duplicate {
                node: "an initializer".into(),
                value: tensor.name.clone(),
            });
        }
    }
    let scaled = |layers: &mut Layers, id, factor: f32| match factor {
        1.0 => Ok(id),
        factor => layers.scale(id, factor, 0.0),
    };
    let input = scaled(&mut tracer.layers, 0, range).map_err(|problem| at(graph, 0, problem))?;
    values.insert(image, Value::Maps(View::of(input, shape)));
    let computed: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(|name| &name[..]))
        .collect();
    for (i, node) in graph.node.iter().enumerate() {
        tracer.layers.node = i;
        let input = |name: &String| match values.get(&name[..]) {
            Some(value) => Ok(Some(value.clone())),
            None if name.is_empty() => Ok(None),
            None => Err(missing(label(node), name, &computed)),
        };
        let inputs = node.input.iter().map(input).collect::<Result<_, _>>()?;
        let inputs = Node {
            proto: node,
            inputs,
            opset,
        };
        let results = tracer
            .run(&inputs)
            .map_err(|problem| at(graph, i, problem))?;
        for (name, value) in node.output.iter().zip(results) {
            if !name.is_empty() && values.insert(name, value).is_some() {
                return Err(ReadError::Duplicate {
                    node: label(node),
                    value: name.clone(),
                });
            }
        }
    }
    let [output] = &graph.output[..] else {
        return Err(ReadError::Ends {
            what: "output",
            found: graph.output.len(),
        });
    };
    let result = values.get(&output.name[..]);
    let result = result.ok_or_else(|| missing("the result".into(), &output.name, &computed))?;
    let end = graph.node.len();
    let id = tracer
        .maps(result)
        .and_then(|id| scaled(&mut tracer.layers, id, 1.0 / range))
        .map_err(|problem| at(graph, end, problem))?;
    let [channels, rows, columns] = tracer.layers.shape(id);
    Ok((tracer.layers.all, id, vec![batch, channels, rows, columns]))
}

fn missing(node: String, value: &str, computed: &HashSet<&str>) -> ReadError {
    let value = value.to_string();
    match computed.contains(&value[..]) {
        true => ReadError::Order { node, value },
        false => ReadError::Unknown { node, value },
    }
}

impl Tracer<'_> {
    /// The values that a node computes.
    fn run(&mut self, node: &Node) -> Result<Vec<Value>, Problem> {
        if !is_own(&node.proto.domain) {
            return Err(Problem::Operator);
        }
        if let Some(results) = fold::fold(node, self.budget)? {
            let name = |(mut tensor, name): (Tensor, &String)| {
                tensor.name.clone_from(name);
                Value::Constant(Rc::new(tensor))
            };
            return Ok(results
                .into_iter()
                .zip(&node.proto.output)
                .map(name)
                .collect());
        }
        self.operator(node)
    }

    /// The layer of feature maps `[n, c, h, w]`.
    pub(super) fn maps(&self, value: &Value) -> Result<Id, Problem> {
        match value {
            Value::Constant(tensor) => Err(operand!(
                "expects feature maps, but `{}` is constant",
                tensor.name
            )),
            Value::Maps(view) => {
                let plain = *view == self.view(view.base);
                match plain {
                    true => Ok(view.base),
                    false => Err(operand!(
                        "expects feature maps [N, C, H, W]; a rearrangement of them to {:?} is not supported",
                        view.shape()
                    )),
                }
            }
        }
    }

    fn base_shape(&self, view: &View) -> [usize; 4] {
        let [channels, rows, columns] = self.layers.shape(view.base);
        [self.batch, channels, rows, columns]
    }

    /// A layer's result as it is.
    pub(super) fn view(&self, id: Id) -> View {
        let [channels, rows, columns] = self.layers.shape(id);
        View::of(id, [self.batch, channels, rows, columns])
    }

    pub(super) fn value(&self, id: Id) -> Value {
        Value::Maps(self.view(id))
    }

    /// A reshaped or transposed value: the layers that compute it if it has become maps again.
    pub(super) fn settled(&mut self, view: View) -> Result<Value, Problem> {
        let id = match view.realised(self.base_shape(&view)) {
            None => return Ok(Value::Maps(view)),
            Some(Realised::Pick(channels)) => {
                self.budget.charge(channels.len())?;
                self.layers.pick(view.base, channels)?
            }
            Some(Realised::PickThenShuffle(channels, scale)) => {
                self.budget.charge(channels.len())?;
                let picked = self.layers.pick(view.base, channels)?;
                self.layers.shuffle(picked, scale)?
            }
            Some(Realised::UnshuffleThenPick(scale, channels)) => {
                self.budget.charge(channels.len())?;
                let phases = self.layers.unshuffle(view.base, scale)?;
                self.layers.pick(phases, channels)?
            }
        };
        Ok(self.value(id))
    }
}
