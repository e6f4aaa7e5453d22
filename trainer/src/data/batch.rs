//! Random patches and their eight flips, made ahead by a thread of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use burn::tensor::{Device, Tensor, TensorData};
use engine::Colour;
use engine::image::{Image, colour};
use model::network::NetworkConfig;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Dataset, Sample};
use crate::config::Config;

/// How many batches wait ready.
const AHEAD: usize = 2;

/// One step's patches.
pub struct Batch {
    input: Patches,
    /// By output pixels per pixel of the input.
    targets: Vec<(usize, Patches)>,
    /// The ratios of the network's outputs.
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

    /// How many patches it has.
    pub fn len(&self) -> usize {
        self.input.shape[0]
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many batches of equal size, but for one patch; one after the other they are this one.
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
    /// `[batch, c, p·r − m, p·r − m]`, values in 0…1.
    ///
    /// r is the output's ratio, m what a network loses that trains without padding.
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
struct Patches {
    values: Vec<f32>,
    shape: [usize; 4],
}

impl Patches {
    fn new([batch, channels, side]: [usize; 3]) -> Self {
        Self {
            values: Vec::with_capacity(batch * channels * side * side),
            shape: [batch, channels, side, side],
        }
    }

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

/// A source of batches; the batch of a step depends on the seed and the step alone, so that a
/// resumed training sees what an unbroken one does.
pub struct Batches {
    receiver: Receiver<Batch>,
}

impl Batches {
    /// Batches for the steps `from..config.training.steps`.
    pub fn start(dataset: Arc<Dataset>, config: &Config, from: u64) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        let sampler = Sampler::new(dataset, config);
        let steps = from..config.training.steps;
        std::thread::spawn(move || {
            for step in steps {
                if sender.send(sampler.batch(step)).is_err() {
                    return; // the training has ended early
                }
            }
        });
        Self { receiver }
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        self.receiver.recv().ok()
    }
}

/// Draws the patches of any step.
pub struct Sampler {
    dataset: Arc<Dataset>,
    /// For each picture, how many patch starts there are up to and with it.
    starts: Vec<usize>,
    network: NetworkConfig,
    seed: u64,
    batch: usize,
    patch_px: usize,
    stride_px: usize,
}

impl Sampler {
    /// Draws from these pictures.
    pub fn new(dataset: Arc<Dataset>, config: &Config) -> Self {
        let (patch_px, stride_px) = (config.data.patch_px, config.data.stride_px);
        let mut sum = 0;
        let starts = dataset
            .training
            .iter()
            .map(|sample| {
                sum += sample.starts(patch_px, stride_px);
                sum
            })
            .collect();
        Self {
            dataset,
            starts,
            network: config.network.clone(),
            seed: config.seed,
            batch: config.training.batch,
            patch_px,
            stride_px,
        }
    }

    /// The patches of a step, always the same ones.
    pub fn batch(&self, step: u64) -> Batch {
        let spec = self.network.spec();
        let channels = spec.colour.channels();
        let side = self.patch_px;
        let ratios = self.network.training_ratios();
        let mut distinct = ratios.clone();
        distinct.dedup();
        let lost = self.network.training_margin_px();
        let mut random = Pcg64Mcg::seed_from_u64(self.seed.rotate_left(32) ^ step);
        let mut input = Patches::new([self.batch, channels, side]);
        let mut targets: Vec<_> = distinct
            .into_iter()
            .map(|ratio| {
                let target_side = (side - 2 * lost) * ratio;
                (ratio, Patches::new([self.batch, channels, target_side]))
            })
            .collect();
        for _ in 0..self.batch {
            let sample = self.random_sample(&mut random);
            let (x, y) = sample.random_start(side, self.stride_px, &mut random);
            let flip = Flip(random.random_range(0..8));
            flip.cut(&sample.input, (x, y), spec.colour, &mut input);
            for ((ratio, patches), (_, target)) in targets.iter_mut().zip(&sample.targets) {
                let corner = ((x + lost) * *ratio, (y + lost) * *ratio);
                flip.cut(target, corner, spec.colour, patches);
            }
        }
        Batch {
            input,
            targets,
            ratios,
        }
    }

    /// A picture, as likely as it has patches.
    fn random_sample(&self, random: &mut Pcg64Mcg) -> &Sample {
        let all = self.starts.last().copied().unwrap_or_default();
        let start = random.random_range(0..all);
        let picture = self.starts.partition_point(|&sum| sum <= start);
        &self.dataset.training[picture]
    }
}

/// One of the eight ways to turn and mirror a square: bits for mirroring x, y, and the diagonal.
struct Flip(u8);

impl Flip {
    /// Where the pixel (x, y) of the flipped square lies in the original one.
    fn source(&self, x: usize, y: usize, side: usize) -> (usize, usize) {
        let (x, y) = if self.0 & 4 == 0 { (x, y) } else { (y, x) };
        let x = if self.0 & 1 == 0 { x } else { side - 1 - x };
        let y = if self.0 & 2 == 0 { y } else { side - 1 - y };
        (x, y)
    }

    /// Appends a square of an RGB picture.
    fn cut(&self, image: &Image, corner: (usize, usize), colour: Colour, patches: &mut Patches) {
        let [.., side] = patches.shape;
        let planes = &mut patches.values;
        let pixel = |x, y| {
            let (dx, dy) = self.source(x, y, side);
            let start = 3 * ((corner.1 + dy) * image.width + corner.0 + dx);
            [0, 1, 2].map(|c| f32::from(image.data[start + c]) / 255.0)
        };
        let pixels = || (0..side).flat_map(|y| (0..side).map(move |x| pixel(x, y)));
        match colour {
            Colour::Y => planes.extend(pixels().map(colour::rgb_to_y)),
            Colour::Grey => planes.extend(pixels().map(colour::rgb_to_grey)),
            Colour::Rgb => (0..3).for_each(|c| planes.extend(pixels().map(|rgb| rgb[c]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        let batch = Batch::from_values(
            (0..20).map(|i| i as f32).collect(),
            (0..20).map(|i| -(i as f32)).collect(),
            [5, 1, 2, 2],
        );
        let parts = batch.split(3);
        assert_eq!(parts.iter().map(Batch::len).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!(parts[1].input.values, [4., 5., 6., 7., 8., 9., 10., 11.]);
        assert_eq!(parts[2].targets[0].1.values[0], -12.0);
    }

    #[test]
    fn eight_flips_differ_and_keep_every_pixel() {
        let side = 3;
        let mut seen = std::collections::BTreeSet::new();
        for flip in (0..8).map(Flip) {
            let square: Vec<_> = (0..side * side)
                .map(|i| flip.source(i % side, i / side, side))
                .collect();
            let mut sorted = square.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), side * side);
            seen.insert(square);
        }
        assert_eq!(seen.len(), 8);
    }
}
