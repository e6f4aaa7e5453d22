//! Compares a training's configuration and devices with those of the checkpoint that it resumes.

use anyhow::{Context, ensure};

use super::checkpoint::Progress;
use crate::config::{self, Difference};

/// The settings that the command line changes in a resumed training.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Keys of the configuration that were set on the command line.
    pub keys: Vec<String>,
    /// Whether the devices were named.
    pub devices: bool,
}

/// The keys that may change; the others decide what a network learns, and from which images.
const CHANGEABLE: [&str; 9] = [
    "training.accumulate",
    "training.steps",
    "training.batch",
    "training.learning_rate",
    "training.checkpoint_steps",
    "evaluation.every_steps",
    "evaluation.patience",
    "evaluation.samples",
    "evaluation.sets",
];

impl Changes {
    /// Fails if anything else differs between a checkpoint and a training that resumes it.
    pub(super) fn check(&self, before: &Progress, now: &Progress) -> anyhow::Result<()> {
        let differences = config::differences(&before.config, &now.config)
            .context("the checkpoint's configuration cannot be read")?;
        let is_said = |d: &&Difference| !self.keys.contains(&d.key);
        let unsaid: Vec<&Difference> = differences.iter().filter(is_said).collect();
        let is_fixed = |d: &&Difference| !CHANGEABLE.contains(&d.key.as_str());
        let fixed: Vec<&Difference> = differences.iter().filter(is_fixed).collect();
        let list = |differences: &[&Difference]| {
            let lines = differences.iter().map(|d| format!("\n  {d}"));
            lines.collect::<String>()
        };
        ensure!(
            fixed.is_empty(),
            "the checkpoint belongs to another configuration:{}\nUse the one it was started with (with --data and \
             --start, if they were given), or start again in another folder (--out).",
            list(&fixed)
        );
        ensure!(
            unsaid.is_empty(),
            "the checkpoint belongs to another configuration:{}\nThese may change if you say so: add --set KEY=VALUE \
             for each.",
            list(&unsaid)
        );
        ensure!(
            before.devices.is_empty() || before.devices == now.devices || self.devices,
            "the training ran on {} and would go on on {}, with slightly different results than without a break: \
             name the devices that it goes on with (--devices)",
            before.devices.join(", "),
            now.devices.join(", ")
        );
        Ok(())
    }
}
