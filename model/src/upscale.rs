//! From a picture to a larger one: the pipeline that the command line and the page share.
//!
//! Tile by tile: alpha aside and colour to planes → engine → chroma and alpha by bicubic
//! interpolation → the output's bytes. Memory follows the tile and the two pictures.

use std::ops::ControlFlow;

use crate::engine::{Engine, EngineError};
use crate::network::{Colour, Input, Spec};
use crate::pixel::resize::{REACH_PX, enlarge_region};
use crate::pixel::tile::{Tile, tiles};
use crate::pixel::{Channels, Image, PixelError, Planes, Rect, colour};

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
    let whole = (image.width, image.height);
    let target = tile.core.scaled(spec.scale);
    let enlarged =
        |planes: &Planes, region| enlarge_region(planes, tile.padded, whole, spec.scale, region);

    let planes = Cut::of(image, tile.padded, spec.colour);
    // Where the enlarged network input lies in the output picture.
    let seen = match spec.input {
        Input::LowResolution => tile.padded.scaled(spec.scale),
        Input::Upsampled => target.grown(spec.halo_px, output.width, output.height),
    };
    let input = match spec.input {
        Input::LowResolution => planes.network.clone(),
        Input::Upsampled => enlarged(&planes.network, seen),
    };
    let sharp = engine.run(input).await?;
    let expected = [spec.colour.channels(), seen.width, seen.height];
    let found = [sharp.channels, sharp.width, sharp.height];
    if found != expected {
        return Err(UpscaleError::Shape { found, expected });
    }

    let rest = planes.rest.as_ref().map(|rest| enlarged(rest, target));
    let place = target.within(seen);
    for y in 0..target.height {
        for x in 0..target.width {
            let sharp_at =
                |channel: usize| sharp.plane(channel)[(place.y + y) * sharp.width + place.x + x];
            let rest_at = |channel: usize| {
                let plane = rest.as_ref().map(|rest| rest.plane(channel));
                plane.map_or(0.0, |plane| plane[y * target.width + x])
            };
            let count = output.channels.count();
            let start = ((target.y + y) * output.width + target.x + x) * count;
            let pixel = &mut output.data[start..start + count];
            write_pixel(pixel, image.channels, spec.colour, sharp_at, rest_at);
        }
    }
    Ok(())
}

/// A tile's planes: what the network sees, and what is resized classically.
struct Cut {
    network: Planes,
    /// Cb and Cr where there are any beside a network on Y, then alpha.
    rest: Option<Planes>,
}

impl Cut {
    fn of(image: &Image, part: Rect, colour: Colour) -> Self {
        let size = part.width * part.height;
        let mut network = vec![0f32; colour.channels() * size];
        let chroma = match (colour, image.channels.is_colour()) {
            (Colour::Y, true) => 2,
            _ => 0,
        };
        let rest_channels = chroma + usize::from(image.channels.has_alpha());
        let mut rest = vec![0f32; rest_channels * size];
        for y in 0..part.height {
            for x in 0..part.width {
                let at = y * part.width + x;
                let pixel = image.pixel(part.x + x, part.y + y);
                let value = |channel: usize| f32::from(pixel[channel]) / 255.0;
                match (colour, image.channels.is_colour()) {
                    (Colour::Y, true) => {
                        let ycbcr = colour::rgb_to_ycbcr([value(0), value(1), value(2)]);
                        network[at] = ycbcr[0];
                        rest[at] = ycbcr[1];
                        rest[size + at] = ycbcr[2];
                    }
                    (Colour::Grey, true) => {
                        network[at] = colour::rgb_to_grey([value(0), value(1), value(2)]);
                    }
                    (Colour::Y | Colour::Grey, false) => network[at] = value(0),
                    (Colour::Rgb, is_colour) => {
                        for channel in 0..3 {
                            let from = if is_colour { channel } else { 0 };
                            network[channel * size + at] = value(from);
                        }
                    }
                }
                if image.channels.has_alpha() {
                    rest[chroma * size + at] = value(image.channels.count() - 1);
                }
            }
        }
        let planes = |channels, data| Planes {
            channels,
            width: part.width,
            height: part.height,
            data,
        };
        Self {
            network: planes(colour.channels(), network),
            rest: (rest_channels > 0).then(|| planes(rest_channels, rest)),
        }
    }
}

/// Puts a pixel together; `sharp` gives the network's planes, `rest` those of [`Cut::rest`].
fn write_pixel(
    pixel: &mut [u8],
    channels: Channels,
    colour: Colour,
    sharp: impl Fn(usize) -> f32,
    rest: impl Fn(usize) -> f32,
) {
    let mut alpha = 0;
    match (colour, channels.is_colour()) {
        (Colour::Y, true) => {
            let rgb = colour::ycbcr_to_rgb([sharp(0), rest(0), rest(1)]);
            pixel[..3].copy_from_slice(&rgb.map(colour::to_byte));
            alpha = 2;
        }
        (Colour::Grey, true) => pixel[..3].fill(colour::to_byte(sharp(0))),
        (Colour::Y | Colour::Grey, false) => pixel[0] = colour::to_byte(sharp(0)),
        (Colour::Rgb, true) => {
            let rgb: [f32; 3] = std::array::from_fn(&sharp);
            pixel[..3].copy_from_slice(&rgb.map(colour::to_byte));
        }
        (Colour::Rgb, false) => pixel[0] = colour::to_byte((sharp(0) + sharp(1) + sharp(2)) / 3.0),
    }
    if channels.has_alpha() {
        pixel[channels.count() - 1] = colour::to_byte(rest(alpha));
    }
}
