//! Decodes image files to RGBA pixels.

use std::io::Cursor;

use engine::image::{Channels, Image};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use wasm_bindgen::prelude::*;

use crate::error::error;

/// Pixels of a decoded image.
#[wasm_bindgen]
pub struct DecodedImage {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

#[wasm_bindgen]
impl DecodedImage {
    /// Width in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Moves out the bytes, four per pixel: red, green, blue, alpha.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }
}

/// Decodes PNG, JPEG, WebP or BMP. Applies the EXIF orientation, converts 16-bit values to 8-bit, and fills in
/// the colour of transparent pixels (see [`bleed`]).
///
/// # Errors
///
/// `too-large` if the header says more than `max_pixels`; `not-an-image` for other and for damaged files.
#[wasm_bindgen]
pub fn decode(bytes: &[u8], max_pixels: f64) -> Result<DecodedImage, JsValue> {
    let unreadable = |e: &dyn std::fmt::Display| {
        error(
            "not-an-image",
            format!("this is not a PNG, JPEG, WebP or BMP image, or it is damaged ({e})"),
        )
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| unreadable(&e))?;
    // The library's limits are set below, after the check whose message says what fits.
    reader.no_limits();
    let too_large = |size: String| {
        let megapixels = max_pixels / 1e6;
        error(
            "too-large",
            format!("the image has {size}; up to {megapixels:.1} megapixels can be upscaled here"),
        )
    };
    let mut decoder = reader.into_decoder().map_err(|e| match e {
        // The size in bytes overflows 32 bits.
        ImageError::Limits(_) => too_large("more pixels than fit in memory".to_string()),
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
    Ok(DecodedImage {
        width,
        height,
        rgba,
    })
}

/// Fills in the colour of transparent pixels from their neighbours, so that a network draws no fringes. Takes and
/// returns RGBA bytes.
#[wasm_bindgen]
pub fn bleed(rgba: Vec<u8>, width: u32, height: u32) -> Result<Vec<u8>, JsValue> {
    let image = Image::new(width as usize, height as usize, Channels::Rgba, rgba);
    let mut image = image.map_err(|e| error("internal", e))?;
    engine::image::bleed(&mut image);
    Ok(image.data)
}
