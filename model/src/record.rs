//! The model file: a Burn record that describes itself.
//!
//! A record is a burnpack file, Burn's own container, with the folded network's parameters in half precision, but
//! for those of a few values, such as the mean that a network subtracts. Its
//! metadata has entries of this project: `uprez` is [`Metadata`] as JSON, and `uprez-plan-x2` and so on are the
//! network's graphs for its scales ([`engine::graph::text`]), so that a page runs it without the network's Rust code.
//! Burn's `ModuleRecord` reads the same file.

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

/// Version of [`Metadata`] that is written, and the newest one that can be read.
pub const FORMAT: u32 = 1;

/// The description that a record contains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this structure.
    pub format: u32,
    /// Short name, such as `fast-x2`.
    pub name: String,
    /// The network, its scale and its colour treatment.
    pub network: NetworkConfig,
    /// The degradation that the network was trained for.
    pub degradation: String,
    /// Number of parameters after folding.
    pub parameters: usize,
    /// How the network was trained.
    pub origin: Origin,
    /// Scores on test sets.
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

/// How a network was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Text of the training configuration file.
    pub config: String,
    /// Seed of the weights and batches.
    pub seed: u64,
    /// Number of training steps.
    pub steps: u64,
    /// The folders of training images, with their numbers of images.
    pub data: Vec<String>,
    /// Commit of the code that trained it, if known.
    pub commit: Option<String>,
    /// The file of another project that the network was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFile>,
}

/// A file of another project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its name.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Licence of the weights, as the person who imported them gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Authors of the weights, as the person who imported them gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
}

/// Scores on a test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name of the set, such as `Set5`.
    pub set: String,
    /// Mean PSNR on Y in dB.
    pub psnr_y: f64,
    /// Mean SSIM on Y.
    pub ssim_y: f64,
    /// Mean PSNR of bicubic interpolation on the same images, in dB.
    pub bicubic_psnr_y: f64,
    /// Mean SSIM of bicubic interpolation on the same images.
    pub bicubic_ssim_y: f64,
}

/// A record that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The container cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file was written by a newer version.
    #[error(
        "the model file has format {found}, newer than {FORMAT}, the newest known here: update uprez"
    )]
    TooNew {
        /// The file's format.
        found: u32,
    },
    /// The description cannot be parsed.
    #[error("the model file's description cannot be read: {0}")]
    Description(String),
    /// The network does not have this scale.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// A parameter's shape differs from the network's.
    #[error("parameter `{name}` has the shape {found:?}, but its network needs {expected:?}")]
    Shape {
        /// Path of the parameter.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the network.
        expected: Vec<usize>,
    },
    /// A parameter is missing.
    #[error("parameter `{0}` is missing from the model file")]
    Missing(String),
    /// The network has no such parameter.
    #[error("parameter `{0}` of the model file belongs to no part of its network")]
    Unknown(String),
    /// The network's graph could not be built.
    #[error(transparent)]
    Graph(#[from] BuildError),
    /// The container could not be written.
    #[error("the model file could not be written: {0}")]
    Write(String),
}

/// Reads a file's metadata without building the network.
pub fn metadata(bytes: &[u8]) -> Result<Metadata, RecordError> {
    describe(&File::open(bytes)?)
}

/// Reads a network and its metadata; the network is placed on `device`.
pub fn read(bytes: &[u8], device: &Device) -> Result<(Network, Metadata), RecordError> {
    read_at(bytes, None, device)
}

/// Like [`read`], at another of the network's [scales](NetworkConfig::scales) if `scale` is given. The metadata then
/// have this scale and no scores, as the scores belong to the record's own scale.
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

/// Parameters of so few values keep single precision: half precision would save no space, and the error of a mean shows
/// in every pixel.
const MAX_SINGLE_VALUES: usize = 16;

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

/// The network's graph as text, with which a page runs it without knowing its Rust type.
fn graph(network: &NetworkConfig, device: &Device) -> Result<String, RecordError> {
    // Shapes suffice here, so the network of zeros allocates nothing.
    let graph = network.init(device).graph()?;
    Ok(text::write(&graph, &network.spec()))
}

fn describe(file: &File) -> Result<Metadata, RecordError> {
    /// The field that all formats share; it is read first, so that a newer format is recognised.
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

/// Puts the file's parameters into the network, by their paths.
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

/// Collects a network's parameters as they are stored, by their paths.
#[derive(Default)]
struct Collector {
    path: Vec<String>,
    tensors: Vec<burn_pack::Tensor>,
    error: Option<RecordError>,
}

impl Collector {
    fn stored(name: &str, data: TensorData) -> Result<(DType, Vec<u8>), RecordError> {
        let values: Vec<f32> = data
            .try_into_vec()
            .map_err(|e| RecordError::Write(e.to_string()))?;
        let halves = values.iter().map(|value| f16::from_f32(*value));
        if !halves.clone().all(f16::is_finite) {
            return Err(FileError::NotFinite(name.into()).into());
        }
        Ok(if values.len() <= MAX_SINGLE_VALUES {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (DType::F32, bytes.collect())
        } else {
            (DType::F16, halves.flat_map(f16::to_le_bytes).collect())
        })
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
        match Self::stored(&name, value.into_data()) {
            Ok((precision, bytes)) => self.tensors.push(burn_pack::Tensor::new(
                name,
                precision,
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
