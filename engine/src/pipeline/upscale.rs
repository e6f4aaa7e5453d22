//! From a picture to a larger one: the pipeline that the command line and the page share.
//!
//! Tile by tile: alpha aside and colour to planes → engine → chroma and alpha by bicubic
//! interpolation → the output's bytes. Memory follows the tile and the two pictures.

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
    /// Side of a tile's core in input pixels; else as the engine likes.
    pub tile_px: Option<usize>,
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
///
/// So many tiles are under way at once as the engine likes ([`Engine::depth`]); they end in order.
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
            // An error waits for its turn: tiles before it still count.
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

/// The picture with colour under what is transparent.
fn bled(image: &Image) -> Cow<'_, Image> {
    let mut image = Cow::Borrowed(image);
    if image.channels.has_alpha() {
        bleed(image.to_mut());
    }
    image
}

/// The larger picture, still blank.
fn enlarged(whole: [usize; 2], spec: &Spec, channels: Channels) -> Result<Image, PixelError> {
    let [width, height] = whole;
    let too_large = PixelError::TooLarge { width, height };
    let scaled = |side: usize| side.checked_mul(spec.scale).ok_or(too_large.clone());
    Image::blank(scaled(width)?, scaled(height)?, channels)
}

/// Narrower tiles are mostly halo.
const SMALLEST_TILE_PX: usize = 64;

/// How a picture of these sides is cut for a network and an engine: at least one tile for each of
/// `workers`, where it is not too small for that.
pub fn tiling(
    spec: &Spec,
    grid: &Grid,
    whole: [usize; 2],
    options: &Options,
    workers: usize,
) -> Vec<Tile> {
    let align_px = grid.align_px;
    let [before, after] = image_halo_px(spec, grid);
    // In an enlarged image a tile's own pixels are aligned as they are.
    let halo_px = [before.next_multiple_of(align_px), after];
    let side = options.tile_px.unwrap_or(grid.tile_px).max(1);
    let mut counts = whole.map(|length| length.div_ceil(side));
    let parts = |counts: [usize; 2]| [0, 1].map(|i| whole[i].div_ceil(counts[i]));
    while options.tile_px.is_none() && counts[0] * counts[1] < workers {
        // Where halos cost the least.
        let divided = |i: usize| {
            let mut counts = counts;
            counts[i] += 1;
            let [width, height] = parts(counts).map(|px| px + halo_px[0] + halo_px[1]);
            let area = width * height;
            (area * counts[0] * counts[1], counts)
        };
        let better = divided(0).min(divided(1)).1;
        if parts(better).into_iter().min() < Some(SMALLEST_TILE_PX) {
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

/// A tile that is being computed; dropped, it is given up. It borrows nothing, so that the next one can
/// be started.
pub struct TileRunning<L> {
    running: Running,
    rest: Rest,
    /// Where what the network gives lies in the output picture.
    seen: Rect,
    /// Where the tile's core lies there.
    target: Rect,
    channels: Channels,
    spec: Spec,
    layout: PhantomData<L>,
}

/// Cuts a tile and starts the engine on it; `part` is what lies at [`Tile::padded`] in the picture, whose
/// sides are `whole`. Errors are the engine's.
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
    /// Waits for the engine, and puts the tile's core together, enlarged. Errors are the engine's, or
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
