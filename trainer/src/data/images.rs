//! The images that patches are drawn from: all of them in memory or, of folders that are larger, some at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, anyhow};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::loader::Loader;
use super::{LeftOut, Sample};

/// Patches that are drawn of an image, on average, before another one takes its place.
const PATCHES_PER_IMAGE: usize = 64;

/// Images that stay in memory behind the window, for threads that still make the batch of an earlier step.
const BEHIND: u64 = 16;

/// Draws of a batch that may meet damaged images one after the other.
const TRIES: usize = 1000;

/// The images that patches are drawn from.
pub struct Images(Held);

enum Held {
    All { samples: Vec<Arc<Sample>> },
    Window(Box<Window>),
}

/// A part of the images, which moves on through all of them in a random order. Which images a step draws from depends
/// on the seed and the step alone, so that a resumed training draws from the same ones.
struct Window {
    loader: Loader,
    files: Vec<PathBuf>,
    /// Patch positions in each file.
    positions: Vec<usize>,
    seed: u64,
    /// Images in the window.
    count: u64,
    /// Steps after which the window moves on by one image.
    steps: u64,
    /// Images by their place in the order, which does not end; `None` for damaged ones.
    held: Mutex<BTreeMap<u64, Arc<OnceLock<Decoded>>>>,
    /// The order of the files in each round through all of them.
    orders: Mutex<BTreeMap<u64, Vec<usize>>>,
}

type Decoded = Result<Option<Arc<Sample>>, String>;

/// A file of a folder that is larger than the memory for its images.
pub(super) struct File {
    pub path: PathBuf,
    /// Patch positions in it.
    pub positions: usize,
    /// Bytes in memory.
    pub bytes: usize,
}

impl Images {
    /// These images, all of them in memory.
    pub fn of(samples: Vec<Sample>) -> Self {
        let samples = samples.into_iter().map(Arc::new).collect();
        Self(Held::All { samples })
    }

    /// The images of these files, as many at a time as fit into `memory` bytes.
    pub(super) fn window(
        loader: Loader,
        files: Vec<File>,
        memory: usize,
        batch: usize,
        seed: u64,
    ) -> Self {
        let bytes = files.iter().map(|file| file.bytes).sum::<usize>() / files.len().max(1);
        let count = (memory / bytes.max(1)) as u64;
        Self(Held::Window(Box::new(Window {
            loader,
            positions: files.iter().map(|file| file.positions).collect(),
            count: count.saturating_sub(BEHIND).max(1).min(files.len() as u64),
            files: files.into_iter().map(|file| file.path).collect(),
            seed,
            steps: PATCHES_PER_IMAGE.div_ceil(batch) as u64,
            held: Mutex::default(),
            orders: Mutex::default(),
        })))
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::All { samples } => samples.len(),
            Held::Window(window) => window.files.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All images; `None` if they are not all in memory.
    pub(super) fn all(&self) -> Option<&[Arc<Sample>]> {
        match &self.0 {
            Held::All { samples } => Some(samples),
            Held::Window(_) => None,
        }
    }

    /// An image for a step, drawn with a probability proportional to its number of patch positions.
    pub(super) fn draw(
        &self,
        step: u64,
        [patch_px, stride_px]: [usize; 2],
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<Arc<Sample>> {
        match &self.0 {
            Held::All { samples } => {
                let positions = samples
                    .iter()
                    .map(|sample| sample.positions(patch_px, stride_px));
                let drawn = draw(positions, random).context("there are no images to learn from")?;
                Ok(Arc::clone(&samples[drawn]))
            }
            Held::Window(window) => window.draw(step, random),
        }
    }
}

impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} images to learn from", self.len())?;
        match &self.0 {
            Held::All { .. } => Ok(()),
            Held::Window(window) => write!(f, " ({} of them in memory at a time)", window.count),
        }
    }
}

/// An index, drawn with a probability proportional to its weight.
fn draw(weights: impl Iterator<Item = usize> + Clone, random: &mut Pcg64Mcg) -> Option<usize> {
    let all: usize = weights.clone().sum();
    let mut left = random.random_range(0..all.max(1));
    weights.enumerate().find_map(|(index, weight)| {
        if left < weight {
            return Some(index);
        }
        left -= weight;
        None
    })
}

impl Window {
    fn draw(&self, step: u64, random: &mut Pcg64Mcg) -> anyhow::Result<Arc<Sample>> {
        let first = step / self.steps;
        let files = self.files(first..first + self.count);
        for _ in 0..TRIES {
            let positions = files.iter().map(|file| self.positions[*file]);
            let drawn = draw(positions, random).context("there are no images to learn from")?;
            let place = first + drawn as u64;
            if let Some(sample) = self.sample(first, place, files[drawn])? {
                return Ok(sample);
            }
        }
        Err(anyhow!("the images are damaged, one after the other"))
    }

    /// The files at these places of the order.
    fn files(&self, places: Range<u64>) -> Vec<usize> {
        let count = self.files.len() as u64;
        let oldest = places.start / count;
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may still make the batch of an earlier step.
        orders.retain(|round, _| round + 1 >= oldest);
        let files = places.map(|place| {
            let round = place / count;
            let order = orders.entry(round).or_insert_with(|| {
                let mut order: Vec<usize> = (0..self.files.len()).collect();
                let seed = self.seed.rotate_left(17) ^ round;
                order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
                order
            });
            order[(place % count) as usize]
        });
        files.collect()
    }

    /// The image of a file at a place of the order, while the window begins at `first`; `None` if it is damaged.
    fn sample(&self, first: u64, place: u64, file: usize) -> anyhow::Result<Option<Arc<Sample>>> {
        let cell = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.retain(|place, _| place + BEHIND >= first);
            Arc::clone(held.entry(place).or_default())
        };
        // Decoded without the lock: other threads need other images meanwhile.
        let decoded = cell.get_or_init(|| {
            let path = &self.files[file];
            match self.loader.sample(path) {
                Ok(Ok(sample)) => Ok(Some(Arc::new(sample))),
                Ok(Err(left_out)) => {
                    LeftOut::report(&[left_out]);
                    Ok(None)
                }
                Err(error) => Err(format!("{error:#}")),
            }
        });
        decoded.clone().map_err(anyhow::Error::msg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_proportional_to_weights() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut counts = [0i32; 4];
        for _ in 0..4000 {
            counts[draw([1, 0, 3, 4].into_iter(), &mut random).unwrap()] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, expected) in counts.into_iter().zip([500, 0, 1500, 2000]) {
            assert!((count - expected).abs() < 150, "{counts:?}");
        }
        assert_eq!(draw([0, 0].into_iter(), &mut random), None);
    }
}
