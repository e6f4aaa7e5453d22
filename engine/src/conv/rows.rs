//! Some rows of a value, and zeros around them: what a convolution reads while its input comes in.

use super::loops::{Source, Target};

/// The longest vector of any instruction set that is compiled in.
pub(super) const LANES: usize = if cfg!(target_family = "wasm") { 4 } else { 16 };

/// The rows `first..end` of a value `[channels, rows, columns]`, row by row, with `border` zeros to
/// the left and right of each. Rows may lie above the picture and below it, counted on from its
/// own; they are zeros.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    channels: usize,
    columns: usize,
    border: usize,
    /// From one channel of a row to the next.
    stride: usize,
    /// The number of the row at the beginning of `data`.
    base: isize,
    first: isize,
    end: isize,
    data: Vec<f32>,
}

impl Rows {
    /// Forgets all rows, and begins anew with `border` rows of zeros above the picture.
    pub fn reset(&mut self, channels: usize, columns: usize, border: usize) {
        // Vectors run past a row's end, as far as a kernel reaches: four together, and four values more.
        // They may begin anywhere in the border.
        let stride = (columns + border).next_multiple_of(4 * LANES) + 2 * border + 8;
        if [channels, columns, border] != [self.channels, self.columns, self.border] {
            // Who writes into borders makes zeros of them again.
            self.data.fill(0.0);
        }
        let above = -(border as isize);
        *self = Self {
            channels,
            columns,
            border,
            stride,
            base: above,
            first: above,
            end: above,
            data: std::mem::take(&mut self.data),
        };
        self.push_zeros(border);
    }

    /// The first row that is still there.
    pub fn first(&self) -> isize {
        self.first
    }

    /// The number of the next row.
    pub fn end(&self) -> isize {
        self.end
    }

    /// Maps.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Columns without borders.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Zeros on each side.
    pub fn border(&self) -> usize {
        self.border
    }

    fn row_values(&self) -> usize {
        self.channels * self.stride
    }

    /// `count` rows more, which hold anything; returns the number of the first one.
    pub fn push(&mut self, count: usize) -> isize {
        let from = self.end;
        self.end += count as isize;
        let needed = (self.end - self.base) as usize * self.row_values();
        if self.data.len() < needed {
            self.data.resize(needed, 0.0);
        }
        from
    }

    /// `count` rows of zeros more.
    pub fn push_zeros(&mut self, count: usize) {
        let from = self.push(count);
        let start = self.offset(from, 0);
        let length = count * self.row_values();
        self.data[start..start + length].fill(0.0);
    }

    /// Rows before this one are not needed any more.
    pub fn keep_from(&mut self, row: isize) {
        self.first = row.clamp(self.first, self.end);
        let (dropped, kept) = (self.first - self.base, self.end - self.first);
        // Moving the rest to the front costs less than what was done to fill it.
        if dropped > 0 && dropped >= kept {
            let start = self.offset(self.first, 0);
            let length = kept as usize * self.row_values();
            self.data.copy_within(start..start + length, 0);
            self.base = self.first;
        }
    }

    /// Where a row's channel begins, its border included.
    fn offset(&self, row: isize, channel: usize) -> usize {
        (row - self.base) as usize * self.row_values() + channel * self.stride
    }

    fn inside(&self, row: isize, channel: usize) -> std::ops::Range<usize> {
        assert!((self.first..self.end).contains(&row) && channel < self.channels);
        let start = self.offset(row, channel) + self.border;
        start..start + self.columns
    }

    /// A row of a channel, without borders.
    pub fn row(&self, row: isize, channel: usize) -> &[f32] {
        &self.data[self.inside(row, channel)]
    }

    /// The same to be written.
    pub fn row_mut(&mut self, row: isize, channel: usize) -> &mut [f32] {
        let inside = self.inside(row, channel);
        &mut self.data[inside]
    }

    /// Where `count` rows of a channel begin with `left` columns of the border.
    fn start(&self, row: isize, count: usize, channel: usize, left: usize) -> usize {
        assert!(self.first <= row && row + count as isize <= self.end);
        assert!(left <= self.border && channel <= self.channels);
        self.offset(row, channel) + self.border - left
    }

    /// `count` rows from this one to read, from `left` columns left of the picture and its channel
    /// `channel` on.
    ///
    /// # Panics
    /// Where they are not all there.
    pub(super) fn source(&self, row: isize, count: usize, channel: usize, left: usize) -> Source {
        let start = self.start(row, count, channel, left);
        Source {
            data: self.data[start..].as_ptr(),
            row: self.row_values(),
            plane: self.stride,
        }
    }

    /// `count` rows from this one to write, from `left` columns left of the picture and its channel
    /// `channel` on.
    ///
    /// # Panics
    /// Where they are not all there.
    pub(super) fn target(
        &mut self,
        row: isize,
        count: usize,
        channel: usize,
        left: usize,
    ) -> Target {
        let start = self.start(row, count, channel, left);
        Target {
            row: self.row_values(),
            plane: self.stride,
            rows: count,
            columns: left + self.columns,
            data: self.data[start..].as_mut_ptr(),
        }
    }

    /// Makes zeros of the rows above the picture and of `left` columns left of it, from this row on.
    pub(super) fn clear_outside(&mut self, row: isize, left: usize) {
        for y in row..self.end {
            let length = if y < 0 { left + self.columns } else { left };
            for channel in 0..self.channels {
                let start = self.offset(y, channel) + self.border - left;
                self.data[start..start + length].fill(0.0);
            }
        }
    }
}
