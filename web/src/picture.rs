//! From a file's bytes to pixels.

use std::io::Cursor;

use engine::image::{Channels, Image, bleed};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
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

/// Decodes PNG, JPEG, WebP or BMP, turned as EXIF says, 16-bit values as 8-bit, with
/// colour under what is transparent (see [`bleed`]).
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
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| unreadable(&e))?;
    // The size is judged below, in words that help; only then are the library's limits set.
    reader.no_limits();
    let too_large = |size: String| {
        let megapixels = max_pixels / 1e6;
        error(
            "too-large",
            format!(
                "the picture has {size}; up to {megapixels:.1} megapixels can be upscaled here"
            ),
        )
    };
    let mut decoder = reader.into_decoder().map_err(|e| match e {
        // More bytes than 32 bits can count.
        ImageError::Limits(_) => too_large("more pixels than there is memory for".to_string()),
        other => unreadable(&other),
    })?;
    let (width, height) = decoder.dimensions();
    let pixels = f64::from(width) * f64::from(height);
    if pixels > max_pixels {
        let megapixels = pixels / 1e6;
        return Err(too_large(format!(
            "{width} × {height} pixels ({megapixels:.1} megapixels)"
        )));
    }
    decoder
        .set_limits(Limits::default())
        .map_err(|e| unreadable(&e))?;
    let orientation = decoder.orientation().map_err(|e| unreadable(&e))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let rgba = bleed(image.into_rgba8().into_raw(), width, height)?;
    Ok(Picture {
        width,
        height,
        rgba,
    })
}

/// Carries colour under what is transparent, so that a network draws no fringes: from RGBA bytes to RGBA
/// bytes.
#[wasm_bindgen]
pub fn bleed(rgba: Vec<u8>, width: u32, height: u32) -> Result<Vec<u8>, JsValue> {
    let image = Image::new(width as usize, height as usize, Channels::Rgba, rgba);
    let mut image = image.map_err(|e| error("internal", e))?;
    bleed(&mut image);
    Ok(image.data)
}
