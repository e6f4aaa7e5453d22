//! From a folder of pictures to batches of patches.

mod batch;
mod dataset;
mod pair;

pub use batch::{Batch, Batches, Sampler};
pub use dataset::{Dataset, Sample};
pub use pair::{LowResolution, Pair, crop_to_multiple};
