//! What is learned: a network's parameters, and what its optimiser remembers of them.

use burn::tensor::Tensor;

use super::checkpoint::Checkpoint;
use super::optimiser::{Optimiser, blend};
use crate::config::TrainingConfig;

/// A network's parameters as one vector `[n]`, among them batch normalisation's running statistics.
pub struct Learner {
    /// What precedes the names of its vectors in checkpoints.
    prefix: String,
    /// `[n]`
    pub parameters: Tensor<1>,
    optimiser: Optimiser,
    /// Their moving average `[n]` and its decay.
    average: Option<(Tensor<1>, f64)>,
    /// The relative learning rate of each parameter: `[1]` or `[n]`.
    relative_rate: Tensor<1>,
}

/// A step to take.
pub struct Step {
    /// From 0.
    pub number: u64,
    /// The learning rate.
    pub rate: f64,
    /// The longest gradient.
    pub clip_norm: Option<f64>,
}

impl Learner {
    /// Starts from these parameters.
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
    /// `parameters` are the present ones, with the running statistics that the step has brought.
    pub fn step(&mut self, step: &Step, parameters: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let norm = (gradient.clone() * gradient.clone()).sum().sqrt();
        let gradient = match step.clip_norm {
            // The same expression whether it is clipped or not: no GPU has to be asked.
            Some(limit) => gradient * norm.clone().clamp_min(limit).recip().mul_scalar(limit),
            None => gradient,
        };
        let rates = self.relative_rate.clone().mul_scalar(step.rate);
        self.parameters = self
            .optimiser
            .step(step.number, rates, parameters, gradient);
        if let Some((average, decay)) = &mut self.average {
            // Early on a shorter memory, so that the random start is forgotten.
            let early = (1.0 + step.number as f64) / (10.0 + step.number as f64);
            *average = blend(average, self.parameters.clone(), decay.min(early));
        }
        norm
    }

    /// What the network is used with: the average, where there is one.
    pub fn best(&self) -> Tensor<1> {
        match &self.average {
            Some((average, _)) => average.clone(),
            None => self.parameters.clone(),
        }
    }

    /// Everything that going on needs, by name.
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

    /// Goes on from such vectors.
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

    /// Starts anew from what an earlier training has learned.
    pub fn start_from(&mut self, checkpoint: &mut Checkpoint) -> anyhow::Result<()> {
        let length = self.parameters.dims()[0];
        let parameters = match checkpoint.take(&format!("{}average", self.prefix), length) {
            Ok(average) => average,
            Err(_) => checkpoint.take(&format!("{}parameters", self.prefix), length)?,
        };
        if let Some((average, _)) = &mut self.average {
            *average = parameters.clone();
        }
        self.parameters = parameters;
        Ok(())
    }
}
