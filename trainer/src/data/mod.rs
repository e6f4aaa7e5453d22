//! From a folder of images to batches of patches.

mod batch;
mod dataset;
mod drawn;
mod left_out;
mod pair;
mod sampler;

pub use batch::{Batch, BatchShape};
pub use dataset::{Dataset, Sample};
pub(crate) use drawn::Degrader;
pub use left_out::LeftOut;
pub use pair::{LowResolution, Pair, crop_to_multiple};
pub use sampler::{Batches, Sampler};
