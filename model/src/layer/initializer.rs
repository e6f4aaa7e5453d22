//! Random weights to start training from.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{ConvBlock, KernelWeight, WideKernel};

/// The slope that PReLU starts from (He et al. 2015).
const PRELU_START: f32 = 0.25;

/// Draws weights on the host, so that a seed gives the same ones on every device.
pub struct Initializer {
    random: Pcg64Mcg,
    device: Device,
}

impl Initializer {
    /// Weights of this seed, placed on `device`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            device: device.clone(),
        }
    }

    /// Uniform with the variance `gain / fan_in`.
    fn uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        gain: f32,
    ) -> Tensor<D> {
        let bound = (3.0 * gain / fan_in as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| self.random.random_range(-bound..bound))
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// A block for `shape [out, in, k, k]`, wide where `expansion` says how wide.
    ///
    /// The gain of a third is PyTorch's default for convolutions: small enough for the identity
    /// of a wide block and the network's skips to dominate at the start.
    pub fn block(&mut self, shape: [usize; 4], prelu: bool, expansion: Option<usize>) -> ConvBlock {
        let [out, channels_in, k, _] = shape;
        let fan_in = channels_in * k * k;
        let weight = match expansion {
            Some(wide) => KernelWeight::Wide(WideKernel::new(
                self.uniform([wide, channels_in, k, k], fan_in, 1.0 / 3.0),
                self.uniform([out, wide], wide, 1.0 / 3.0),
            )),
            None => {
                KernelWeight::Folded(Param::from_tensor(self.uniform(shape, fan_in, 1.0 / 3.0)))
            }
        };
        let slope = prelu.then(|| Tensor::full([out], PRELU_START, &self.device));
        ConvBlock::new(weight, Tensor::zeros([out], &self.device), slope)
    }

    /// A block that a ReLU follows: the variance is 2 / fan_in (He et al. 2015).
    pub fn relu_block(&mut self, shape: [usize; 4]) -> ConvBlock {
        let fan_in = shape[1] * shape[2] * shape[3];
        let weight = KernelWeight::Folded(Param::from_tensor(self.uniform(shape, fan_in, 2.0)));
        ConvBlock::new(weight, Tensor::zeros([shape[0]], &self.device), None)
    }
}
