//! Padded copies of images, in memory that is reused.

use std::cell::RefCell;

use crate::conv::planes::{Part, Source, Target};
use crate::conv::rows::LANES;

/// Planes of `rows`×`columns` with zeros around them: `margin_rows` above and below,
/// `margin_columns` to the left, and to the right as many and a vector more.
pub(super) struct Padded<'a> {
    data: &'a mut Vec<f32>,
    channels: usize,
    rows: usize,
    columns: usize,
    margin_rows: usize,
    margin_columns: usize,
}

impl<'a> Padded<'a> {
    /// Lays the planes out in `data`. The margins are zeros, the inside is not yet anything.
    pub fn new(
        data: &'a mut Vec<f32>,
        channels: usize,
        [rows, columns]: [usize; 2],
        [margin_rows, margin_columns]: [usize; 2],
    ) -> Self {
        let mut padded = Self {
            data,
            channels,
            rows,
            columns,
            margin_rows,
            margin_columns,
        };
        let length = channels * padded.plane();
        if padded.data.len() < length {
            padded.data.resize(length, 0.0);
        }
        padded.clear_margins();
        padded
    }

    fn row(&self) -> usize {
        2 * self.margin_columns + self.columns.next_multiple_of(LANES) + LANES
    }

    fn plane(&self) -> usize {
        (2 * self.margin_rows + self.rows) * self.row()
    }

    fn clear_margins(&mut self) {
        let (row, plane) = (self.row(), self.plane());
        for plane in self.data[..self.channels * plane].chunks_exact_mut(plane) {
            let below = (self.margin_rows + self.rows) * row;
            plane[..self.margin_rows * row].fill(0.0);
            plane[below..].fill(0.0);
            for row in plane[self.margin_rows * row..below].chunks_exact_mut(row) {
                row[..self.margin_columns].fill(0.0);
                row[self.margin_columns + self.columns..].fill(0.0);
            }
        }
    }

    /// Copies rows in, the first one being the image's row `from`; rows outside of the image become zeros. `image`
    /// is `[channels, height, columns]`.
    pub fn copy(&mut self, image: &[f32], height: usize, from: isize) {
        let (row, plane) = (self.row(), self.plane());
        for channel in 0..self.channels {
            let source = &image[channel * height * self.columns..][..height * self.columns];
            for y in 0..self.rows {
                let start = channel * plane + (self.margin_rows + y) * row + self.margin_columns;
                let target = &mut self.data[start..start + self.columns];
                match usize::try_from(from + y as isize) {
                    Ok(y) if y < height => {
                        target.copy_from_slice(&source[y * self.columns..][..self.columns]);
                    }
                    _ => target.fill(0.0),
                }
            }
        }
    }

    /// All channels with their margins, of which so many rows and columns are read.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn part(&self, read: [usize; 2]) -> Part {
        Part {
            source: self.source(0, 0, read),
            channels: self.channels,
        }
    }

    /// The image without the margins above and to the left, of which so many rows and columns are read.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn inside(&self, read: [usize; 2]) -> Source {
        self.source(self.margin_rows, self.margin_columns, read)
    }

    fn source(&self, y: usize, x: usize, [rows, columns]: [usize; 2]) -> Source {
        assert!(y + rows <= 2 * self.margin_rows + self.rows && x + columns <= self.row());
        Source {
            data: self.data[y * self.row() + x..].as_ptr(),
            row: self.row(),
            plane: self.plane(),
        }
    }

    /// The image inside the margins, to be written.
    pub fn inside_mut(&mut self) -> Target {
        let skipped = self.margin_rows * self.row() + self.margin_columns;
        Target {
            row: self.row(),
            plane: self.plane(),
            rows: self.rows,
            columns: self.columns,
            data: self.data[skipped..].as_mut_ptr(),
        }
    }
}

thread_local! {
    static BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of this thread.
pub(super) fn with_buffer<R>(f: impl FnOnce(&mut Vec<f32>) -> R) -> R {
    BUFFER.with_borrow_mut(f)
}
