//! The upscaling pipeline, which the command line and the page share.
//!
//! Tile by tile: bytes → planes → engine; chroma and alpha by bicubic interpolation; → bytes. Memory follows
//! the tile and the two images.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use super::stitch::{AnyChannels, Cut, Layout, Rest};
use super::{Tile, tiles};
use crate::image::enlarge::{REACH_PX, enlarge_region};
use crate::image::{Channels, Image, PixelError, Rect, bleed};
use crate::{Engine, EngineError, Grid, Input, Running, Spec};

/// How to upscale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Side of a tile's core in input pixels; by default the engine's choice.
    pub tile_px: Option<usize>,
}

/// Tiles that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Finished tiles.
    pub done: usize,
    /// All tiles.
    pub total: usize,
}

/// An image that was not upscaled.
#[derive(Debug, thiserror::Error)]
pub enum UpscaleError {
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The larger image does not fit the memory.
    #[error(transparent)]
    Size(#[from] PixelError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine returned another size: it runs another network than `spec` says.
    #[error("the engine returned {found:?} values a side where {expected:?} belong")]
    Shape {
        /// Channels, width and height of the result.
        found: [usize; 3],
        /// Channels, width and height that `spec` asks for.
        expected: [usize; 3],
    },
}

/// Upscales an image by the network's scale.
///
/// `watch` is called before the first tile and after each one; [`ControlFlow::Break`] ends the work with
/// [`UpscaleError::Cancelled`]. Grey images stay grey: their values are taken as Y.
///
/// [`Engine::depth`] tiles are in flight at once, and end in order.
pub async fn upscale<E: Engine>(
    engine: &mut E,
    spec: &Spec,
    image: &Image,
    options: &Options,
    mut watch: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Image, UpscaleError> {
    let whole = [image.width, image.height];
    let mut output = enlarged(whole, spec, image.channels)?;
    let image = &bled(image);
    let tiles = tiling(spec, &engine.grid(), whole, options, 1);
    let total = tiles.len();
    let mut report = |done| match watch(Progress { done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(UpscaleError::Cancelled),
    };
    report(0)?;
    let depth = engine.depth().max(1);
    let mut waiting = tiles.iter();
    let mut running = VecDeque::new();
    for (done, tile) in tiles.iter().enumerate() {
        for next in waiting.by_ref().take(depth - running.len()) {
            let part = image.crop(next.padded);
            // An error is reported in its turn, after the tiles before it.
            running.push_back(start_tile::<AnyChannels, E>(
                engine, spec, &part, next, whole,
            ));
        }
        if let Some(started) = running.pop_front() {
            let core = started?.finish().await?;
            output.paste(&core, tile.core.scaled(spec.scale));
        }
        report(done + 1)?;
    }
    Ok(output)
}

/// The image with colour in transparent pixels.
fn bled(image: &Image) -> Cow<'_, Image> {
    let mut image = Cow::Borrowed(image);
    if image.channels.has_alpha() {
        bleed(image.to_mut());
    }
    image
}

/// The larger image, still blank.
fn enlarged(whole: [usize; 2], spec: &Spec, channels: Channels) -> Result<Image, PixelError> {
    let [width, height] = whole;
    let too_large = PixelError::TooLarge { width, height };
    let scaled = |side: usize| side.checked_mul(spec.scale).ok_or(too_large.clone());
    Image::blank(scaled(width)?, scaled(height)?, channels)
}

/// Narrower tiles are mostly halo.
const SMALLEST_TILE_PX: usize = 64;

/// The tiles of an image of these sides for a network and an engine: at least one for each of `workers`,
/// unless the image is too small for that.
pub fn tiling(
    spec: &Spec,
    grid: &Grid,
    whole: [usize; 2],
    options: &Options,
    workers: usize,
) -> Vec<Tile> {
    let align_px = grid.align_px;
    let [before, after] = image_halo_px(spec, grid);
    // The rows after a tile need no alignment.
    let halo_px = [before.next_multiple_of(align_px), after];
    let engines_px = match spec.input {
        Input::LowResolution => grid.tile_px,
        // The engine's pixels are enlarged ones.
        Input::Upsampled => grid.tile_px / spec.scale,
    };
    let side = options.tile_px.unwrap_or(engines_px).max(1);
    let halo = halo_px[0] + halo_px[1];
    let mut counts = whole.map(|length| match options.tile_px {
        // A tile with its halo would be the whole image, or more.
        None if length <= side + halo => 1,
        _ => length.div_ceil(side),
    });
    let parts = |counts: [usize; 2]| [0, 1].map(|i| whole[i].div_ceil(counts[i]));
    // Pixels of a tile that is not at the image's border, at most those of the image.
    let area = |counts: [usize; 2]| {
        let parts = parts(counts);
        let sides = [0, 1].map(|i| (parts[i] + halo).min(whole[i]));
        sides[0] * sides[1]
    };
    while options.tile_px.is_none() && counts[0] * counts[1] < workers {
        // Where halos cost the least.
        let divided = |i: usize| {
            let mut counts = counts;
            counts[i] += 1;
            (area(counts) * counts[0] * counts[1], counts)
        };
        let better = divided(0).min(divided(1)).1;
        // Another worker does not help where each tile needs nearly all of the image.
        let helps = 4 * area(better) * better[0] * better[1] <= 7 * whole[0] * whole[1];
        if !helps || parts(better).into_iter().min() < Some(SMALLEST_TILE_PX) {
            break;
        }
        counts = better;
    }
    let tile_px = match options.tile_px {
        Some(_) => [side; 2],
        None => parts(counts),
    };
    let tile_px = tile_px.map(|px| px.next_multiple_of(align_px));
    tiles(whole, tile_px, halo_px)
}

/// How many input pixels before and after its core a tile needs, for the network and for the classical
/// resize.
fn image_halo_px(spec: &Spec, grid: &Grid) -> [usize; 2] {
    grid.halo_px.map(|px| {
        let network_px = match spec.input {
            Input::LowResolution => px,
            // In enlarged pixels, each of which needs the resize's reach.
            Input::Upsampled => px.div_ceil(spec.scale) + REACH_PX,
        };
        network_px.max(REACH_PX)
    })
}

/// A tile that is being computed; dropping it cancels it. It borrows nothing, so that the next one can be
/// started.
pub struct TileRunning<L> {
    running: Running,
    rest: Rest,
    /// Place of the network's result in the output image.
    seen: Rect,
    /// Place of the tile's core there.
    target: Rect,
    channels: Channels,
    spec: Spec,
    layout: PhantomData<L>,
}

/// Converts a tile and starts the engine on it; `part` is the part of the image at [`Tile::padded`], `whole` the
/// image's sides. Errors are the engine's.
pub fn start_tile<L: Layout, E: Engine>(
    engine: &mut E,
    spec: &Spec,
    part: &Image,
    tile: &Tile,
    whole: [usize; 2],
) -> Result<TileRunning<L>, UpscaleError> {
    let target = tile.core.scaled(spec.scale);
    let Cut { network, rest } = L::cut(part, tile.padded, whole, spec.colour);
    let seen = match spec.input {
        Input::LowResolution => tile.padded.scaled(spec.scale),
        Input::Upsampled => target.grown(
            engine.grid().halo_px,
            whole[0] * spec.scale,
            whole[1] * spec.scale,
        ),
    };
    let input = match spec.input {
        Input::LowResolution => network,
        Input::Upsampled => enlarge_region(&network, tile.padded, whole.into(), spec.scale, seen),
    };
    Ok(TileRunning {
        running: engine.start(input)?,
        rest,
        seen,
        target,
        channels: part.channels,
        spec: *spec,
        layout: PhantomData,
    })
}

impl<L: Layout> TileRunning<L> {
    /// Waits for the engine, and returns the tile's core, enlarged. Errors are the engine's, or
    /// [`UpscaleError::Shape`].
    pub async fn finish(self) -> Result<Image, UpscaleError> {
        let Self {
            seen, target, spec, ..
        } = self;
        let sharp = self.running.await?;
        let expected = [spec.colour.channels(), seen.width, seen.height];
        let found = [sharp.channels, sharp.width, sharp.height];
        if found != expected {
            return Err(UpscaleError::Shape { found, expected });
        }
        let mut output = Image::blank(target.width, target.height, self.channels)?;
        L::stitch(&self.rest, &sharp, [seen, target], &spec, &mut output);
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Colour;

    #[test]
    fn tiles_are_as_large_for_the_engine_as_it_chooses() {
        let grid = Grid {
            align_px: 4,
            halo_px: [8, 8],
            tile_px: 96,
        };
        for (input, largest_px) in [(Input::LowResolution, 96), (Input::Upsampled, 32)] {
            let spec = Spec {
                scale: 3,
                colour: Colour::Y,
                input,
            };
            let tiles = tiling(&spec, &grid, [400, 400], &Options::default(), 1);
            let widest = tiles.iter().map(|tile| tile.core.width).max();
            assert!(
                (Some(largest_px / 2)..=Some(largest_px)).contains(&widest),
                "{input:?}: {widest:?}"
            );
        }
    }
}
