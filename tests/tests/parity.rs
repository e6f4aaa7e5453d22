//! All native devices give the same results: flex, and Vulkan on any adapter (a software one such as lavapipe will do).
//! Burn's ndarray backend runs only in the page; the browser tests compare it with the same images.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, DeviceKind};
use engine::image::Channels;
use engine::webgpu::{Gpu, trusted};
use engine::{CpuEngine, Engine};
use tests::{largest_difference, model_file, plan, shipped, small_networks, upscaled, upscaled_by};
use trainer::config::Config;
use trainer::data::{Batches, Dataset, Images, LowResolution, Pair, Sample, Sampler};
use trainer::train::{Learn, Trainer};

/// The default adapter, which may be a software one.
fn gpu() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

fn sample() -> engine::image::Image {
    let folder = xtask::root().join("trainer/samples");
    let image =
        trainer::image_file::load(&folder.join("lomiri_Dragonfly_by_Bolly_1024_512.webp")).unwrap();
    // Only a part of the image, so that a software adapter takes seconds.
    let rows = image.data.chunks(3 * image.width).skip(200).take(50);
    let data = rows
        .flat_map(|row| row[3 * 180..][..3 * 61].to_vec())
        .collect();
    engine::image::Image::new(61, 50, Channels::Rgb, data).unwrap()
}

#[test]
fn the_gpu_gives_the_same_image_within_one_step() {
    let shipped = ["fast-x2", "srcnn-x3"].map(|name| (name, shipped(name).unwrap()));
    let random = small_networks().map(|network| (network, model_file(network).unwrap()));
    for (name, record) in shipped.into_iter().chain(random) {
        let expected = upscaled(&record, &sample(), &Device::flex(), 64).unwrap();
        let found = upscaled(&record, &sample(), &gpu(), 64).unwrap();
        let difference = largest_difference(&found.data, &expected.data);
        assert!(
            difference.is_some_and(|d| d <= 1),
            "{name} on wgpu: {difference:?}"
        );
    }
}

/// Compares the engines with Burn on flex.
#[test]
fn every_engine_gives_the_same_image_within_one_step() {
    // `true` accepts software adapters, too.
    let gpu = pollster::block_on(Gpu::open(true)).unwrap();
    let shipped = ["fast-x2", "srcnn-x3", "mnist"].map(|name| (name, shipped(name).unwrap()));
    let random = small_networks().map(|network| (network, model_file(network).unwrap()));
    for (name, record) in shipped.into_iter().chain(random) {
        let (plan, metadata) = plan(&record).unwrap();
        let one_pixel = engine::image::Image::new(1, 1, Channels::Rgb, vec![9, 200, 70]).unwrap();
        for image in [sample(), one_pixel] {
            let expected = upscaled(&record, &image, &Device::flex(), 64).unwrap();
            let check = |engine: &mut dyn FnMut(Option<usize>) -> engine::image::Image,
                         what: &str| {
                let whole = engine(None);
                let difference = largest_difference(&whole.data, &expected.data);
                assert!(
                    difference.is_some_and(|d| d <= 1),
                    "{name} on {what}: {difference:?}"
                );
                for tile_px in [13, 40] {
                    assert!(
                        engine(Some(tile_px)) == whole,
                        "{name} on {what}, {tile_px} px"
                    );
                }
            };
            let mut cpu = CpuEngine::new(&plan, 2);
            check(
                &mut |px| upscaled_by(&mut cpu, &metadata, &image, px).unwrap(),
                "cpu",
            );
            let mut webgpu = pollster::block_on(trusted(&gpu, &plan)).unwrap();
            let engine_name = webgpu.name().to_string();
            check(
                &mut |px| upscaled_by(&mut webgpu, &metadata, &image, px).unwrap(),
                &engine_name,
            );
        }
    }
}

/// Compares one training step on the GPU with one on the CPU: loss, gradient, and the image after the step.
#[test]
fn a_training_step_on_the_gpu_is_that_of_the_cpu() {
    let text = r#"
name = "step"
seed = 5
[network]
kind = "plain"
scale = 2
width = 8
depth = 1
ends_px = 5
long_skip = true
expansion = 12
[data]
folders = ["unused"]
patch_px = 16
[training]
steps = 3
batch = 2
loss = "1*l1 + 0.5*mse + 0.5*charbonnier"
optimiser = { kind = "sgd" }
learning_rate = 0.05
clip_norm = 0.2
average = 0.9
"#;
    let config = Config::parse(text, Path::new(".")).unwrap();
    let run = |device: Device| {
        let target = trainer::data::crop_to_multiple(&sample(), 2).unwrap();
        let low = LowResolution::default();
        let scale = config.network.spec().scale;
        let pair = Pair::from_hr("sample".into(), &target, scale, &low).unwrap();
        let sample = Sample::new(pair, &config.network);
        let dataset = Dataset {
            training: Images::of(vec![sample]),
            held_out: Vec::new(),
            sources: Vec::new(),
        };
        let mut trainer = Trainer::new(&config, &device).unwrap();
        let mut said = Vec::new();
        let sampler = Arc::new(Sampler::new(dataset, &config).unwrap());
        for batch in Batches::start(&sampler, 0..config.training.steps) {
            let outcome = trainer.step(batch.unwrap()).unwrap();
            said.push([outcome.loss, outcome.norm].map(|value| value.into_scalar::<f32>()));
        }
        let vectors = trainer.checkpoint().vectors.into_iter();
        let values =
            vectors.flat_map(|(_, vector)| vector.into_data().iter::<f32>().collect::<Vec<_>>());
        (said, values.collect::<Vec<f32>>())
    };
    let (cpu_said, cpu) = run(Device::flex());
    let (gpu_said, gpu) = run(gpu());
    for (a, b) in cpu_said.iter().flatten().zip(gpu_said.iter().flatten()) {
        assert!((a - b).abs() <= 1e-3 * a.abs(), "{cpu_said:?} {gpu_said:?}");
    }
    let largest = cpu
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    for (a, b) in cpu.iter().zip(&gpu) {
        assert!(
            (a - b).abs() <= 1e-4 * largest,
            "{a} on the CPU, {b} on the GPU"
        );
    }
}
