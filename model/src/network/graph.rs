//! A network that is given by its graph, such as one that was imported from an ONNX file.
//!
//! Every other network has a configuration of a few numbers, and its topology is Rust code. Here the configuration is
//! the graph itself, as text ([`engine::graph::text`]), and the topology is its list of steps. The shapes of the
//! parameters come from the text, their values from the record.

use std::sync::Arc;

use burn::module::Module;
use engine::Spec;
use engine::graph::text::{self, TextError};
use engine::graph::{Activation, Conv, Form, Kernel, NamedStep, Padding, Step};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network};
use crate::layer::{ConvBlock, ConvConfig, Layers, Skip};
use crate::ops::{Ops, Topology};

/// The configuration of a [`Graph`]: its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct GraphConfig {
    graph: Arc<engine::graph::Graph>,
    spec: Spec,
}

// The text form refuses numbers that are not finite, so that every graph equals itself.
impl Eq for GraphConfig {}

/// The configuration as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    steps: String,
}

/// A graph of which no network can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphConfigError {
    /// The text cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A step that a network of this kind does not have.
    #[error("step {number} is {what}, which a network of the kind `graph` cannot have")]
    Step {
        /// Its number, from 1.
        number: usize,
        /// The kind of step.
        what: &'static str,
    },
    /// There is nothing to train or to store.
    #[error("the graph has no convolution")]
    NoConvolution,
}

impl GraphConfig {
    /// A network of these steps. Names of parameters do not matter: the network's convolutions take theirs in the order
    /// in which they run.
    pub fn new(graph: engine::graph::Graph, spec: Spec) -> Result<Self, GraphConfigError> {
        for (i, step) in graph.steps().iter().enumerate() {
            let unsupported = match step {
                Step::Conv(conv) => match conv.kernel {
                    Kernel::Enlarge { .. } => Some("a fixed interpolation"),
                    Kernel::Parameter {
                        form: Form::Plain, ..
                    } => None,
                    Kernel::Parameter { .. } => Some("a convolution with a stride"),
                },
                Step::Activate {
                    activation: Activation::PRelu(_),
                    ..
                } => Some("a PReLU that follows no convolution"),
                _ => None,
            };
            if let Some(what) = unsupported {
                let number = i + 1;
                return Err(GraphConfigError::Step { number, what });
            }
        }
        if convs(graph.steps()).next().is_none() {
            return Err(GraphConfigError::NoConvolution);
        }
        let graph = Arc::new(graph);
        Ok(Self { graph, spec })
    }
}

impl TryFrom<Text> for GraphConfig {
    type Error = GraphConfigError;

    fn try_from(Text { steps }: Text) -> Result<Self, GraphConfigError> {
        let (graph, spec) = text::read(&steps)?;
        Self::new(graph, spec)
    }
}

impl From<GraphConfig> for Text {
    fn from(GraphConfig { graph, spec }: GraphConfig) -> Self {
        Self {
            steps: text::write(&graph, &spec),
        }
    }
}

type NamedConv = Conv<Kernel, engine::graph::Parameter>;

fn convs(steps: &[NamedStep]) -> impl Iterator<Item = &NamedConv> {
    steps.iter().filter_map(|step| match step {
        Step::Conv(conv) => Some(conv),
        _ => None,
    })
}

impl Architecture for GraphConfig {
    fn spec(&self) -> Spec {
        self.spec
    }

    fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let mut convs: Vec<ConvBlock> = convs(self.graph.steps())
            .map(|conv| {
                let shape = match &conv.kernel {
                    Kernel::Parameter { weight, .. } => weight.shape,
                    Kernel::Enlarge { .. } => unreachable!("GraphConfig::new refuses it"),
                };
                let Ok(activation) = conv.activation.try_map(|_| Ok::<_, ()>(())) else {
                    unreachable!("the function does not fail")
                };
                layers.conv(
                    ConvConfig::new(shape)
                        .grouped(conv.groups)
                        .dilated(conv.dilation)
                        .then(activation),
                )
            })
            .collect();
        let last = convs.pop();
        Network::Graph(Graph {
            convs,
            last: last.expect("GraphConfig::new requires a convolution"),
            graph: self.graph.clone(),
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Graph {
    /// All convolutions but the last one, in the order in which they run.
    convs: Vec<ConvBlock>,
    last: ConvBlock,
    #[module(skip)]
    graph: Arc<engine::graph::Graph>,
}

impl Graph {
    /// Number of channels of the network's input.
    pub(super) fn channels(&self) -> usize {
        self.graph.input().channels
    }
}

impl Topology for Graph {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let steps = self.graph.steps();
        let mut convs = self.convs.iter().chain([&self.last]);
        let mut values = Values::new(steps, input);
        for (i, step) in steps.iter().enumerate() {
            let result = match step {
                Step::Conv(conv) => {
                    let block = convs.next().expect("there is a block for each convolution");
                    let input = values.get(conv.input);
                    let maps = match conv.padding {
                        Padding::Same => ops.conv(block, input)?,
                        Padding::Valid => ops.conv_valid(block, input)?,
                    };
                    match conv.add {
                        Some(added) => ops.add(&maps, values.get(added))?,
                        None => maps,
                    }
                }
                Step::Activate { input, activation } => {
                    let Ok(activation) = activation.try_map(|_| Err(())) else {
                        unreachable!("GraphConfig::new refuses PReLU here")
                    };
                    ops.activate(values.get(*input), &activation)?
                }
                Step::Sum { terms, constant } => {
                    let terms: Vec<_> = terms
                        .iter()
                        .map(|term| (values.get(term.value), f64::from(term.factor)))
                        .collect();
                    ops.sum(&terms, f64::from(*constant))?
                }
                Step::Product { a, b, factor } => {
                    let product = ops.product(values.get(*a), values.get(*b))?;
                    match factor {
                        1.0 => product,
                        factor => ops.sum(&[(&product, f64::from(*factor))], 0.0)?,
                    }
                }
                Step::Shuffle { input, scale, skip } => {
                    let maps = values.get(*input);
                    match skip {
                        Some(skip) => {
                            ops.sub_pixel(maps, values.get(*skip), Skip::Nearest, *scale)?
                        }
                        None => ops.sub_pixel(maps, maps, Skip::None, *scale)?,
                    }
                }
                Step::Unshuffle { input, scale } => ops.unshuffle(values.get(*input), *scale)?,
                Step::Repeat { input, scale } => ops.repeat(values.get(*input), *scale)?,
                Step::Mean { input, window } => ops.mean(values.get(*input), *window)?,
                Step::Concat { inputs } => {
                    let parts: Vec<_> = inputs.iter().map(|i| values.get(*i).clone()).collect();
                    ops.concat(&parts)?
                }
                Step::Pad {
                    input,
                    margin,
                    border,
                } => ops.pad(values.get(*input), *margin, *border)?,
                Step::Align { input, multiple } => ops.align(values.get(*input), *multiple)?,
                Step::Crop { input, scale } => ops.crop(values.get(*input), *scale)?,
            };
            values.push(i, step, result);
        }
        Ok(values.result())
    }
}

/// The values that later steps read.
struct Values<Maps> {
    maps: Vec<Option<Maps>>,
    /// The last step that reads each value.
    last_reads: Vec<usize>,
}

impl<Maps> Values<Maps> {
    fn new(steps: &[NamedStep], input: Maps) -> Self {
        let mut last_reads = vec![steps.len(); steps.len() + 1];
        for (i, step) in steps.iter().enumerate() {
            for read in step.reads() {
                last_reads[read.value] = i;
            }
        }
        Self {
            maps: vec![Some(input)],
            last_reads,
        }
    }

    fn get(&self, value: usize) -> &Maps {
        let maps = self.maps[value].as_ref();
        maps.expect("a value is kept until its last reader has run")
    }

    /// Adds the result of step `i`, and frees the values that only it still had to read.
    fn push(&mut self, i: usize, step: &NamedStep, result: Maps) {
        for read in step.reads() {
            if self.last_reads[read.value] == i {
                self.maps[read.value] = None;
            }
        }
        self.maps.push(Some(result));
    }

    fn result(mut self) -> Maps {
        let last = self.maps.pop().flatten();
        last.expect("the last step's result is read by no other step")
    }
}
