//! From a folder of pictures to batches of patches.

mod batch;
mod dataset;

pub use batch::{Batch, Batches};
pub use dataset::{Dataset, Pair, crop_to_multiple};
