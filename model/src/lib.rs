//! Networks as Burn modules, and the model file.
//!
//! This crate builds for wasm; it uses no files, starts no threads and reads no clock. [`network`] holds one file per
//! network, made of the blocks in [`layer`] and the operations in [`ops`]. [`record`] is the format of model files;
//! [`mod@import`] makes one of other projects' files, which [`weights`] and [`onnx`] read, and [`export`] the reverse.
//! [`burn_engine`] runs any network on any Burn device and is the reference for the engines of the crate `engine`.

pub mod burn_engine;
pub mod export;
mod fold;
pub mod import;
pub mod layer;
pub mod network;
pub mod onnx;
pub mod ops;
pub mod record;
pub mod weights;
