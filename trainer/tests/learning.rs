//! Networks learn, and folding does not change them.

mod common;

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use common::samples;
use model::network::Network;
use trainer::config::Config;
use trainer::data::{LowResolution, Pair, Sample, Sampler};
use trainer::train::Learn;

fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        })
        .collect()
}

fn output(network: &Network, x: &Tensor<4>) -> Vec<f32> {
    network
        .forward(x.clone())
        .into_data()
        .iter::<f32>()
        .collect()
}

#[test]
fn folding_changes_nothing() {
    for (network, parameters) in [
        (
            "kind = \"plain\"\nscale = 3\nwidth = 9\ndepth = 2\nends_px = 5\nlong_skip = true\nexpansion = 40",
            None,
        ),
        (
            "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = 8\ndepth = 1\nskip = \"bicubic\"\nexpansion = 7",
            None,
        ),
        ("kind = \"srcnn\"\nscale = 3", Some(8_129)),
        (
            "kind = \"srcnn\"\nscale = 3\nkernels_px = [9, 5, 5]",
            Some(57_281),
        ),
        // 12,464 weights in the paper's table, which leaves out the biases and slopes.
        ("kind = \"fsrcnn\"\nscale = 2", Some(12_464 + 345)),
        ("kind = \"espcn\"\nscale = 3", Some(22_729)),
        (
            "kind = \"srresnet\"\nscale = 4\nwidth = 8\nblocks = 2",
            None,
        ),
        ("kind = \"lapsrn\"\nscale = 4\nwidth = 6\ndepth = 2", None),
        ("kind = \"hourglass\"\nscale = 2\nwidth = 4", None),
        ("kind = \"residualdense\"\nscale = 2", None),
        ("kind = \"autoencoder\"", Some(23_873)),
        (
            "kind = \"dbpn\"\nscale = 2\nfeatures = 8\nwidth = 6\nstages = 3",
            None,
        ),
    ] {
        let config: model::network::NetworkConfig = toml::from_str(network).unwrap();
        let device = Device::flex();
        let trained = config.init_training(5, &device);
        let channels = config.spec().colour.channels();
        let x = TensorData::new(noise(channels * 13 * 17, 9), [1, channels, 13, 17]);
        let x = Tensor::from_data(x, &device);
        let before = output(&trained, &x);
        let folded = config.fold(&trained);
        let after = output(&folded, &x);
        for (a, b) in before.iter().zip(&after) {
            assert!((a - b).abs() < 1e-5, "{network}: {a} became {b}");
        }
        let held = burn::module::Module::num_params(&folded);
        assert_eq!(held, config.parameters(&Device::flex()), "{network}");
        if let Some(parameters) = parameters {
            assert_eq!(held, parameters, "{network}");
        }
    }
}

/// Trains on a single patch; returns the losses of the first and the last step.
fn learn_one_patch(network: &str, training: &str) -> [f32; 2] {
    let text = format!(
        r#"
name = "patch"
[network]
{network}
[data]
folders = ["unused"]
patch_px = 12
[training]
batch = 1
loss = "1*mse"
optimiser = {{ kind = "adam" }}
{training}
"#
    );
    let config = Config::parse(&text, Path::new(".")).unwrap();
    let side = 12 * config.network.spec().scale;
    let file = Path::new(&samples()).join("budgie_casa-mila_704_768.webp");
    let image = trainer::image_file::load(&file).unwrap();
    let mut data = Vec::new();
    for y in 0..side {
        data.extend_from_slice(&image.data[3 * ((200 + y) * image.width + 200)..][..3 * side]);
    }
    let target = engine::image::Image::new(side, side, engine::image::Channels::Rgb, data).unwrap();
    let low = LowResolution::default();
    let scale = config.network.spec().scale;
    let pair = Pair::from_hr("patch".into(), &target, scale, &low).unwrap();
    let sample = Sample::new(pair, &config.network);
    let dataset = trainer::data::Dataset {
        training: trainer::data::Images::of(vec![sample]),
        held_out: Vec::new(),
        sources: Vec::new(),
    };
    let mut trainer = trainer::train::Trainer::new(&config, &Device::flex()).unwrap();
    let mut losses = Vec::new();
    let sampler = std::sync::Arc::new(Sampler::new(dataset, &config).unwrap());
    for batch in trainer::data::Batches::start(&sampler, 0..config.training.steps) {
        losses.push(
            trainer
                .step(batch.unwrap())
                .unwrap()
                .loss
                .into_scalar::<f32>(),
        );
    }
    [losses[0], losses[losses.len() - 1]]
}

#[test]
fn one_patch_is_learnt_past_40_db() {
    let network = "kind = \"plain\"\nscale = 2\nwidth = 16\ndepth = 2\nexpansion = 32";
    let training = "steps = 1500\nlearning_rate = 5e-3\nclip_norm = 0.5\n\
                    schedule = { warm_up_steps = 20, decay = \"cosine\" }";
    let [_, last] = learn_one_patch(network, training);
    let psnr_db = -10.0 * last.log10();
    assert!(psnr_db > 40.0, "{psnr_db} dB");
}

#[test]
fn every_network_learns() {
    for network in [
        "kind = \"fsrcnn\"\nscale = 2\nwide = 16",
        "kind = \"espcn\"\nscale = 3\nmaps = [16, 16]",
        "kind = \"srresnet\"\nscale = 4\nwidth = 8\nblocks = 2",
        "kind = \"lapsrn\"\nscale = 4\nwidth = 8\ndepth = 2",
        "kind = \"hourglass\"\nscale = 2\nwidth = 8",
        "kind = \"residualdense\"\nscale = 2\nwidth = 8\ngrowth = 6",
        "kind = \"dbpn\"\nscale = 2\nfeatures = 12\nwidth = 8\nstages = 2",
        "kind = \"autoencoder\"\nmaps = [8]",
    ] {
        let [first, last] = learn_one_patch(network, "steps = 120\nlearning_rate = 3e-3");
        assert!(last < 0.3 * first, "{network}: {first} became {last}");
    }
}
