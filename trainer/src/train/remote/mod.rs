//! Training on other machines: the two ends of a connection, after its handshake.
//!
//! The training sends the configuration and the weights of features that the loss needs, then for
//! each step the parameters and a part of the batch; the worker answers with losses, gradients and
//! parameters.

mod client;
mod command;
mod message;
mod server;

pub use client::RemoteWorker;
pub use command::{WorkerArgs, run};
