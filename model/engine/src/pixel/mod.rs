//! Pictures as numbers: colour, classical resizing, tiles. Plain Rust that knows nothing of Burn.

pub mod colour;
pub mod enlarge;
mod image;
pub mod resize;
pub mod tile;

pub use image::{Channels, Image, PixelError, Planes, Rect};
