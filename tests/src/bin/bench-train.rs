//! Training throughput on the CPU: ours, Burn's own convolution on the same device, and PyTorch.
//!
//! The 13.7 K-parameter network 3→16, five 16→16, 16→12 (all 3×3, PReLU), shuffle ×2, nearest skip;
//! batches of 16 patches of 48×48 px, L1 and Adam. Rounds of all four go on in turn; medians are
//! compared. `cargo xtask bench train` runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use burn::module::Module;
use burn::nn::PixelShuffleConfig;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PRelu, PReluConfig, PaddingConfig2d};
use burn::tensor::{Device, Distribution, Tensor};
use model::layer::{Skip, add_skip};
use model::network::{Colour, Network, NetworkConfig, PlainConfig};
use serde_json::json;

const BATCH: usize = 16;
const PATCH_PX: usize = 48;
const STEPS: usize = 40;
const WARM_UP_STEPS: usize = 5;
const ROUNDS: usize = 5;
const CHANNELS: [usize; 8] = [3, 16, 16, 16, 16, 16, 16, 12];

/// The network on Burn's own convolution and PReLU.
#[derive(Module, Debug)]
struct Stock {
    convs: Vec<Conv2d>,
    activations: Vec<PRelu>,
}

impl Stock {
    fn new(device: &Device) -> Self {
        let convs = CHANNELS.windows(2).map(|c| {
            Conv2dConfig::new([c[0], c[1]], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        });
        let prelu = |channels: &usize| {
            PReluConfig::new()
                .with_num_parameters(*channels)
                .init(device)
        };
        Self {
            convs: convs.collect(),
            activations: CHANNELS[1..7].iter().map(prelu).collect(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut maps = x.clone();
        for (i, conv) in self.convs.iter().enumerate() {
            maps = conv.forward(maps);
            if let Some(activation) = self.activations.get(i) {
                maps = activation.forward(maps);
            }
        }
        shuffled(maps, x)
    }
}

/// The same network as the project has it.
fn ours(device: &Device) -> Network {
    let config = PlainConfig {
        scale: 2,
        colour: Colour::Rgb,
        width: CHANNELS[1],
        depth: CHANNELS.len() - 3,
        ends_px: 3,
        skip: Skip::Nearest,
        long_skip: false,
        expansion: None,
    };
    NetworkConfig::Plain(config).init_training(1, device)
}

fn shuffled(maps: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
    PixelShuffleConfig::new(2)
        .init()
        .forward(add_skip(maps, x, Skip::Nearest, 2))
}

/// Patches a second of training steps.
fn throughput<M: Module>(network: M, forward: impl Fn(&M, Tensor<4>) -> Tensor<4>) -> f64 {
    use trainer::config::OptimiserConfig;
    use trainer::train::{Optimiser, flat};
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let random =
        |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Uniform(0.0, 1.0), &device);
    let input = random([BATCH, 3, PATCH_PX, PATCH_PX]);
    let target = random([BATCH, 3, 2 * PATCH_PX, 2 * PATCH_PX]);
    let adam = OptimiserConfig::Adam {
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
    };
    let mut network = network.train();
    let mut optimiser = Optimiser::new(adam, &flat::parameters(&network));
    let mut start = Instant::now();
    for step in 0..WARM_UP_STEPS + STEPS {
        if step == WARM_UP_STEPS {
            start = Instant::now();
        }
        let loss = (forward(&network, input.clone()) - target.clone())
            .abs()
            .mean();
        let gradients = loss.backward();
        let gradient = flat::gradients(&network, &gradients);
        let rate = Tensor::full([1], 1e-3, &plain);
        let parameters = optimiser.step(step as u64, rate, flat::parameters(&network), gradient);
        network = flat::with_parameters(network, parameters);
    }
    (BATCH * STEPS) as f64 / start.elapsed().as_secs_f64()
}

/// A Python that has PyTorch, made where there is none.
fn python(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/bench-venv");
    let python = folder.join("bin/python");
    let has_torch = |python: &Path| {
        let mut command = Command::new(python);
        command
            .args(["-c", "import torch"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !has_torch(&python) {
        eprintln!(
            "Installing PyTorch from PyPI into {} (once, some gigabytes)",
            folder.display()
        );
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&folder)
            .status()?;
        ensure!(
            made.success(),
            "python3 -m venv failed: the benchmark needs Python with venv"
        );
        let pip = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "torch", "numpy"])
            .status()?;
        ensure!(pip.success(), "pip install torch failed");
    }
    Ok(python)
}

fn torch(python: &Path, root: &Path, layout: &str) -> anyhow::Result<f64> {
    let output = Command::new(python)
        .arg(root.join("tests/bench/train.py"))
        .args([
            layout,
            &BATCH.to_string(),
            &PATCH_PX.to_string(),
            &WARM_UP_STEPS.to_string(),
            &STEPS.to_string(),
        ])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> anyhow::Result<()> {
    model::kernel::keep_freed_memory();
    let root = xtask::root();
    let python = python(&root)?;
    let device = Device::flex().autodiff();
    let names = ["uprez", "burn-flex", "torch NCHW", "torch channels-last"];
    let mut rates = vec![Vec::new(); names.len()];
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        rates[0].push(throughput(ours(&device), Network::forward));
        rates[1].push(throughput(Stock::new(&device), Stock::forward));
        rates[2].push(torch(&python, &root, "nchw")?);
        rates[3].push(torch(&python, &root, "nhwc")?);
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    println!("| training, 13.7 K network, batch 16 of 48² | patches/s |\n|---|---|");
    for (name, rate) in names.iter().zip(&medians) {
        println!("| {name} | {rate:.0} |");
    }
    let best_torch = medians[2].max(medians[3]);
    let results = [
        (
            "training, ratio to burn-flex",
            medians[0] / medians[1],
            4.0,
            "burn-flex 0.22.1",
        ),
        (
            "training, ratio to PyTorch's better layout",
            medians[0] / best_torch,
            0.75,
            "torch (PyPI)",
        ),
    ];
    let mut rows = Vec::new();
    for (name, value, reach, peer) in results {
        println!("{name}: {value:.2} (to reach: at least {reach})");
        rows.push(
            json!({ "name": name, "value": value, "unit": "ratio", "reach": reach, "peer": peer }),
        );
    }
    let path = root.join("target/bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&rows)?)?;
    println!("written to {}", path.display());
    Ok(())
}
