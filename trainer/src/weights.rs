//! Weights of other projects' networks: safetensors files and PyTorch's.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use burn::tensor::{Device, Tensor as BurnTensor, TensorData};
use model::weights::{self, Stored};

/// Mean and standard deviation of ImageNet's pixels in 0…1, by which torchvision's networks normalise their input.
const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// Images `[batch, 3, h, w]` in 0…1 as torchvision's networks want them.
pub fn normalised(x: BurnTensor<4>) -> BurnTensor<4> {
    let device = x.device();
    let plane =
        |values: [f32; 3]| BurnTensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
    (x - plane(IMAGENET_MEAN)) / plane(IMAGENET_DEVIATION)
}

/// A tensor of weights, to be used with tensors on `device`, which may be tracked by autodiff.
pub fn constant<const D: usize>(weights: BurnTensor<D>, device: &Device) -> BurnTensor<D> {
    match device.is_autodiff() {
        true => BurnTensor::from_inner(weights),
        false => weights,
    }
}

/// A file of weights.
pub struct Weights {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Weights {
    /// Opens a safetensors file, or a state dict written by `torch.save` (`.pth`, `.pt`, of any version of PyTorch since
    /// 0.1.10), which is detected by its content.
    ///
    /// A pickle's code is never run.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("cannot read the weights {}", path.display());
        let bytes = std::fs::read(path).with_context(unreadable)?;
        weights::read(&bytes).with_context(unreadable)?;
        let path = path.to_path_buf();
        Ok(Self { path, bytes })
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
        // Only the table of contents is read again, of which a file of a few tensors has little.
        let tensors = weights::read(&self.bytes)?;
        let Some(stored) = tensors.iter().find(|tensor| tensor.name == name) else {
            bail!(missing(name, &tensors));
        };
        let values = stored.values()?;
        let Ok(sides) = <[usize; D]>::try_from(stored.shape.as_slice()) else {
            bail!(
                "{name} has the shape {:?} instead of {D} sides",
                stored.shape
            );
        };
        let data = TensorData::new(values, sides);
        Ok(BurnTensor::from_data(data, device))
    }
}

/// An error that lists some of the names in the file.
fn missing(name: &str, tensors: &[Stored]) -> String {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| &*tensor.name).collect();
    names.sort_unstable();
    let rest = if names.len() > 3 { ", …" } else { "" };
    names.truncate(3);
    format!("{name} is missing; there are {}{rest}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;
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
            (b"PK\x03\x04 and nothing behind it", "incomplete"),
            (&whole[..whole.len() - 1], "safetensors file is damaged"),
        ] {
            let text = error(bytes);
            assert!(text.contains(words), "{words:?} is missing in {text:?}");
        }
        std::fs::write(&path, whole).unwrap();
        let weights = Weights::open(&path).unwrap();
        let device = Device::flex();
        for (name, words) in [
            ("counts", "int64: only float16"),
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
