//! What runs a network: pixels, plans, kernels, engines and the upscaling pipeline.
//!
//! Of Burn it knows nothing but the container of its records ([`mod@file`]); it knows no paths and no clock,
//! and builds for wasm. The path of a picture
//! through it: [`pixel`] (colour, resize, tiles) → an [`Engine`] (who computes) that runs a [`plan`]
//! (what is computed) → back through [`pixel`]; [`upscale()`] is that path, once.

mod cpu;
mod engine;
pub mod file;
pub mod kernel;
pub mod pixel;
pub mod plan;
mod spec;
mod stitch;
mod upscale;
#[cfg(feature = "webgpu")]
pub mod webgpu;

pub use cpu::CpuEngine;
pub use engine::{Engine, EngineError, Grid, Running, largest_difference};
pub use spec::{Colour, Input, ScaleError, Spec};
pub use stitch::{AnyChannels, Layout, Rgba};
pub use upscale::{Options, Progress, TileRunning, UpscaleError, start_tile, tiling, upscale};
