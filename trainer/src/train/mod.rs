//! The training loop.

mod checkpoint;
pub mod flat;
mod log;
mod optimiser;
mod run;
mod trainer;

pub use checkpoint::{Checkpoint, Progress};
pub use log::Entry;
pub use optimiser::Optimiser;
pub use run::{TrainArgs, train};
pub use trainer::{Outcome, Trainer};
