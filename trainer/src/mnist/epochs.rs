//! Batches of digits in epochs.

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// The indices of the digits of each batch: every digit once in an epoch, in an order that depends on the seed and the
/// epoch alone. Shows how far an epoch is.
pub struct Epochs {
    digits: usize,
    batch: usize,
    epochs: usize,
    seed: u64,
    /// The next step.
    step: usize,
    /// The digits in the order of the current epoch.
    order: Vec<usize>,
    progress: ProgressBar,
}

impl Epochs {
    /// The batches from the step `from` on.
    pub fn new(
        digits: usize,
        batch: usize,
        epochs: usize,
        seed: u64,
        from: u64,
    ) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(
            "{bar:30} {pos}/{len} digits · epoch {msg} · {eta} left in this epoch",
        );
        Ok(Self {
            digits,
            batch,
            epochs,
            seed,
            step: from as usize,
            order: Vec::new(),
            progress: ProgressBar::new(digits as u64).with_style(style?),
        })
    }

    /// Steps of an epoch.
    pub fn steps(&self) -> usize {
        self.digits.div_ceil(self.batch)
    }

    /// Steps of all epochs.
    pub fn total(&self) -> u64 {
        (self.epochs * self.steps()) as u64
    }
}

impl Iterator for Epochs {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let (epoch, place) = (self.step / self.steps(), self.step % self.steps());
        if place == 0 {
            self.progress.finish_and_clear();
        }
        if epoch == self.epochs {
            return None;
        }
        if place == 0 || self.order.is_empty() {
            self.order = (0..self.digits).collect();
            let seed = self.seed.rotate_left(32) ^ epoch as u64;
            self.order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
            self.progress.reset();
            let epochs = self.epochs;
            self.progress
                .set_message(format!("{} of {epochs}", epoch + 1));
        }
        let start = place * self.batch;
        let end = (start + self.batch).min(self.digits);
        self.progress.set_position(start as u64);
        self.step += 1;
        Some(self.order[start..end].to_vec())
    }
}
