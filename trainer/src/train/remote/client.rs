//! The training's end of a connection.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use super::message::{Reply, Request, Sizes};
use crate::config::Config;
use crate::device::RemoteDevice;
use crate::remote::{Connection, Limits, open};
use crate::train::worker::{Share, Task};

/// A worker sends a message every few seconds; without one for this long, it has failed.
const SILENCE: Duration = Duration::from_secs(60);

/// A device of another machine.
pub struct RemoteWorker {
    device: RemoteDevice,
    connection: Connection,
    sizes: Sizes,
}

impl RemoteWorker {
    /// Sends everything that a worker needs before the first step; `lengths` holds the number of parameters
    /// of the network and of each discriminator.
    pub fn connect(
        config: &Config,
        device: RemoteDevice,
        lengths: Vec<usize>,
    ) -> anyhow::Result<Self> {
        let (connection, _) = open(&device.address, &device.token)?;
        let mut worker = Self {
            device,
            connection,
            sizes: Sizes::new(config, lengths),
        };
        worker
            .set_up(config)
            .with_context(|| format!("the device {} cannot take part", worker.device.name))?;
        Ok(worker)
    }

    fn set_up(&mut self, config: &Config) -> anyhow::Result<()> {
        // If the configuration lacks a file, the worker reports it.
        let files = &config.training.features;
        let features: Vec<(String, &PathBuf)> = config
            .loss_features()
            .into_iter()
            .filter_map(|name| files.get(&name).map(|file| (name, file)))
            .collect();
        let setup = Request::Setup {
            device: self.device.index,
            features: features.iter().map(|(name, _)| name.clone()).collect(),
        };
        self.connection.send(&setup, config.text.as_bytes())?;
        for (_, path) in features {
            let bytes = std::fs::read(path)
                .with_context(|| format!("cannot read the weights {}", path.display()))?;
            self.connection.send(&Request::Features, &bytes)?;
        }
        match self.reply(0)? {
            (Reply::Ready, _) => Ok(()),
            (other, _) => bail!("{other:?} is no answer to a setup"),
        }
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// One share for the network, and one for each discriminator.
    pub fn work(&mut self, task: Task) -> anyhow::Result<Vec<Share>> {
        let home = task.home.clone();
        let (request, payload) = self.sizes.encode_task(task);
        self.connection.send(&request, &payload)?;
        match self.reply(self.sizes.shares_bytes())? {
            (Reply::Shares, payload) => self.sizes.decode_shares(&payload, &home),
            (other, _) => bail!("{other:?} is no answer to a step"),
        }
    }

    /// The next reply that is not [`Reply::Busy`], with a payload of at most `payload` bytes.
    fn reply(&mut self, payload: u64) -> anyhow::Result<(Reply, Vec<u8>)> {
        loop {
            match self.connection.receive(Limits::payload(payload), SILENCE)? {
                (Reply::Busy, _) => {}
                (Reply::Failed(reason), _) => bail!(reason),
                reply => return Ok(reply),
            }
        }
    }
}
