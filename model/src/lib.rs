//! What training and the page share: networks, pixels, records and the upscaling pipeline.
//!
//! This crate builds for wasm and knows no files, no threads of its own and no clock. The path of
//! a picture through it: [`pixel`] (colour, resize, tiles) → [`engine`] (who computes) →
//! [`network`] (what is computed) → back through [`pixel`]; [`upscale()`] is that path, once.
//! [`record`] is the file in which a trained network travels.

pub mod engine;
pub mod kernel;
pub mod layer;
pub mod network;
pub mod pixel;
pub mod plan;
pub mod record;
mod stitch;
mod upscale;

pub use upscale::{Options, Progress, UpscaleError, upscale};
