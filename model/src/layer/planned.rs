//! A block's part of a plan.

use burn::module::Param;
use burn::tensor::Tensor;

use super::resample::Phases;
use super::{ConvBlock, KernelWeight, Nonlinearity, Resample};
use crate::plan::{Activation, Builder, Conv, Padding, Value};

/// A network that has no plan, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// It has a layer that no step expresses.
    #[error("the network has {0}, which only Burn's own operators run")]
    Layer(&'static str),
    /// It is in the form in which it is trained.
    #[error("a network has to be folded before it has a plan")]
    Unfolded,
}

/// A parameter's values.
fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> Result<Vec<f32>, NoPlan> {
    super::values::values(parameter.val()).ok_or(NoPlan::Layer("parameters other than f32"))
}

impl ConvBlock {
    /// Maps that it reads.
    pub fn channels_in(&self) -> usize {
        let [out, channels_in, ..] = self.weight.shape();
        match self.settings.resample {
            // The weight of a transposed convolution is turned.
            Resample::Up { .. } => out,
            _ => channels_in,
        }
    }

    /// Its steps, behind those that are there already; a convolution takes zeros for what stands
    /// outside.
    pub fn plan(&self, plan: &mut Builder, input: Value) -> Result<Value, NoPlan> {
        self.plan_padded(plan, input, Padding::Same)
    }

    /// The same with other padding.
    pub fn plan_padded(
        &self,
        plan: &mut Builder,
        input: Value,
        padding: Padding,
    ) -> Result<Value, NoPlan> {
        let KernelWeight::Folded(weight) = &self.weight else {
            return Err(NoPlan::Unfolded);
        };
        if self.norm.is_some() {
            return Err(NoPlan::Unfolded);
        }
        let shape: [usize; 4] = self.weight.shape();
        let weight = values(weight)?;
        // Maps, side of the kernel, weights, maps for each bias, maps for each slope, factor.
        let (channels_out, k, weight, scale, per_bias) = match self.settings.resample {
            Resample::None => {
                let (k, weight) = dilated(weight, shape[2], self.settings.dilation);
                (shape[0], k, weight, 1, 1)
            }
            Resample::Shuffle { scale } => (shape[0], shape[2], weight, scale, 1),
            Resample::Up { scale, padding } => {
                let phases = Phases::transposed(shape[2], scale, padding);
                let weight = phases.arrange_transposed(&weight, [shape[0], shape[1]]);
                let phases_count = scale * scale;
                (
                    shape[1] * phases_count,
                    phases.side(),
                    weight,
                    scale,
                    phases_count,
                )
            }
            Resample::Down { .. } => return Err(NoPlan::Layer("strided convolutions")),
        };
        let repeat = |values: Vec<f32>, times: usize| -> Vec<f32> {
            let each = values.into_iter();
            each.flat_map(|value| std::iter::repeat_n(value, times))
                .collect()
        };
        let activation = match (self.settings.nonlinearity, &self.slope) {
            (Nonlinearity::None, _) | (Nonlinearity::PRelu, None) => Activation::None,
            (Nonlinearity::Relu, _) => Activation::Relu,
            (Nonlinearity::PRelu, Some(slope)) => {
                Activation::PRelu(repeat(values(slope)?, scale * scale))
            }
            (Nonlinearity::LeakyRelu(slope), _) => Activation::PRelu(vec![slope; channels_out]),
            (Nonlinearity::Sigmoid, _) => Activation::Sigmoid,
            (Nonlinearity::Tanh, _) => Activation::Tanh,
        };
        let bias = match &self.bias {
            Some(bias) => repeat(values(bias)?, per_bias),
            None => vec![0.0; channels_out],
        };
        let maps = plan.conv(Conv {
            input,
            channels_out,
            groups: 1,
            k,
            weight,
            bias,
            padding,
            activation,
            add: None,
        });
        Ok(match scale {
            1 => maps,
            _ => plan.shuffle(maps, scale, None),
        })
    }
}

/// A kernel whose taps are `dilation` pixels apart, as one with zeros between them.
fn dilated(weight: Vec<f32>, k: usize, dilation: usize) -> (usize, Vec<f32>) {
    if dilation == 1 {
        return (k, weight);
    }
    let side = dilation * (k - 1) + 1;
    let spread = |kernel: &[f32]| {
        let mut spread = vec![0.0; side * side];
        for (tap, value) in kernel.iter().enumerate() {
            spread[dilation * (tap / k * side + tap % k)] = *value;
        }
        spread
    };
    (side, weight.chunks_exact(k * k).flat_map(spread).collect())
}
