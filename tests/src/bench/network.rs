//! The networks that are measured.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use engine::graph::Plan;
use engine::image::Planes;
use model::record;

/// Freshly initialised plain networks let an image fade from layer to layer, until nothing but the skip is left of
/// it; with these times the weights it keeps its contrast (He et al. 2015, arXiv:1502.01852), and a wrong result is
/// seen to be wrong.
const GAIN: f32 = 2.45;

struct Louder;

impl ModuleMapper for Louder {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Kernels, but neither biases nor slopes.
        param.map(|values| if D == 4 { values * GAIN } else { values })
    }
}

/// A plain network as a record: 3→`width`, five `width`→`width`, `width`→12 (all 3×3, PReLU), nearest skip,
/// shuffle ×2. Its weights are random.
pub fn plain(width: usize) -> anyhow::Result<Vec<u8>> {
    let config = format!(
        "kind = \"plain\"\nscale = 2\ncolour = \"rgb\"\nwidth = {width}\ndepth = 5\nends_px = 3\n\
         skip = \"nearest\"\nlong_skip = false"
    );
    let quiet = crate::model_file(&config)?;
    let (network, metadata) = record::read(&quiet, &Device::flex())?;
    Ok(record::write(&network.map(&mut Louder), &metadata)?)
}

/// The network of 13.7 K parameters that contenders have in common.
pub fn reference() -> anyhow::Result<Vec<u8>> {
    plain(16)
}

/// One residual dense block between two convolutions as a record: 64 maps, five 3×3 convolutions of 32 maps each
/// (ReLU) that read all maps before them, a 1×1 convolution of all. Its weights are random.
pub fn dense_block() -> anyhow::Result<Vec<u8>> {
    crate::model_file(
        "kind = \"residualdense\"\nscale = 2\ncolour = \"rgb\"\nwidth = 64\ngrowth = 32\nblocks = 1\n\
         dilations = [1, 1, 1, 1, 1]\nwindows_px = []",
    )
}

/// A record's plan.
pub fn plan(record: &[u8]) -> anyhow::Result<Plan> {
    Ok(crate::plan(record)?.0)
}

/// Planes of noise in 0…1, the same every time.
pub fn noise(channels: usize, side: usize) -> Planes {
    let mut state = 1u32;
    let value = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Few enough bits for a float.
        (state >> 8) as f32 / (1 << 24) as f32
    };
    Planes {
        channels,
        width: side,
        height: side,
        data: (0..channels * side * side).map(value).collect(),
    }
}
