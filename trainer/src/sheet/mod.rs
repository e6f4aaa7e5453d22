//! A contact sheet: rows of images in one image.

mod command;

pub use command::{SheetArgs, run};

use engine::image::{Channels, Image, Rect};

const GAP_PX: usize = 4;

const BACKGROUND: [u8; 3] = [96; 3];

/// Puts rows of images into one RGB image; `None` without any.
pub(crate) fn sheet(rows: &[Vec<Image>]) -> Option<Image> {
    let width_of = |row: &Vec<Image>| row.iter().map(|image| image.width + GAP_PX).sum::<usize>();
    let height_of = |row: &Vec<Image>| row.iter().map(|image| image.height).max().unwrap_or(0);
    let width = GAP_PX + rows.iter().map(width_of).max()?;
    let height = GAP_PX
        + rows
            .iter()
            .map(|row| height_of(row) + GAP_PX)
            .sum::<usize>();
    let mut data = BACKGROUND.repeat(width * height);
    let mut top = GAP_PX;
    for row in rows {
        let mut left = GAP_PX;
        for image in row {
            let rgb = image.to_channels(Channels::Rgb);
            for (y, line) in rgb.data.chunks_exact(3 * rgb.width).enumerate() {
                data[3 * ((top + y) * width + left)..][..line.len()].copy_from_slice(line);
            }
            left += image.width + GAP_PX;
        }
        top += height_of(row) + GAP_PX;
    }
    Image::new(width, height, Channels::Rgb, data).ok()
}

/// The centre of an image, at most `side` pixels wide and high.
pub(crate) fn middle(image: &Image, side: usize) -> Image {
    let (width, height) = (image.width.min(side), image.height.min(side));
    image.crop(Rect {
        x: (image.width - width) / 2,
        y: (image.height - height) / 2,
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_placed_in_rows() {
        let image = |value: u8, width: usize| {
            let data = vec![value; width * 2];
            Image::new(width, 2, Channels::Grey, data).unwrap()
        };
        let sheet = sheet(&[vec![image(1, 3), image(2, 2)], vec![image(3, 1)]]).unwrap();
        assert_eq!(
            (sheet.width, sheet.height),
            (4 + 3 + 4 + 2 + 4, 4 + 2 + 4 + 2 + 4)
        );
        for (x, y, value) in [
            (4, 4, 1),
            (6, 5, 1),
            (7, 4, 96),
            (11, 5, 2),
            (4, 10, 3),
            (5, 10, 96),
        ] {
            assert_eq!(sheet.pixel(x, y)[0], value, "({x}, {y})");
        }
        let numbers = Image::new(3, 3, Channels::Grey, (0..9).collect()).unwrap();
        assert_eq!(middle(&numbers, 1).data, [4]);
        assert_eq!(middle(&numbers, 9), numbers);
    }
}
