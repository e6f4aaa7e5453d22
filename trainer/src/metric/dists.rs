//! Deep image structure and texture similarity.

use std::path::Path;

use anyhow::ensure;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData, module};
use engine::image::Image;

use crate::loss::{Extractor, Layer};
use crate::planes::to_tensor;
use crate::weights::Weights;

/// DISTS (Ding, Ma, Wang and Simoncelli 2020, arXiv:2004.07728).
///
/// Compares means and covariances of the maps of VGG16 at five depths and of the image itself, weighted by factors that
/// were fitted to people's judgements; 0 for equal images, rarely above 1. The network's pooling is the root of a mean
/// of squares in place of the maximum.
pub struct Dists {
    extractor: Extractor,
    layers: Vec<Layer>,
    /// Weights of the means and of the covariances, one for each map: the image's channels, then each depth's.
    alpha: Vec<f32>,
    beta: Vec<f32>,
    device: Device,
}

/// The smallest side with which the last depth has a pixel.
pub(super) const SMALLEST_PX: usize = 16;

/// Keep the quotients finite.
const C: f64 = 1e-6;

/// The layers whose maps are compared.
const LAYERS: [&str; 5] = [
    "vgg16:relu1_2",
    "vgg16:relu2_2",
    "vgg16:relu3_3",
    "vgg16:relu4_3",
    "vgg16:relu5_3",
];

impl Dists {
    /// Reads the authors' `alpha` and `beta`, and VGG16's convolutions from a file with torchvision's names.
    pub fn load(path: &Path, vgg16: &Path, device: &Device) -> anyhow::Result<Self> {
        let weights = Weights::open(path)?;
        let vector = |name: &str| -> anyhow::Result<Vec<f32>> {
            let tensor: Tensor<1> = weights.tensor(name, device)?;
            Ok(tensor.into_data().iter::<f32>().collect())
        };
        let layers = LAYERS.iter().map(|name| name.parse());
        let layers: Vec<Layer> = layers
            .collect::<Result<_, String>>()
            .map_err(anyhow::Error::msg)?;
        let [alpha, beta] = [vector("alpha")?, vector("beta")?];
        let maps = layers.iter().map(|layer| layer.channels_and_reduction().0);
        let maps = 3 + maps.sum::<usize>();
        ensure!(
            [alpha.len(), beta.len()] == [maps; 2],
            "{} has {} and {} weights where DISTS has {maps} each",
            path.display(),
            alpha.len(),
            beta.len()
        );
        let sum: f32 = alpha.iter().chain(&beta).sum();
        let share = |values: Vec<f32>| values.into_iter().map(|value| value / sum).collect();
        Ok(Self {
            extractor: Extractor::load(vgg16, layers[layers.len() - 1], device)?,
            layers,
            alpha: share(alpha),
            beta: share(beta),
            device: device.clone(),
        })
    }

    /// The distance between two images of equal size, at least 16 px a side.
    pub fn distance(&self, a: &Image, b: &Image) -> anyhow::Result<f64> {
        ensure!(
            (a.width, a.height) == (b.width, b.height),
            "DISTS compares images of equal size"
        );
        ensure!(
            a.width.min(a.height) >= SMALLEST_PX,
            "DISTS needs images of at least {SMALLEST_PX} px a side"
        );
        let images = Tensor::cat(
            vec![to_tensor(a, &self.device), to_tensor(b, &self.device)],
            0,
        );
        let features = self
            .extractor
            .pooled_by(images.clone(), &self.layers, l2_pool);
        let depths = std::iter::once(&images).chain(features.values());
        let mut first = 0;
        let mut similarity = 0.0;
        for maps in depths {
            let [_, channels, height, width] = maps.dims();
            let flat = maps.clone().reshape([2, channels, height * width]);
            let mean = flat.clone().mean_dim(2);
            let centred = flat - mean.clone();
            let x = centred.clone().narrow(0, 0, 1);
            let y = centred.narrow(0, 1, 1);
            let moment = |a: &Tensor<3>, b: &Tensor<3>| values((a.clone() * b.clone()).mean_dim(2));
            let (xx, yy, xy) = (moment(&x, &x), moment(&y, &y), moment(&x, &y));
            let means = values(mean);
            let (mean_x, mean_y) = means.split_at(channels);
            for i in 0..channels {
                let (x, y) = (mean_x[i], mean_y[i]);
                let texture = (2.0 * x * y + C) / (x * x + y * y + C);
                let structure = (2.0 * xy[i] + C) / (xx[i] + yy[i] + C);
                similarity += f64::from(self.alpha[first + i]) * texture;
                similarity += f64::from(self.beta[first + i]) * structure;
            }
            first += channels;
        }
        Ok(1.0 - similarity)
    }
}

fn values(tensor: Tensor<3>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Halves the sides: the root of the mean of squares under a Hann window of 3×3 px.
fn l2_pool(x: Tensor<4>) -> Tensor<4> {
    let channels = x.dims()[1];
    let line = [0.25, 0.5, 0.25];
    let window = line.iter().flat_map(|a| line.map(|b| a * b));
    let window: Vec<f32> = window.collect();
    let window = TensorData::new(window.repeat(channels), [channels, 1, 3, 3]);
    let weight = Tensor::<4>::from_data(window, &x.device());
    let options = ConvOptions::new([2, 2], [1, 1], [1, 1], channels);
    (module::conv2d(x.clone() * x, weight, None, options) + 1e-12).sqrt()
}
