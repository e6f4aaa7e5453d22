//! JavaScript errors with a code.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// A JavaScript `Error` with this `code`; the codes are listed in `www/lib/error.js`.
pub fn error(code: &str, message: impl std::fmt::Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    // Setting a property of a new object cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
