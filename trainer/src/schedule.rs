//! The learning rate's schedule.

use serde::Deserialize;

/// The learning rate over the steps, as a factor on its highest value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps over which the rate grows linearly from 0 at the start.
    pub warm_up_steps: u64,
    /// How the rate falls after the warm-up.
    pub decay: Decay,
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
    /// The rate is multiplied by `factor` at each of these shares of all steps.
    #[serde(untagged)]
    Step {
        /// Shares of all steps, 0…1.
        at: Vec<f64>,
        /// The factor.
        factor: f64,
    },
}

impl Schedule {
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
                0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Decay::Step { at, factor } => {
                let passed = at.iter().filter(|at| step as f64 >= *at * steps as f64);
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
        };
        assert!(schedule.factor(0, 100) < schedule.factor(9, 100));
        assert!((schedule.factor(10, 100) - 1.0).abs() < 1e-12);
        assert!((schedule.factor(55, 100) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(99, 100) < 1e-3);
    }

    #[test]
    fn steps_down() {
        let text = "decay = { at = [0.5, 0.75], factor = 0.1 }";
        let schedule: Schedule = toml::from_str(text).unwrap();
        assert_eq!(schedule.factor(49, 100), 1.0);
        assert!((schedule.factor(50, 100) - 0.1).abs() < 1e-12);
        assert!((schedule.factor(80, 100) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn is_read_from_toml() {
        let schedule: Schedule = toml::from_str("decay = \"cosine\"").unwrap();
        assert!(matches!(schedule.decay, Decay::Cosine));
        assert!(toml::from_str::<Schedule>("decay = \"cosin\"").is_err());
    }
}
