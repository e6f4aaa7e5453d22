//! Lossy compression: an image is encoded, and decoded again.

use anyhow::Context;
use engine::image::{Channels, Image};
use image::ImageFormat;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use serde::Deserialize;

/// How a JPEG file stores colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Subsampling {
    /// Halved in both directions: libjpeg's default, and most files'.
    #[default]
    #[serde(rename = "4:2:0")]
    Both,
    /// Halved horizontally.
    #[serde(rename = "4:2:2")]
    Horizontal,
    /// Not reduced.
    #[serde(rename = "4:4:4")]
    None,
}

impl Subsampling {
    /// As photographers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "4:2:0",
            Self::Horizontal => "4:2:2",
            Self::None => "4:4:4",
        }
    }
}

/// JPEG with the tables of the standard, scaled by the quality (1 … 100) as in libjpeg; and the bytes of the file.
pub(super) fn jpeg(
    image: &Image,
    quality: u8,
    subsampling: Subsampling,
) -> anyhow::Result<(Image, usize)> {
    let bytes = jpeg_file(image, quality, subsampling, false)?;
    Ok((decoded(&bytes, ImageFormat::Jpeg)?, bytes.len()))
}

/// Like [`jpeg`]; `for_sites` makes smaller files of the same pixels: progressive, with Huffman tables of their own.
pub(crate) fn jpeg_file(
    image: &Image,
    quality: u8,
    subsampling: Subsampling,
    for_sites: bool,
) -> anyhow::Result<Vec<u8>> {
    let side = |side: usize| u16::try_from(side).context("the image is too large for JPEG");
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(match subsampling {
        Subsampling::Both => SamplingFactor::F_2_2,
        Subsampling::Horizontal => SamplingFactor::F_2_1,
        Subsampling::None => SamplingFactor::F_1_1,
    });
    encoder.set_progressive(for_sites);
    encoder.set_optimized_huffman_tables(for_sites);
    encoder.encode(&image.data, width, height, ColorType::Rgb)?;
    Ok(bytes)
}

/// Lossy WebP of a quality (0 … 100) by libwebp with its default settings; and the bytes of the file.
pub(super) fn webp(image: &Image, quality: f32) -> anyhow::Result<(Image, usize)> {
    let bytes = webp_file(image, quality)?;
    Ok((decoded(&bytes, ImageFormat::WebP)?, bytes.len()))
}

/// The file of [`webp()`].
pub(crate) fn webp_file(image: &Image, quality: f32) -> anyhow::Result<Vec<u8>> {
    let side = |side: usize| u32::try_from(side).context("the image is too large for WebP");
    let encoder = webp::Encoder::from_rgb(&image.data, side(image.width)?, side(image.height)?);
    let bytes = encoder.encode_simple(false, quality);
    let bytes = bytes.map_err(|error| anyhow::anyhow!("libwebp: {error:?}"))?;
    Ok(bytes.to_vec())
}

/// The file's pixels in RGB.
pub(crate) fn decoded(bytes: &[u8], format: ImageFormat) -> anyhow::Result<Image> {
    let image = image::load_from_memory_with_format(bytes, format)?.into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Image::new(width, height, Channels::Rgb, image.into_raw())?)
}
