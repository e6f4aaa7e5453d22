//! Weights of other people's networks: safetensors files.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use burn::tensor::{Device, Tensor, TensorData, f16};
use safetensors::{Dtype, SafeTensors};

/// Mean of ImageNet's pixels in 0…1, which torchvision's networks are trained with.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their deviation.
pub const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A file of weights, half or single precision.
pub struct Weights {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Weights {
    /// Reads a file as a whole.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the weights {}", path.display()))?;
        SafeTensors::deserialize(&bytes)
            .with_context(|| format!("{} is no safetensors file", path.display()))?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
        })
    }

    /// A tensor by its name.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> anyhow::Result<Tensor<D>> {
        self.read(name, device)
            .with_context(|| format!("in {}", self.path.display()))
    }

    fn read<const D: usize>(&self, name: &str, device: &Device) -> anyhow::Result<Tensor<D>> {
        let file = SafeTensors::deserialize(&self.bytes)?;
        let view = file
            .tensor(name)
            .with_context(|| format!("{name} is missing"))?;
        let bytes = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => bytes
                .chunks_exact(2)
                .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                .collect(),
            other => bail!("{name} is of type {other:?}: only F16 and F32 are read"),
        };
        let shape = view.shape();
        ensure!(
            shape.len() == D,
            "{name} has the shape {shape:?} instead of {D} sides"
        );
        let shape: [usize; D] = std::array::from_fn(|i| shape[i]);
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }
}
