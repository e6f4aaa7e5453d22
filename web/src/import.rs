//! Makes model files of other projects' weights.

use model::burn_engine::ndarray;
use model::import::{About, ImportOptions, import};
use wasm_bindgen::prelude::*;

use crate::error::error;

/// Makes a model file (.bpk) of a PyTorch, safetensors or ONNX file. `about` and `options` are JSON: [`About`] and
/// [`ImportOptions`].
///
/// # Errors
///
/// `bad-model` for damaged files and unknown networks; the message says what was found.
#[wasm_bindgen(js_name = importModel)]
pub fn import_model(bytes: &[u8], about: &str, options: &str) -> Result<Vec<u8>, JsValue> {
    let refused = |e: &dyn std::fmt::Display| error("bad-model", e);
    let about: About = serde_json::from_str(about).map_err(|e| refused(&e))?;
    let options: ImportOptions = serde_json::from_str(options).map_err(|e| refused(&e))?;
    // Parameters only pass through tensors; nothing computes with them.
    let device = ndarray();
    let imported = import(bytes, &options, &device).map_err(|e| refused(&e))?;
    imported.record(about, &device).map_err(|e| refused(&e))
}
