//! Helpers of the tests that involve several crates.

pub mod bench;
pub mod chrome;
pub mod firefox;
pub mod fuzz;
pub mod webdriver;
pub mod webkit;

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use engine::Engine;
use engine::graph::Plan;
use engine::image::Image;
use engine::pipeline::{Options, upscale};
use model::burn_engine::BurnEngine;
use model::network::NetworkConfig;
use model::record;
use model::record::{Metadata, Origin};

/// Reads a model of the repository.
pub fn shipped(name: &str) -> anyhow::Result<Vec<u8>> {
    let path: PathBuf = xtask::root().join("www/models").join(format!("{name}.bpk"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a network of this configuration, with random weights, as training would export it.
pub fn model_file(network: &str) -> anyhow::Result<Vec<u8>> {
    let device = Device::flex();
    let network: NetworkConfig = toml::from_str(network)?;
    let metadata = Metadata {
        format: record::FORMAT,
        name: "tiny".to_string(),
        parameters: network.parameters(&device),
        degradation: "none".to_string(),
        origin: Origin::default(),
        scores: Vec::new(),
        network: network.clone(),
    };
    let folded = network.fold(&network.init_training(7, &device));
    Ok(record::write(&folded, &metadata)?)
}

/// Upscales an image with a record's network on a device, in tiles of `tile_px`.
pub fn upscaled(
    bytes: &[u8],
    image: &Image,
    device: &Device,
    tile_px: usize,
) -> anyhow::Result<Image> {
    let (network, metadata) = record::read(bytes, device)?;
    let mut engine = BurnEngine::new(network, device.clone(), "test");
    upscaled_by(&mut engine, &metadata, image, Some(tile_px))
}

/// Upscales an image with an engine, in tiles of `tile_px` or of the engine's choice.
pub fn upscaled_by(
    engine: &mut impl Engine,
    metadata: &Metadata,
    image: &Image,
    tile_px: Option<usize>,
) -> anyhow::Result<Image> {
    let watch = |_| ControlFlow::Continue(());
    let (spec, options) = (metadata.network.spec(), Options { tile_px });
    let upscaling = upscale(engine, &spec, image, &options, watch);
    Ok(pollster::block_on(upscaling)?)
}

/// Plan and metadata of a record.
pub fn plan(bytes: &[u8]) -> anyhow::Result<(Plan, Metadata)> {
    let (network, metadata) = record::read(bytes, &Device::flex())?;
    Ok((network.plan()?, metadata))
}

/// Largest difference between two images' bytes; `None` if the sizes differ.
pub fn largest_difference(a: &[u8], b: &[u8]) -> Option<u8> {
    let pairs = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (a.len() == b.len()).then(|| pairs().max().unwrap_or(0))
}

/// Configurations of small networks of every kind except plain and srcnn.
pub fn small_networks() -> [&'static str; 8] {
    [
        "kind = \"fsrcnn\"\nscale = 2\nwide = 8\nnarrow = 5\ndepth = 2",
        "kind = \"espcn\"\nscale = 3\nmaps = [8, 6]",
        "kind = \"srresnet\"\nscale = 4\nwidth = 8\nblocks = 2",
        "kind = \"lapsrn\"\nscale = 4\nwidth = 6\ndepth = 2",
        "kind = \"hourglass\"\nscale = 2\nwidth = 5",
        "kind = \"residualdense\"\nscale = 2\nwidth = 6\ngrowth = 4",
        "kind = \"dbpn\"\nscale = 2\nfeatures = 8\nwidth = 5\nstages = 2",
        "kind = \"autoencoder\"\nmaps = [6, 5]",
    ]
}
