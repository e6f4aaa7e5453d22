//! The messages after the handshake, and how tensors are written in their payloads.

use anyhow::ensure;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{Batch, BatchShape};
use crate::train::worker::{Share, Task};

/// The longest configuration in bytes.
pub const LONGEST_CONFIG: u64 = 1 << 20;

/// The largest file of feature weights in bytes.
pub const LARGEST_FEATURES: u64 = 1 << 30;

/// A message from the training.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The start. The payload is the configuration's text; the files of features follow.
    Setup {
        /// The number of the device among those that the worker offers.
        device: usize,
        /// The names of the files that follow, one message each.
        features: Vec<String>,
    },
    /// A file of feature weights, which is the payload.
    Features,
    /// A step. The payload is the values of all parameters and, if the loss needs it, of their average,
    /// then those of each part of the batch.
    Step(Step),
}

/// The numbers of a [`Task`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// Patches in each part.
    parts: Vec<usize>,
    /// Patches in the whole batch.
    batch: usize,
    /// Whether the loss of the last phase is used.
    last: bool,
    /// `f64::to_bits` of the levels: decimal digits might change the last bit.
    levels_bits: u64,
}

/// A message from the worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The answer to a setup.
    Ready,
    /// Sent every few seconds while the worker computes.
    Busy,
    /// The answer to a step. The payload is the values of each network's loss, gradient and
    /// parameters.
    Shares,
    /// The worker cannot continue, for this reason.
    Failed(String),
}

/// The sizes that a configuration implies, which both sides know.
pub struct Sizes {
    /// Parameters of the network, then of each discriminator.
    lengths: Vec<usize>,
    /// Values of the network's loss.
    loss_values: usize,
    /// Whether steps carry the average of the network's parameters.
    has_average: bool,
    /// A batch of one patch.
    patch: BatchShape,
    /// Patches in a step's batch.
    batch: usize,
}

impl Sizes {
    /// The sizes under a configuration whose networks have these numbers of parameters.
    pub fn new(config: &Config, lengths: Vec<usize>) -> Self {
        Self {
            lengths,
            loss_values: config.loss_values(),
            has_average: config.needs_average(),
            patch: BatchShape::new(config, 1),
            batch: config.training.batch,
        }
    }

    /// Bytes of the largest step.
    pub fn step_bytes(&self) -> u64 {
        self.task_bytes(self.batch)
    }

    fn task_bytes(&self, patches: usize) -> u64 {
        let parameters: usize = self.lengths.iter().chain(self.average_length()).sum();
        4 * (parameters + patches * self.patch.values()) as u64
    }

    fn average_length(&self) -> Option<&usize> {
        self.lengths.first().filter(|_| self.has_average)
    }

    /// Bytes of an answer to a step.
    pub fn shares_bytes(&self) -> u64 {
        let values = self.loss_values().zip(&self.lengths);
        4 * values.map(|(loss, n)| (loss + 2 * n) as u64).sum::<u64>()
    }

    /// Values of the network's loss, then of each discriminator's.
    fn loss_values(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.loss_values).chain(std::iter::repeat(1))
    }

    /// A task as a message.
    pub fn encode_task(&self, task: Task) -> (Request, Vec<u8>) {
        let step = Step {
            parts: task.parts.iter().map(Batch::len).collect(),
            batch: task.batch,
            last: task.last,
            levels_bits: task.levels.to_bits(),
        };
        let patches = step.parts.iter().sum();
        let mut payload = Vec::with_capacity(self.task_bytes(patches) as usize);
        for vector in task.parameters.into_iter().chain(task.average) {
            put_tensor(&mut payload, vector);
        }
        for part in task.parts {
            put(&mut payload, &part.into_values());
        }
        (Request::Step(step), payload)
    }

    /// The task of a message, whose results stay on `device`. Fails if the message is not one that
    /// the configuration allows.
    pub fn decode_task(
        &self,
        step: &Step,
        payload: &[u8],
        device: &Device,
    ) -> anyhow::Result<Task> {
        let patches = step
            .parts
            .iter()
            .try_fold(0usize, |sum, part| sum.checked_add(*part));
        let fits = patches.is_some_and(|patches| patches <= step.batch);
        ensure!(
            fits && (1..=self.batch).contains(&step.batch)
                && !step.parts.is_empty()
                && !step.parts.contains(&0),
            "parts of {:?} patches were announced for a batch of {}",
            step.parts,
            step.batch
        );
        let levels = f64::from_bits(step.levels_bits);
        ensure!(levels.is_finite(), "{levels} levels were asked for");
        let mut values = Values::new(payload, self.task_bytes(patches.unwrap_or(0)))?;
        Ok(Task {
            parameters: self
                .lengths
                .iter()
                .map(|length| tensor(values.take(*length), device))
                .collect(),
            average: self
                .average_length()
                .map(|length| tensor(values.take(*length), device)),
            parts: step
                .parts
                .iter()
                .map(|patches| {
                    let shape = self.patch.with_patches(*patches);
                    let values = values.take(shape.values());
                    Batch::from_shape(shape, values)
                })
                .collect::<anyhow::Result<_>>()?,
            batch: step.batch,
            last: step.last,
            levels,
            home: device.clone(),
        })
    }

    /// The payload of an answer to a step.
    pub fn encode_shares(&self, shares: Vec<Share>) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.shares_bytes() as usize);
        for share in shares {
            for vector in [share.loss, share.gradient, share.parameters] {
                put_tensor(&mut payload, vector);
            }
        }
        payload
    }

    /// The shares of an answer, on `device`.
    pub fn decode_shares(&self, payload: &[u8], device: &Device) -> anyhow::Result<Vec<Share>> {
        let mut values = Values::new(payload, self.shares_bytes())?;
        let share = |(loss, length): (usize, &usize)| Share {
            loss: tensor(values.take(loss), device),
            gradient: tensor(values.take(*length), device),
            parameters: tensor(values.take(*length), device),
        };
        Ok(self.loss_values().zip(&self.lengths).map(share).collect())
    }
}

fn put(payload: &mut Vec<u8>, values: &[f32]) {
    payload.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put_tensor(payload: &mut Vec<u8>, vector: Tensor<1>) {
    let data = vector.into_data();
    payload.extend(data.iter::<f32>().flat_map(f32::to_le_bytes));
}

fn tensor(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// A payload of single-precision values, little-endian.
struct Values<'a> {
    rest: &'a [[u8; 4]],
}

impl<'a> Values<'a> {
    /// Fails if the payload is not exactly `expected` bytes long.
    fn new(payload: &'a [u8], expected: u64) -> anyhow::Result<Self> {
        ensure!(
            payload.len() as u64 == expected,
            "a message holds {} bytes of values, where the configuration implies {expected}",
            payload.len()
        );
        Ok(Self {
            rest: payload.as_chunks().0,
        })
    }

    fn take(&mut self, count: usize) -> Vec<f32> {
        let (values, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }
}
