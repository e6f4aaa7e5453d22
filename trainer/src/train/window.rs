//! The steps since the log's last line.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use super::log::Entry;
use super::trainer::Outcome;
use crate::loss::Loss;

/// Outcomes of steps, which are read from the device all at once.
pub struct Window {
    start: Instant,
    /// Time without a batch.
    waited: Duration,
    outcomes: Vec<Outcome>,
}

/// The step, from 1, whose loss or gradient is not finite.
#[derive(Debug)]
pub struct NotANumber(pub u64);

impl Window {
    /// A window without steps.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            waited: Duration::ZERO,
            outcomes: Vec::new(),
        }
    }

    /// Adds time in which a step waited for its batch.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// Adds a step.
    pub fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// The log's line; `step` is the last step's number, from 1, and `loss` its loss.
    pub fn entry(self, step: u64, batch: usize, loss: &Loss) -> Result<Entry, NotANumber> {
        let count = self.outcomes.len();
        let first = step - count as u64 + 1;
        let (mut losses, mut others) = (Vec::new(), Vec::new());
        let (mut norms, mut learning_rate) = (Vec::new(), 0.0);
        let names: Vec<String> = loss.terms().collect();
        let mut terms = Vec::new();
        for outcome in self.outcomes {
            losses.push(outcome.loss);
            let sum = outcome.discriminator_losses.into_iter();
            others.extend(sum.reduce(|a, b| a + b));
            norms.push(outcome.norm);
            // Not those of another phase.
            if outcome.terms.dims() == [names.len()] {
                terms.push(outcome.terms);
            }
            learning_rate = outcome.rate;
        }
        let [losses, others, norms, terms] = [losses, others, norms, terms].map(values);
        for values in [&losses, &others, &norms] {
            if let Some(i) = values.iter().position(|value| !value.is_finite()) {
                return Err(NotANumber(first + i as u64));
            }
        }
        let mean = |values: &[f32]| {
            let sum: f64 = values.iter().copied().map(f64::from).sum();
            (!values.is_empty()).then(|| sum / values.len() as f64)
        };
        let of_term = |index: usize| {
            let values = terms.iter().skip(index).step_by(names.len());
            mean(&values.copied().collect::<Vec<f32>>()).unwrap_or(0.0)
        };
        let terms = match names.len() {
            // One term is the loss.
            0 | 1 => BTreeMap::new(),
            _ => names.iter().cloned().zip((0..).map(of_term)).collect(),
        };
        let seconds = self.start.elapsed().as_secs_f64();
        Ok(Entry::Step {
            step,
            loss: mean(&losses).unwrap_or(0.0),
            terms,
            discriminator_loss: mean(&others),
            gradient_norm: norms.last().copied().map_or(0.0, f64::from),
            learning_rate,
            patches_per_s: (count * batch) as f64 / seconds,
            waiting: self.waited.as_secs_f64() / seconds,
        })
    }
}

/// The values of vectors, read together.
fn values(tensors: Vec<Tensor<1>>) -> Vec<f32> {
    if tensors.is_empty() {
        return Vec::new();
    }
    Tensor::cat(tensors, 0).into_data().iter::<f32>().collect()
}
