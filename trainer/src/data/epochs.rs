//! Patches in epochs: each position of each image once before any comes again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::ensure;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// Positions whose order is kept in memory, four bytes each.
const MOST: usize = 1 << 28;

/// The order of all positions, another one in each epoch. It depends on the seed alone.
pub(super) struct Epochs {
    /// For each image the number of positions in it and in those before it.
    ends: Vec<usize>,
    seed: u64,
    /// The orders of the epochs that threads are at.
    orders: Mutex<BTreeMap<u64, Arc<Vec<u32>>>>,
}

impl Epochs {
    /// Epochs over images with these numbers of positions.
    pub fn new(positions: impl Iterator<Item = usize>, seed: u64) -> anyhow::Result<Self> {
        let sums = positions.scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        let epochs = Self {
            ends: sums.collect(),
            seed,
            orders: Mutex::default(),
        };
        ensure!(
            (1..=MOST).contains(&epochs.len()),
            "data.sampling = \"epochs\" has an order for each of {} patch positions, of at most {MOST}: set a larger \
             data.stride_px",
            epochs.len()
        );
        Ok(epochs)
    }

    /// Patches in an epoch.
    pub fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The image of a patch, counted from the training's beginning, and the number of its position in that image.
    pub fn patch(&self, number: u64) -> (usize, usize) {
        let count = self.len() as u64;
        let epoch = number / count;
        let place = self.order(epoch)[(number % count) as usize] as usize;
        let image = self.ends.partition_point(|end| *end <= place);
        let first = if image == 0 { 0 } else { self.ends[image - 1] };
        (image, place - first)
    }

    fn order(&self, epoch: u64) -> Arc<Vec<u32>> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may still make a batch of the epoch before.
        orders.retain(|other, _| other + 1 >= epoch);
        let order = orders.entry(epoch).or_insert_with(|| {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            let seed = self.seed.rotate_left(29) ^ epoch;
            order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
            Arc::new(order)
        });
        Arc::clone(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_each_position_once() {
        let epochs = Epochs::new([3, 0, 4].into_iter(), 5).unwrap();
        let epoch = |from: u64| {
            let patches: Vec<_> = (from..from + 7)
                .map(|number| epochs.patch(number))
                .collect();
            let mut sorted = patches.clone();
            sorted.sort();
            let expected = [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2), (2, 3)];
            assert_eq!(sorted, expected);
            patches
        };
        let (first, second) = (epoch(0), epoch(7));
        assert_ne!(first, second);
        // A resumed training, or a thread that is late.
        assert_eq!(epoch(0), first);
        assert!(Epochs::new([0].into_iter(), 5).is_err());
    }
}
