//! Runs networks: graphs, convolution kernels, engines, and the upscaling pipeline.
//!
//! This crate knows nothing of Burn, of files or of a clock, and builds for wasm. A page consists
//! of it alone, unless it asks for Burn's operators. An image passes through [`pipeline`]: colour conversion and tiling, an
//! [`Engine`] that runs a [`graph`], and stitching.

pub mod container;
pub mod conv;
mod cpu;
mod engine;
pub mod graph;
pub mod image;
pub mod pipeline;
#[cfg(any(feature = "reference", feature = "webgpu"))]
pub mod reference;
mod spec;
#[cfg(feature = "webgpu")]
pub mod webgpu;

pub use cpu::CpuEngine;
pub use engine::{Engine, EngineError, Grid, Running, largest_difference, test_image};
pub use spec::{Colour, Input, ScaleError, Spec};
