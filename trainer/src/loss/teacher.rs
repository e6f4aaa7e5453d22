//! A network whose outputs another one learns.

use std::path::Path;

use anyhow::{Context, ensure};
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor, module};
use engine::{Input, Spec};
use model::network::Network;
use model::record;

use super::criterion::Compared;
use crate::weights::constant;

/// A network whose outputs another one learns.
pub struct Teacher {
    network: Network,
    scale: usize,
}

impl Teacher {
    /// Reads a model file, whose network has to fit a student of this kind: the same planes, and a scale that is a
    /// multiple of the student's.
    pub fn load(path: &Path, student: &Spec, device: &Device) -> anyhow::Result<Self> {
        let name = path.display();
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read the teacher {name}"))?;
        let (network, metadata) =
            record::read(&bytes, device).with_context(|| format!("in the teacher {name}"))?;
        let spec = metadata.network.spec();
        ensure!(
            spec.colour == student.colour
                && [spec.input, student.input] == [Input::LowResolution; 2]
                && spec.scale.is_multiple_of(student.scale),
            "{name} cannot teach this network: a teacher has the same network.colour, a scale that is a multiple of {}, \
             and both read the low-resolution image; this one is ×{} on {:?}",
            student.scale,
            spec.scale,
            spec.colour
        );
        Ok(Self {
            network,
            scale: spec.scale,
        })
    }

    /// The mean absolute difference between the student's output and this network's: `[1]`.
    pub fn distance(&self, compared: &Compared) -> Tensor<1> {
        let Compared {
            input,
            output,
            ratio,
            ..
        } = compared;
        let input = match input.device().is_autodiff() {
            true => input.clone().inner(),
            false => input.clone(),
        };
        let [_, _, rows, columns] = output.dims();
        // Some networks are trained without padding: their outputs are smaller.
        let margin = (input.dims()[2] - rows / ratio) / 2 * self.scale;
        let factor = self.scale / ratio;
        let made = self.network.forward(input);
        let made = made
            .narrow(2, margin, rows * factor)
            .narrow(3, margin, columns * factor);
        let made = match factor {
            1 => made,
            _ => {
                let window = AvgPoolOptions::new([factor, factor]).with_stride([factor, factor]);
                module::avg_pool2d(made, window)
            }
        };
        let made = constant(made, &output.device());
        (output.clone() - made).abs().mean()
    }
}
