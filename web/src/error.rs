//! Errors as JavaScript has them.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// A JavaScript `Error` with this `code`; the codes stand in `www/error.js`.
pub fn error(code: &str, message: impl std::fmt::Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    // Setting a property of an object just made cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
