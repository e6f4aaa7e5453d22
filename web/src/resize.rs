//! Resizes an image row by row.

use engine::image::Resizer as Rows;
use wasm_bindgen::prelude::*;

use crate::error::error;

/// Resizes an RGBA image whose rows are passed from top to bottom.
#[wasm_bindgen]
pub struct Resizer(Rows);

#[wasm_bindgen]
impl Resizer {
    /// Resizes from one size to another, all sides at least 1 pixel.
    #[wasm_bindgen(constructor)]
    pub fn new(
        from_width: usize,
        from_height: usize,
        width: usize,
        height: usize,
    ) -> Result<Resizer, JsValue> {
        let (from, to) = ([from_width, from_height], [width, height]);
        if from.into_iter().chain(to).any(|side| side == 0) {
            return Err(error(
                "internal",
                "the sides of an image are at least 1 pixel",
            ));
        }
        Ok(Self(Rows::new(from, to)))
    }

    /// Takes the next rows, and returns the rows of the result that are complete.
    pub fn push(&mut self, rgba: &[u8]) -> Vec<u8> {
        self.0.push(rgba)
    }
}
