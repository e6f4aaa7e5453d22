//! The state of a training in one file.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};
use burn_pack::{Reader, Writer};
use serde::{Deserialize, Serialize};

/// The entry of the container's metadata that holds [`Progress`].
const KEY: &str = "training";

/// The numbers of a training's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The configuration's text; a checkpoint is resumed with the same values.
    pub config: String,
    /// The kinds of the devices that train, in their order; older checkpoints have none.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Steps taken.
    pub step: u64,
    /// The best score on the held-out images so far: PSNR in dB, or LPIPS.
    pub best: Option<f64>,
    /// Evaluations since that score.
    pub waited: u64,
}

/// The state of a training.
pub struct Checkpoint {
    /// The numbers.
    pub progress: Progress,
    /// Named vectors `[n]`: parameters, the optimiser's state, averages.
    pub vectors: Vec<(String, Tensor<1>)>,
}

impl Checkpoint {
    /// Replaces the file; a process that is killed meanwhile leaves the old one. Fails, and keeps the old one, if a
    /// value is not a finite number.
    pub fn save(self, path: &Path) -> anyhow::Result<()> {
        let mut tensors = Vec::new();
        for (name, vector) in self.vectors {
            let shape = vector.dims().to_vec();
            let data = vector.into_data();
            ensure!(
                data.iter::<f32>().all(f32::is_finite),
                "the training's state ({name}) has values that are not finite numbers; {} is not replaced",
                path.display()
            );
            let bytes = data.into_parts().0;
            tensors.push(burn_pack::Tensor::new(name, DType::F32, shape, None, bytes));
        }
        let progress = serde_json::to_string(&self.progress)?;
        Writer::new(tensors)
            .with_metadata(KEY, &progress)
            .overwrite(true)
            .write_to_file(path)
            .with_context(|| format!("cannot write the checkpoint {}", path.display()))
    }

    /// Reads a checkpoint; its vectors are placed on `device`.
    pub fn load(path: &Path, device: &Device) -> anyhow::Result<Self> {
        let damaged = || format!("{} is damaged, or not a checkpoint", path.display());
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the checkpoint {}", path.display()))?;
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).with_context(damaged)?;
        let Some(progress) = reader.metadata().get(KEY) else {
            bail!(damaged());
        };
        let progress = serde_json::from_str(progress).with_context(damaged)?;
        let mut vectors = Vec::new();
        for tensor in reader.into_tensors()? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts()?;
            ensure!(dtype == DType::F32 && shape.num_dims() == 1, damaged());
            let vector = Tensor::from_data(TensorData::from_bytes(bytes, shape, dtype), device);
            vectors.push((name, vector));
        }
        Ok(Self { progress, vectors })
    }

    /// Removes and returns the parameters of the network with this prefix that are to be used: their average, if there
    /// is one.
    pub fn best(&mut self, prefix: &str, length: usize) -> anyhow::Result<Tensor<1>> {
        let average = self.take(&format!("{prefix}average"), length);
        average.or_else(|_| self.take(&format!("{prefix}parameters"), length))
    }

    /// Removes and returns a vector, which has to have `length` values.
    pub fn take(&mut self, name: &str, length: usize) -> anyhow::Result<Tensor<1>> {
        let place = self.vectors.iter().position(|(known, _)| known == name);
        let place = place.with_context(|| format!("the checkpoint lacks `{name}`"))?;
        let (_, vector) = self.vectors.swap_remove(place);
        ensure!(
            vector.dims() == [length],
            "`{name}` of the checkpoint has {} values where the network has {length}",
            vector.dims()[0]
        );
        Ok(vector)
    }
}
