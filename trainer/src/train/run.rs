//! A training's folder: from a configuration to a model file and a report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use burn::tensor::{Device, Tensor, TensorData};
use model::network::NetworkConfig;
use model::record;

use super::changes::Changes;
use super::checkpoint::{Checkpoint, Progress};
use super::failure::guarded;
use super::held_out::HeldOut;
use super::session::Session;
use super::trainer::Trainer;
use super::training_loop::Learn;
use super::transfer::{Transferred, named};
use super::unfold::unfold;
use crate::config::Config;
use crate::data::Dataset;
use crate::device::Devices;
use crate::eval::TestSet;
use crate::report;

pub(super) const LOG: &str = "log.jsonl";
pub(super) const CHECKPOINT: &str = "checkpoint.bpk";
pub(super) const MODEL: &str = "model.bpk";
pub(super) const SAMPLES: &str = "samples";

/// A training's folder.
pub struct Run {
    folder: PathBuf,
    /// The settings that change in a resumed training; `None` for a new one.
    resume: Option<Changes>,
}

impl Run {
    /// Creates a new folder, or opens the folder of a training to resume with these changes.
    pub fn open(folder: PathBuf, resume: Option<Changes>) -> anyhow::Result<Self> {
        ensure!(
            resume.is_some() || !folder.join(LOG).exists(),
            "{} holds a training already: go on with --resume, or choose another --out",
            folder.display()
        );
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Self { folder, resume })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Trains, and writes the model, the log and a report.
    pub fn train(&self, config: &Config, devices: Devices) -> anyhow::Result<()> {
        let start = Instant::now();
        let device_name = devices.names();
        let device = &devices.home.clone();
        let evaluation = &config.evaluation;
        let mut dataset = Dataset::load(config)?;
        let held_out = HeldOut::new(config, std::mem::take(&mut dataset.held_out), device)?;
        let scale = config.network.spec().scale;
        let low = config.data.test_low_resolution(scale, config.seed);
        let sets = evaluation.sets.iter();
        let sets = sets.map(|folder| TestSet::load(folder, scale, &low));
        let sets = sets.collect::<anyhow::Result<Vec<_>>>()?;
        println!(
            "{}, {}",
            dataset.training,
            match held_out.set.pairs.len() {
                0 => "none held out: the last weights are kept".to_string(),
                count => format!(
                    "{count} held out; samples of the progress are written to {}",
                    self.path(SAMPLES).display()
                ),
            }
        );

        let mut trainer = self.trainer(config, devices)?;
        let from = trainer.steps();
        let mut session = Session::new(self, config, dataset, held_out, from)?;
        guarded(|| session.train(&mut trainer)).map_err(|error| self.with_checkpoint(error))?;
        let steps = trainer.steps() - from;
        let results = session.results(&sets, device, &device_name)?;

        for (name, result) in &results {
            println!("\n{name}\n{result}");
        }
        println!(
            "Trained for {steps} steps in {:.0} s.\n\
             Model: {}\nReport: {}\n\
             To see it in the page: run `cargo xtask serve`, open the address it prints, and drop \
             the model and then an image on the page.",
            start.elapsed().as_secs_f64(),
            self.path(MODEL).display(),
            self.path(report::FILE).display(),
        );
        Ok(())
    }

    /// The error, and whether the training can go on.
    fn with_checkpoint(&self, error: anyhow::Error) -> anyhow::Error {
        let checkpoint = self.path(CHECKPOINT);
        if !checkpoint.exists() {
            return error;
        }
        error.context(format!(
            "the training has stopped; its last checkpoint is {}: go on with the same command and --resume",
            checkpoint.display()
        ))
    }

    /// A trainer at the start, or at the checkpoint.
    fn trainer(&self, config: &Config, devices: Devices) -> anyhow::Result<Trainer> {
        let home = devices.home.clone();
        let mut trainer = Trainer::on(config, devices)?;
        if let Some(traffic_mb) = trainer.traffic_mb() {
            println!(
                "Every step moves {traffic_mb:.1} MB to and from each device of another machine, and \
                 its part of the batch"
            );
        }
        let checkpoint = self.path(CHECKPOINT);
        let is_saved = checkpoint.try_exists().unwrap_or(true);
        if let (Some(changes), true) = (&self.resume, is_saved) {
            trainer.restore(Checkpoint::load(&checkpoint, &home)?, changes)?;
            println!("Going on from step {}", trainer.steps());
            return Ok(trainer);
        }
        if self.resume.is_some() {
            println!("{} does not exist: starting anew", checkpoint.display());
        }
        let Some(start) = &config.training.start else {
            return Ok(trainer);
        };
        let checkpoint = match model_file(start, config, &home)? {
            Some(checkpoint) => checkpoint,
            None => Checkpoint::load(start, &home).context(
                "training.start names a model file, or the checkpoint of another training, which has to run first",
            )?,
        };
        if config.training.start_partial {
            let Transferred {
                taken,
                widened,
                random,
            } = trainer.start_partially_from(checkpoint)?;
            println!("Starting from {taken} tensors in {}", start.display());
            for (paths, what) in [
                (widened, "wider than there, and filled up"),
                (random, "not there, or of another shape: random"),
            ] {
                if !paths.is_empty() {
                    println!("  {what}: {}", paths.join(", "));
                }
            }
        } else {
            trainer.start_from(checkpoint)?;
            println!("Starting from the weights in {}", start.display());
        }
        Ok(trainer)
    }
}

/// The weights of a model file, as a checkpoint that a training can start from; `None` if the file is no model file.
fn model_file(path: &Path, config: &Config, device: &Device) -> anyhow::Result<Option<Checkpoint>> {
    let Ok(bytes) = std::fs::read(path) else {
        return Ok(None);
    };
    if record::metadata(&bytes).is_err() {
        return Ok(None);
    }
    let name = path.display();
    let (network, metadata) = record::read(&bytes, device).with_context(|| format!("in {name}"))?;
    ensure!(
        metadata.network == config.network || config.training.start_partial,
        "{name} holds another network than [network] describes: {} (--start-partial takes what fits)",
        toml::to_string(&metadata.network)?.replace('\n', ", ")
    );
    let training = metadata.network.init_training(config.seed, device);
    let values = unfold(&named(&network), named(&training)).with_context(|| {
        format!(
            "{name} has no batch normalisation, which this network has in training: start from a checkpoint, or train \
             the network as `kind = \"graph\"`, which an exported ONNX file becomes"
        )
    })?;
    let length = values.len();
    let parameters = Tensor::from_data(TensorData::new(values, [length]), device);
    Ok(Some(Checkpoint {
        progress: Progress {
            config: network_text(&metadata.network)?,
            devices: Vec::new(),
            step: 0,
            best: None,
            waited: 0,
        },
        vectors: vec![("parameters".into(), parameters)],
    }))
}

/// A configuration that consists of a network.
fn network_text(network: &NetworkConfig) -> anyhow::Result<String> {
    let network = toml::Table::try_from(network)?;
    let config = toml::Table::from_iter([("network".to_string(), network.into())]);
    Ok(toml::to_string(&config)?)
}
