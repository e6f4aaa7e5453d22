//! Some rows of a value with zeros around them, as convolutions read and write them.

use std::ops::Range;

use super::planes::{Source, Target};
use super::winograd;

/// The longest vector of any instruction set that is compiled in.
pub(super) const LANES: usize = if cfg!(target_family = "wasm") { 4 } else { 16 };

/// Rows of a value `[channels, rows, columns]`, row by row, with `border` zeros to the left and right of each.
///
/// Rows above the image have negative numbers, those below it follow on; both are zeros.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    channels: usize,
    columns: usize,
    border: usize,
    /// Values from one channel of a row to the next.
    stride: usize,
    /// The number of the row at the beginning of `data`.
    base: isize,
    first: isize,
    end: isize,
    data: Vec<f32>,
}

/// The part of some [`Rows`] that a kernel reads or writes.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pub rows: Range<isize>,
    pub channels: Range<usize>,
    /// Columns of the left border that belong to it.
    pub left: usize,
    /// Columns, those of the left border included; whole vectors may run past the right border.
    pub columns: usize,
}

/// Values from one channel of a row to the next: the row with its left border, and all that kernels read to the
/// right of the row.
///
/// Kernels begin in the left border or at the first column, and read whole vectors:
/// - A direct or depthwise one makes n columns and reads n rounded up to whole vectors, and the kernel's reach
///   on both sides: at most n + LANES − 1 + 2·reach. Without padding n = columns − 2·reach and it begins at the
///   first column, so that it ends at most LANES − 1 columns right of the row; with padding n = columns and it
///   begins `reach` ≤ `border` columns left of the row, so that it ends at most border + LANES − 1 right of it.
/// - Winograd's reads at most [`winograd::columns_read`], 4·LANES + 3 more than n, and begins one column left of
///   the n at most: it ends at most 4·LANES + 2 right of the row.
/// - The values that are added are read like n columns, rounded up to four whole vectors for Winograd.
fn stride(columns: usize, border: usize) -> usize {
    let direct = border + LANES - 1;
    let winograd = winograd::columns_read(LANES, 0) - 1;
    border + columns + direct.max(winograd)
}

impl Rows {
    /// Forgets all rows, and begins anew with `border` rows of zeros above the image.
    pub fn reset(&mut self, channels: usize, columns: usize, border: usize) {
        if [channels, columns, border] != [self.channels, self.columns, self.border] {
            // In another layout, values of the old rows would lie in the borders.
            self.data.fill(0.0);
        }
        let above = -(border as isize);
        *self = Self {
            channels,
            columns,
            border,
            stride: stride(columns, border),
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

    /// Channels.
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

    /// Adds `count` rows of any values; returns the number of the first one.
    pub fn push(&mut self, count: usize) -> isize {
        let from = self.end;
        self.end += count as isize;
        let needed = (self.end - self.base) as usize * self.row_values();
        if self.data.len() < needed {
            self.data.resize(needed, 0.0);
        }
        from
    }

    /// Adds `count` rows of zeros.
    pub fn push_zeros(&mut self, count: usize) {
        let from = self.push(count);
        let start = self.offset(from, 0);
        let length = count * self.row_values();
        self.data[start..start + length].fill(0.0);
    }

    /// Drops the rows before this one.
    pub fn keep_from(&mut self, row: isize) {
        self.first = row.clamp(self.first, self.end);
        let (dropped, kept) = (self.first - self.base, self.end - self.first);
        // Moving the rest to the front costs less than it did to fill it.
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

    fn inside(&self, row: isize, channel: usize) -> Range<usize> {
        assert!((self.first..self.end).contains(&row) && channel < self.channels);
        let start = self.offset(row, channel) + self.border;
        start..start + self.columns
    }

    /// A row of a channel, without borders.
    pub fn row(&self, row: isize, channel: usize) -> &[f32] {
        &self.data[self.inside(row, channel)]
    }

    /// A row of a channel to be written, without borders.
    pub fn row_mut(&mut self, row: isize, channel: usize) -> &mut [f32] {
        let inside = self.inside(row, channel);
        &mut self.data[inside]
    }

    /// Where an area begins in `data`, and one behind where its last row of its last channel ends.
    fn range(&self, area: &Area) -> Range<usize> {
        let Area {
            rows,
            channels,
            left,
            columns,
        } = area;
        assert!(self.first <= rows.start && rows.start < rows.end && rows.end <= self.end);
        assert!(channels.start < channels.end && channels.end <= self.channels);
        assert!(*left <= self.border);
        let at = |row, channel| self.offset(row, channel) + self.border - left;
        at(rows.start, channels.start)..at(rows.end - 1, channels.end - 1) + columns
    }

    /// An area to read, every value of it.
    ///
    /// # Panics
    /// Where it is not there or empty.
    pub(super) fn source(&self, area: &Area) -> Source {
        Source {
            data: self.data[self.range(area)].as_ptr(),
            row: self.row_values(),
            plane: self.stride,
        }
    }

    /// An area to write.
    ///
    /// # Panics
    /// Where it is not there or empty.
    pub(super) fn target(&mut self, area: &Area) -> Target {
        let range = self.range(area);
        Target {
            row: self.row_values(),
            plane: self.stride,
            rows: area.rows.clone().count(),
            columns: area.columns,
            data: self.data[range].as_mut_ptr(),
        }
    }

    /// Sets to zero the rows above the image and `left` columns left of it, from this row on.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::{direct, winograd};

    /// Every instruction set's vectors, also of those that this processor lacks.
    const VECTORS: [usize; 4] = [1, 4, 8, 16];

    #[test]
    fn rows_hold_all_that_a_direct_kernel_reads() {
        for lanes in VECTORS {
            for (k, dilation) in (0..=31).flat_map(|half| [1, 2, 7].map(|d| (2 * half + 1, d))) {
                let reach = dilation * (k / 2);
                for (padding, more) in [(0, 0), (0, 3), (reach, 0), (reach, 3)] {
                    let border = padding + more;
                    for made in 1..=300 {
                        let columns = made + 2 * (reach - padding);
                        let end = border - padding + direct::columns_read(lanes, made, k, dilation);
                        let stride = stride(columns, border);
                        assert!(
                            end <= stride,
                            "k = {k}, dilation {dilation}, padding {padding}, border {border}, {columns} columns, \
                             vectors of {lanes}: {end} read of {stride}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn rows_hold_all_that_winograd_reads() {
        for lanes in VECTORS {
            for (padding, left, columns) in
                (0..=1).flat_map(|p| (0..4).flat_map(move |l| (3..=300).map(move |c| (p, l, c))))
            {
                let border = padding + winograd::SIDE - 1;
                let stride = stride(columns, border);
                let made = left + columns - 2 * (1 - padding);
                let input = border - padding - left + winograd::columns_read(lanes, made);
                let added = border - left + made.next_multiple_of(winograd::SIDE * lanes);
                assert!(
                    input <= stride && added <= stride,
                    "padding {padding}, left {left}, {columns} columns, vectors of {lanes}: {input} and {added} \
                     read of {stride}"
                );
            }
        }
    }
}
