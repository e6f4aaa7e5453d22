//! Values that TOML allows and a training does not.

use anyhow::ensure;
use engine::Colour;

use super::Config;
use crate::loss::{Gan, Sees};

/// A discriminator's patches are halved at least three times, so that its dense layer stays small.
const DISCRIMINATOR_PX: usize = 8;

impl Config {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        self.network.validate()?;
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(
            !self.name.is_empty() && self.name.chars().all(safe) && !self.name.starts_with('.'),
            "name = {:?} names a folder: use letters, digits, '-', '_' and '.'",
            self.name
        );
        self.validate_data()?;
        self.validate_training()?;
        self.validate_patches()?;
        self.validate_discriminators()?;
        self.validate_curriculum()?;
        self.validate_evaluation()
    }

    fn validate_data(&self) -> anyhow::Result<()> {
        let data = &self.data;
        ensure!(data.stride_px > 0, "data.stride_px has to be at least 1");
        let margin_px = self.network.training_margin_px();
        ensure!(
            data.patch_px > 2 * margin_px,
            "data.patch_px = {} leaves nothing to compare: this network needs more than {}",
            data.patch_px,
            2 * margin_px
        );
        ensure!(
            data.memory_gb > 0.0 && data.memory_gb.is_finite(),
            "data.memory_gb has to be positive"
        );
        let changes_nothing = data.low_resolution.is_none() && data.degradation.is_bicubic();
        let spec = self.network.spec();
        // Networks on grey images are for digits, which `mnist` blurs itself.
        ensure!(
            spec.scale > 1 || spec.colour == Colour::Grey || !changes_nothing,
            "a network of the scale 1 restores what data.degradation does to an image: give it steps, such as \
             degradation = [{{ kind = \"jpeg\", quality = [30, 90] }}]"
        );
        Ok(())
    }

    fn validate_training(&self) -> anyhow::Result<()> {
        let training = &self.training;
        ensure!(training.steps > 0, "training.steps has to be at least 1");
        ensure!(
            !training.start_partial || training.start.is_some(),
            "training.start_partial needs training.start (--start FILE)"
        );
        ensure!(training.batch > 0, "training.batch has to be at least 1");
        ensure!(
            training.checkpoint_steps > 0,
            "training.checkpoint_steps has to be at least 1"
        );
        ensure!(
            training.learning_rate > 0.0 && training.learning_rate.is_finite(),
            "training.learning_rate has to be positive"
        );
        ensure!(
            (1..=training.batch).contains(&training.accumulate),
            "training.accumulate = {} cannot split a batch of {}",
            training.accumulate,
            training.batch
        );
        training.schedule.validate(training.steps)?;
        let last = training.last.as_ref();
        for (name, value) in [
            ("training.average", training.average),
            ("training.last.share", last.map(|last| last.share)),
        ] {
            ensure!(
                value.is_none_or(|value| (0.0..1.0).contains(&value)),
                "{name} has to be at least 0 and below 1"
            );
        }
        for loss in [&training.loss, self.last_loss()] {
            ensure!(
                training.average.is_some() || !loss.needs_average(),
                "the loss {loss} compares with the average of the weights: set training.average, such as 0.999"
            );
        }
        Ok(())
    }

    /// Patches have to be large enough for what the losses compute of them.
    fn validate_patches(&self) -> anyhow::Result<()> {
        let found = self.compared_px();
        for loss in [&self.training.loss, self.last_loss()] {
            ensure!(
                self.network.spec().colour == Colour::Rgb || !loss.needs_colour(),
                "the loss {loss} compares colours, which only a network with network.colour = \"rgb\" makes"
            );
            let needed = loss.smallest_px();
            ensure!(
                found >= needed,
                "the loss {loss} needs patches of at least {needed} px, and compares ones of {found}: set data.patch_px \
                 = {} or more",
                self.patch_px_for(needed)
            );
        }
        let has_gan = |gan: &Gan| gan.sees == Sees::Pixels;
        if self.training.loss.gans().iter().any(has_gan) {
            ensure!(
                found.is_multiple_of(DISCRIMINATOR_PX),
                "the discriminator halves patches, whose side has to be a multiple of {DISCRIMINATOR_PX} px; they have \
                 {found}: set data.patch_px = {}",
                self.patch_px_for(found.next_multiple_of(DISCRIMINATOR_PX))
            );
        }
        Ok(())
    }

    /// The side of a patch of the input for which the loss compares patches of at least so many pixels.
    fn patch_px_for(&self, compared_px: usize) -> usize {
        let ratio = self.network.training_ratios().last().copied().unwrap_or(1);
        compared_px.div_ceil(ratio) + 2 * self.network.training_margin_px()
    }

    fn validate_discriminators(&self) -> anyhow::Result<()> {
        for discriminator in self.discriminators() {
            discriminator.validate()?;
        }
        if let Some(last) = &self.training.last {
            let gans = last.loss.gans();
            ensure!(
                gans.is_empty() || gans == self.training.loss.gans(),
                "training.last.loss has to have the gan terms of training.loss, or none"
            );
        }
        Ok(())
    }

    fn validate_curriculum(&self) -> anyhow::Result<()> {
        let Some(curriculum) = &self.training.curriculum else {
            return Ok(());
        };
        ensure!(
            curriculum.share > 0.0 && (0.0..=curriculum.share).contains(&curriculum.blend),
            "training.curriculum needs a share above 0, and a blend that is not larger"
        );
        ensure!(
            self.training.loss.gans().is_empty(),
            "training.curriculum cannot be combined with a gan term: the discriminator judges the last level, which \
             comes in late; train level by level first, and start from that checkpoint (training.start)"
        );
        let levels = self.network.training_ratios().len();
        ensure!(
            curriculum.share * levels as f64 <= 1.0,
            "training.curriculum.share = {} leaves no steps for the last of {levels} levels",
            curriculum.share
        );
        Ok(())
    }

    fn validate_evaluation(&self) -> anyhow::Result<()> {
        let evaluation = &self.evaluation;
        ensure!(
            evaluation.every_steps > 0,
            "evaluation.every_steps has to be at least 1"
        );
        let can_compare = evaluation.hold_out > 0
            && (evaluation.lpips.is_some() || !self.last_loss().is_perceptual());
        ensure!(
            evaluation.patience.is_none() || can_compare,
            "evaluation.patience needs held-out images (evaluation.hold_out), and for a perceptual \
             loss evaluation.lpips: PSNR says little about how images look"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TEXT: &str = r#"
name = "test"
[network]
kind = "plain"
scale = 2
width = 8
depth = 1
expansion = 16
[data]
folders = ["images"]
patch_px = 24
[training]
steps = 40
batch = 4
loss = "1*l1"
learning_rate = 2e-3
optimiser = { kind = "adam" }
schedule = { decay = { at = [0.5], factor = 0.1 } }
discriminator = { width = 4, dense = 8 }
last = { share = 0.1, loss = "1*mse" }
curriculum = { share = 0.5, blend = 0.1 }
[evaluation]
hold_out = 1
"#;

    fn error(text: &str) -> String {
        let error = Config::parse(text, Path::new("."));
        format!("{:#}", error.expect_err(text))
    }

    #[test]
    fn what_cannot_be_trained_is_refused_with_what_can() {
        Config::parse(TEXT, Path::new(".")).unwrap();
        for (from, to, words) in [
            ("1*l1", "1*ssim", "needs patches of at least 11 px"),
            (
                "patch_px = 24",
                "patch_px = 4\nmemory_gb = 0",
                "data.memory_gb",
            ),
            (
                "1*l1\"",
                "1*content(vgg16:relu5_1)\"",
                "set data.patch_px = 8 or more",
            ),
            ("1*l1", "1*lpips", "set data.patch_px = 32 or more"),
            ("1*l1", "1*l1 + 1*chroma", "network.colour"),
            ("1*l1", "1*l1 + 1*ldl", "training.average"),
            ("1*l1", "1*l1 + 0.1*gan", "training.curriculum cannot"),
            ("at = [0.5]", "at = [2.5]", "between 0 and 1"),
            ("at = [0.5]", "at = [50]", "below 40"),
            ("steps = 40", "steps = 40\nstart_partial = true", "--start"),
        ] {
            let small = match words.contains("patch") {
                true => TEXT.replace("patch_px = 24", "patch_px = 5"),
                false => TEXT.to_string(),
            };
            assert!(small.contains(from), "{from}");
            let found = error(&small.replace(from, to));
            assert!(found.contains(words), "{words:?} is missing: {found}");
        }
        let gan = TEXT
            .replace("1*l1", "1*gan")
            .replace("1*mse", "1*gan")
            .replace("curriculum = { share = 0.5, blend = 0.1 }", "")
            .replace("patch_px = 24", "patch_px = 9");
        let found = error(&gan);
        assert!(found.contains("set data.patch_px = 12"), "{found}");
    }

    #[test]
    fn unknown_keys_are_refused_in_every_table() {
        for table in ["[network]", "[data]", "[training]", "[evaluation]"] {
            let found = error(&TEXT.replace(table, &format!("{table}\nnonsense = 1")));
            assert!(found.contains("nonsense"), "{table}: {found}");
        }
        for table in ["kind = \"adam\"", "share = 0.1", "share = 0.5", "dense = 8"] {
            let found = error(&TEXT.replace(table, &format!("{table}, nonsense = 1")));
            assert!(found.contains("nonsense"), "{table}: {found}");
        }
        // Of a value that may be text or a table, the reader names neither.
        error(&TEXT.replace("factor = 0.1", "factor = 0.1, nonsense = 1"));
        error(&TEXT.replace("decay = {", "nonsense = 1, decay = {"));
        let steps = "degradation = [{ kind = \"jpeg\", quality = 40, nonsense = 1 }]";
        error(&TEXT.replace("patch_px = 24", &format!("patch_px = 24\n{steps}")));
    }
}
