//! Weights of other projects' networks: which network they belong to, and its parameters.
//!
//! A network and its sizes are read off the names and shapes of its tensors, as
//! [spandrel](https://github.com/chaiNNer-org/spandrel) does. Each network has a file with its rule, which lists the
//! tensors of its convolutions in the order in which they run; [`Network::blocks`](crate::network::Network) lists the
//! places where they belong in the same order.
//!
//! This module knows nothing of files: callers read the tensors.

mod compact;
mod error;
mod rrdb;
mod span;
mod tensors;

use burn::tensor::{Device, Tensor as BurnTensor, TensorData};

pub use self::error::ImportError;
pub use self::tensors::{Tensor, Tensors};
use crate::layer::Folded;
use crate::network::{CompactActivation, Network, NetworkConfig};

/// Facts that files do not state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Mean of each channel that the network subtracts from its input, in 0…1; by default that of the network's
    /// original implementation.
    pub mean: Option<[f32; 3]>,
    /// Range of the values that the network computes with, 1 or 255; by default that of the network's original
    /// implementation.
    pub range: Option<f32>,
    /// Activation of a `compact` network without slopes.
    pub activation: Option<CompactActivation>,
}

/// A network that was recognised.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network and its sizes.
    pub config: NetworkConfig,
    /// The parameters of its convolutions in the order in which they run.
    layers: Vec<Parameters>,
}

/// Parameters of a convolution.
#[derive(Clone, Debug, PartialEq)]
struct Parameters {
    weight: Tensor,
    bias: Vec<f32>,
    slope: Option<Vec<f32>>,
}

/// A network and the tensors of its convolutions in the order in which they run.
struct Recipe {
    config: NetworkConfig,
    layers: Vec<Source>,
    /// Parts of names of tensors that the network does not need.
    unneeded: &'static [&'static str],
}

/// Where the parameters of a convolution come from.
enum Source {
    /// `NAME.weight` and `NAME.bias`, and PReLU's slopes.
    Conv { name: String, slope: Option<String> },
    /// The three convolutions and the one beside them of SPAN.
    Three { name: String },
    /// A 1×1 convolution that computes `range · (x − mean)`.
    Normalise { mean: [f32; 3], range: f32 },
}

impl Source {
    fn conv(name: impl Into<String>) -> Self {
        Self::Conv {
            name: name.into(),
            slope: None,
        }
    }
}

/// A rule that recognises a network; `None` for other networks.
type Rule = fn(&Tensors, &ImportOptions) -> Option<Result<Recipe, ImportError>>;

const RULES: [Rule; 3] = [compact::recognise, rrdb::recognise, span::recognise];

/// Recognises a network. `device` is only asked for shapes.
///
/// # Errors
/// If no rule recognises it, or if tensors are missing, have other shapes, or are left over.
pub fn import(
    tensors: Tensors,
    options: &ImportOptions,
    device: &Device,
) -> Result<Imported, ImportError> {
    let unknown = ImportError::unknown(&tensors);
    let mut left = Some(tensors);
    while let Some(tensors) = left {
        if let Some(recipe) = RULES.iter().find_map(|rule| rule(&tensors, options)) {
            return collect(&tensors, recipe?, device);
        }
        // Each pass shortens the names, so that it ends.
        left = tensors.without_prefix();
    }
    Err(unknown)
}

/// Reads the parameters of a recipe, and checks that they are all that there are.
fn collect(tensors: &Tensors, recipe: Recipe, device: &Device) -> Result<Imported, ImportError> {
    let Recipe {
        config,
        layers: sources,
        unneeded,
    } = recipe;
    config.validate()?;
    let network = config.init(device);
    let blocks = network.blocks();
    let mut used = Vec::new();
    let mut layers = Vec::new();
    for (source, block) in sources.iter().zip(&blocks) {
        let parameters = match source {
            Source::Conv { name, slope } => {
                let names = [format!("{name}.weight"), format!("{name}.bias")];
                let weight = tensors.get(&names[0])?.clone();
                let bias = tensors.get(&names[1])?.values.clone();
                used.extend(names);
                let slope = slope.as_ref().map(|slope| {
                    used.push(slope.clone());
                    tensors.get(slope).map(|tensor| tensor.values.clone())
                });
                Parameters {
                    weight,
                    bias,
                    slope: slope.transpose()?,
                }
            }
            Source::Three { name } => span::fused(tensors, name, &mut used)?,
            Source::Normalise { mean, range } => span::normalising(*mean, *range),
        };
        let expected = block.weight.shape();
        let (found, channels) = (&parameters.weight.shape, expected[0]);
        let slopes = parameters.slope.as_ref().map_or(channels, Vec::len);
        if found != &expected || parameters.bias.len() != channels || slopes != channels {
            return Err(ImportError::Shape {
                layer: source.to_string(),
                found: found.clone(),
                expected: expected.to_vec(),
            });
        }
        layers.push(parameters);
    }
    if sources.len() != blocks.len() {
        return Err(ImportError::Layers {
            found: sources.len(),
            expected: blocks.len(),
        });
    }
    let needed = |name: &&str| {
        let is_used = used.iter().any(|used| used == name);
        !is_used && !unneeded.iter().any(|part| name.contains(part))
    };
    let left: Vec<&str> = tensors.names().filter(needed).collect();
    match left.first() {
        Some(first) => Err(ImportError::Left {
            first: first.to_string(),
            count: left.len(),
        }),
        None => Ok(Imported { config, layers }),
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Conv { name, .. } | Self::Three { name } => f.write_str(name),
            Self::Normalise { .. } => f.write_str("mean and range"),
        }
    }
}

impl Imported {
    /// The network with its parameters.
    pub fn network(&self, device: &Device) -> Network {
        let vector = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            BurnTensor::from_data(data, device)
        };
        let folded = self.layers.iter().map(|layer| {
            let Tensor { shape, values } = &layer.weight;
            let shape = <[usize; 4]>::try_from(shape.as_slice()).unwrap_or_default();
            Folded {
                weight: BurnTensor::from_data(TensorData::new(values.clone(), shape), device),
                bias: Some(vector(&layer.bias)),
                slope: layer.slope.as_deref().map(vector),
            }
        });
        self.config.with_parameters(folded.collect(), device)
    }
}
