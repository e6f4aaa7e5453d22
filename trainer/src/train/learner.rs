//! A network's parameters and the state of their optimiser.

use burn::tensor::Tensor;

use super::checkpoint::Checkpoint;
use super::optimiser::{Optimiser, blend};
use crate::config::TrainingConfig;

/// A network's parameters as one vector `[n]`, which includes batch normalisation's running statistics.
pub struct Learner {
    prefix: String,
    /// `[n]`
    pub parameters: Tensor<1>,
    optimiser: Optimiser,
    /// The parameters' moving average `[n]` and its decay.
    average: Option<(Tensor<1>, f64)>,
    /// Factors on the learning rate: `[1]` for all parameters, or `[n]`.
    relative_rate: Tensor<1>,
}

/// The settings of a step.
pub struct Step {
    /// The step's number, from 0.
    pub number: u64,
    /// The learning rate.
    pub rate: f64,
    /// The largest norm of the gradient.
    pub clip_norm: Option<f64>,
}

impl Learner {
    /// A learner that starts from these parameters.
    pub fn new(
        prefix: &str,
        config: &TrainingConfig,
        parameters: Tensor<1>,
        relative_rate: Tensor<1>,
        decay: Option<f64>,
    ) -> Self {
        Self {
            prefix: prefix.to_string(),
            optimiser: Optimiser::new(config.optimiser, &parameters),
            average: decay.map(|decay| (parameters.clone(), decay)),
            parameters,
            relative_rate,
        }
    }

    /// Clips, steps, averages; returns the gradient's norm before clipping, `[1]`.
    ///
    /// `parameters` are [`Self::parameters`] with the running statistics after this step.
    pub fn step(&mut self, step: &Step, parameters: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let norm = (gradient.clone() * gradient.clone()).sum().sqrt();
        let gradient = match step.clip_norm {
            // One expression for both cases, so that the norm need not be read from a GPU.
            Some(limit) => gradient * norm.clone().clamp_min(limit).recip().mul_scalar(limit),
            None => gradient,
        };
        let rates = self.relative_rate.clone().mul_scalar(step.rate);
        self.parameters = self
            .optimiser
            .step(step.number, rates, parameters, gradient);
        if let Some((average, decay)) = &mut self.average {
            // A smaller decay at first, so that the random start is forgotten.
            let early = (1.0 + step.number as f64) / (10.0 + step.number as f64);
            *average = blend(average, self.parameters.clone(), decay.min(early));
        }
        norm
    }

    /// The parameters' moving average `[n]`.
    pub fn average(&self) -> Option<Tensor<1>> {
        self.average.as_ref().map(|(average, _)| average.clone())
    }

    /// The parameters to use the network with: the average, if there is one.
    pub fn best(&self) -> Tensor<1> {
        self.average().unwrap_or_else(|| self.parameters.clone())
    }

    /// The state by name, for a checkpoint.
    pub fn vectors(&self) -> Vec<(String, Tensor<1>)> {
        let name = |name: &str| format!("{}{name}", self.prefix);
        let mut vectors = vec![(name("parameters"), self.parameters.clone())];
        let state = self.optimiser.state.iter().enumerate();
        vectors.extend(state.map(|(i, vector)| (name(&format!("optimiser.{i}")), vector.clone())));
        if let Some((average, _)) = &self.average {
            vectors.push((name("average"), average.clone()));
        }
        vectors
    }

    /// Resumes from the vectors of a checkpoint.
    pub fn restore(&mut self, checkpoint: &mut Checkpoint) -> anyhow::Result<()> {
        let length = self.parameters.dims()[0];
        let mut take = |name: &str| checkpoint.take(&format!("{}{name}", self.prefix), length);
        self.parameters = take("parameters")?;
        for (i, vector) in self.optimiser.state.iter_mut().enumerate() {
            *vector = take(&format!("optimiser.{i}"))?;
        }
        if let Some((average, _)) = &mut self.average {
            *average = take("average")?;
        }
        Ok(())
    }

    /// Starts from the weights of an earlier training, with a new optimiser.
    pub fn start_from(&mut self, checkpoint: &mut Checkpoint) -> anyhow::Result<()> {
        let length = self.parameters.dims()[0];
        self.set(checkpoint.best(&self.prefix, length)?);
        Ok(())
    }

    /// Replaces the parameters, and their average.
    pub fn set(&mut self, parameters: Tensor<1>) {
        if let Some((average, _)) = &mut self.average {
            *average = parameters.clone();
        }
        self.parameters = parameters;
    }
}
