//! A step's patches.

use anyhow::ensure;
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::Config;

/// The shapes of a batch; its values lie one after the other in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchShape {
    /// `[batch, channels, side, side]`
    input: [usize; 4],
    /// The targets, by output pixels per pixel of the input; a ratio occurs once.
    targets: Vec<(usize, [usize; 4])>,
    /// The ratios of the network's outputs; several may share a target.
    ratios: Vec<usize>,
}

impl BatchShape {
    /// The shapes of a batch of this many patches under a configuration.
    pub fn new(config: &Config, patches: usize) -> Self {
        let side = config.data.patch_px;
        let channels = config.network.spec().colour.channels();
        let margin = config.network.training_margin_px();
        let ratios = config.network.training_ratios();
        let mut distinct = ratios.clone();
        distinct.dedup();
        let target = |ratio: usize| {
            let side = (side - 2 * margin) * ratio;
            (ratio, [patches, channels, side, side])
        };
        Self {
            input: [patches, channels, side, side],
            targets: distinct.into_iter().map(target).collect(),
            ratios,
        }
    }

    /// The shapes of a batch with another number of patches.
    pub fn with_patches(&self, patches: usize) -> Self {
        let shape = |[_, channels, height, width]: [usize; 4]| [patches, channels, height, width];
        let targets = self.targets.iter();
        Self {
            input: shape(self.input),
            targets: targets
                .map(|(ratio, target)| (*ratio, shape(*target)))
                .collect(),
            ratios: self.ratios.clone(),
        }
    }

    /// How many values all patches have.
    pub fn values(&self) -> usize {
        let targets = self.targets.iter().map(|(_, shape)| shape);
        let shapes = std::iter::once(&self.input).chain(targets);
        shapes.map(|shape| shape.iter().product::<usize>()).sum()
    }
}

/// One step's patches.
pub struct Batch {
    input: Patches,
    /// The targets, by output pixels per input pixel.
    targets: Vec<(usize, Patches)>,
    ratios: Vec<usize>,
}

impl Batch {
    /// A batch of given patches: input and target, each `[batch, channels, side, side]`.
    pub fn from_values(input: Vec<f32>, target: Vec<f32>, shape: [usize; 4]) -> Self {
        let patches = |values| Patches { values, shape };
        Self {
            input: patches(input),
            targets: vec![(1, patches(target))],
            ratios: vec![1],
        }
    }

    /// A batch without values yet, for [`Self::parts_mut`].
    pub(super) fn empty(shape: BatchShape) -> Self {
        let patches = |shape: [usize; 4]| Patches {
            values: Vec::with_capacity(shape.iter().product()),
            shape,
        };
        let targets = shape.targets.into_iter();
        Self {
            input: patches(shape.input),
            targets: targets
                .map(|(ratio, shape)| (ratio, patches(shape)))
                .collect(),
            ratios: shape.ratios,
        }
    }

    /// Restores a batch from the values of [`Self::into_values`]. Fails if their number does not match the shape.
    pub fn from_shape(shape: BatchShape, values: Vec<f32>) -> anyhow::Result<Self> {
        ensure!(
            values.len() == shape.values(),
            "a batch of {} values was expected, and {} came",
            shape.values(),
            values.len()
        );
        let mut batch = Self::empty(shape);
        let mut rest = values.as_slice();
        let targets = batch.targets.iter_mut().map(|(_, patches)| patches);
        for patches in std::iter::once(&mut batch.input).chain(targets) {
            let (first, others) = rest.split_at(patches.shape.iter().product());
            patches.values.extend(first);
            rest = others;
        }
        Ok(batch)
    }

    /// All values: the input's, then each target's.
    pub fn into_values(self) -> Vec<f32> {
        let mut values = self.input.values;
        for (_, target) in self.targets {
            values.extend(target.values);
        }
        values
    }

    pub(super) fn parts_mut(&mut self) -> (&mut Patches, &mut [(usize, Patches)]) {
        (&mut self.input, &mut self.targets)
    }

    /// The number of patches.
    pub fn len(&self) -> usize {
        self.input.shape[0]
    }

    /// Whether there are no patches.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Splits the batch into parts whose sizes differ by at most one patch, in order.
    pub fn split(self, parts: usize) -> Vec<Self> {
        let count = self.len();
        let mut rest = Some(self);
        let mut split = Vec::with_capacity(parts);
        for part in 0..parts {
            let size = count * (part + 1) / parts - count * part / parts;
            if let Some(batch) = rest.take() {
                let (first, others) = batch.split_at(size);
                split.push(first);
                rest = Some(others);
            }
        }
        split
    }

    fn split_at(self, patches: usize) -> (Self, Self) {
        let (first, rest) = self.input.split_at(patches);
        let (mut first_targets, mut rest_targets) = (Vec::new(), Vec::new());
        for (ratio, target) in self.targets {
            let (first, rest) = target.split_at(patches);
            first_targets.push((ratio, first));
            rest_targets.push((ratio, rest));
        }
        let ratios = self.ratios;
        let batch = |input, targets| Self {
            input,
            targets,
            ratios: ratios.clone(),
        };
        (batch(first, first_targets), batch(rest, rest_targets))
    }

    /// Input `[batch, c, p, p]` and for each output of the network its target
    /// `[batch, c, (p − 2m)·r, (p − 2m)·r]`, values in 0…1.
    ///
    /// r is the output's ratio, m the margin in pixels that a network loses if it trains without padding.
    pub fn into_tensors(self, device: &Device) -> (Tensor<4>, Vec<Tensor<4>>) {
        let targets: Vec<(usize, Tensor<4>)> = self
            .targets
            .into_iter()
            .map(|(ratio, patches)| (ratio, patches.into_tensor(device)))
            .collect();
        let of = |ratio: &usize| targets.iter().find(|(known, _)| known == ratio);
        let targets = self
            .ratios
            .iter()
            .filter_map(of)
            .map(|(_, target)| target.clone());
        (self.input.into_tensor(device), targets.collect())
    }
}

/// Square patches of equal size, as planes in 0…1.
pub(super) struct Patches {
    pub values: Vec<f32>,
    /// `[batch, channels, side, side]`
    pub shape: [usize; 4],
}

impl Patches {
    fn split_at(mut self, patches: usize) -> (Self, Self) {
        let [batch, channels, height, width] = self.shape;
        let rest = self.values.split_off(patches * channels * height * width);
        let shape = |batch| [batch, channels, height, width];
        let rest = Self {
            values: rest,
            shape: shape(batch - patches),
        };
        self.shape = shape(patches);
        (self, rest)
    }

    fn into_tensor(self, device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(self.values, self.shape), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch::from_values(
            (0..20).map(|i| i as f32).collect(),
            (0..20).map(|i| -(i as f32)).collect(),
            [5, 1, 2, 2],
        )
    }

    #[test]
    fn parts_keep_the_order() {
        let parts = batch().split(3);
        assert_eq!(parts.iter().map(Batch::len).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!(parts[1].input.values, [4., 5., 6., 7., 8., 9., 10., 11.]);
        assert_eq!(parts[2].targets[0].1.values[0], -12.0);
    }

    #[test]
    fn values_and_shape_make_the_same_batch() {
        let shape = BatchShape {
            input: [5, 1, 2, 2],
            targets: vec![(1, [5, 1, 2, 2])],
            ratios: vec![1],
        };
        let values = batch().into_values();
        assert_eq!(values.len(), shape.values());
        let again = Batch::from_shape(shape.clone(), values.clone()).unwrap();
        assert_eq!(again.targets[0].1.values[19], -19.0);
        assert_eq!(again.into_values(), values);
        assert!(Batch::from_shape(shape, values[1..].to_vec()).is_err());
    }
}
