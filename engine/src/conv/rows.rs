//! Some rows of a value with zeros around them, as convolutions read and write them.

use std::ops::Range;

use super::planes::{Source, Target};
use super::{Threads, winograd};

/// The longest vector of any instruction set that is compiled in.
pub(super) const LANES: usize = if cfg!(target_family = "wasm") { 4 } else { 16 };

/// The most often that a row is moved before it is dropped; computing it is far more work. A buffer that moves rows twice
/// holds one and a half times the rows that are needed, so a page moves them four times.
const MOST_MOVES: isize = if cfg!(target_family = "wasm") { 4 } else { 2 };

/// The rows that a buffer holds, without their contents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// The number of the row at the beginning of the buffer.
    base: isize,
    /// The first row that is still there.
    first: isize,
    /// The number of the next row.
    end: isize,
}

impl Span {
    /// `border` rows above the image, which have negative numbers.
    pub fn new(border: usize) -> Self {
        let above = -(border as isize);
        Self {
            base: above,
            first: above,
            end: 0,
        }
    }

    /// Rows that the buffer has to have room for.
    pub fn rows(&self) -> usize {
        (self.end - self.base) as usize
    }

    /// Adds `count` rows.
    pub fn push(&mut self, count: usize) {
        self.end += count as isize;
    }

    /// Drops the rows before this one. Returns the rows to move to the buffer's beginning, if it is time for that.
    pub fn keep_from(&mut self, row: isize) -> Option<Range<isize>> {
        self.first = row.clamp(self.first, self.end);
        let (dropped, kept) = (self.first - self.base, self.end - self.first);
        let is_time = dropped > 0 && MOST_MOVES * dropped >= kept;
        is_time.then(|| {
            self.base = self.first;
            self.first..self.end
        })
    }
}

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
    span: Span,
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

/// Bytes of a row of so many channels with its borders, saturated: sizes may be hostile.
pub fn row_bytes(channels: usize, columns: usize, border: usize) -> u64 {
    let values = (channels as u64).saturating_mul(stride(columns, border) as u64);
    values.saturating_mul(size_of::<f32>() as u64)
}

/// Makes a buffer so long, if it is shorter. Growing by more would waste memory in every value of a network.
fn fit(data: &mut Vec<f32>, length: usize) {
    if data.len() < length {
        data.reserve_exact(length - data.len());
        data.resize(length, 0.0);
    }
}

impl Rows {
    /// Forgets all rows, and begins anew with `border` rows of zeros above the image. Makes room for `rows` rows in all:
    /// a buffer that grows bit by bit is copied as often, and leaves holes in a page's memory.
    pub fn reset(&mut self, channels: usize, columns: usize, border: usize, rows: usize) {
        if [channels, columns, border] != [self.channels, self.columns, self.border] {
            // In another layout, values of the old rows would lie in the borders.
            self.data.fill(0.0);
        }
        let mut data = std::mem::take(&mut self.data);
        let stride = stride(columns, border);
        let row_values = channels * stride;
        fit(&mut data, rows.max(border) * row_values);
        data[..border * row_values].fill(0.0);
        *self = Self {
            channels,
            columns,
            border,
            stride,
            span: Span::new(border),
            data,
        };
    }

    /// The first row that is still there.
    pub fn first(&self) -> isize {
        self.span.first
    }

    /// The number of the next row.
    pub fn end(&self) -> isize {
        self.span.end
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
        let from = self.span.end;
        self.span.push(count);
        let length = self.span.rows() * self.row_values();
        fit(&mut self.data, length);
        from
    }

    /// Adds `count` rows, and fills each of their channels, given its row, number and columns, on so many threads. Each
    /// thread begins with values of its own.
    pub fn push_each<T>(
        &mut self,
        count: usize,
        threads: &Threads,
        begin: impl Fn() -> T + Sync,
        fill: impl Fn(&mut T, isize, usize, &mut [f32]) + Sync,
    ) {
        if count == 0 {
            return;
        }
        let from = self.push(count);
        let (border, columns, stride) = (self.border, self.columns, self.stride);
        let (start, row_values) = (self.offset(from, 0), self.row_values());
        let rows = &mut self.data[start..][..count * row_values];
        let most = count.div_ceil(threads.count());
        threads.share(rows.chunks_mut(most * row_values), |i, rows| {
            let mut values = begin();
            let from = from + (i * most) as isize;
            for (y, row) in (from..).zip(rows.chunks_exact_mut(row_values)) {
                for (channel, row) in row.chunks_exact_mut(stride).enumerate() {
                    fill(&mut values, y, channel, &mut row[border..][..columns]);
                }
            }
        });
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
        let base = self.span.base;
        if let Some(kept) = self.span.keep_from(row) {
            let values = self.row_values();
            let [start, end] = [kept.start, kept.end].map(|row| (row - base) as usize * values);
            self.data.copy_within(start..end, 0);
        }
    }

    /// Where a row's channel begins, its border included.
    fn offset(&self, row: isize, channel: usize) -> usize {
        (row - self.span.base) as usize * self.row_values() + channel * self.stride
    }

    fn inside(&self, row: isize, channel: usize) -> Range<usize> {
        assert!((self.span.first..self.span.end).contains(&row) && channel < self.channels);
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
        assert!(
            self.span.first <= rows.start && rows.start < rows.end && rows.end <= self.span.end
        );
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
        for y in row..self.span.end {
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
