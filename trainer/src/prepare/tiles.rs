//! Tiles, and whether they teach anything.

use anyhow::Context;
use engine::image::resize::imresize;
use engine::image::{Image, Rect};

use crate::metric::{Plane, psnr_db};

/// The squares of `side` pixels that fit side by side into an image, in its middle; the whole image if `side` is 0.
pub(super) fn places(width: usize, height: usize, side: usize) -> Vec<Rect> {
    if side == 0 {
        return vec![Rect::whole(width, height)];
    }
    let along = |length: usize| {
        let first = length % side / 2;
        (0..length / side).map(move |i| first + i * side)
    };
    let rows = along(height);
    let place = |x, y| Rect {
        x,
        y,
        width: side,
        height: side,
    };
    rows.flat_map(|y| along(width).map(move |x| place(x, y)))
        .collect()
}

/// When a tile is left out.
pub(super) struct Limits {
    /// Standard deviation of luma, in 8-bit levels, below which a tile is flat.
    pub flat: f64,
    /// PSNR of bicubic interpolation by two, in dB, above which a tile is blurred: it has no detail to learn from.
    pub blurred_db: f64,
}

/// Whether a tile is kept, or why it is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Flat,
    Blurred,
}

impl Limits {
    /// Judges a tile.
    pub fn judge(&self, tile: &Image) -> anyhow::Result<Verdict> {
        let luma = |image: &Image| Plane::luma(image, 0).context("a tile has no pixels");
        let original = luma(tile)?;
        let values = || original.data.iter().copied();
        let count = original.data.len() as f64;
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        if variance.sqrt() < self.flat {
            return Ok(Verdict::Flat);
        }
        let [width, height] = [tile.width, tile.height];
        let small = imresize(tile, width.div_ceil(2), height.div_ceil(2));
        let restored = luma(&imresize(&small, width, height))?;
        Ok(match psnr_db(&original, &restored) > self.blurred_db {
            true => Verdict::Blurred,
            false => Verdict::Good,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_side_by_side_in_the_middle() {
        let places: Vec<_> = places(25, 31, 10)
            .iter()
            .map(|place| (place.x, place.y))
            .collect();
        assert_eq!(
            places,
            [(2, 0), (12, 0), (2, 10), (12, 10), (2, 20), (12, 20)]
        );
        assert!(super::places(25, 9, 10).is_empty());
        assert_eq!(super::places(25, 9, 0), [Rect::whole(25, 9)]);
    }
}
