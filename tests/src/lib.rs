//! What the tests that cross crates share.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use model::engine::BurnEngine;
use model::pixel::Image;
use model::{Options, record, upscale};

/// A record that lies in the repository.
pub fn shipped(name: &str) -> anyhow::Result<Vec<u8>> {
    let path: PathBuf = xtask::root().join("www/models").join(format!("{name}.bpk"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// What a record makes of a picture on a device, in tiles of `tile_px`.
pub fn upscaled(
    bytes: &[u8],
    image: &Image,
    device: &Device,
    tile_px: usize,
) -> anyhow::Result<Image> {
    let (network, metadata) = record::read(bytes, device)?;
    let mut engine = BurnEngine::new(network, device.clone(), "test");
    let watch = |_| ControlFlow::Continue(());
    let options = Options { tile_px };
    let spec = metadata.network.spec();
    Ok(pollster::block_on(upscale(
        &mut engine,
        &spec,
        image,
        &options,
        watch,
    ))?)
}

/// The largest difference between two pictures' bytes; `None` for pictures of different sizes.
pub fn largest_difference(a: &[u8], b: &[u8]) -> Option<u8> {
    let pairs = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (a.len() == b.len()).then(|| pairs().max().unwrap_or(0))
}
