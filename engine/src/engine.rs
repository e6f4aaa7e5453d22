//! The interface of everything that runs a network.

use std::future::Future;
use std::pin::Pin;

use crate::image::Planes;

/// An engine that could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An input that does not fit the network.
    #[error(
        "the network reads {expected} channels, but the input is {channels}×{height}×{width} with {values} values"
    )]
    Input {
        /// Channels that the network reads.
        expected: usize,
        /// Channels of the input.
        channels: usize,
        /// Rows of the input.
        height: usize,
        /// Columns of the input.
        width: usize,
        /// Values that it holds.
        values: usize,
    },
    /// A tile that is too large for the memory.
    #[error(
        "a tile of {width}×{height} pixels takes {needed_mb} MB in this network, and {limit_mb} MB are allowed: use smaller tiles"
    )]
    Memory {
        /// Columns of the tile.
        width: usize,
        /// Rows of the tile.
        height: usize,
        /// Megabytes that it takes.
        needed_mb: u64,
        /// Megabytes that are allowed.
        limit_mb: u64,
    },
    /// The device failed; the text is the device's.
    #[error("the device could not compute: {0}")]
    Failed(String),
}

/// Checks that an input has a network's channels, is as long as it says, and is not empty.
pub(crate) fn check_input(channels: usize, input: &Planes) -> Result<(), EngineError> {
    let pixels = input.height.checked_mul(input.width);
    let values = pixels.and_then(|pixels| pixels.checked_mul(channels));
    if input.channels == channels && values == Some(input.data.len()) && values != Some(0) {
        return Ok(());
    }
    Err(EngineError::Input {
        expected: channels,
        channels: input.channels,
        height: input.height,
        width: input.width,
        values: input.data.len(),
    })
}

/// How an engine needs its tiles, so that results do not depend on them; in pixels of the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Tiles begin at multiples of this.
    pub align_px: usize,
    /// Columns read left and right of a tile, and as many rows above and below; the first number is a
    /// multiple of `align_px`.
    pub halo_px: [usize; 2],
    /// Side of a tile that is not mostly halo, fits the memory, and takes seconds at most.
    pub tile_px: usize,
}

impl Default for Grid {
    /// A network that looks at single pixels.
    fn default() -> Self {
        Self {
            align_px: 1,
            halo_px: [0, 0],
            tile_px: 128,
        }
    }
}

/// An image that is being computed. It does not borrow the engine, so that the next one can be started
/// before this one is awaited; dropping it cancels the work.
///
/// Boxed, so that its code is not compiled again for each caller.
pub type Running = Pin<Box<dyn Future<Output = Result<Planes, EngineError>>>>;

/// Something that runs one network.
pub trait Engine {
    /// Name of the engine for people: `cpu`, `webgpu`, …
    fn name(&self) -> &str;

    /// How tiles have to be.
    fn grid(&self) -> Grid {
        Grid::default()
    }

    /// Tiles that should be in flight at once: more than one only where another device computes while
    /// this processor cuts and stitches.
    fn depth(&self) -> usize {
        1
    }

    /// Starts to compute `[c, h, w]` in 0…1 → `[c, h·r, w·r]`; r is the network's scale, or 1 for
    /// [`Input::Upsampled`](crate::Input). Engines on this processor have finished when they return.
    ///
    /// Asynchronous because a page cannot block on its GPU. Errors come at once or from the future.
    fn start(&mut self, input: Planes) -> Result<Running, EngineError>;

    /// Starts to compute, and waits for the result.
    fn run(&mut self, input: Planes) -> impl Future<Output = Result<Planes, EngineError>> {
        async move { self.start(input)?.await }
    }
}

/// An image of noise on which a GPU is tested before it is used: every weight takes part.
pub fn test_image(channels: usize, side_px: usize) -> Planes {
    // By integers, because sines would add code to a page.
    let values = 0..(channels * side_px * side_px) as u32;
    let data = values.map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as f32 / 255.0);
    Planes {
        channels,
        width: side_px,
        height: side_px,
        data: data.collect(),
    }
}

/// The largest difference between two results; infinity if sizes differ or a value is not a number.
pub fn largest_difference(a: &Planes, b: &Planes) -> f32 {
    let size = |planes: &Planes| [planes.channels, planes.width, planes.height];
    if size(a) != size(b) {
        return f32::INFINITY;
    }
    let apart = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, |largest, apart| {
        if apart <= largest {
            largest
        } else if apart.is_nan() {
            f32::INFINITY
        } else {
            apart
        }
    })
}
