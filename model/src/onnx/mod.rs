//! ONNX files: reads networks into graphs, and writes graphs.

mod proto;
mod read;
mod write;

pub use self::read::{OnnxNetwork, ReadError, read};
pub use self::write::{About, WriteError, write, write_steps};
