//! The networks that the benchmarks run.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use engine::graph::Plan;
use engine::image::Planes;
use model::record;

/// Gain of the kernel weights. In a freshly initialised plain network, the image fades from layer to layer until only
/// the skip connection contributes, and a wrong result would go unnoticed. This gain keeps the contrast (He et al.
/// 2015, arXiv:1502.01852).
const GAIN: f32 = 2.45;

struct Louder;

impl ModuleMapper for Louder {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Scales the kernels, but neither biases nor slopes.
        param.map(|values| if D == 4 { values * GAIN } else { values })
    }
}

/// Writes a plain network with random weights as a record: 3→`width`, five `width`→`width`, `width`→12 (all 3×3,
/// PReLU), nearest skip, shuffle ×2.
pub fn plain(width: usize) -> anyhow::Result<Vec<u8>> {
    let config = format!(
        "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = {width}\ndepth = 5\nends_px = 3\n\
         skip = \"nearest\"\nlong_skip = false"
    );
    loud(&config)
}

/// The record of a configuration, with random weights that keep the contrast.
fn loud(config: &str) -> anyhow::Result<Vec<u8>> {
    let quiet = crate::model_file(config)?;
    let (network, metadata) = record::read(&quiet, &Device::flex())?;
    Ok(record::write(&network.map(&mut Louder), &metadata)?)
}

/// The network of realesr-general-x4 with random weights: 64 maps, 32 convolutions and PReLU between two others, ×4.
pub fn compact() -> anyhow::Result<Vec<u8>> {
    loud("kind = \"compact\"\nscale = 4\nwidth = 64\ndepth = 32")
}

/// SPAN ×4 with 48 maps and random weights.
pub fn span() -> anyhow::Result<Vec<u8>> {
    crate::model_file("kind = \"span\"\nscale = 4\nwidth = 48")
}

/// The network of Real-ESRGAN's smaller model for anime, with random weights: RRDBNet of 64 maps and 6 blocks, ×4.
pub fn rrdb() -> anyhow::Result<Vec<u8>> {
    crate::model_file("kind = \"rrdb\"\nscale = 4\nblocks = 6")
}

/// The reference network of 13.7 K parameters, which all contenders run.
pub fn reference() -> anyhow::Result<Vec<u8>> {
    plain(16)
}

/// Writes a residual dense block between two convolutions as a record, with random weights: 64 maps, five 3×3
/// convolutions of 32 maps each (ReLU) that read all previous maps, and a 1×1 convolution of all maps.
pub fn dense_block() -> anyhow::Result<Vec<u8>> {
    crate::model_file(
        "kind = \"residualdense\"\nscale = 2\ncolour = \"rgb\"\nwidth = 64\ngrowth = 32\nblocks = 1\n\
         dilations = [1, 1, 1, 1, 1]\nwindows_px = []",
    )
}

/// Plan of a record.
pub fn plan(record: &[u8]) -> anyhow::Result<Plan> {
    Ok(crate::plan(record)?.0)
}

/// Planes of pseudo-random noise in 0…1, the same in every run.
pub fn noise(channels: usize, side: usize) -> Planes {
    let mut state = 1u32;
    let value = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // 24 bits, which an f32 represents exactly.
        (state >> 8) as f32 / (1 << 24) as f32
    };
    Planes {
        channels,
        width: side,
        height: side,
        data: (0..channels * side * side).map(value).collect(),
    }
}
