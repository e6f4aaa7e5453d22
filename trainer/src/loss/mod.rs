//! The training loss: a weighted sum of terms, written as text.

mod adversarial;
mod artefact;
mod criterion;
mod structure;
mod teacher;
mod terms;
mod text;

pub use adversarial::{Adversarial, Gan, Sees};
pub use criterion::{Compared, Criterion};
pub use structure::{ms_ssim, ssim};
pub use text::{Loss, LossError, Term};
