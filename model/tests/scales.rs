//! LapSRN at its smaller scales: they use the same record, and give the same pixels as the levels in training.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use engine::image::{Channels, Image};
use engine::pipeline::{Options, upscale};
use model::burn_engine::BurnEngine;
use model::network::NetworkConfig;
use model::record::{self, Metadata, RecordError, Score};

fn config(text: &str) -> NetworkConfig {
    serde_json::from_str(text).unwrap()
}

fn written(config: &NetworkConfig) -> Vec<u8> {
    let device = Device::flex();
    let score = Score {
        set: "Set5".into(),
        psnr_y: 31.5,
        ssim_y: 0.88,
        bicubic_psnr_y: 28.4,
        bicubic_ssim_y: 0.81,
    };
    let metadata = Metadata {
        format: record::FORMAT,
        name: "test".into(),
        network: config.clone(),
        degradation: String::new(),
        parameters: config.parameters(&device),
        origin: Default::default(),
        scores: vec![score],
    };
    let network = config.fold(&config.init_training(5, &device));
    record::write(&network, &metadata).unwrap()
}

#[test]
fn a_smaller_scale_is_a_level_of_the_larger() {
    let device = Device::flex();
    let bytes = written(&config(
        r#"{ "kind": "lapsrn", "scale": 8, "width": 4, "depth": 2 }"#,
    ));
    let (whole, metadata) = record::read(&bytes, &device).unwrap();
    assert_eq!(metadata.network.scales(), [2, 4, 8]);
    let values: Vec<f32> = (0..7 * 6).map(|i| (i as f32 * 0.37).sin().abs()).collect();
    let x = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 7, 6]), &device);
    let levels = whole.forward_training(x.clone(), 3.0);
    for (scale, level) in [2, 4, 8].into_iter().zip(levels) {
        let (network, metadata) = record::read_at(&bytes, Some(scale), &device).unwrap();
        assert_eq!(metadata.network.spec().scale, scale);
        // The scores belong to the record's own scale.
        assert_eq!(metadata.scores.len(), usize::from(scale == 8));
        let found = network.forward(x.clone());
        assert_eq!(found.dims(), [1, 1, 7 * scale, 6 * scale]);
        assert_eq!(found.into_data(), level.into_data(), "×{scale}");
    }
}

#[test]
fn tiles_give_the_whole_picture_at_a_smaller_scale() {
    let device = Device::flex();
    let bytes = written(&config(
        r#"{ "kind": "lapsrn", "scale": 4, "width": 5, "depth": 2 }"#,
    ));
    let (network, metadata) = record::read_at(&bytes, Some(2), &device).unwrap();
    let mut engine = BurnEngine::new(network, device, "test");
    let data = (0..41 * 29 * 4u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8);
    let image = Image::new(41, 29, Channels::Rgba, data.collect()).unwrap();
    let mut run = |tile_px| {
        let watch = |_| ControlFlow::Continue(());
        let spec = metadata.network.spec();
        pollster::block_on(upscale(
            &mut engine,
            &spec,
            &image,
            &Options {
                tile_px: Some(tile_px),
            },
            watch,
        ))
        .unwrap()
    };
    let whole = run(1000);
    assert_eq!((whole.width, whole.height), (82, 58));
    for tile_px in [5, 16, 31] {
        assert!(run(tile_px) == whole, "in tiles of {tile_px} px");
    }
}

#[test]
fn a_scale_that_is_not_there_is_refused_with_those_that_are() {
    let lapsrn = config(r#"{ "kind": "lapsrn", "scale": 4, "width": 3, "depth": 1 }"#);
    let error = record::read_at(&written(&lapsrn), Some(8), &Device::flex()).unwrap_err();
    assert!(matches!(error, RecordError::Scale(_)), "{error:?}");
    assert_eq!(error.to_string(), "the model upscales ×2 or ×4, not ×8");
    // Every other network has only one scale.
    let espcn = config(r#"{ "kind": "espcn", "scale": 4 }"#);
    assert_eq!(espcn.with_scale(4), Ok(espcn.clone()));
    let error = espcn.with_scale(2).unwrap_err();
    assert_eq!(error.to_string(), "the model upscales ×4, not ×2");
}
