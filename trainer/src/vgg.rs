//! The features of VGG, a network trained to classify images.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::ensure;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, module};
use engine::graph::{Activation, Padding};
use model::layer::conv2d;

use crate::weights::{Weights, constant, normalised};

/// VGG (Simonyan and Zisserman 2015, arXiv:1409.1556) by its number of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vgg {
    /// 13 convolutions and 3 dense layers.
    Vgg16,
    /// 16 convolutions and 3 dense layers.
    Vgg19,
}

impl Vgg {
    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vgg16 => "vgg16",
            Self::Vgg19 => "vgg19",
        }
    }

    /// Convolutions in each of the five blocks; max pooling between blocks halves the sides.
    fn blocks(self) -> [usize; 5] {
        match self {
            Self::Vgg16 => [2, 2, 3, 3, 3],
            Self::Vgg19 => [2, 2, 4, 4, 4],
        }
    }

    fn layers(self) -> impl Iterator<Item = Layer> {
        let blocks = self.blocks().into_iter().zip(1..);
        blocks.flat_map(move |(convs, block)| {
            (1..=convs).map(move |conv| Layer {
                network: self,
                block,
                conv,
            })
        })
    }
}

/// The output of a layer's ReLU, such as `vgg16:relu5_3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// The network.
    pub network: Vgg,
    /// The block, from 1.
    block: usize,
    /// The convolution in it, from 1.
    conv: usize,
}

impl Layer {
    /// Its number of channels, and the image's side divided by the layer's.
    pub fn channels_and_reduction(self) -> (usize, usize) {
        let halvings = self.block - 1;
        (64 << halvings.min(3), 1 << halvings)
    }
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text_of: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let mut layers = Vgg::Vgg16.layers().chain(Vgg::Vgg19.layers());
        let layer = layers.find(|layer| layer.to_string() == text_of);
        layer.ok_or_else(|| {
            format!("{text:?} is no layer: write one like vgg16:relu5_3 or vgg19:relu5_4")
        })
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:relu{}_{}",
            self.network.name(),
            self.block,
            self.conv
        )
    }
}

/// The convolutions of a VGG up to the last layer that is needed.
pub struct Extractor {
    network: Vgg,
    /// Weight and bias of each, in order.
    convs: Vec<(Tensor<4>, Tensor<1>)>,
}

impl Extractor {
    /// Reads the convolutions up to `last` from a safetensors or `.pth` file with torchvision's names
    /// (`features.0.weight`, …).
    pub fn load(path: &Path, last: Layer, device: &Device) -> anyhow::Result<Self> {
        let network = last.network;
        let weights = Weights::open(path)?;
        let mut convs = Vec::new();
        let mut index = 0;
        for layer in network.layers().take_while(|layer| *layer <= last) {
            if layer.conv == 1 && layer.block > 1 {
                index += 1; // the pooling after a block
            }
            let weight: Tensor<4> = weights.tensor(&format!("features.{index}.weight"), device)?;
            ensure!(
                weight.dims()[2..] == [3, 3],
                "{} is not a file of {}",
                path.display(),
                network.name()
            );
            let bias = weights.tensor(&format!("features.{index}.bias"), device)?;
            convs.push((weight, bias));
            index += 2; // the convolution and its ReLU
        }
        Ok(Self { network, convs })
    }

    /// The layers' outputs `[batch, channels, h′, w′]` for images `[batch, 1 or 3, h, w]` in 0…1.
    ///
    /// A grey image is used as three equal channels.
    pub fn of(&self, x: Tensor<4>, layers: &[Layer]) -> BTreeMap<Layer, Tensor<4>> {
        self.pooled_by(x, layers, |x| {
            module::max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
        })
    }

    /// The same with another pooling between blocks, which halves the sides.
    pub fn pooled_by(
        &self,
        x: Tensor<4>,
        layers: &[Layer],
        pool: impl Fn(Tensor<4>) -> Tensor<4>,
    ) -> BTreeMap<Layer, Tensor<4>> {
        let mut found = BTreeMap::new();
        let Some(last) = layers.iter().max() else {
            return found;
        };
        let [batch, channels, height, width] = x.dims();
        let device = x.device();
        let mut x = match channels {
            1 => x.expand([batch, 3, height, width]),
            _ => x,
        };
        x = normalised(x);
        for (layer, (weight, bias)) in self.network.layers().zip(&self.convs) {
            if layer.conv == 1 && layer.block > 1 {
                x = pool(x);
            }
            let weight = constant(weight.clone(), &device);
            let bias = constant(bias.clone(), &device);
            x = conv2d(x, weight, Some(bias), Activation::Relu, Padding::Same, 1);
            if layers.contains(&layer) {
                found.insert(layer, x.clone());
            }
            if layer == *last {
                break;
            }
        }
        found
    }
}

/// The Gram matrix `F·Fᵀ / (c·h·w)` of features F `[batch, c, h·w]`: `[batch, c, c]` (Gatys et al.
/// 2015, arXiv:1505.07376).
pub fn gram(features: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = features.dims();
    let rows = features.reshape([batch, channels, height * width]);
    let product = rows.clone().matmul(rows.swap_dims(1, 2));
    product / (channels * height * width) as f64
}
