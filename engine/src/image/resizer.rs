//! Resizing to any size while the image arrives, some rows at a time.

use std::collections::VecDeque;

use super::colour::to_byte;
use super::resize::{Method, Taps, taps};

/// Bytes of a pixel: red, green, blue, alpha.
const BYTES: usize = 4;

/// Resizes RGBA images as [`resize`](super::resize::resize) does: bicubic interpolation, antialiased
/// when shrinking. Colours are weighted by their opacity, so that the colour of transparent pixels does not
/// show at an edge. Memory follows the width and the rows that one output row depends on.
pub struct Resizer {
    from_width: usize,
    columns: Vec<Line>,
    rows: Vec<Line>,
    /// The first input row that this or a later output row depends on.
    oldest: Vec<usize>,
    /// Input rows, resized in width, premultiplied; the first is `first`.
    wide: VecDeque<Vec<[f32; BYTES]>>,
    first: usize,
    /// The next output row.
    next: usize,
}

/// The input pixels of an output pixel, and their weights.
struct Line(Vec<(usize, f32)>);

impl Resizer {
    /// For an image of the sides `from` (width, height) that gets the sides `to`, all at least 1.
    pub fn new(from: [usize; 2], to: [usize; 2]) -> Self {
        let [columns, rows] = [0, 1].map(|i| lines(taps(from[i], to[i], Method::Bicubic)));
        let mut oldest: Vec<usize> = rows.iter().map(Line::first).collect();
        for i in (1..oldest.len()).rev() {
            oldest[i - 1] = oldest[i - 1].min(oldest[i]);
        }
        Self {
            from_width: from[0],
            columns,
            rows,
            oldest,
            wide: VecDeque::new(),
            first: 0,
            next: 0,
        }
    }

    /// Takes the next whole rows of the image, and returns all rows of the result that are complete by then.
    pub fn push(&mut self, rgba: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        for row in rgba.chunks_exact(BYTES * self.from_width) {
            self.wide.push_back(self.widen(row));
            let seen = self.first + self.wide.len();
            while self.next < self.rows.len() && self.rows[self.next].last() < seen {
                self.emit(&mut output);
            }
            self.forget();
        }
        output
    }

    /// A row in the output's width.
    fn widen(&self, row: &[u8]) -> Vec<[f32; BYTES]> {
        let pixels: Vec<[f32; BYTES]> = row.as_chunks().0.iter().map(premultiplied).collect();
        let column = |line: &Line| {
            let mut sum = [0.0; BYTES];
            for &(index, weight) in &line.0 {
                add(&mut sum, &pixels[index], weight);
            }
            sum
        };
        self.columns.iter().map(column).collect()
    }

    fn emit(&mut self, output: &mut Vec<u8>) {
        let mut sums = vec![[0.0; BYTES]; self.columns.len()];
        for &(index, weight) in &self.rows[self.next].0 {
            for (sum, pixel) in sums.iter_mut().zip(&self.wide[index - self.first]) {
                add(sum, pixel, weight);
            }
        }
        output.extend(sums.iter().flat_map(straight));
        self.next += 1;
    }

    fn forget(&mut self) {
        let end = self.first + self.wide.len();
        let oldest = self.oldest.get(self.next).map_or(end, |&row| row.min(end));
        while self.first < oldest {
            self.wide.pop_front();
            self.first += 1;
        }
    }
}

impl Line {
    fn first(&self) -> usize {
        self.0.iter().map(|tap| tap.0).min().unwrap_or(0)
    }

    fn last(&self) -> usize {
        self.0.iter().map(|tap| tap.0).max().unwrap_or(0)
    }
}

fn lines(taps: Vec<Taps>) -> Vec<Line> {
    let line = |taps: Taps| {
        let taps = taps.taps.into_iter();
        Line(taps.map(|(index, weight)| (index, weight as f32)).collect())
    };
    taps.into_iter().map(line).collect()
}

fn add(sum: &mut [f32; BYTES], pixel: &[f32; BYTES], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(pixel) {
        *sum += weight * value;
    }
}

fn premultiplied(pixel: &[u8; BYTES]) -> [f32; BYTES] {
    let [red, green, blue, alpha] = pixel.map(|byte| f32::from(byte) / 255.0);
    [red * alpha, green * alpha, blue * alpha, alpha]
}

fn straight(&[red, green, blue, alpha]: &[f32; BYTES]) -> [u8; BYTES] {
    let alpha = alpha.clamp(0.0, 1.0);
    // Transparent pixels have no colour.
    let opaque = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
    [red * opaque, green * opaque, blue * opaque, alpha].map(to_byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::resize::resize;
    use crate::image::{Channels, Image, Planes};

    fn noise(width: usize, height: usize) -> Image {
        let count = (width * height * 4) as u32;
        let data = (0..count).map(|i| match i % 4 {
            3 => 255,
            _ => (i.wrapping_mul(2_654_435_761) >> 23) as u8,
        });
        Image::new(width, height, Channels::Rgba, data.collect()).unwrap()
    }

    fn resized(image: &Image, to: [usize; 2], rows: usize) -> Vec<u8> {
        let mut resizer = Resizer::new([image.width, image.height], to);
        let bands = image.data.chunks(4 * image.width * rows);
        bands.flat_map(|band| resizer.push(band)).collect()
    }

    /// The same from the whole image, in `f64`.
    fn expected(image: &Image, [width, height]: [usize; 2]) -> Vec<u8> {
        let channel = |c| image.data.iter().skip(c).step_by(4);
        let planes = Planes {
            channels: 4,
            width: image.width,
            height: image.height,
            data: (0..4)
                .flat_map(|c| channel(c).map(|&byte| f32::from(byte) / 255.0))
                .collect(),
        };
        let planes = resize(&planes, width, height, Method::Bicubic);
        let pixels = 0..width * height;
        pixels
            .flat_map(|i| (0..4).map(move |c| (c, i)))
            .map(|(c, i)| to_byte(planes.plane(c)[i]))
            .collect()
    }

    #[test]
    fn opaque_pictures_are_resized_as_matlab_does_whatever_rows_come_together() {
        for (width, height) in [(1, 1), (3, 2), (17, 31), (40, 23)] {
            let image = noise(width, height);
            for to in [[1, 1], [5, 9], [17, 31], [33, 12], [61, 70]] {
                let found = resized(&image, to, 1);
                let expected = expected(&image, to);
                assert_eq!(found.len(), expected.len());
                let apart = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
                // One sums in f32, the other in f64.
                assert!(apart.max() <= Some(1), "{width}×{height} to {to:?}");
                for rows in [2, 7, height] {
                    assert_eq!(resized(&image, to, rows), found, "{rows} rows at a time");
                }
            }
        }
    }

    #[test]
    fn colours_of_what_is_transparent_do_not_show() {
        // White beside transparent red.
        let row = [[255, 255, 255, 255], [255, 0, 0, 0]];
        let data: Vec<u8> = (0..64).flat_map(|i| row[i % 8 / 4]).collect();
        let image = Image::new(8, 8, Channels::Rgba, data).unwrap();
        for to in [[5, 5], [19, 3]] {
            let found = resized(&image, to, 8);
            let pixels = found.as_chunks::<4>().0;
            assert!(pixels.iter().any(|pixel| (1..255).contains(&pixel[3])));
            for pixel in pixels.iter().filter(|pixel| pixel[3] > 0) {
                assert!(pixel[1] > 250 && pixel[2] > 250, "{pixel:?}");
            }
        }
    }

    #[test]
    fn it_holds_no_more_rows_than_one_output_row_needs() {
        let image = noise(3, 400);
        let mut resizer = Resizer::new([3, 400], [3, 100]);
        let mut made = 0;
        for row in image.data.chunks(12) {
            made += resizer.push(row).len() / 12;
            assert!(resizer.wide.len() <= 4 * 4 + 4, "{}", resizer.wide.len());
        }
        assert_eq!(made, 100);
    }
}
