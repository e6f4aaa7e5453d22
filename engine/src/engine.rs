//! Who computes a network.

use std::future::Future;
use std::pin::Pin;

use crate::image::Planes;

/// An engine that could not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device failed; the text is its own.
    #[error("the device could not compute: {0}")]
    Failed(String),
}

/// What an engine needs of tiles so that results don't depend on them, beside what the network's
/// [`Spec`](crate::Spec) says, and what it likes; in pixels of the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Tiles begin at multiples of it.
    pub align_px: usize,
    /// Columns read left and right of a tile, and as many rows above and below; the first is a
    /// multiple of `align_px`.
    pub halo_px: [usize; 2],
    /// Side of a tile that is not mostly halo, and doesn't take too long.
    pub tile_px: usize,
}

impl Default for Grid {
    /// Nothing beyond the network's own.
    fn default() -> Self {
        Self {
            align_px: 1,
            halo_px: [0, 0],
            tile_px: 128,
        }
    }
}

/// A picture that is being computed. It knows nothing of its engine, so that the next one can be started
/// before this one is awaited; dropped, it is given up.
///
/// Boxed, so that its code is not repeated for each who awaits it.
pub type Running = Pin<Box<dyn Future<Output = Result<Planes, EngineError>>>>;

/// Something that runs one network.
pub trait Engine {
    /// What runs, for people: `cpu`, `webgpu`, …
    fn name(&self) -> &str;

    /// What tiles have to be like.
    fn grid(&self) -> Grid {
        Grid::default()
    }

    /// How many pictures had best be under way at once: more than one only where something else computes
    /// while this processor cuts and stitches.
    fn depth(&self) -> usize {
        1
    }

    /// Starts to compute: `[c, h, w]` in 0…1 → `[c, h·r, w·r]`, for the r of the network's
    /// [`Spec`](crate::Spec). Engines on this processor are done with it when they return.
    ///
    /// Asynchronous because a page cannot wait for its GPU. Errors come at once or from the future.
    fn start(&mut self, input: Planes) -> Result<Running, EngineError>;

    /// Starts, and waits for it.
    fn run(&mut self, input: Planes) -> impl Future<Output = Result<Planes, EngineError>> {
        async move { self.start(input)?.await }
    }
}

/// Side of the picture of [`largest_difference`], in pixels.
const TEST_PX: usize = 24;

/// The largest difference of what two engines of one network make of a small picture of `channels`
/// planes; infinity where sizes or anything that is no number tell them apart. A GPU is not trusted
/// before it has been compared with the CPU.
pub async fn largest_difference(
    a: &mut impl Engine,
    b: &mut impl Engine,
    channels: usize,
) -> Result<f32, EngineError> {
    let picture = Planes {
        channels,
        width: TEST_PX,
        height: TEST_PX,
        // Noise, so that every weight takes part; whole numbers, as a page would carry the code of sines.
        data: (0..channels as u32 * (TEST_PX * TEST_PX) as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as f32 / 255.0)
            .collect(),
    };
    let a = a.run(picture.clone()).await?;
    let b = b.run(picture).await?;
    if a.data.len() != b.data.len() {
        return Ok(f32::INFINITY);
    }
    let apart = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).abs());
    Ok(apart.fold(0.0, |largest, apart| {
        if apart <= largest {
            largest
        } else if apart.is_nan() {
            f32::INFINITY
        } else {
            apart
        }
    }))
}
