//! Weights of other projects' networks: safetensors files and PyTorch's.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burn::tensor::{Device, Tensor as BurnTensor, TensorData, bf16, f16};
use model::import::{Tensor, Tensors};
use pytorch_reader::{DType, PytorchReader};
use safetensors::{Dtype, SafeTensors};

/// Mean of ImageNet's pixels in 0…1, by which torchvision's networks normalise their input.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of the same.
pub const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A file of weights in half precision, bfloat16 or single precision.
pub struct Weights {
    path: PathBuf,
    source: Source,
}

enum Source {
    /// The file's bytes.
    Safetensors(Vec<u8>),
    /// The file's table of tensors; values are read on demand.
    PyTorch(PytorchReader),
}

/// A tensor as it is stored, little-endian.
struct Stored<'a> {
    precision: Precision,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

#[derive(Clone, Copy)]
enum Precision {
    Half,
    Bfloat16,
    Single,
}

impl Weights {
    /// Opens a safetensors file, or one written by `torch.save` (`.pth`, `.pt`: a state dict or a whole
    /// model, of any version of PyTorch), which is detected by its content.
    ///
    /// A pickle's code is never run.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("cannot read the weights {}", path.display());
        let mut start = Vec::new();
        let file = File::open(path).with_context(unreadable)?;
        file.take(9)
            .read_to_end(&mut start)
            .with_context(unreadable)?;
        // A safetensors file starts with eight bytes of length and a JSON object.
        let source = if start.get(8) == Some(&b'{') {
            let bytes = std::fs::read(path).with_context(unreadable)?;
            SafeTensors::deserialize(&bytes).with_context(|| {
                let name = path.display();
                format!("{name} is a damaged safetensors file: fetch or copy it again")
            })?;
            Source::Safetensors(bytes)
        } else {
            let foreign = || {
                format!(
                    "{} holds no weights that can be read: a complete safetensors or PyTorch file \
                     (.pth) is expected",
                    path.display()
                )
            };
            let reader = PytorchReader::new(path).with_context(foreign)?;
            ensure!(!reader.is_empty(), foreign());
            Source::PyTorch(reader)
        };
        Ok(Self {
            path: path.to_path_buf(),
            source,
        })
    }

    /// A tensor by its name.
    pub fn tensor<const D: usize>(
        &self,
        name: &str,
        device: &Device,
    ) -> anyhow::Result<BurnTensor<D>> {
        self.read(name, device)
            .with_context(|| format!("in {}", self.path.display()))
    }

    fn read<const D: usize>(&self, name: &str, device: &Device) -> anyhow::Result<BurnTensor<D>> {
        let Stored {
            precision,
            shape,
            bytes,
        } = self.stored(name)?;
        let values = precision.values(&bytes);
        let Ok(sides) = <[usize; D]>::try_from(shape.as_slice()) else {
            bail!("{name} has the shape {shape:?} instead of {D} sides");
        };
        Ok(BurnTensor::from_data(
            TensorData::new(values, sides),
            device,
        ))
    }

    /// All tensors of a precision that is read; others, such as counters, are left out.
    pub fn all(&self) -> anyhow::Result<Tensors> {
        let names = match &self.source {
            Source::Safetensors(bytes) => {
                let file = SafeTensors::deserialize(bytes)?;
                file.names().into_iter().map(str::to_string).collect()
            }
            Source::PyTorch(reader) => reader.keys(),
        };
        let mut tensors = Vec::new();
        for name in names {
            if let Ok(stored) = self.stored(&name) {
                let values = stored.precision.values(&stored.bytes);
                let shape = stored.shape;
                tensors.push((name, Tensor { shape, values }));
            }
        }
        ensure!(
            !tensors.is_empty(),
            "{} holds no tensors of half or single precision",
            self.path.display()
        );
        Ok(tensors.into_iter().collect())
    }

    fn stored(&self, name: &str) -> anyhow::Result<Stored<'_>> {
        const READ: &str = "only half precision, bfloat16 and single precision are read";
        match &self.source {
            Source::Safetensors(bytes) => {
                let file = SafeTensors::deserialize(bytes)?;
                let Ok(view) = file.tensor(name) else {
                    let names = file.names().into_iter();
                    bail!(missing(name, names.map(str::to_string).collect()));
                };
                let precision = match view.dtype() {
                    Dtype::F16 => Precision::Half,
                    Dtype::BF16 => Precision::Bfloat16,
                    Dtype::F32 => Precision::Single,
                    other => bail!("{name} is of type {other:?}: {READ}"),
                };
                Ok(Stored {
                    precision,
                    shape: view.shape().to_vec(),
                    bytes: Cow::Borrowed(view.data()),
                })
            }
            Source::PyTorch(reader) => {
                let Some(tensor) = reader.get(name) else {
                    bail!(missing(name, reader.keys()));
                };
                let precision = match tensor.dtype() {
                    DType::F16 => Precision::Half,
                    DType::BF16 => Precision::Bfloat16,
                    DType::F32 => Precision::Single,
                    other => bail!("{name} is of type {other:?}: {READ}"),
                };
                Ok(Stored {
                    precision,
                    shape: tensor.shape().to_vec(),
                    bytes: Cow::Owned(tensor.read()?),
                })
            }
        }
    }
}

/// An error that lists some of the names in the file.
fn missing(name: &str, mut names: Vec<String>) -> String {
    names.sort_unstable();
    let rest = if names.len() > 3 { ", …" } else { "" };
    names.truncate(3);
    format!("{name} is missing; there are {}{rest}", names.join(", "))
}

impl Precision {
    fn values(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Half => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bfloat16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::Single => each(bytes, f32::from_le_bytes),
        }
    }
}

/// One value for every N bytes.
fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| value(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn errors_say_why_a_file_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            format!("{:#}", Weights::open(&path).err().unwrap())
        };
        let counts = [7u8; 16];
        let view = |dtype, shape| TensorView::new(dtype, shape, &counts).unwrap();
        let tensors = [
            ("counts", view(Dtype::I64, vec![2])),
            ("bias", view(Dtype::F32, vec![4])),
        ];
        let whole = safetensors::serialize(tensors, None).unwrap();
        for (bytes, words) in [
            (&b"these are no weights"[..], "(.pth)"),
            (b"", "(.pth)"),
            (b"PK\x03\x04 and nothing behind it", "complete"),
            // A pickle of an empty dictionary.
            (b"\x80\x02}q\0.", "holds no weights"),
            (&whole[..whole.len() - 1], "damaged safetensors"),
        ] {
            let text = error(bytes);
            assert!(text.contains(words), "{words:?} is missing in {text:?}");
        }
        std::fs::write(&path, whole).unwrap();
        let weights = Weights::open(&path).unwrap();
        let device = Device::flex();
        for (name, words) in [
            ("counts", "I64: only half"),
            ("bias", "[4] instead of 2"),
            ("weight", "there are bias, counts"),
        ] {
            let error = weights.tensor::<2>(name, &device).unwrap_err();
            let text = format!("{error:#}");
            assert!(text.contains(words), "{words:?} is missing in {text:?}");
        }
        assert!(weights.tensor::<1>("bias", &device).is_ok());
    }
}
