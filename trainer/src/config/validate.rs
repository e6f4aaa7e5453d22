//! Values that TOML allows and a training does not.

use anyhow::ensure;
use engine::Colour;

use super::Config;

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
        Ok(())
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
