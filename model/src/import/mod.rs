//! Model files of other projects' networks.
//!
//! Of a file of weights (.pth, .safetensors), the network and its sizes are read off the names and shapes of its tensors,
//! as [spandrel](https://github.com/chaiNNer-org/spandrel) does. Each network has a file with its rule, which lists the
//! tensors of its convolutions in the order in which they run; [`Network::blocks`](crate::network::Network) lists the
//! places where they belong in the same order. An ONNX file says itself what the network computes, and becomes a network
//! of the kind `graph`.

pub(crate) mod compact;
mod error;
mod onnx;
pub(crate) mod rrdb;
pub(crate) mod span;
mod tensors;

use burn::tensor::{Device, Tensor as BurnTensor, TensorData};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use self::error::ImportError;
pub use self::tensors::{Tensor, Tensors};
use crate::layer::Folded;
use crate::network::{CompactActivation, Network, NetworkConfig};
use crate::record::{self, ImportedFile, Metadata, Origin, RecordError};
use crate::weights;

/// Facts that files do not state.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// Mean of each channel that a SPAN network subtracts from its input, in 0…1; by default that of the network's
    /// original implementation.
    pub mean: Option<[f32; 3]>,
    /// Range of the values that a SPAN or ONNX network computes with, 1 or 255; by default that of SPAN's original
    /// implementation, and 1 for ONNX.
    pub range: Option<f32>,
    /// Activation of a `compact` network without slopes.
    pub activation: Option<CompactActivation>,
}

impl ImportOptions {
    fn check(&self) -> Result<(), ImportError> {
        if let Some(range) = self.range
            && ![1.0, 255.0].contains(&range)
        {
            return Err(ImportError::Range(range));
        }
        let is_mean = |mean: &[f32; 3]| mean.iter().all(|mean| (0.0..=1.0).contains(mean));
        match self.mean {
            Some(mean) if !is_mean(&mean) => Err(ImportError::Mean(mean)),
            _ => Ok(()),
        }
    }
}

/// Facts about the imported file that the model file records.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Name of the file.
    pub file: String,
    /// Name of the model; by default the file's without its ending.
    pub name: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Authors of the weights.
    pub credit: Option<String>,
}

/// A network that was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network and its sizes.
    pub config: NetworkConfig,
    /// The parameters of its convolutions in the order in which they run.
    layers: Vec<Parameters>,
    /// Of the file, in hexadecimal digits.
    sha256: String,
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
pub(crate) enum Source {
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

/// The key of the first field of an ONNX file, the version of its format.
const ONNX_START: u8 = 0x08;

/// Bytes of an unknown file that an error shows.
const SHOWN_BYTES: usize = 16;

/// Reads a file of weights (.pth, .safetensors) or an ONNX file. Nothing of it is executed. `device` is only asked for
/// shapes.
///
/// # Errors
/// If the file is damaged; if no rule recognises its network, or tensors are missing, have other shapes, or are left
/// over; if an ONNX file has an operator that graphs lack.
pub fn import(
    bytes: &[u8],
    options: &ImportOptions,
    device: &Device,
) -> Result<Imported, ImportError> {
    options.check()?;
    let (config, layers) = match weights::Format::of(bytes) {
        Some(_) => recognise(Tensors::read(bytes)?, options, device)?,
        None if bytes.first() == Some(&ONNX_START) => onnx::read(bytes, options)?,
        None => {
            let start = &bytes[..bytes.len().min(SHOWN_BYTES)];
            return Err(ImportError::Foreign {
                start: start.escape_ascii().to_string(),
            });
        }
    };
    let digest = Sha256::digest(bytes);
    Ok(Imported {
        config,
        layers,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn recognise(
    tensors: Tensors,
    options: &ImportOptions,
    device: &Device,
) -> Result<(NetworkConfig, Vec<Parameters>), ImportError> {
    let unknown = ImportError::unknown(&tensors);
    let mut left = Some(tensors);
    while let Some(tensors) = left {
        if let Some(recipe) = RULES.iter().find_map(|rule| rule(&tensors, options)) {
            return collect(tensors, recipe?, device);
        }
        // Each pass shortens the names, so that it ends.
        left = tensors.without_prefix();
    }
    Err(unknown)
}

/// Reads the parameters of a recipe, and checks that they are all that there are.
fn collect(
    mut tensors: Tensors,
    recipe: Recipe,
    device: &Device,
) -> Result<(NetworkConfig, Vec<Parameters>), ImportError> {
    let Recipe {
        config,
        layers: sources,
        unneeded,
    } = recipe;
    config.validate()?;
    let network = config.init(device);
    let blocks = network.blocks();
    let mut layers = Vec::new();
    for (source, block) in sources.iter().zip(&blocks) {
        let parameters = match source {
            Source::Conv { name, slope } => {
                let weight = tensors.take(&format!("{name}.weight"))?;
                let bias = tensors.take(&format!("{name}.bias"))?.values;
                let slope = slope.as_ref().map(|slope| tensors.take(slope));
                Parameters {
                    weight,
                    bias,
                    slope: slope.transpose()?.map(|slope| slope.values),
                }
            }
            Source::Three { name } => span::fused(&mut tensors, name)?,
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
    let is_needed = |name: &&str| !unneeded.iter().any(|part| name.contains(part));
    let left: Vec<&str> = tensors.names().filter(is_needed).collect();
    match left.first() {
        Some(first) => Err(ImportError::Left {
            first: first.to_string(),
            count: left.len(),
        }),
        None => Ok((config, layers)),
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

    /// The model file.
    pub fn record(&self, about: About, device: &Device) -> Result<Vec<u8>, RecordError> {
        let About {
            file,
            name,
            licence,
            credit,
        } = about;
        let stem = file.rsplit_once('.').map_or(&*file, |(stem, _)| stem);
        let metadata = Metadata {
            format: record::FORMAT,
            name: name.unwrap_or_else(|| stem.to_string()),
            network: self.config.clone(),
            degradation: "not stated: see the source of the weights".into(),
            parameters: self.config.parameters(device),
            origin: Origin {
                imported: Some(ImportedFile {
                    file,
                    sha256: self.sha256.clone(),
                    licence,
                    credit,
                }),
                ..Origin::default()
            },
            scores: Vec::new(),
        };
        record::write(&self.network(device), &metadata)
    }
}
