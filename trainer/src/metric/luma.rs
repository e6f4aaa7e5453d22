//! The plane that is compared.

use model::pixel::{Image, colour};

/// Y in 8-bit steps, in floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct Luma {
    /// Values a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`, 0…255.
    pub data: Vec<f64>,
}

impl Luma {
    /// BT.601 luma of studio range without a border of `border_px` on every side; of a grey picture
    /// the values as they are.
    ///
    /// `None` where the border leaves nothing.
    pub fn of(image: &Image, border_px: usize) -> Option<Self> {
        let width = image
            .width
            .checked_sub(2 * border_px)
            .filter(|&width| width > 0)?;
        let height = image
            .height
            .checked_sub(2 * border_px)
            .filter(|&height| height > 0)?;
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| image.pixel(x + border_px, y + border_px));
        let data = pixels
            .map(|pixel| match image.channels.is_colour() {
                true => {
                    let rgb = [0, 1, 2].map(|i| f32::from(pixel[i]) / 255.0);
                    255.0 * f64::from(colour::rgb_to_y(rgb))
                }
                false => f64::from(pixel[0]),
            })
            .collect();
        Some(Self {
            width,
            height,
            data,
        })
    }
}
