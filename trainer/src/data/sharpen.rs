//! Sharpened originals.

use engine::image::Image;

use crate::degrade::gaussian_blur;
use crate::planes::{to_image, to_planes};

/// Standard deviation of the blur in pixels: the one that OpenCV takes for Real-ESRGAN's kernel of 51 pixels.
const SIGMA_PX: f64 = 8.0;

/// Share of the difference between the image and its blur that is added.
const WEIGHT: f32 = 0.5;

/// Differences up to this one, in 8-bit levels, are left as they are, so that noise is not amplified.
const THRESHOLD: f32 = 10.0;

/// An RGB image sharpened by unsharp masking, as Real-ESRGAN's targets are (`USMSharp` in its `realesrgan/utils.py`; Wang
/// et al. 2021, arXiv:2107.10833, section 3.4).
pub(super) fn sharpened(image: &Image) -> anyhow::Result<Image> {
    let planes = to_planes(image);
    let blurred = gaussian_blur(&planes, SIGMA_PX);
    let pairs = planes.data.iter().zip(&blurred.data);
    let residual: Vec<f32> = pairs.map(|(value, blurred)| value - blurred).collect();
    let mut mask = planes.clone();
    let masked = mask.data.iter_mut().zip(&residual);
    masked.for_each(|(mask, residual)| {
        *mask = f32::from(u8::from(255.0 * residual.abs() > THRESHOLD))
    });
    // A soft border between what is sharpened and what is not.
    let mask = gaussian_blur(&mask, SIGMA_PX);
    let mut result = planes;
    for ((value, residual), share) in result.data.iter_mut().zip(&residual).zip(&mask.data) {
        let sharp = (*value + WEIGHT * residual).clamp(0.0, 1.0);
        *value += share * (sharp - *value);
    }
    to_image(&result)
}

#[cfg(test)]
mod tests {
    use engine::image::Channels;

    use super::*;

    fn step(low: u8, high: u8) -> Image {
        let value = |i: usize| if i % (3 * 64) < 3 * 32 { low } else { high };
        let data = (0..3 * 64 * 64).map(value).collect();
        Image::new(64, 64, Channels::Rgb, data).unwrap()
    }

    #[test]
    fn edges_overshoot_and_flat_parts_stay() {
        let image = step(100, 150);
        let sharp = sharpened(&image).unwrap();
        let row: Vec<u8> = sharp
            .data
            .chunks_exact(3)
            .map(|rgb| rgb[0])
            .skip(32 * 64)
            .take(64)
            .collect();
        // Half of half the step's height is added beside the edge, where the soft mask is nearly 1.
        assert!((80..95).contains(&row[31]), "{row:?}");
        assert!((155..170).contains(&row[32]), "{row:?}");
        assert!(
            row[0].abs_diff(100) <= 1 && row[63].abs_diff(150) <= 1,
            "{row:?}"
        );
        // The difference to the blur is below the threshold everywhere.
        let faint = step(100, 110);
        assert_eq!(sharpened(&faint).unwrap(), faint);
    }
}
