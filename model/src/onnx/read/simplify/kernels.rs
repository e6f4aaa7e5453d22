//! Convolutions that take over what other layers do.

use std::rc::Rc;

use crate::onnx::read::error::Problem;
use crate::onnx::read::layers::{Conv, Weights};
use crate::onnx::read::tensor::Budget;

/// Each number `times` times.
pub(super) fn repeated(
    weights: &Weights,
    times: usize,
    budget: &mut Budget,
) -> Result<Weights, Problem> {
    if times == 1 {
        return Ok(weights.clone());
    }
    budget.charge_product(&[weights.numbers.len(), times])?;
    let numbers = weights.numbers.iter();
    let numbers = numbers.flat_map(|number| std::iter::repeat_n(*number, times));
    Ok(Weights::new(&weights.name, numbers.collect()))
}

/// The numbers of `each` consecutive values for each of `channels`.
fn picked(
    weights: &Weights,
    each: usize,
    channels: &[usize],
    budget: &mut Budget,
) -> Result<Weights, Problem> {
    budget.charge_product(&[each, channels.len()])?;
    let parts = channels.iter();
    let parts = parts.flat_map(|channel| &weights.numbers[channel * each..][..each]);
    Ok(Weights::new(&weights.name, parts.copied().collect()))
}

impl Conv {
    fn channels_out(&self) -> usize {
        self.weight.numbers.len() / self.inputs() / (self.k * self.k)
    }

    /// Channels that each output channel reads.
    fn inputs(&self) -> usize {
        self.channels_in / self.groups
    }

    /// Whether it scales each channel and adds to it, and no more.
    pub(super) fn is_affine(&self) -> bool {
        self.k == 1 && self.groups == self.channels_in && self.groups == self.channels_out()
    }

    /// Multiplies the result with a factor, and adds to it, for each of its maps.
    pub(super) fn scale(
        &mut self,
        factor: &dyn Fn(usize) -> f32,
        constant: &dyn Fn(usize) -> f32,
        budget: &mut Budget,
    ) -> Result<(), Problem> {
        let maps = self.channels_out();
        budget.charge(self.weight.numbers.len() + maps)?;
        let each = self.weight.numbers.len() / maps;
        let weight = Rc::make_mut(&mut self.weight.numbers);
        for (map, weight) in weight.chunks_exact_mut(each).enumerate() {
            weight.iter_mut().for_each(|weight| *weight *= factor(map));
        }
        let old = self.bias.take();
        let bias = |map| old.as_ref().map_or(0.0, |bias: &Weights| bias.numbers[map]);
        let bias: Vec<f32> = (0..maps)
            .map(|map| bias(map) * factor(map) + constant(map))
            .collect();
        if old.is_some() || bias.iter().any(|bias| *bias != 0.0) {
            let name = match &old {
                Some(bias) => bias.name.clone(),
                None => format!("{}.bias", self.weight.name),
            };
            self.bias = Some(Weights::new(&name, bias));
        }
        Ok(())
    }

    /// Becomes the same for an input that was scaled by a factor, and had a constant added if k = 1.
    pub(super) fn absorb(
        &mut self,
        factor: f32,
        constant: f32,
        budget: &mut Budget,
    ) -> Result<(), Problem> {
        let (maps, each) = (self.channels_out(), self.inputs() * self.k * self.k);
        let kernels = self.weight.numbers.chunks_exact(each);
        let added: Vec<f32> = kernels
            .map(|kernel| constant * kernel.iter().sum::<f32>())
            .collect();
        if constant != 0.0 {
            self.scale(&|_| 1.0, &|map| added[map], budget)?;
        }
        budget.charge(maps * each)?;
        let weight = Rc::make_mut(&mut self.weight.numbers);
        weight.iter_mut().for_each(|weight| *weight *= factor);
        Ok(())
    }

    /// Becomes the same for an input whose channels were picked; all or none of its groups.
    pub(super) fn read_through(
        &mut self,
        channels: &[usize],
        budget: &mut Budget,
    ) -> Result<(), Problem> {
        let area = self.k * self.k;
        budget.charge(self.weight.numbers.len())?;
        let mut weight = vec![0.0; self.weight.numbers.len()];
        for (i, kernel) in self.weight.numbers.chunks_exact(area).enumerate() {
            let (out, channel) = (i / self.channels_in, i % self.channels_in);
            let to = &mut weight[(out * self.channels_in + channels[channel]) * area..][..area];
            to.iter_mut().zip(kernel).for_each(|(to, from)| *to += from);
        }
        self.weight.numbers = Rc::new(weight);
        Ok(())
    }

    /// The convolution that computes only these of its channels; it has one group.
    pub(super) fn picked(&self, channels: &[usize], budget: &mut Budget) -> Result<Self, Problem> {
        let each = self.inputs() * self.k * self.k;
        let mut vector = |weights: &Weights| picked(weights, 1, channels, budget);
        let bias = self.bias.as_ref().map(&mut vector).transpose()?;
        let activation = self.activation.try_map(&mut vector)?;
        Ok(Self {
            weight: picked(&self.weight, each, channels, budget)?,
            bias,
            activation,
            ..self.clone()
        })
    }
}
