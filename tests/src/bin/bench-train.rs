//! Training throughput on the CPU: this project, Burn's own convolution on the same device, and PyTorch.
//!
//! Four networks, all with L1 and Adam, at batches of random patches: [`NETWORKS`]. The contenders take turns in each
//! round; medians are compared. Then where a step's time goes. `cargo xtask bench train` runs it.

use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::PixelShuffleConfig;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PRelu, PReluConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};
use model::layer::{Skip, add_skip};
use model::network::{Network, NetworkConfig};
use tests::bench::medians;
use tests::bench::python::Python;
use tests::bench::report::{Reach, Row, report};

/// A network and the batches that it is trained on; `tests/bench/train.py` has the same ones by name.
struct Case {
    name: &'static str,
    network: &'static str,
    scale: usize,
    batch: usize,
    patch_px: usize,
    steps: usize,
    /// The ratio to PyTorch to reach.
    reach: f64,
}

const NETWORKS: [Case; 4] = [
    Case {
        name: "plain 16×5",
        network: "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = 16\ndepth = 5\nends_px = 3\nskip = \"nearest\"",
        scale: 2,
        batch: 16,
        patch_px: 48,
        steps: 40,
        reach: 1.5,
    },
    Case {
        name: "plain 32×6",
        network: "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = 32\ndepth = 6\nends_px = 3\nskip = \"nearest\"",
        scale: 2,
        batch: 16,
        patch_px: 48,
        steps: 20,
        reach: 1.2,
    },
    Case {
        name: "compact 64×8",
        network: "kind = \"compact\"\nscale = 2\nwidth = 64\ndepth = 8",
        scale: 2,
        batch: 16,
        patch_px: 48,
        steps: 8,
        reach: 1.0,
    },
    Case {
        name: "srresnet 32×4",
        network: "kind = \"srresnet\"\nscale = 4\nwidth = 32\nblocks = 4",
        scale: 4,
        batch: 8,
        patch_px: 24,
        steps: 20,
        reach: 1.0,
    },
];

const WARM_UP_STEPS: usize = 3;

/// Channels of the first network, which is also built of Burn's own layers.
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

/// The network as this project builds it.
fn ours(case: &Case, device: &Device) -> anyhow::Result<Network> {
    let config: NetworkConfig = toml::from_str(case.network)?;
    Ok(config.init_training(1, device))
}

fn shuffled(maps: Tensor<4>, x: Tensor<4>) -> Tensor<4> {
    PixelShuffleConfig::new(2)
        .init()
        .forward(add_skip(maps, x, Skip::Nearest, 2))
}

/// Where the time of steps goes.
#[derive(Default)]
struct Spent {
    data: Duration,
    forward: Duration,
    loss: Duration,
    backward: Duration,
    optimiser: Duration,
}

impl Spent {
    fn parts(&self) -> [(&'static str, Duration); 5] {
        [
            ("data", self.data),
            ("forward", self.forward),
            ("loss", self.loss),
            ("backward", self.backward),
            ("optimiser", self.optimiser),
        ]
    }

    fn sum(&self) -> Duration {
        self.parts().iter().map(|(_, time)| *time).sum()
    }
}

/// The time of a training's steps. The device computes at once, so that a part's time is what its calls take.
fn train<M: Module>(
    case: &Case,
    network: M,
    forward: impl Fn(&M, Tensor<4>) -> Tensor<4>,
) -> Spent {
    use trainer::config::OptimiserConfig;
    use trainer::train::{Optimiser, flat};
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let patches = |side: usize| {
        let shape = [case.batch, 3, side, side];
        let value = |i: usize| (i * 7919 % 1009) as f32 / 1009.0;
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        TensorData::new(values, shape)
    };
    let (inputs, targets) = (patches(case.patch_px), patches(case.scale * case.patch_px));
    let adam = OptimiserConfig::Adam {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
    };
    let mut network = network.train();
    let mut optimiser = Optimiser::new(adam, &flat::parameters(&network));
    let mut spent = Spent::default();
    for step in 0..WARM_UP_STEPS + case.steps {
        if step == WARM_UP_STEPS {
            spent = Spent::default();
        }
        let mut start = Instant::now();
        let mut lap = |part: &mut Duration| {
            *part += start.elapsed();
            start = Instant::now();
        };
        let input = Tensor::<4>::from_data(inputs.clone(), &device);
        let target = Tensor::<4>::from_data(targets.clone(), &device);
        lap(&mut spent.data);
        let output = forward(&network, input);
        lap(&mut spent.forward);
        let loss = (output - target).abs().mean();
        lap(&mut spent.loss);
        let gradients = loss.backward();
        lap(&mut spent.backward);
        let gradient = flat::gradients(&network, &gradients);
        let rate = Tensor::full([1], 1e-3, &plain);
        let parameters = optimiser.step(step as u64, rate, flat::parameters(&network), gradient);
        network = flat::with_parameters(network, parameters);
        lap(&mut spent.optimiser);
    }
    spent
}

/// Patches per second.
fn throughput(case: &Case, spent: &Spent) -> f64 {
    (case.batch * case.steps) as f64 / spent.sum().as_secs_f64()
}

/// Training throughput of PyTorch, in patches per second.
fn torch(python: &Python, case: &Case, layout: &str) -> anyhow::Result<f64> {
    let sizes = [case.batch, case.patch_px, WARM_UP_STEPS, case.steps];
    let sizes = sizes.map(|size| size.to_string());
    let [batch, patch, warm_up, steps] = sizes.each_ref().map(String::as_str);
    let args = [layout, case.name, batch, patch, warm_up, steps];
    python.number("train.py", &args)
}

fn main() -> anyhow::Result<()> {
    trainer::allocator::keep_freed_memory();
    let python = &Python::with(&["numpy", "torch"])?;
    let device = &Device::flex().autodiff();
    let mut rows = Vec::new();
    let mut shares = vec![
        "| network | data | forward | loss | backward | optimiser |".to_string(),
        "|---|---|---|---|---|---|".to_string(),
    ];
    for case in &NETWORKS {
        println!("{}", case.name);
        let mut last = Spent::default();
        let [uprez, nchw, nhwc] = medians(
            "patches/s",
            [
                (
                    "uprez",
                    Box::new(|| {
                        last = train(case, ours(case, device)?, Network::forward);
                        Ok(throughput(case, &last))
                    }),
                ),
                ("torch NCHW", Box::new(|| torch(python, case, "nchw"))),
                (
                    "torch channels-last",
                    Box::new(|| torch(python, case, "nhwc")),
                ),
            ],
        )?;
        rows.push(Row::ratio(
            &format!("{}, to PyTorch's better layout", case.name),
            uprez / nchw.max(nhwc),
            Some(Reach::AtLeast(case.reach)),
            "torch (PyPI)",
        ));
        let sum = last.sum().as_secs_f64();
        let parts = last.parts().map(|(_, time)| {
            let share = 100.0 * time.as_secs_f64() / sum;
            format!("{share:.0} %")
        });
        shares.push(format!("| {} | {} |", case.name, parts.join(" | ")));
    }
    let case = &NETWORKS[0];
    println!("{} of Burn's own layers", case.name);
    let [uprez, burn] = medians(
        "patches/s",
        [
            (
                "uprez",
                Box::new(|| {
                    let spent = train(case, ours(case, device)?, Network::forward);
                    Ok(throughput(case, &spent))
                }),
            ),
            (
                "burn-flex",
                Box::new(|| {
                    let spent = train(case, Stock::new(device), Stock::forward);
                    Ok(throughput(case, &spent))
                }),
            ),
        ],
    )?;
    rows.push(Row::ratio(
        &format!("{}, to Burn's own layers", case.name),
        uprez / burn,
        Some(Reach::AtLeast(4.0)),
        "burn-flex 0.22.1",
    ));
    println!("Where a step's time goes:\n\n{}\n", shares.join("\n"));
    report("training", &rows)
}
