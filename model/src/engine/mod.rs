//! Who computes a network: one trait, one file per engine.

mod burn;
mod cpu;

use std::future::Future;

pub use self::burn::BurnEngine;
#[cfg(feature = "ndarray")]
pub use self::burn::ndarray;
pub use self::cpu::CpuEngine;
use crate::pixel::Planes;

/// An engine that could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device failed; the text is its own.
    #[error("the device could not compute: {0}")]
    Failed(String),
}

/// What an engine needs of tiles so that results don't depend on them, beside what the network's
/// [`Spec`](crate::network::Spec) says; in pixels of the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Tiles begin at rows that are multiples of it.
    pub align_px: usize,
    /// Columns that are read on each side.
    pub halo_columns_px: usize,
    /// Rows that are read above and below.
    pub halo_rows_px: usize,
}

impl Default for Grid {
    /// Nothing.
    fn default() -> Self {
        Self {
            align_px: 1,
            halo_columns_px: 0,
            halo_rows_px: 0,
        }
    }
}

/// Something that runs one network.
pub trait Engine {
    /// What runs, for people: `cpu`, `webgpu`, …
    fn name(&self) -> &str;

    /// What tiles have to be like.
    fn grid(&self) -> Grid {
        Grid::default()
    }

    /// `[c, h, w]` in 0…1 → `[c, h·r, w·r]`, for the r of the network's [`Spec`](crate::network::Spec).
    ///
    /// Asynchronous because a page cannot wait for its GPU.
    fn run(&mut self, input: Planes) -> impl Future<Output = Result<Planes, EngineError>>;
}
