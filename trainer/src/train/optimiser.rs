//! Optimisers on the vector of all parameters.
//!
//! Burn's optimisers restore their state onto `Device::default()`, which opens a GPU that may not
//! exist.

use burn::tensor::Tensor;

use crate::config::OptimiserConfig;

/// An optimiser and its state.
pub struct Optimiser {
    config: OptimiserConfig,
    /// Adam's two moments, or SGD's velocity: `[n]` each, as long as the parameters.
    pub state: Vec<Tensor<1>>,
}

impl Optimiser {
    /// An optimiser with a state of zeros.
    pub fn new(config: OptimiserConfig, parameters: &Tensor<1>) -> Self {
        let vectors = match config {
            OptimiserConfig::Adam { .. } | OptimiserConfig::AdamW { .. } => 2,
            OptimiserConfig::Sgd { .. } => 1,
        };
        Self {
            config,
            state: vec![parameters.zeros_like(); vectors],
        }
    }

    /// The parameters `[n]` after step `step` (from 0); `rate` holds a learning rate for each parameter,
    /// `[n]`, or one for all, `[1]`.
    pub fn step(
        &mut self,
        step: u64,
        rate: Tensor<1>,
        parameters: Tensor<1>,
        gradient: Tensor<1>,
    ) -> Tensor<1> {
        match self.config {
            OptimiserConfig::Adam { betas, epsilon } => {
                parameters - self.adam(step, rate, gradient, betas, epsilon)
            }
            OptimiserConfig::AdamW {
                betas,
                epsilon,
                weight_decay,
            } => {
                let decay = parameters.clone() * rate.clone().mul_scalar(weight_decay);
                parameters - decay - self.adam(step, rate, gradient, betas, epsilon)
            }
            OptimiserConfig::Sgd { momentum } => {
                let velocity = self.state[0].clone().mul_scalar(momentum) + gradient;
                self.state = vec![velocity.clone()];
                parameters - velocity * rate
            }
        }
    }
}

impl Optimiser {
    /// Adam's step: what it subtracts from the parameters.
    fn adam(
        &mut self,
        step: u64,
        rate: Tensor<1>,
        gradient: Tensor<1>,
        [beta_1, beta_2]: [f64; 2],
        epsilon: f64,
    ) -> Tensor<1> {
        let mean = blend(&self.state[0], gradient.clone(), beta_1);
        let square = blend(&self.state[1], gradient.clone() * gradient, beta_2);
        let correction = |beta: f64| 1.0 - beta.powi(step.min(1 << 30) as i32 + 1);
        let size = square.clone().div_scalar(correction(beta_2)).sqrt();
        let direction = mean.clone() / size.add_scalar(epsilon);
        self.state = vec![mean, square];
        direction * rate.div_scalar(correction(beta_1))
    }
}

/// `decay · old + (1 − decay) · new`
pub fn blend(old: &Tensor<1>, new: Tensor<1>, decay: f64) -> Tensor<1> {
    old.clone().mul_scalar(decay) + new.mul_scalar(1.0 - decay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn run(config: OptimiserConfig, steps: u64) -> Vec<f32> {
        let device = Device::flex();
        let tensor = |values: [f32; 2]| Tensor::<1>::from_floats(values, &device);
        let mut parameters = tensor([1.0, -2.0]);
        let mut optimiser = Optimiser::new(config, &parameters);
        for step in 0..steps {
            let gradient = parameters.clone().mul_scalar(2.0);
            parameters = optimiser.step(step, tensor([0.1, 0.1]), parameters, gradient);
        }
        parameters.into_data().iter::<f32>().collect()
    }

    #[test]
    fn adam_starts_with_a_step_of_the_learning_rate() {
        let adam = OptimiserConfig::Adam {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
        };
        let after = run(adam, 1);
        assert!(
            (after[0] - 0.9).abs() < 1e-5 && (after[1] + 1.9).abs() < 1e-5,
            "{after:?}"
        );
        assert!(run(adam, 200).iter().all(|x| x.abs() < 0.05));
    }

    /// The gradient of 2x is large enough for a first step of the learning rate; the decay takes 0.1·0.5 of the
    /// parameter itself.
    #[test]
    fn weights_decay_apart_from_the_gradient() {
        let adamw = OptimiserConfig::AdamW {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.5,
        };
        let after = run(adamw, 1);
        assert!(
            (after[0] - 0.85).abs() < 1e-5 && (after[1] + 1.8).abs() < 1e-5,
            "{after:?}"
        );
    }

    #[test]
    fn momentum_adds_up() {
        // v₁ = 2, x₁ = 0.8; v₂ = 0.5·2 + 1.6 = 2.6, x₂ = 0.54
        let after = run(OptimiserConfig::Sgd { momentum: 0.5 }, 2);
        assert!((after[0] - 0.54).abs() < 1e-6, "{after:?}");
    }
}
