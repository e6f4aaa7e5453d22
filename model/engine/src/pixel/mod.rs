//! Pictures as numbers: colour, classical resizing, tiles. Plain Rust that knows nothing of Burn.

mod bleed;
pub mod colour;
pub mod enlarge;
mod image;
pub mod resize;
mod resizer;
pub mod tile;

pub use bleed::bleed;
pub use image::{Channels, Image, PixelError, Planes, Rect};
pub use resizer::Resizer;
