//! Random patches and their eight flips, prepared by threads while a step is computed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::Context;
use engine::Colour;
use engine::image::{Image, colour};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;

use super::batch::{Batch, BatchShape, Patches};
use super::epochs::Epochs;
use super::{Dataset, Images, Sample};
use crate::config::Config;

/// Number of batches that each thread prepares in advance.
const AHEAD: usize = 2;

/// A source of batches. The batch of a step depends on the seed and the step alone, so that a resumed
/// training uses the same batches as an uninterrupted one.
pub struct Batches {
    /// One for each thread, which take turns.
    receivers: Vec<Receiver<anyhow::Result<Batch>>>,
    next: usize,
}

impl Batches {
    /// Batches for these steps.
    pub fn start(sampler: &Arc<Sampler>, steps: Range<u64>) -> Self {
        let threads = threads();
        let receivers = (0..threads).map(|thread| {
            let (sender, receiver) = sync_channel(AHEAD);
            let sampler = Arc::clone(sampler);
            let steps = steps.clone().skip(thread).step_by(threads);
            std::thread::spawn(move || {
                for step in steps {
                    if sender.send(sampler.batch(step)).is_err() {
                        return; // the training has ended early
                    }
                }
            });
            receiver
        });
        Self {
            receivers: receivers.collect(),
            next: 0,
        }
    }
}

/// Threads that prepare batches: half of the processor's, as steps need them, too.
fn threads() -> usize {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    (all / 2).clamp(1, 8)
}

impl Iterator for Batches {
    type Item = anyhow::Result<Batch>;

    fn next(&mut self) -> Option<anyhow::Result<Batch>> {
        let batch = self.receivers[self.next].recv().ok();
        self.next = (self.next + 1) % self.receivers.len();
        batch
    }
}

/// The order of the patches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Each patch is drawn from all positions.
    #[default]
    Random,
    /// Each position of each image comes once before any comes again.
    Epochs,
}

/// Draws the patches of any step.
pub struct Sampler {
    images: Images,
    shape: BatchShape,
    colour: Colour,
    margin_px: usize,
    seed: u64,
    batch: usize,
    patch_px: usize,
    stride_px: usize,
    flips: bool,
    epochs: Option<Epochs>,
}

impl Sampler {
    /// Draws from these images. Fails if they do not allow the configured order.
    pub fn new(dataset: Dataset, config: &Config) -> anyhow::Result<Self> {
        let (patch_px, stride_px) = (config.data.patch_px, config.data.stride_px);
        let epochs = match config.data.sampling {
            Sampling::Random => None,
            Sampling::Epochs => {
                let samples = dataset.training.all().context(
                    "data.sampling = \"epochs\" needs all images in memory: raise data.memory_gb",
                )?;
                let positions = samples.iter();
                let positions = positions.map(|sample| sample.positions(patch_px, stride_px));
                Some(Epochs::new(positions, config.seed)?)
            }
        };
        Ok(Self {
            images: dataset.training,
            epochs,
            flips: config.data.flips,
            shape: BatchShape::new(config, config.training.batch),
            colour: config.network.spec().colour,
            margin_px: config.network.training_margin_px(),
            seed: config.seed,
            batch: config.training.batch,
            patch_px,
            stride_px,
        })
    }

    /// Steps of an epoch, if the patches come in epochs.
    pub fn epoch_steps(&self) -> Option<f64> {
        let epochs = self.epochs.as_ref()?;
        Some(epochs.len() as f64 / self.batch as f64)
    }

    /// The sample and the corner of a patch of a step.
    fn draw(
        &self,
        step: u64,
        patch: usize,
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<(Arc<Sample>, (usize, usize))> {
        let (patch_px, stride_px) = (self.patch_px, self.stride_px);
        if let (Some(epochs), Some(samples)) = (&self.epochs, self.images.all()) {
            let number = step * self.batch as u64 + patch as u64;
            let (image, position) = epochs.patch(number);
            let sample = Arc::clone(&samples[image]);
            let corner = sample.corner(position, patch_px, stride_px);
            return Ok((sample, corner));
        }
        let sample = self.images.draw(step, [patch_px, stride_px], random)?;
        let corner = sample.random_position(patch_px, stride_px, random);
        Ok((sample, corner))
    }

    /// The patches of a step, always the same ones. Fails where a degradation does.
    pub fn batch(&self, step: u64) -> anyhow::Result<Batch> {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed.rotate_left(32) ^ step);
        let mut batch = Batch::empty(self.shape.clone());
        let (input, targets) = batch.parts_mut();
        let margin = self.margin_px;
        for patch in 0..self.batch {
            let (sample, (x, y)) = self.draw(step, patch, &mut random)?;
            let flip = Flip(if self.flips {
                random.random_range(0..8)
            } else {
                0
            });
            let (image, corner) = sample.patch((x, y), self.patch_px, &mut random)?;
            flip.cut(&image, corner, self.colour, input);
            for ((ratio, patches), (_, target)) in targets.iter_mut().zip(&sample.targets) {
                let corner = ((x + margin) * *ratio, (y + margin) * *ratio);
                flip.cut(target, corner, self.colour, patches);
            }
        }
        Ok(batch)
    }
}

/// One of the eight rotations and reflections of a square, as bits: mirrored in x, in y, and along the diagonal.
struct Flip(u8);

impl Flip {
    /// The position in the original square of the pixel that is moved to (x, y).
    fn source(&self, x: usize, y: usize, side: usize) -> (usize, usize) {
        let (x, y) = if self.0 & 4 == 0 { (x, y) } else { (y, x) };
        let x = if self.0 & 1 == 0 { x } else { side - 1 - x };
        let y = if self.0 & 2 == 0 { y } else { side - 1 - y };
        (x, y)
    }

    /// Appends a square of an RGB image.
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
