//! The pipeline: tiles give the same result as the whole image, and no pixels are lost.

mod common;

use std::ops::ControlFlow;

use burn::tensor::Device;
use common::{noise, record};
use engine::image::{Channels, Image};
use engine::pipeline::{Options, UpscaleError, upscale};
use model::burn_engine::BurnEngine;
use model::network::NetworkConfig;

fn engine(config: &NetworkConfig, device: &Device) -> BurnEngine {
    // Load the weights from a record, so that they are the same on every device.
    let (network, _) = model::record::read(&record(config), device).unwrap();
    BurnEngine::new(network, device.clone(), "test")
}

fn run(engine: &mut BurnEngine, config: &NetworkConfig, image: &Image, tile_px: usize) -> Image {
    let watch = |_| ControlFlow::Continue(());
    let options = Options {
        tile_px: Some(tile_px),
    };
    pollster::block_on(upscale(engine, &config.spec(), image, &options, watch)).unwrap()
}

fn configs() -> Vec<NetworkConfig> {
    [
        r#"{ "kind": "plain", "scale": 2, "width": 7, "depth": 2, "ends_px": 5, "long_skip": true }"#,
        r#"{ "kind": "plain", "scale": 3, "width": 4, "depth": 1, "skip": "bicubic" }"#,
        r#"{ "kind": "plain", "scale": 4, "colour": "rgb", "width": 5, "depth": 0, "skip": "none" }"#,
        r#"{ "kind": "plain", "scale": 2, "colour": "rgb", "width": 5, "depth": 1, "skip": "bicubic" }"#,
        r#"{ "kind": "plain", "scale": 2, "colour": "rgb", "width": 5, "depth": 1, "unshuffle": 2 }"#,
        r#"{ "kind": "srcnn", "scale": 3, "maps": [6, 5] }"#,
        r#"{ "kind": "srcnn", "scale": 2, "maps": [6, 5], "colour": "rgb" }"#,
        r#"{ "kind": "fsrcnn", "scale": 2, "wide": 6, "narrow": 4, "depth": 1 }"#,
        r#"{ "kind": "fsrcnn", "scale": 3, "wide": 5, "narrow": 3, "depth": 2, "colour": "rgb" }"#,
        r#"{ "kind": "espcn", "scale": 4, "maps": [7, 5] }"#,
        r#"{ "kind": "srresnet", "scale": 4, "width": 6, "blocks": 2 }"#,
        r#"{ "kind": "srresnet", "scale": 3, "width": 5, "blocks": 1, "colour": "y" }"#,
        r#"{ "kind": "lapsrn", "scale": 2, "width": 5, "depth": 2 }"#,
        r#"{ "kind": "lapsrn", "scale": 8, "width": 3, "depth": 1, "colour": "rgb" }"#,
        r#"{ "kind": "hourglass", "scale": 2, "width": 3, "levels": 1, "stacks": 2 }"#,
        r#"{ "kind": "hourglass", "scale": 3, "width": 3, "levels": 2, "stacks": 1, "colour": "rgb" }"#,
        r#"{ "kind": "residualdense", "scale": 2, "width": 5, "growth": 3, "blocks": 2 }"#,
        r#"{ "kind": "residualdense", "scale": 4, "width": 3, "growth": 3, "blocks": 1, "dilations": [3], "windows_px": [] }"#,
        r#"{ "kind": "autoencoder", "maps": [4, 3] }"#,
        r#"{ "kind": "dbpn", "scale": 2, "features": 6, "width": 4, "stages": 2 }"#,
        r#"{ "kind": "dbpn", "scale": 4, "features": 4, "width": 3, "stages": 1 }"#,
    ]
    .map(|text| serde_json::from_str(text).unwrap())
    .into()
}

#[test]
fn tiles_give_what_the_whole_picture_gives_byte_for_byte() {
    for config in configs() {
        for device in [Device::flex()] {
            let mut engine = engine(&config, &device);
            for (width, height, channels) in [
                (37, 23, Channels::Rgba),
                (1, 1, Channels::Rgb),
                (1, 40, Channels::Grey),
                (18, 2, Channels::GreyAlpha),
            ] {
                let image = noise(width, height, channels);
                let whole = run(&mut engine, &config, &image, 1000);
                let scale = config.spec().scale;
                assert_eq!((whole.width, whole.height), (width * scale, height * scale));
                for tile_px in [5, 16, 31] {
                    let tiled = run(&mut engine, &config, &image, tile_px);
                    assert!(
                        tiled == whole,
                        "{config:?} {width}×{height} in tiles of {tile_px} px"
                    );
                }
            }
        }
    }
}

#[test]
fn engines_agree_within_one_step() {
    for config in configs() {
        let image = noise(29, 31, Channels::Rgba);
        let a = run(&mut engine(&config, &Device::flex()), &config, &image, 64);
        let b = run(&mut engine(&config, &Device::flex()), &config, &image, 64);
        let largest = a
            .data
            .iter()
            .zip(&b.data)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(largest <= Some(1), "{config:?}: {largest:?}");
    }
}

/// A network of zeros returns only its skip connection, which shows how the pipeline treats colour, alpha and grey.
#[test]
fn an_empty_network_gives_the_classical_picture() {
    let text = r#"{ "kind": "plain", "scale": 2, "width": 1, "depth": 0, "skip": "nearest" }"#;
    let config: NetworkConfig = serde_json::from_str(text).unwrap();
    let device = Device::flex();
    let mut engine = BurnEngine::new(config.init(&device), device, "test");
    let pixels = [[200, 30, 90, 255], [200, 30, 90, 255]].concat();
    let flat = Image::new(2, 1, Channels::Rgba, pixels).unwrap();
    let large = run(&mut engine, &config, &flat, 64);
    assert!(
        large
            .data
            .chunks(4)
            .all(|pixel| pixel == [200, 30, 90, 255]),
        "{:?}",
        large.data
    );
    let grey = Image::new(2, 1, Channels::GreyAlpha, vec![7, 0, 250, 0]).unwrap();
    let large = run(&mut engine, &config, &grey, 64);
    assert_eq!(large.data[..4], [7, 0, 7, 0]);
    assert_eq!(large.data[4..8], [250, 0, 250, 0]);
}

#[test]
fn whoever_cancels_is_obeyed_within_a_tile() {
    let config = &configs()[0];
    let mut engine = engine(config, &Device::flex());
    let image = noise(64, 64, Channels::Rgb);
    let mut seen = Vec::new();
    let result = pollster::block_on(upscale(
        &mut engine,
        &config.spec(),
        &image,
        &Options { tile_px: Some(16) },
        |progress| {
            seen.push((progress.done, progress.total));
            match progress.done {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        },
    ));
    assert!(matches!(result, Err(UpscaleError::Cancelled)));
    assert_eq!(seen, [(0, 16), (1, 16), (2, 16)]);
}
