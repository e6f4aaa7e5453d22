//! From an image to a larger one: tiles, colour conversion, the engine, and stitching.

mod stitch;
mod tile;
mod upscale;

pub use stitch::{AnyChannels, Layout, Rgba};
pub use tile::{Tile, tiles};
pub use upscale::{Options, Progress, TileRunning, UpscaleError, start_tile, tiling, upscale};
