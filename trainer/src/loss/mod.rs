//! The training loss: a weighted sum of terms, written as text.

mod adversarial;
mod criterion;
mod features;
mod structure;
mod terms;
mod text;

pub use adversarial::{Adversarial, Gan, Sees};
pub use criterion::Criterion;
pub use features::{Extractor, Layer, Vgg, gram};
pub use structure::{ms_ssim, ssim};
pub use text::{Loss, LossError, Term};
