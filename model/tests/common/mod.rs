//! Helpers shared by several tests.

// Not every test uses all of them.
#![allow(dead_code)]

use burn::tensor::Device;
use engine::image::{Channels, Image};
use model::network::{Network, NetworkConfig};
use model::record::{self, Metadata};

/// Parses a configuration given as JSON.
pub fn config(text: &str) -> NetworkConfig {
    serde_json::from_str(text).unwrap()
}

/// A folded network with random weights.
pub fn network(config: &NetworkConfig) -> Network {
    config.fold(&config.init_training(11, &Device::flex()))
}

/// The record of [`network`], as it would be exported.
pub fn record(config: &NetworkConfig) -> Vec<u8> {
    let metadata = Metadata {
        format: record::FORMAT,
        name: "test".into(),
        network: config.clone(),
        degradation: String::new(),
        parameters: config.parameters(&Device::flex()),
        origin: Default::default(),
        scores: Vec::new(),
    };
    record::write(&network(config), &metadata).unwrap()
}

/// An image of noise.
pub fn noise(width: usize, height: usize, channels: Channels) -> Image {
    let count = width * height * channels.count();
    let data = (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8);
    Image::new(width, height, channels, data.collect()).unwrap()
}
