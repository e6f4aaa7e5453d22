//! Pixels: colour conversion, MATLAB's resize, and colour for transparent pixels.

pub(crate) mod bands;
mod bleed;
pub mod colour;
pub mod enlarge;
mod pixels;
pub mod resize;
mod resizer;

pub use bleed::bleed;
pub use pixels::{Channels, Image, PixelError, Planes, Rect};
pub use resizer::Resizer;
