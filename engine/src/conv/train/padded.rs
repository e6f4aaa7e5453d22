//! Padded copies of pictures, in memory that is used again and again.

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

    /// Copies rows in, the first one being the picture's row `from`; rows outside of the picture
    /// become zeros. `picture` is `[channels, height, columns]`.
    pub fn copy(&mut self, picture: &[f32], height: usize, from: isize) {
        let (row, plane) = (self.row(), self.plane());
        for channel in 0..self.channels {
            let source = &picture[channel * height * self.columns..][..height * self.columns];
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

    fn skipped(&self) -> usize {
        self.margin_rows * self.row() + self.margin_columns
    }

    /// The picture with its margins.
    pub fn with_margins(&self) -> Source {
        Source {
            data: self.data.as_ptr(),
            row: self.row(),
            plane: self.plane(),
        }
    }

    /// All channels with their margins.
    pub fn part(&self) -> Part {
        Part {
            source: self.with_margins(),
            channels: self.channels,
        }
    }

    /// The picture without the margins above and to the left.
    pub fn inside(&self) -> Source {
        Source {
            data: self.data[self.skipped()..].as_ptr(),
            ..self.with_margins()
        }
    }

    /// The picture inside the margins, to be written.
    pub fn inside_mut(&mut self) -> Target {
        let skipped = self.skipped();
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
    static BUFFERS: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Two buffers of this thread.
pub(super) fn with_buffers<R>(f: impl FnOnce(&mut Vec<f32>, &mut Vec<f32>) -> R) -> R {
    BUFFERS.with_borrow_mut(|[a, b]| f(a, b))
}
