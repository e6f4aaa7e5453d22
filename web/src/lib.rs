//! The wasm border: types in, types out.
//!
//! A page never calls this itself: `www/worker.js` does, in a Web Worker. Two builds are made of
//! this crate, one with the feature `ndarray` (the CPU) and one with `webgpu`.

mod device;
mod error;
mod picture;
mod upscaler;

pub use picture::{Picture, decode};
pub use upscaler::Upscaler;

use wasm_bindgen::prelude::*;

/// Called once when the module is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    #[cfg(target_family = "wasm")]
    console_error_panic_hook::set_once();
}
