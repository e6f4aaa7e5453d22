//! To the size that somebody asked for.

use engine::image::Resizer as Rows;
use wasm_bindgen::prelude::*;

use crate::error::error;

/// Resizes an RGBA picture whose rows come in from top to bottom.
#[wasm_bindgen]
pub struct Resizer(Rows);

#[wasm_bindgen]
impl Resizer {
    /// From these sides to those, all at least 1 pixel.
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
                "a picture has sides of at least one pixel",
            ));
        }
        Ok(Self(Rows::new(from, to)))
    }

    /// Takes whole rows, and gives those of the result that can be made.
    pub fn push(&mut self, rgba: &[u8]) -> Vec<u8> {
        self.0.push(rgba)
    }
}
