//! Learned perceptual image patch similarity.

use std::path::Path;

use anyhow::{bail, ensure};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, activation, module};
use engine::graph::{Activation, Padding};
use engine::image::Image;
use model::layer::conv2d;

use crate::planes::to_tensor;
use crate::weights::{Weights, constant, normalised};

/// LPIPS (Zhang, Isola, Efros, Shechtman and Wang 2018, arXiv:1801.03924), version 0.1.
///
/// Differences of the features of AlexNet or VGG16 at five depths, normalised to unit length over the
/// channels and weighted by factors that were fitted to people's judgements; 0 for equal images, rarely
/// above 1.
pub struct Lpips {
    name: &'static str,
    stages: Vec<Stage>,
    device: Device,
}

/// The smallest side with which AlexNet's last depth has a pixel.
pub const SMALLEST_PX: usize = 64;

/// The layers from one depth to the next, and the weights of the channels there.
struct Stage {
    /// Side and stride of the pooling before it.
    pool: Option<[usize; 2]>,
    convs: Vec<Conv>,
    /// `[1, channels, 1, 1]`
    channel_weights: Tensor<4>,
}

struct Conv {
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    padding: usize,
}

/// An architecture: for each depth the pooling (side, stride) and torchvision's indices of convolutions.
type Depths = [(Option<[usize; 2]>, &'static [usize]); 5];

const ALEXNET: Depths = [
    (None, &[0]),
    (Some([3, 2]), &[3]),
    (Some([3, 2]), &[6]),
    (None, &[8]),
    (None, &[10]),
];

const VGG16: Depths = [
    (None, &[0, 2]),
    (Some([2, 2]), &[5, 7]),
    (Some([2, 2]), &[10, 12, 14]),
    (Some([2, 2]), &[17, 19, 21]),
    (Some([2, 2]), &[24, 26, 28]),
];

impl Lpips {
    /// Reads a safetensors file with torchvision's names of layers, and `lin0.model.1.weight` to
    /// `lin4.model.1.weight`; the shapes tell whether it is AlexNet's or VGG16's.
    pub fn load(path: &Path, device: &Device) -> anyhow::Result<Self> {
        let weights = Weights::open(path)?;
        let first: Tensor<4> = weights.tensor("features.0.weight", device)?;
        let (name, depths) = match first.dims()[2] {
            11 => ("LPIPS (alex)", ALEXNET),
            3 => ("LPIPS (vgg)", VGG16),
            k => bail!(
                "{}: a first kernel of {k} px is neither AlexNet's nor VGG16's",
                path.display()
            ),
        };
        let stages = depths.iter().enumerate().map(|(depth, (pool, convs))| {
            let convs = convs.iter().map(|i| {
                let weight: Tensor<4> = weights.tensor(&format!("features.{i}.weight"), device)?;
                let k = weight.dims()[2];
                Ok(Conv {
                    weight,
                    bias: weights.tensor(&format!("features.{i}.bias"), device)?,
                    // Only AlexNet's first convolution, 11×11, is strided.
                    stride: if k == 11 { 4 } else { 1 },
                    padding: if k == 11 { 2 } else { k / 2 },
                })
            });
            Ok(Stage {
                pool: *pool,
                convs: convs.collect::<anyhow::Result<_>>()?,
                channel_weights: weights.tensor(&format!("lin{depth}.model.1.weight"), device)?,
            })
        });
        Ok(Self {
            name,
            stages: stages.collect::<anyhow::Result<_>>()?,
            device: device.clone(),
        })
    }

    /// The metric's name in tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The distance between two images of equal size, at least 64 px a side.
    pub fn distance(&self, a: &Image, b: &Image) -> anyhow::Result<f64> {
        ensure!(
            (a.width, a.height) == (b.width, b.height),
            "LPIPS compares images of equal size"
        );
        ensure!(
            a.width.min(a.height) >= SMALLEST_PX,
            "LPIPS needs images of at least {SMALLEST_PX} px a side"
        );
        let [a, b] = [a, b].map(|image| to_tensor(image, &self.device));
        Ok(self.of(a, b).into_scalar::<f64>())
    }

    /// The mean distance between images `[batch, 1 or 3, h, w]` in 0…1 with sides of at least 64 px: `[1]`. A grey image
    /// is used as three equal channels.
    pub fn of(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
        let [batch, _, height, width] = a.dims();
        let images = [a, b].map(|image| image.expand([batch, 3, height, width]));
        let mut x = normalised(Tensor::cat(images.into(), 0));
        let mut distance = Tensor::zeros([1], &x.device());
        for stage in &self.stages {
            x = stage.forward(x);
            // The root of the smallest sum has a derivative.
            let length = (x.clone() * x.clone()).sum_dim(1).add_scalar(1e-20).sqrt();
            let unit = x.clone() / length.add_scalar(1e-10);
            let difference = unit.clone().narrow(0, 0, batch) - unit.narrow(0, batch, batch);
            let weights = constant(stage.channel_weights.clone(), &x.device());
            let weighted = difference.clone() * difference * weights;
            distance = distance + weighted.sum_dim(1).mean();
        }
        distance
    }
}

impl Stage {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match self.pool {
            Some([side, stride]) => {
                let options = MaxPoolOptions::new([side, side]).with_stride([stride, stride]);
                module::max_pool2d(x, options)
            }
            None => x,
        };
        let device = x.device();
        self.convs.iter().fold(x, |x, conv| {
            let weight = constant(conv.weight.clone(), &device);
            let bias = Some(constant(conv.bias.clone(), &device));
            if conv.stride == 1 {
                return conv2d(x, weight, bias, Activation::Relu, Padding::Same, 1);
            }
            let (stride, padding) = (conv.stride, conv.padding);
            let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1);
            activation::relu(module::conv2d(x, weight, bias, options))
        })
    }
}
