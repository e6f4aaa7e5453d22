//! Deep image structure and texture similarity.

use std::path::Path;

use anyhow::ensure;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData, module};
use engine::image::Image;

use crate::planes::to_tensor;
use crate::vgg::{Extractor, Layer};
use crate::weights::{Weights, constant};

/// DISTS (Ding, Ma, Wang and Simoncelli 2020, arXiv:2004.07728).
///
/// Compares means and covariances of the maps of VGG16 at five depths and of the image itself, weighted by factors that
/// were fitted to people's judgements; 0 for equal images, rarely above 1. The network's pooling is the root of a mean
/// of squares in place of the maximum.
pub struct Dists {
    extractor: Extractor,
    layers: Vec<Layer>,
    /// Weights of the means and of the covariances, one for each map: the image's channels, then each depth's.
    alpha: Tensor<1>,
    beta: Tensor<1>,
    device: Device,
}

/// The smallest side with which the last depth has a pixel.
pub const SMALLEST_PX: usize = 16;

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
        let share = |values: Vec<f32>| {
            let shares: Vec<f32> = values.into_iter().map(|value| value / sum).collect();
            Tensor::from_floats(shares.as_slice(), device)
        };
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
        let [a, b] = [a, b].map(|image| to_tensor(image, &self.device));
        Ok(self.of(a, b).into_scalar::<f64>())
    }

    /// The mean distance between images `[batch, 1 or 3, h, w]` in 0…1 with sides of at least 16 px: `[1]`. A grey image
    /// is used as three equal channels.
    pub fn of(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
        let [batch, _, height, width] = a.dims();
        let [a, b] = [a, b].map(|image| image.expand([batch, 3, height, width]));
        let features = |image: &Tensor<4>| {
            self.extractor
                .pooled_by(image.clone(), &self.layers, l2_pool)
        };
        let (of_a, of_b) = (features(&a), features(&b));
        let depths_a = std::iter::once(&a).chain(of_a.values());
        let depths_b = std::iter::once(&b).chain(of_b.values());
        let device = a.device();
        let mut first = 0;
        let mut similarity = Tensor::zeros([1], &device);
        for (x, y) in depths_a.zip(depths_b) {
            let [_, channels, height, width] = x.dims();
            let [x, y] = [x, y].map(|maps| {
                let flat = maps.clone().reshape([batch, channels, height * width]);
                let mean = flat.clone().mean_dim(2);
                (flat - mean.clone(), mean)
            });
            let ((x, mean_x), (y, mean_y)) = (x, y);
            let moment = |a: &Tensor<3>, b: &Tensor<3>| (a.clone() * b.clone()).mean_dim(2);
            // 2ab / (a² + b²), 1 for equal values.
            let quotient = |ab: Tensor<3>, aa: Tensor<3>, bb: Tensor<3>| {
                ab.mul_scalar(2.0).add_scalar(C) / (aa + bb).add_scalar(C)
            };
            let square = |a: &Tensor<3>| a.clone() * a.clone();
            let texture = quotient(
                mean_x.clone() * mean_y.clone(),
                square(&mean_x),
                square(&mean_y),
            );
            let structure = quotient(moment(&x, &y), moment(&x, &x), moment(&y, &y));
            for (weights, quotients) in [(&self.alpha, texture), (&self.beta, structure)] {
                let weights = weights.clone().narrow(0, first, channels);
                let weights = constant(weights, &device);
                let weighted = quotients * weights.reshape([1, channels, 1]);
                similarity = similarity + weighted.sum().div_scalar(batch as f64);
            }
            first += channels;
        }
        similarity.neg().add_scalar(1.0)
    }
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
