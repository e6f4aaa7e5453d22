//! From a picture to a larger one: the pipeline that the command line and the page share.
//!
//! Tile by tile: alpha aside and colour to planes → engine → chroma and alpha by bicubic
//! interpolation → the output's bytes. Memory follows the tile and the two pictures.

use std::ops::ControlFlow;

use crate::engine::{Engine, EngineError};
use crate::network::{Input, Spec};
use crate::pixel::enlarge::{REACH_PX, enlarge_region};
use crate::pixel::tile::{Tile, tiles};
use crate::pixel::{Image, PixelError};
use crate::stitch::Cut;

/// How to upscale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Side of a tile's core in input pixels.
    pub tile_px: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tile_px: 128 }
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tiles that are done.
    pub done: usize,
    /// All tiles.
    pub total: usize,
}

/// Why there is no larger picture.
#[derive(Debug, thiserror::Error)]
pub enum UpscaleError {
    /// Whoever watched said so.
    #[error("cancelled")]
    Cancelled,
    /// The larger picture would not fit.
    #[error(transparent)]
    Size(#[from] PixelError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine returned something of another size: it runs another network than `spec` says.
    #[error("the engine returned {found:?} values a side where {expected:?} belong")]
    Shape {
        /// Channels, width and height that came.
        found: [usize; 3],
        /// Channels, width and height that had to.
        expected: [usize; 3],
    },
}

/// Upscales a picture by the network's scale.
///
/// `watch` is asked before the first tile and after each one; [`ControlFlow::Break`] ends the work
/// with [`UpscaleError::Cancelled`]. Grey pictures stay grey: their values are Y as they are.
pub async fn upscale<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    image: &Image,
    options: &Options,
    mut watch: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Image, UpscaleError> {
    let (width, height) = (image.width, image.height);
    let too_large = PixelError::TooLarge { width, height };
    let scaled = |side: usize| side.checked_mul(spec.scale).ok_or(too_large.clone());
    let mut output = Image::blank(scaled(width)?, scaled(height)?, image.channels)?;

    let aligned = |side: usize| side.next_multiple_of(spec.align_px);
    let tile_px = aligned(options.tile_px.max(1));
    let tiles = tiles(width, height, tile_px, aligned(halo_px(spec)));
    let total = tiles.len();
    let mut report = |done| match watch(Progress { done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(UpscaleError::Cancelled),
    };
    report(0)?;
    for (done, tile) in tiles.iter().enumerate() {
        run_tile(engine, spec, image, tile, &mut output).await?;
        report(done + 1)?;
    }
    Ok(output)
}

/// How many input pixels around its core a tile needs, for the network and for the classical resize.
fn halo_px(spec: &Spec) -> usize {
    let network_px = match spec.input {
        Input::LowResolution => spec.halo_px,
        // The network's halo is in enlarged pixels, each of which needs the resize's reach.
        Input::Upsampled => spec.halo_px.div_ceil(spec.scale) + REACH_PX,
    };
    network_px.max(REACH_PX)
}

async fn run_tile<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    image: &Image,
    tile: &Tile,
    output: &mut Image,
) -> Result<(), UpscaleError> {
    let target = tile.core.scaled(spec.scale);
    let Cut { network, rest } = Cut::of(image, tile.padded, spec.colour);
    // Where the enlarged network input lies in the output picture.
    let seen = match spec.input {
        Input::LowResolution => tile.padded.scaled(spec.scale),
        Input::Upsampled => target.grown(spec.halo_px, output.width, output.height),
    };
    let input = match spec.input {
        Input::LowResolution => network,
        Input::Upsampled => {
            let whole = (image.width, image.height);
            enlarge_region(&network, tile.padded, whole, spec.scale, seen)
        }
    };
    let sharp = engine.run(input).await?;
    let expected = [spec.colour.channels(), seen.width, seen.height];
    let found = [sharp.channels, sharp.width, sharp.height];
    if found != expected {
        return Err(UpscaleError::Shape { found, expected });
    }

    rest.stitch(&sharp, seen, target, spec, output);
    Ok(())
}
