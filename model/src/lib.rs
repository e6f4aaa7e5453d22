//! What training and the page share: networks and records.
//!
//! This crate builds for wasm and knows no files, no threads of its own and no clock. [`network`] says
//! what is computed, out of [`layer`]s; [`record`] is the file in which a trained network travels;
//! [`engine`] is who computes it. What needs nothing of Burn is a crate of its own, `engine`: it is
//! small, and it is compiled for speed where a page has everything else compiled for size.

pub mod engine;
pub mod layer;
pub mod network;
pub mod record;

pub use ::engine::{
    Options, Progress, UpscaleError, kernel, pixel, plan, start_tile, tiling, upscale,
};
