//! From a folder of images to batches of patches.

mod batch;
mod dataset;
mod drawn;
mod epochs;
mod group;
mod images;
mod left_out;
mod loader;
mod pair;
mod sample;
mod sampler;
mod sharpen;

pub use batch::{Batch, BatchShape};
pub use dataset::{Dataset, held_out_files};
pub(crate) use drawn::Degrader;
pub use images::Images;
pub use left_out::LeftOut;
pub use pair::{LowResolution, Pair, crop_to_multiple};
pub use sample::Sample;
pub use sampler::{Batches, Sampler, Sampling};
