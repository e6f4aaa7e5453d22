//! Who computes a network: one trait, one file per engine.

mod burn;

use std::future::Future;

pub use self::burn::BurnEngine;
#[cfg(feature = "ndarray")]
pub use self::burn::ndarray;
use crate::pixel::Planes;

/// An engine that could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device failed; the text is its own.
    #[error("the device could not compute: {0}")]
    Failed(String),
}

/// Something that runs one network.
pub trait Engine {
    /// What runs, for people: `cpu`, `webgpu`, …
    fn name(&self) -> &str;

    /// `[c, h, w]` in 0…1 → `[c, h·r, w·r]`, for the r of the network's [`Spec`](crate::network::Spec).
    ///
    /// Asynchronous because a page cannot wait for its GPU.
    fn run(&mut self, input: Planes) -> impl Future<Output = Result<Planes, EngineError>>;
}
