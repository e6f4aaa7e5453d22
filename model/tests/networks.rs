//! Properties of single networks.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use model::network::{DiscriminatorConfig, DiscriminatorKind, LapSrnConfig, NetworkConfig};

fn waves(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values = (0..shape.iter().product()).map(|i| 0.5 + 0.4 * (i as f32 * 0.37).sin());
    Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), shape), device)
}

fn largest(x: Tensor<4>) -> f32 {
    x.abs().max().into_scalar()
}

/// Real-ESRGAN's `UNetDiscriminatorSN` has 4,376,897 parameters; without biases but in the first and the last
/// convolution.
#[test]
fn the_unet_discriminator_judges_each_pixel() {
    let config = DiscriminatorConfig {
        kind: DiscriminatorKind::Unet,
        channels: 3,
        side_px: 16,
        width: 64,
        dense: 1,
    };
    let device = Device::flex();
    assert_eq!(config.init(1, &device).num_params(), 4_376_897);
    let small = DiscriminatorConfig { width: 4, ..config };
    small.validate().unwrap();
    let images = waves([2, 3, 16, 16], &device);
    let judged = small.init(1, &device).forward(images);
    assert_eq!(judged.dims(), [2 * 16 * 16]);
    assert!(
        DiscriminatorConfig {
            side_px: 12,
            ..small
        }
        .validate()
        .is_err()
    );
}

/// The number of parameters follows from the paper's table: convolutions before a normalisation have no bias, and each
/// normalised map has two running statistics.
#[test]
fn the_discriminator_is_srgans() {
    let config = DiscriminatorConfig {
        kind: DiscriminatorKind::Vgg,
        channels: 3,
        side_px: 96,
        width: 64,
        dense: 1024,
    };
    let convs = [
        (3, 64),
        (64, 64),
        (64, 128),
        (128, 128),
        (128, 256),
        (256, 256),
        (256, 512),
        (512, 512),
    ];
    let weights: usize = convs.iter().map(|(a, b)| 9 * a * b).sum();
    let normalised: usize = convs[1..].iter().map(|(_, maps)| 4 * maps).sum();
    let dense = (512 * 6 * 6 + 1) * 1024 + 1024 + 1;
    let device = Device::flex();
    assert_eq!(
        config.init(1, &device).num_params(),
        weights + 64 + normalised + dense
    );
    // Odd sides are not halved any further.
    for side_px in [24, 6, 7] {
        let small = DiscriminatorConfig {
            kind: DiscriminatorKind::Vgg,
            channels: 5,
            side_px,
            width: 4,
            dense: 8,
        };
        let judged = small
            .init(1, &device)
            .forward(waves([3, 5, side_px, side_px], &device));
        assert_eq!(judged.dims(), [3]);
    }
}

#[test]
fn a_level_of_lapsrn_is_blended_in() {
    let device = Device::flex();
    let config: LapSrnConfig = LapSrnConfig {
        scale: 8,
        colour: Default::default(),
        width: 4,
        depth: 1,
    };
    let network = NetworkConfig::LapSrn(config).init_training(5, &device);
    let x = waves([1, 1, 6, 5], &device);
    let all = network.forward_training(x.clone(), 3.0);
    assert_eq!(all.len(), 3);
    for (levels, count) in [(1.0, 1), (1.25, 2), (2.0, 2), (2.5, 3), (3.0, 3), (9.0, 3)] {
        assert_eq!(
            network.forward_training(x.clone(), levels).len(),
            count,
            "{levels}"
        );
    }
    let level = |levels: f64| {
        let outputs = network.forward_training(x.clone(), levels);
        outputs.into_iter().nth(1).unwrap()
    };
    // Weights 0, ½ and 1 of the details: the result is linear in the weight.
    let [none, half, whole] = [1.0 + 1e-9, 1.5, 2.0].map(level);
    assert!(largest(whole.clone() - none.clone()) > 1e-3);
    assert!(largest((none + whole.clone()) * 0.5 - half) < 1e-5);
    assert_eq!(largest(whole - all[1].clone()), 0.0);
}
