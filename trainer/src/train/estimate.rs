//! `train --dry-run`: what a training will cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::{Input, Spec};
use indicatif::HumanDuration;
use model::network::Network;

use super::trainer::Trainer;
use super::training_loop::Learn;
use crate::config::Config;
use crate::data::{Batches, Dataset, Sampler};
use crate::device::Devices;

/// Steps are measured for at least so long.
const MEASURED: Duration = Duration::from_secs(5);

/// A network's multiplications; `None` if it has no graph.
pub(crate) fn cost(network: &Network, spec: &Spec) -> Option<String> {
    let of_input = network.graph().ok()?.multiplications();
    let ratio = match spec.input {
        Input::LowResolution => spec.scale * spec.scale,
        Input::Upsampled => 1,
    };
    Some(format!(
        "{of_input:.0} multiplications per pixel of the input, {:.1} billion per megapixel of the result",
        of_input / ratio as f64 / 1e3
    ))
}

/// Prints the network, its cost, the images, and what some steps take.
pub fn print(config: &Config, devices: Devices) -> anyhow::Result<()> {
    let training = &config.training;
    let home = devices.home.clone();
    let names = devices.names();
    let spec = config.network.spec();
    let network = config.network.init(&home);
    println!(
        "network   {}, ×{}, {} parameters",
        config.network.kind(),
        spec.scale,
        config.network.parameters(&home)
    );
    if let Some(cost) = cost(&network, &spec) {
        println!("cost      {cost}");
    }
    let dataset = Dataset::load(config)?;
    println!(
        "images    {}, {} held out",
        dataset.training,
        dataset.held_out.len()
    );
    let mut trainer = Trainer::on(config, devices)?;
    let sampler = Arc::new(Sampler::new(dataset, config)?);
    if let Some(steps) = sampler.epoch_steps() {
        println!("epoch     {steps:.1} steps");
    }
    let mut batches = Batches::start(&sampler, 0..config.training.steps);
    let mut step = || -> anyhow::Result<()> {
        let batch = batches.next().context("there are no batches")??;
        // Reading the loss waits for a GPU.
        trainer.step(batch)?.loss.into_scalar::<f32>();
        Ok(())
    };
    // The first step of a GPU compiles its kernels.
    step()?;
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < MEASURED && count + 1 < training.steps {
        step()?;
        count += 1;
    }
    let seconds = start.elapsed().as_secs_f64() / count.max(1) as f64;
    println!(
        "time      {:.0} patches/s on {names}: about {} for {} steps of {} patches, without evaluations",
        training.batch as f64 / seconds,
        HumanDuration(Duration::from_secs_f64(seconds * training.steps as f64)),
        training.steps,
        training.batch
    );
    if let Some(megabytes) = peak_mb() {
        println!("memory    {megabytes:.0} MB of main memory, images included");
    }
    println!("Nothing was trained: this was a dry run.");
    Ok(())
}

/// The most main memory that this process has held, in megabytes, where the system tells it.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
