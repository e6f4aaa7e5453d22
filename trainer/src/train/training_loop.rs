//! The loop of every training: a batch, a step, and now and then a line of the log, an evaluation, a checkpoint.
//!
//! It knows neither devices nor files of images: something that can [`Learn`] takes the steps, on one device or on several, and a
//! [`Hooks`] brings the batches and takes the results.

use std::path::PathBuf;

use anyhow::bail;

use super::checkpoint::Checkpoint;
use super::interrupt;

/// A network in training and the state of its optimiser.
pub trait Learn {
    /// The data of one step.
    type Batch;
    /// The results of one step.
    type Outcome;

    /// Steps taken so far.
    fn steps(&self) -> u64;

    /// Takes a step. If it fails, nothing has changed.
    fn step(&mut self, batch: Self::Batch) -> anyhow::Result<Self::Outcome>;

    /// Everything that is needed to resume.
    fn checkpoint(&self) -> Checkpoint;
}

/// The data source and the callbacks of a training.
pub trait Hooks<L: Learn> {
    /// The next step's batch; `None` after the last step.
    fn next_batch(&mut self) -> Option<anyhow::Result<L::Batch>>;

    /// Takes note of a step's outcome.
    fn add(&mut self, _outcome: L::Outcome) -> anyhow::Result<()> {
        Ok(())
    }

    /// Writes what has been noted since the last call. Fails if the network cannot be saved as it is.
    fn log(&mut self, _learner: &L) -> anyhow::Result<()> {
        Ok(())
    }

    /// Evaluates the network, and exports it.
    fn evaluate(&mut self, _learner: &mut L) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether the training ends before its last step.
    fn is_over(&self, _learner: &L) -> bool {
        false
    }
}

/// When things happen, in steps.
pub struct Times {
    /// The last step.
    pub steps: u64,
    /// Steps between two lines of the log.
    pub log_every: u64,
    /// Steps between two evaluations.
    pub evaluate_every: u64,
    /// Steps between two checkpoints, and their file; `None` for a training that cannot be resumed.
    pub save_every: Option<(u64, PathBuf)>,
}

/// Takes all steps that are left.
pub fn run<L: Learn>(
    learner: &mut L,
    hooks: &mut impl Hooks<L>,
    times: &Times,
) -> anyhow::Result<()> {
    let save = |learner: &L| match &times.save_every {
        Some((_, path)) => learner.checkpoint().save(path),
        None => Ok(()),
    };
    while !hooks.is_over(learner) {
        let Some(batch) = hooks.next_batch() else {
            break;
        };
        match batch.and_then(|batch| learner.step(batch)) {
            Ok(outcome) => hooks.add(outcome)?,
            Err(error) => {
                save(learner)?;
                return Err(error.context(format!("step {}", learner.steps() + 1)));
            }
        }
        let step = learner.steps();
        let is_last = step == times.steps;
        if interrupt::is_requested() && !is_last {
            save(learner)?;
            bail!(
                "stopped after step {step} of {}, whose state is saved",
                times.steps
            );
        }
        let is_due = |every: u64| step.is_multiple_of(every) || is_last;
        let evaluate = is_due(times.evaluate_every);
        let checkpoint = times
            .save_every
            .as_ref()
            .is_some_and(|(every, _)| is_due(*every));
        if is_due(times.log_every) || checkpoint || evaluate {
            // Before the checkpoint: broken weights must not be saved.
            hooks.log(learner)?;
        }
        if evaluate {
            hooks.evaluate(learner)?;
        }
        if checkpoint || hooks.is_over(learner) {
            save(learner)?;
        }
    }
    Ok(())
}
