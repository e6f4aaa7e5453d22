//! The native part of Uprez: trains networks, evaluates them, and upscales images.
//!
//! A training goes through these modules: a folder of images → [`data`] (decode, [`degrade`], patches) →
//! `model::network` → [`loss`] → [`train`] (optimiser, schedule, average, checkpoints) → [`eval`] → a
//! model file → [`report`].

pub mod allocator;
mod chart;
pub mod config;
pub mod data;
pub mod degrade;
pub mod device;
pub mod eval;
pub mod export;
pub mod image_file;
pub mod import;
pub mod inspect;
pub mod loss;
pub mod metric;
pub mod mnist;
mod planes;
pub mod prepare;
pub mod rate;
pub mod remote;
pub mod report;
pub mod schedule;
pub mod sheet;
pub mod study;
pub mod train;
pub mod upscale;
pub mod vgg;
pub mod weights;
