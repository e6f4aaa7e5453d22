//! The training loop.

mod checkpoint;
pub mod flat;
mod log;
mod optimiser;
mod run;

pub use checkpoint::{Checkpoint, Progress};
pub use log::Entry;
pub use optimiser::Optimiser;
pub use run::{TrainArgs, Trainer, train};
