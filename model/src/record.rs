//! The model file: a burn record that says what it is.
//!
//! A record is Burn's own container, burnpack, holding the folded network's parameters in half
//! precision, and one entry `uprez` of JSON among its metadata: [`Metadata`]. Burn's
//! `ModuleRecord` reads the same file.
//!
//! A reader trusts nothing that a file claims: sizes are compared with the bytes that are there
//! before anything is allocated for them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData, f16};
use burn_pack::{Error as PackError, Reader, Writer};
use serde::{Deserialize, Serialize};

use crate::layer::tensor;
use crate::network::{Network, NetworkConfig, ScaleError};

/// The version of [`Metadata`] that is written, and the newest one that is read.
pub const FORMAT: u32 = 1;

/// The entry of the container's metadata that holds ours.
const KEY: &str = "uprez";

/// What a record says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this structure.
    pub format: u32,
    /// A short name, such as `fast-x2`.
    pub name: String,
    /// The network, its scale and its colour treatment.
    pub network: NetworkConfig,
    /// How the low-resolution pictures were made that it was trained for.
    pub degradation: String,
    /// Parameters after folding.
    pub parameters: usize,
    /// Where it comes from.
    pub origin: Origin,
    /// What it reached.
    pub scores: Vec<Score>,
}

impl Metadata {
    /// What they are where the network is used at another of its scales.
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

/// Where a record comes from.
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

/// A file that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Something else entirely.
    #[error("this is not a model file: a burn record (.bpk) is expected")]
    Foreign,
    /// A burn record, but of no network of ours.
    #[error("this burn record does not say which network it holds: export it with `trainer`")]
    Unlabelled,
    /// The end is missing.
    #[error("the model file is cut off or damaged ({0}): fetch or copy it again")]
    Damaged(String),
    /// Written by a newer version.
    #[error(
        "the model file has format {found}, newer than {FORMAT}, the newest known here: update uprez"
    )]
    TooNew {
        /// The file's format.
        found: u32,
    },
    /// Our label, but not one that can be understood.
    #[error("the model file's description cannot be read: {0}")]
    Description(String),
    /// A scale that the file's network doesn't have.
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
    /// A parameter that is not there.
    #[error("parameter `{0}` is missing from the model file")]
    Missing(String),
    /// A parameter that the network doesn't have.
    #[error("parameter `{0}` of the model file belongs to no part of its network")]
    Unknown(String),
    /// A parameter of a kind that networks don't have.
    #[error("parameter `{name}` is of type {dtype}: only f16 and f32 are read")]
    Type {
        /// The parameter.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// Not-a-number or infinity.
    #[error("parameter `{0}` holds values that are no numbers: the training diverged")]
    NotFinite(String),
    /// The container could not be written.
    #[error("the model file could not be written: {0}")]
    Write(String),
}

impl From<PackError> for RecordError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::InvalidMagicNumber => Self::Foreign,
            PackError::InvalidHeader => Self::Damaged("its header is incomplete".into()),
            PackError::InvalidVersion => Self::Damaged("burnpack version unknown".into()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Reads what a file says of itself, without building the network.
pub fn metadata(bytes: &[u8]) -> Result<Metadata, RecordError> {
    describe(&open(bytes)?)
}

/// What a file says of itself, as the JSON that stands in it.
pub fn description(bytes: &[u8]) -> Result<String, RecordError> {
    let reader = open(bytes)?;
    let text = reader.metadata().get(KEY).ok_or(RecordError::Unlabelled)?;
    Ok(text.clone())
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
    let reader = open(bytes)?;
    let metadata = describe(&reader)?.at(scale)?;
    let mut parameters = BTreeMap::new();
    for tensor in reader.into_tensors()? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts()?;
        let values = values(&name, dtype, &bytes)?;
        parameters.insert(name, (shape.to_vec(), values));
    }
    let held: usize = parameters.values().map(|(_, values)| values.len()).sum();
    let network = metadata.network.init(device);
    let needed = network.num_params();
    if held < needed {
        return Err(RecordError::Damaged(format!(
            "its network has {needed} parameters, but it holds {held}"
        )));
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
    let bytes = Writer::new(collector.tensors)
        .with_metadata(KEY, &description)
        .into_bytes()
        .map_err(|e| RecordError::Write(e.to_string()))?;
    Ok(bytes.to_vec())
}

fn open(bytes: &[u8]) -> Result<Reader, RecordError> {
    let magic = burn_pack::MAGIC_NUMBER.to_le_bytes();
    let known = bytes.len().min(magic.len());
    if bytes.is_empty() || bytes[..known] != magic[..known] {
        return Err(RecordError::Foreign);
    }
    Ok(Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))?)
}

fn describe(reader: &Reader) -> Result<Metadata, RecordError> {
    /// What every format has, so that a newer one is recognised before it is misread.
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let description = |e: serde_json::Error| RecordError::Description(e.to_string());
    let text = reader.metadata().get(KEY).ok_or(RecordError::Unlabelled)?;
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

/// A parameter's values as f32, all of them finite.
fn values(name: &str, dtype: DType, bytes: &[u8]) -> Result<Vec<f32>, RecordError> {
    let values: Vec<f32> = match dtype {
        DType::F16 => bytes
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        DType::F32 => bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        other => {
            return Err(RecordError::Type {
                name: name.into(),
                dtype: format!("{other:?}"),
            });
        }
    };
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(RecordError::NotFinite(name.into()))
    }
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
            Ok(values) => Param::initialized(param.id, tensor(values, shape, &self.device)),
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
                return Err(RecordError::NotFinite(name.into()));
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
