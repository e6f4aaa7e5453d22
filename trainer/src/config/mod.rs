//! A training configuration: one TOML file for each reported result.

mod data;
mod evaluation;
mod setting;
mod training;
mod validate;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use model::network::{DiscriminatorConfig, NetworkConfig};
use serde::Deserialize;

use crate::loss::{Gan, Loss, Sees};

pub use data::DataConfig;
pub use evaluation::EvaluationConfig;
pub use setting::{Difference, Setting, differences};
pub use training::{Curriculum, DiscriminatorSettings, LastPhase, OptimiserConfig, TrainingConfig};

/// Everything that determines a training run, except the device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of the run's folder and of the model.
    pub name: String,
    /// Seed of the weights and the batches.
    #[serde(default)]
    pub seed: u64,
    /// The network.
    pub network: NetworkConfig,
    /// The images that it learns from.
    pub data: DataConfig,
    /// How it learns.
    pub training: TrainingConfig,
    /// How it is evaluated.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// The file's text, for checkpoints and records.
    #[serde(skip)]
    pub text: String,
}

impl Config {
    /// Reads a configuration; unknown keys and impossible values are errors.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        Self::load_with(path, &[])
    }

    /// Reads a configuration in which some values are replaced. Paths among them are relative to the configuration's
    /// folder, too.
    pub fn load_with(path: &Path, settings: &[Setting]) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let load = || {
            if settings.is_empty() {
                return Self::parse(&text, folder);
            }
            let mut table = text.parse()?;
            for setting in settings {
                setting.apply(&mut table)?;
            }
            Self::parse(&toml::to_string(&table)?, folder)
        };
        load().with_context(|| format!("in {}", path.display()))
    }

    /// Reads a configuration's text; paths in it are relative to `folder`.
    pub fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        config.text = text.to_string();
        // Teachers are files that the loss needs, like the weights of other networks.
        let training = &config.training;
        let losses =
            std::iter::once(&training.loss).chain(training.last.as_ref().map(|last| &last.loss));
        let teachers = losses.flat_map(Loss::teachers);
        let teachers: Vec<_> = teachers.map(|(name, file)| (name, file.into())).collect();
        config.training.features.extend(teachers);
        let data = config.data.folders.iter_mut();
        let features = config.training.features.values_mut();
        let low = config.data.low_resolution.iter_mut();
        let sets = config.evaluation.sets.iter_mut();
        let start = config.training.start.iter_mut();
        let lpips = config.evaluation.lpips.iter_mut();
        let others = start.chain(lpips).chain(low);
        for path in data.chain(others).chain(sets).chain(features) {
            *path = folder.join(&*path);
        }
        config.validate()?;
        Ok(config)
    }

    /// The loss at the end of the training.
    pub fn last_loss(&self) -> &Loss {
        let training = &self.training;
        let last = training.last.as_ref();
        last.map_or(&training.loss, |last| &last.loss)
    }

    /// The number of values that a step's loss has: the sum, and its terms, as many as the longer of both losses has.
    pub fn loss_values(&self) -> usize {
        let losses = [&self.training.loss, self.last_loss()];
        1 + losses
            .map(|loss| loss.terms().count())
            .into_iter()
            .max()
            .unwrap_or(0)
    }

    /// The names in `training.features` of the files that the losses need.
    pub fn loss_features(&self) -> BTreeSet<String> {
        let losses = [&self.training.loss, self.last_loss()];
        losses.into_iter().flat_map(Loss::features).collect()
    }

    /// Whether a loss needs what the moving average of the weights makes of the input.
    pub fn needs_average(&self) -> bool {
        self.training.loss.needs_average() || self.last_loss().needs_average()
    }

    /// Side of the largest patches that the loss compares, in pixels.
    pub fn compared_px(&self) -> usize {
        let ratio = self.network.training_ratios().last().copied().unwrap_or(1);
        (self.data.patch_px - 2 * self.network.training_margin_px()) * ratio
    }

    /// A discriminator for each adversarial term of the loss.
    pub fn discriminators(&self) -> Vec<DiscriminatorConfig> {
        let settings = &self.training.discriminator;
        let spec = self.network.spec();
        let side_px = self.compared_px();
        let config = |gan: Gan| {
            let (channels, reduction) = match gan.sees {
                Sees::Pixels => (spec.colour.channels(), 1),
                Sees::Features(layer) => layer.channels_and_reduction(),
            };
            DiscriminatorConfig {
                kind: settings.kind,
                channels,
                side_px: side_px / reduction,
                width: settings.width,
                dense: settings.dense,
            }
        };
        self.training.loss.gans().into_iter().map(config).collect()
    }
}
