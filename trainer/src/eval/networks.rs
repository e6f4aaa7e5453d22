//! The weights of metrics that are networks.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;

use crate::metric::{Dists, Lpips};

/// Options for LPIPS and DISTS.
#[derive(Args, Clone, Debug, Default)]
pub struct MetricNetworks {
    /// Also measure LPIPS, with these weights of AlexNet or VGG16 (safetensors).
    #[arg(long, value_name = "FILE")]
    pub lpips: Option<PathBuf>,
    /// Also measure DISTS, with its authors' weights (safetensors) and those of VGG16.
    #[arg(long, value_name = "FILE")]
    pub dists: Option<PathBuf>,
    /// VGG16's weights for DISTS [default: vgg16_lpips.safetensors beside DISTS' own].
    #[arg(long, value_name = "FILE", requires = "dists")]
    pub vgg16: Option<PathBuf>,
}

impl MetricNetworks {
    /// Reads the weights that are given.
    pub fn load(&self, device: &Device) -> anyhow::Result<(Option<Lpips>, Option<Dists>)> {
        let lpips = self.lpips.as_ref().map(|path| Lpips::load(path, device));
        let dists = self.dists.as_ref().map(|path| {
            let vgg16 = self.vgg16_for(path);
            Dists::load(path, &vgg16, device)
        });
        Ok((lpips.transpose()?, dists.transpose()?))
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        let dists = self.dists.iter();
        let dists = dists.flat_map(|path| [path.clone(), self.vgg16_for(path)]);
        self.lpips.iter().cloned().chain(dists).collect()
    }

    fn vgg16_for(&self, dists: &Path) -> PathBuf {
        let beside = || dists.with_file_name("vgg16_lpips.safetensors");
        self.vgg16.clone().unwrap_or_else(beside)
    }
}
