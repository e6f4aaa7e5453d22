//! The model file: a burn record that describes itself.
//!
//! A record is Burn's own container, burnpack, holding the folded network's parameters in half
//! precision, and entries of ours among its metadata: `uprez`, JSON, is [`Metadata`], and
//! `uprez-plan-x2` and so on are the network's graphs for its scales ([`engine::graph::text`]), so that a page
//! runs it without its definition. Burn's `ModuleRecord` reads the same file.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData, f16};
use burn_pack::Writer;
use engine::ScaleError;
use engine::container::FileError;
use engine::container::{DESCRIPTION, File, GRAPH, Tensor as Held};
use engine::graph::text;
use serde::{Deserialize, Serialize};

use crate::network::{Network, NetworkConfig};
use crate::ops::BuildError;

/// The version of [`Metadata`] that is written, and the newest one that is read.
pub const FORMAT: u32 = 1;

/// A record's description of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this structure.
    pub format: u32,
    /// A short name, such as `fast-x2`.
    pub name: String,
    /// The network, its scale and its colour treatment.
    pub network: NetworkConfig,
    /// The degradation that it was trained for.
    pub degradation: String,
    /// Parameters after folding.
    pub parameters: usize,
    /// Its origin.
    pub origin: Origin,
    /// Its scores on sets of images.
    pub scores: Vec<Score>,
}

impl Metadata {
    /// The metadata for another of the network's scales.
    pub fn at(mut self, scale: Option<usize>) -> Result<Self, ScaleError> {
        match scale {
            Some(scale) if scale != self.network.spec().scale => {
                self.network = self.network.with_scale(scale)?;
                self.scores.clear();
            }
            _ => {}
        }
        Ok(self)
    }
}

/// The origin of a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The training configuration, as its file said it.
    pub config: String,
    /// The seed of weights and batches.
    pub seed: u64,
    /// Training steps taken.
    pub steps: u64,
    /// The folders of training images, and how many images they gave.
    pub data: Vec<String>,
    /// The commit of the code that trained it, where known.
    pub commit: Option<String>,
}

/// A score on a set of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The set's name, such as `Set5`.
    pub set: String,
    /// Mean PSNR on Y in dB.
    pub psnr_y: f64,
    /// Mean SSIM on Y.
    pub ssim_y: f64,
    /// Bicubic interpolation's PSNR on the same images.
    pub bicubic_psnr_y: f64,
    /// Bicubic interpolation's SSIM on the same images.
    pub bicubic_ssim_y: f64,
}

/// A record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The container cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Written by a newer version.
    #[error(
        "the model file has format {found}, newer than {FORMAT}, the newest known here: update uprez"
    )]
    TooNew {
        /// The file's format.
        found: u32,
    },
    /// A description that cannot be parsed.
    #[error("the model file's description cannot be read: {0}")]
    Description(String),
    /// A scale that the file's network does not have.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// A parameter of another shape than its network has.
    #[error("parameter `{name}` has the shape {found:?}, but its network needs {expected:?}")]
    Shape {
        /// The parameter.
        name: String,
        /// What the file holds.
        found: Vec<usize>,
        /// What the network has.
        expected: Vec<usize>,
    },
    /// A missing parameter.
    #[error("parameter `{0}` is missing from the model file")]
    Missing(String),
    /// A parameter that the network does not have.
    #[error("parameter `{0}` of the model file belongs to no part of its network")]
    Unknown(String),
    /// A network without a graph.
    #[error(transparent)]
    Graph(#[from] BuildError),
    /// The container could not be written.
    #[error("the model file could not be written: {0}")]
    Write(String),
}

/// Reads what a file says of itself, without building the network.
pub fn metadata(bytes: &[u8]) -> Result<Metadata, RecordError> {
    describe(&File::open(bytes)?)
}

/// Reads a network and its metadata; the network is placed on `device`.
pub fn read(bytes: &[u8], device: &Device) -> Result<(Network, Metadata), RecordError> {
    read_at(bytes, None, device)
}

/// The same at another of the network's [scales](NetworkConfig::scales), where one is given; the
/// metadata say so, and lack the scores, which belong to the record's own scale.
pub fn read_at(
    bytes: &[u8],
    scale: Option<usize>,
    device: &Device,
) -> Result<(Network, Metadata), RecordError> {
    let file = File::open(bytes)?;
    let metadata = describe(&file)?.at(scale)?;
    let parameters = file.parameters()?.into_iter();
    let parameters: BTreeMap<_, _> = parameters
        .map(
            |Held {
                 name,
                 shape,
                 values,
             }| (name, (shape, values)),
        )
        .collect();
    let held: usize = parameters.values().map(|(_, values)| values.len()).sum();
    let network = metadata.network.init(device);
    let needed = network.num_params();
    if held < needed {
        let why = format!("its network has {needed} parameters, but it holds {held}");
        return Err(FileError::Damaged(why).into());
    }
    let mut loader = Loader {
        path: Vec::new(),
        parameters,
        device: device.clone(),
        error: None,
    };
    let network = network.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    match loader.parameters.into_keys().next() {
        Some(name) => Err(RecordError::Unknown(name)),
        None => Ok((network, metadata)),
    }
}

/// Writes a folded network in half precision.
pub fn write(network: &Network, metadata: &Metadata) -> Result<Vec<u8>, RecordError> {
    let mut collector = Collector::default();
    network.visit(&mut collector);
    if let Some(error) = collector.error {
        return Err(error);
    }
    let description =
        serde_json::to_string(metadata).map_err(|e| RecordError::Write(e.to_string()))?;
    let mut writer = Writer::new(collector.tensors).with_metadata(DESCRIPTION, &description);
    let device = network.devices().into_iter().next();
    let device =
        device.ok_or_else(|| RecordError::Write("the network has no parameters".into()))?;
    for scale in metadata.network.scales() {
        let network = metadata.network.with_scale(scale)?;
        writer = writer.with_metadata(&format!("{GRAPH}{scale}"), &graph(&network, &device)?);
    }
    let bytes = writer
        .into_bytes()
        .map_err(|e| RecordError::Write(e.to_string()))?;
    Ok(bytes.to_vec())
}

/// The network's graph as text, by which a page runs it without knowing its Rust type.
fn graph(network: &NetworkConfig, device: &Device) -> Result<String, RecordError> {
    // Nothing is computed there: the parameters' shapes are enough.
    let graph = network.init(device).graph()?;
    Ok(text::write(&graph, &network.spec()))
}

fn describe(file: &File) -> Result<Metadata, RecordError> {
    /// The field that every format has, so that a newer one is recognised before it is misread.
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let description = |e: serde_json::Error| RecordError::Description(e.to_string());
    let text = file.description()?;
    let Versioned { format } = serde_json::from_str(text).map_err(description)?;
    if format > FORMAT {
        return Err(RecordError::TooNew { found: format });
    }
    let metadata: Metadata = serde_json::from_str(text).map_err(description)?;
    metadata
        .network
        .validate()
        .map_err(|e| RecordError::Description(e.to_string()))?;
    Ok(metadata)
}

/// Puts the file's parameters into the network's places, by path.
struct Loader {
    path: Vec<String>,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    device: Device,
    error: Option<RecordError>,
}

impl Loader {
    fn take(&mut self, name: String, expected: Vec<usize>) -> Result<Vec<f32>, RecordError> {
        let Some((found, values)) = self.parameters.remove(&name) else {
            return Err(RecordError::Missing(name));
        };
        if found == expected {
            Ok(values)
        } else {
            Err(RecordError::Shape {
                name,
                found,
                expected,
            })
        }
    }
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape: [usize; D] = param.lazy_shape().dims();
        match self.take(self.path.join("."), shape.to_vec()) {
            Ok(values) => {
                let data = TensorData::new(values, shape);
                Param::initialized(param.id, Tensor::from_data(data, &self.device))
            }
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}

/// Gathers a network's parameters in half precision, by path.
#[derive(Default)]
struct Collector {
    path: Vec<String>,
    tensors: Vec<burn_pack::Tensor>,
    error: Option<RecordError>,
}

impl Collector {
    fn half_precision(name: &str, data: TensorData) -> Result<Vec<u8>, RecordError> {
        let values: Vec<f32> = data
            .try_into_vec()
            .map_err(|e| RecordError::Write(e.to_string()))?;
        let mut bytes = Vec::with_capacity(2 * values.len());
        for value in values {
            let half = f16::from_f32(value);
            if !half.is_finite() {
                return Err(FileError::NotFinite(name.into()).into());
            }
            bytes.extend(half.to_le_bytes());
        }
        Ok(bytes)
    }
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let value = param.val();
        let shape = value.dims().to_vec();
        match Self::half_precision(&name, value.into_data()) {
            Ok(bytes) => self.tensors.push(burn_pack::Tensor::new(
                name,
                DType::F16,
                shape,
                Some(param.id.val()),
                Bytes::from_bytes_vec(bytes),
            )),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}
