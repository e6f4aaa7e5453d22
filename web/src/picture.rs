//! From a file's bytes to pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader};
use wasm_bindgen::prelude::*;

use crate::error::error;

/// Pixels of a decoded picture.
#[wasm_bindgen]
pub struct Picture {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

#[wasm_bindgen]
impl Picture {
    /// Pixels a row.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Moves out the bytes, four a pixel: red, green, blue, alpha.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }
}

/// Decodes PNG, JPEG, WebP or BMP, turned as EXIF says, 16-bit values as 8-bit.
///
/// Pictures of more than `max_pixels` are refused by their header (`too-large`); what is no
/// picture, or a damaged one, is `not-an-image`.
#[wasm_bindgen]
pub fn decode(bytes: &[u8], max_pixels: f64) -> Result<Picture, JsValue> {
    let unreadable = |e: &dyn std::fmt::Display| {
        error(
            "not-an-image",
            format!("this is no PNG, JPEG, WebP or BMP picture, or a damaged one ({e})"),
        )
    };
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| unreadable(&e))?;
    let mut decoder = reader.into_decoder().map_err(|e| unreadable(&e))?;
    let (width, height) = decoder.dimensions();
    let pixels = f64::from(width) * f64::from(height);
    if pixels > max_pixels {
        let megapixels = |pixels: f64| pixels / 1e6;
        return Err(error(
            "too-large",
            format!(
                "the picture has {width} × {height} pixels ({:.1} megapixels); up to {:.1} \
                 megapixels can be upscaled here",
                megapixels(pixels),
                megapixels(max_pixels)
            ),
        ));
    }
    let orientation = decoder.orientation().map_err(|e| unreadable(&e))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))?;
    image.apply_orientation(orientation);
    Ok(Picture {
        width: image.width(),
        height: image.height(),
        rgba: image.into_rgba8().into_raw(),
    })
}
