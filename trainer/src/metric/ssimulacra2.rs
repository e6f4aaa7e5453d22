//! SSIMULACRA 2.

use anyhow::Context;
use engine::image::{Channels, Image};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

/// The smallest side that the crate compares.
pub(super) const SMALLEST_PX: usize = 8;

/// SSIMULACRA 2 (Sneyers 2022, github.com/cloudinary/ssimulacra2) of two sRGB images of equal size: 100 for equal ones,
/// 90 where differences cannot be seen, 50 for medium quality; it can be negative.
pub fn ssimulacra2(original: &Image, image: &Image) -> anyhow::Result<f64> {
    let rgb = |image: &Image| {
        let image = image.to_channels(Channels::Rgb);
        let pixels = image.data.as_chunks().0.iter();
        let pixels = pixels.map(|pixel: &[u8; 3]| pixel.map(|byte| f32::from(byte) / 255.0));
        Rgb::new(
            pixels.collect(),
            image.width,
            image.height,
            TransferCharacteristic::SRGB,
            ColorPrimaries::BT709,
        )
    };
    let (original, image) = (rgb(original)?, rgb(image)?);
    compute_frame_ssimulacra2(original, image).context("SSIMULACRA 2")
}
