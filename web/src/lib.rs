//! The wasm border: types in, types out.
//!
//! The workers in `www/workers` call this. There are six builds, each fetched only when it is used: `cpu` and `webgpu` run
//! plans; `burn` runs networks on Burn's operators, for comparison and for records without a graph; `decode` reads
//! images with alpha; `resize` resizes; `import` makes model files of other projects' weights.

#[cfg(feature = "burn-wgpu")]
mod burn;
#[cfg(feature = "decode")]
mod decode;
mod error;
#[cfg(feature = "import")]
mod import;
#[cfg(any(feature = "cpu", feature = "webgpu"))]
mod plan;
#[cfg(feature = "resize")]
mod resize;
#[cfg(any(feature = "cpu", feature = "webgpu", feature = "burn-wgpu"))]
mod runner;
#[cfg(any(feature = "cpu", feature = "webgpu", feature = "burn-wgpu"))]
mod upscaler;

#[cfg(feature = "decode")]
pub use decode::{DecodedImage, bleed, decode};
#[cfg(feature = "import")]
pub use import::import_model;
#[cfg(feature = "resize")]
pub use resize::Resizer;
#[cfg(any(feature = "cpu", feature = "webgpu", feature = "burn-wgpu"))]
pub use upscaler::Upscaler;

use wasm_bindgen::prelude::*;

/// Called when the module is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    #[cfg(target_family = "wasm")]
    console_error_panic_hook::set_once();
}
