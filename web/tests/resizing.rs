//! The resizer as JavaScript sees it, in a real browser.
#![cfg(all(target_family = "wasm", feature = "resize"))]

use js_sys::Reflect;
use wasm_bindgen_test::*;
use web::Resizer;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn rows_come_in_and_go_out() {
    let mut resizer = Resizer::new(3, 4, 6, 2).unwrap();
    let row = [10, 20, 30, 255].repeat(3);
    let rows: Vec<Vec<u8>> = (0..4).map(|_| resizer.push(&row)).collect();
    assert!(rows[0].is_empty(), "the first row needs more input");
    assert_eq!(rows.concat(), [10, 20, 30, 255].repeat(6 * 2));
}

#[wasm_bindgen_test]
fn images_without_pixels_are_refused() {
    let refused = Resizer::new(3, 0, 6, 2).map(|_| ()).unwrap_err();
    let code = Reflect::get(&refused, &"code".into()).unwrap();
    assert_eq!(code.as_string().as_deref(), Some("internal"));
}
