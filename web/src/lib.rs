//! The wasm border: types in, types out.
//!
//! A page never calls this itself: `www/worker.js` does, in Web Workers. Four builds are made of this
//! crate, each fetched only when it is used: `lean`, which runs plans; `burn-wgpu`, which runs every
//! network on Burn's own operators; `decode`, which reads pictures with alpha; and `resize`.

#[cfg(feature = "burn-wgpu")]
mod burn;
mod error;
#[cfg(feature = "lean")]
mod lean;
#[cfg(feature = "decode")]
mod picture;
#[cfg(feature = "resize")]
mod resize;
#[cfg(any(feature = "lean", feature = "burn-wgpu"))]
mod runner;
#[cfg(any(feature = "lean", feature = "burn-wgpu"))]
mod upscaler;

#[cfg(feature = "decode")]
pub use picture::{Picture, bleed, decode};
#[cfg(feature = "resize")]
pub use resize::Resizer;
#[cfg(any(feature = "lean", feature = "burn-wgpu"))]
pub use upscaler::Upscaler;

use wasm_bindgen::prelude::*;

/// Called once when the module is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    #[cfg(target_family = "wasm")]
    console_error_panic_hook::set_once();
}
