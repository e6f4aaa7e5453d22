//! The formats in which a site may serve its images.

use clap::ValueEnum;
use engine::image::Image;
use image::ImageFormat;
use serde::{Deserialize, Serialize};

use crate::degrade::{Subsampling, avif, codec};

/// An image format, with the encoder's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// AVIF by rav1e.
    Avif,
    /// Lossy WebP by libwebp.
    Webp,
    /// Progressive JPEG.
    Jpeg,
}

/// A file and what a browser shows of it.
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The decoded image.
    pub image: Image,
}

impl Codec {
    /// Encodes an RGB image at a quality, 0 to 100, of the format's own scale; `avif_speed` is 0 to 10.
    pub fn encode(self, image: &Image, quality: f64, avif_speed: u8) -> anyhow::Result<Encoded> {
        let (bytes, format) = match self {
            Self::Avif => {
                let (image, bytes) = avif::file(image, quality, avif_speed)?;
                return Ok(Encoded { bytes, image });
            }
            Self::Webp => (codec::webp_file(image, quality as f32)?, ImageFormat::WebP),
            Self::Jpeg => {
                let quality = quality.round().clamp(1.0, 100.0) as u8;
                let bytes = codec::jpeg_file(image, quality, Subsampling::Both, true)?;
                (bytes, ImageFormat::Jpeg)
            }
        };
        let image = codec::decoded(&bytes, format)?;
        Ok(Encoded { bytes, image })
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avif => "AVIF",
            Self::Webp => "WebP",
            Self::Jpeg => "JPEG",
        }
    }

    /// The encoder and its settings, for reports.
    pub fn about(self, avif_speed: u8) -> String {
        match self {
            Self::Avif => format!(
                "AVIF by rav1e (as in ravif) at speed {avif_speed}, 4:2:0, 8 bit; at low rates libaom makes smaller \
                 files of the same quality"
            ),
            Self::Webp => "WebP by libwebp with its default settings".to_string(),
            Self::Jpeg => "JPEG by jpeg-encoder, progressive, optimised Huffman tables, 4:2:0; MozJPEG makes smaller \
                           files of the same quality"
                .to_string(),
        }
    }
}
