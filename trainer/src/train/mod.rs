//! Training: the loop, its state, and the devices that compute it.

mod broken_batch;
mod changes;
mod checkpoint;
mod command;
mod estimate;
mod failure;
pub mod flat;
mod held_out;
pub(crate) mod interrupt;
mod learner;
mod log;
mod networks;
mod optimiser;
mod parallel;
mod remote;
mod run;
mod session;
mod trainer;
pub mod training_loop;
mod transfer;
mod unfold;
mod window;
mod worker;

pub use changes::Changes;
pub use checkpoint::{Checkpoint, Progress};
pub use command::{TrainArgs, quick_start, train};
pub(crate) use estimate::cost;
pub use log::Entry;
pub use optimiser::Optimiser;
pub use remote::{WorkerArgs, run as serve};
pub use trainer::{Outcome, Trainer};
pub use training_loop::Learn;
