//! The training loop.

mod broken_batch;
mod checkpoint;
mod command;
pub mod flat;
mod held_out;
mod learner;
mod log;
mod optimiser;
mod run;
mod trainer;
mod window;
mod worker;

pub use checkpoint::{Checkpoint, Progress};
pub use command::{TrainArgs, train};
pub use log::Entry;
pub use optimiser::Optimiser;
pub use trainer::{Outcome, Trainer};
