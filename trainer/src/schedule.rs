//! The learning rate's schedule.

use anyhow::ensure;
use serde::Deserialize;

/// The learning rate over the steps, as a factor on its highest value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps over which the rate grows linearly from 0 at the start.
    pub warm_up_steps: u64,
    /// How the rate falls after the warm-up.
    pub decay: Decay,
    /// Number of times that the cosine restarts at the highest rate, at equal intervals.
    pub restarts: u64,
}

/// How the rate falls after the warm-up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// The rate stays the same.
    #[default]
    Constant,
    /// The rate falls to 0 along half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983).
    Cosine,
    /// The rate is multiplied by a factor at some steps.
    #[serde(untagged)]
    Step(Milestones),
}

/// Where the rate falls, and to what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestones {
    /// Shares of all steps between 0 and 1, or whole numbers of steps.
    pub at: Vec<f64>,
    /// The factor on the rate at each of them.
    pub factor: f64,
}

impl Milestones {
    /// The number of steps before a milestone.
    fn step(at: f64, steps: u64) -> f64 {
        if at < 1.0 { at * steps as f64 } else { at }
    }
}

impl Schedule {
    /// Fails where a training of so many steps cannot follow the schedule.
    pub fn validate(&self, steps: u64) -> anyhow::Result<()> {
        ensure!(
            self.restarts == 0 || matches!(self.decay, Decay::Cosine),
            "training.schedule.restarts needs decay = \"cosine\""
        );
        let Decay::Step(Milestones { at, factor }) = &self.decay else {
            return Ok(());
        };
        ensure!(
            *factor > 0.0 && factor.is_finite(),
            "training.schedule.decay.factor = {factor} has to be positive"
        );
        for at in at {
            let is_share = *at > 0.0 && *at < 1.0;
            let is_step = *at >= 1.0 && at.fract() == 0.0 && *at < steps as f64;
            ensure!(
                is_share || is_step,
                "training.schedule.decay.at has {at}: write shares of all steps between 0 and 1, or whole numbers of \
                 steps below {steps}"
            );
        }
        Ok(())
    }

    /// The factor for step `step` (from 0) of `steps`.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        if step < self.warm_up_steps {
            return (step + 1) as f64 / (self.warm_up_steps + 1) as f64;
        }
        match &self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => {
                let length = steps.saturating_sub(self.warm_up_steps).max(1);
                let share = (step - self.warm_up_steps) as f64 / length as f64;
                let share = (share * (self.restarts + 1) as f64).fract();
                0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Decay::Step(Milestones { at, factor }) => {
                let passed = at
                    .iter()
                    .filter(|at| step as f64 >= Milestones::step(**at, steps));
                factor.powi(passed.count() as i32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_and_falls_to_zero() {
        let schedule = Schedule {
            warm_up_steps: 10,
            decay: Decay::Cosine,
            restarts: 0,
        };
        assert!(schedule.factor(0, 100) < schedule.factor(9, 100));
        assert!((schedule.factor(10, 100) - 1.0).abs() < 1e-12);
        assert!((schedule.factor(55, 100) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(99, 100) < 1e-3);
        let twice = Schedule {
            restarts: 1,
            ..schedule
        };
        assert!(twice.factor(54, 100) < 1e-2 && (twice.factor(55, 100) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn steps_down() {
        let text = "decay = { at = [0.5, 0.75], factor = 0.1 }";
        let schedule: Schedule = toml::from_str(text).unwrap();
        assert_eq!(schedule.factor(49, 100), 1.0);
        assert!((schedule.factor(50, 100) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(80, 100) - 0.01).abs() < 1e-12);
        let text = "decay = { at = [50, 75], factor = 0.1 }";
        let by_steps: Schedule = toml::from_str(text).unwrap();
        for step in [0, 49, 50, 74, 75, 99] {
            assert_eq!(by_steps.factor(step, 100), schedule.factor(step, 100));
        }
        by_steps.validate(100).unwrap();
        for (text, word) in [
            ("decay = { at = [50, 120], factor = 0.1 }", "120"),
            ("decay = { at = [1.5], factor = 0.1 }", "1.5"),
            ("decay = { at = [0.5], factor = 0 }", "factor"),
        ] {
            let schedule: Schedule = toml::from_str(text).unwrap();
            let error = schedule.validate(100).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(
            toml::from_str::<Schedule>("decay = { at = [0.5], factor = 0.1, by = 1 }").is_err()
        );
    }

    #[test]
    fn is_read_from_toml() {
        let schedule: Schedule = toml::from_str("decay = \"cosine\"").unwrap();
        assert!(matches!(schedule.decay, Decay::Cosine));
        assert!(toml::from_str::<Schedule>("decay = \"cosin\"").is_err());
    }
}
