//! Training throughput on the CPU: this project, Burn's own convolution on the same device, and PyTorch.
//!
//! The 13.7 K-parameter network 3→16, five 16→16, 16→12 (all 3×3, PReLU), shuffle ×2, nearest skip; batches of 16
//! patches of 48×48 px, L1 and Adam. The four contenders take turns in each round; medians are compared. `cargo xtask
//! bench train` runs it.

use std::time::Instant;

use burn::module::Module;
use burn::nn::PixelShuffleConfig;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PRelu, PReluConfig, PaddingConfig2d};
use burn::tensor::{Device, Distribution, Tensor};
use engine::Colour;
use model::layer::{Skip, add_skip};
use model::network::{Network, NetworkConfig, PlainConfig};
use tests::bench::medians;
use tests::bench::python::Python;
use tests::bench::report::{Reach, Row, report};

const BATCH: usize = 16;
const PATCH_PX: usize = 48;
const STEPS: usize = 40;
const WARM_UP_STEPS: usize = 5;
const CHANNELS: [usize; 8] = [3, 16, 16, 16, 16, 16, 16, 12];

/// The network with Burn's own convolution and PReLU.
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

/// The same network as this project builds it.
fn ours(device: &Device) -> Network {
    let config = PlainConfig {
        scale: 2,
        colour: Colour::Rgb,
        width: CHANNELS[1],
        depth: CHANNELS.len() - 3,
        ends_px: 3,
        skip: Skip::Nearest,
        long_skip: false,
        unshuffle: 1,
        expansion: None,
    };
    NetworkConfig::Plain(config).init_training(1, device)
}

fn shuffled(maps: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
    PixelShuffleConfig::new(2)
        .init()
        .forward(add_skip(maps, x, Skip::Nearest, 2))
}

/// Training throughput, in patches per second.
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

/// Training throughput of PyTorch, in patches per second.
fn torch(python: &Python, layout: &str) -> anyhow::Result<f64> {
    let sizes = [BATCH, PATCH_PX, WARM_UP_STEPS, STEPS].map(|size| size.to_string());
    let [batch, patch, warm_up, steps] = sizes.each_ref().map(String::as_str);
    python.number("train.py", &[layout, batch, patch, warm_up, steps])
}

fn main() -> anyhow::Result<()> {
    trainer::allocator::keep_freed_memory();
    let python = Python::with(&["numpy", "torch"])?;
    let device = Device::flex().autodiff();
    let [uprez, burn, nchw, nhwc] = medians(
        "patches/s",
        [
            (
                "uprez",
                Box::new(|| Ok(throughput(ours(&device), Network::forward))),
            ),
            (
                "burn-flex",
                Box::new(|| Ok(throughput(Stock::new(&device), Stock::forward))),
            ),
            ("torch NCHW", Box::new(|| torch(&python, "nchw"))),
            ("torch channels-last", Box::new(|| torch(&python, "nhwc"))),
        ],
    )?;
    let rows = [
        Row::ratio(
            "ratio to burn-flex",
            uprez / burn,
            Some(Reach::AtLeast(4.0)),
            "burn-flex 0.22.1",
        ),
        Row::ratio(
            "ratio to PyTorch's better layout",
            uprez / nchw.max(nhwc),
            Some(Reach::AtLeast(0.75)),
            "torch (PyPI)",
        ),
    ];
    report("training", &rows)
}
