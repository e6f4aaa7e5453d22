//! Images of few colours, such as GIF and PNG with a palette have.

use anyhow::Context;
use engine::image::{Channels, Image};
use quantette::deps::palette::Srgb;
use quantette::deps::palette::cast::{from_component_slice, into_component_slice};
use quantette::dither::FloydSteinberg;
use quantette::{ImageRef, PaletteSize, Pipeline};

/// The RGB image with this many of its own colours, chosen by Wu's method (Wu 1992, "Color quantization by dynamic
/// programming and principal analysis"). `dither` is the share of the error that Floyd and Steinberg's dithering passes
/// on to neighbours, 0…1; 0 is none.
pub(super) fn reduced(image: &Image, colours: u16, dither: f32) -> anyhow::Result<Image> {
    let pixels: &[Srgb<u8>] = from_component_slice(&image.data);
    let input = ImageRef::new(image.width as u32, image.height as u32, pixels);
    // The error would hold the pixels.
    let input = input.ok().context("the image is too large for a palette")?;
    let colours = PaletteSize::try_from_u16(colours).context("a palette has 1 to 256 colours")?;
    let reduced = Pipeline::new()
        .palette_size(colours)
        .ditherer(FloydSteinberg::with_error_diffusion(dither))
        .input_image(input)
        .output_srgb8_image();
    let data = into_component_slice(reduced.as_slice()).to_vec();
    Ok(Image::new(image.width, image.height, Channels::Rgb, data)?)
}
