//! Planes of values, which metrics compare.

use engine::image::{Image, colour};

/// A plane of 8-bit values in floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Values per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`, 0…255.
    pub data: Vec<f64>,
}

impl Plane {
    /// BT.601 luma in studio range without a border of `border_px` on every side; a grey image's values
    /// unchanged.
    ///
    /// `None` if the border leaves nothing.
    pub fn luma(image: &Image, border_px: usize) -> Option<Self> {
        Self::of(image, border_px, |pixel| match image.channels.is_colour() {
            true => {
                let rgb = [0, 1, 2].map(|i| f32::from(pixel[i]) / 255.0);
                255.0 * f64::from(colour::rgb_to_y(rgb))
            }
            false => f64::from(pixel[0]),
        })
    }

    /// Red, green and blue without a border of `border_px` on every side; a grey image's single channel.
    ///
    /// `None` if the border leaves nothing.
    pub fn channels(image: &Image, border_px: usize) -> Option<Vec<Self>> {
        let count = if image.channels.is_colour() { 3 } else { 1 };
        (0..count)
            .map(|channel| Self::of(image, border_px, |pixel| f64::from(pixel[channel])))
            .collect()
    }

    fn of(image: &Image, border_px: usize, value: impl Fn(&[u8]) -> f64) -> Option<Self> {
        let inner = |side: usize| side.checked_sub(2 * border_px).filter(|&side| side > 0);
        let (width, height) = (inner(image.width)?, inner(image.height)?);
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Some(Self {
            width,
            height,
            data: pixels
                .map(|(x, y)| value(image.pixel(x + border_px, y + border_px)))
                .collect(),
        })
    }

    pub(super) fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let pairs = self.data.iter().zip(&other.data);
        Self {
            data: pairs.map(|(a, b)| f(*a, *b)).collect(),
            ..*self
        }
    }

    /// Every `step`th row and column from `start` on.
    pub(super) fn subsampled(&self, start: usize, step: usize) -> Self {
        let along = |side: usize| side.saturating_sub(start).div_ceil(step);
        let rows = self.data.chunks_exact(self.width).skip(start).step_by(step);
        Self {
            width: along(self.width),
            height: along(self.height),
            data: rows
                .flat_map(|row| row.iter().skip(start).step_by(step))
                .copied()
                .collect(),
        }
    }
}
