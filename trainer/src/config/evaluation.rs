//! `[evaluation]`: how a network is evaluated during and after its training.

use std::path::PathBuf;

use serde::Deserialize;

/// How a network is evaluated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Steps between two evaluations on the held-out images.
    pub every_steps: u64,
    /// How many training images are held out to choose the best weights by.
    pub hold_out: usize,
    /// Ends the training after so many evaluations without a better one.
    pub patience: Option<u64>,
    /// Weights of LPIPS (safetensors), relative to the configuration's folder: the best weights are
    /// then chosen by LPIPS instead of PSNR.
    pub lpips: Option<PathBuf>,
    /// How many held-out images each evaluation shows in `samples`.
    pub samples: usize,
    /// Test sets for the report at the end: folders of images, which have no influence on the
    /// training.
    pub sets: Vec<PathBuf>,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            every_steps: 500,
            hold_out: 8,
            patience: None,
            lpips: None,
            samples: 3,
            sets: Vec::new(),
        }
    }
}
