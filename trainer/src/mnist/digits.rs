//! Pairs of original and blurred digits.

use burn::tensor::{Device, Tensor, TensorData};
use engine::image::Planes;
use engine::image::resize::{Method, resize};
use model::network::Network;
use rayon::prelude::*;

use super::idx::SIDE_PX;
use crate::data::Batch;

const SMALL_PX: usize = 10;

/// Digits in 0…1, each of 28×28 values.
pub struct Digits {
    /// Blurred: the network's input.
    pub input: Vec<Vec<f32>>,
    /// The originals.
    pub target: Vec<Vec<f32>>,
}

impl Digits {
    /// Pairs of digits from their bytes.
    pub fn new(images: &[Vec<u8>]) -> Self {
        let target = values(images);
        let input = target.par_iter().map(|digit| blurred(digit)).collect();
        Self { input, target }
    }

    /// The number of digits.
    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// A batch of the digits with these indices.
    pub fn batch(&self, indices: &[usize]) -> Batch {
        let all = |digits: &[Vec<f32>]| indices.iter().flat_map(|i| digits[*i].clone()).collect();
        let shape = [indices.len(), 1, SIDE_PX, SIDE_PX];
        Batch::from_values(all(&self.input), all(&self.target), shape)
    }
}

/// Bytes scaled to 0…1.
pub fn values(images: &[Vec<u8>]) -> Vec<Vec<f32>> {
    let values = |digit: &Vec<u8>| digit.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    images.par_iter().map(values).collect()
}

/// Reduced to 10×10 (with antialiasing) and enlarged to 28×28 again, both bilinearly.
fn blurred(digit: &[f32]) -> Vec<f32> {
    let planes = Planes {
        channels: 1,
        width: SIDE_PX,
        height: SIDE_PX,
        data: digit.to_vec(),
    };
    let small = resize(&planes, SMALL_PX, SMALL_PX, Method::Bilinear);
    resize(&small, SIDE_PX, SIDE_PX, Method::Bilinear).data
}

/// A network's outputs for digits.
pub fn outputs(
    network: &Network,
    digits: &[Vec<f32>],
    device: &Device,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut outputs = Vec::with_capacity(digits.len());
    for part in digits.chunks(500) {
        let shape = [part.len(), 1, SIDE_PX, SIDE_PX];
        let x = Tensor::from_data(TensorData::new(part.concat(), shape), device);
        let values: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
        outputs.extend(values.chunks_exact(SIDE_PX * SIDE_PX).map(<[f32]>::to_vec));
    }
    Ok(outputs)
}
