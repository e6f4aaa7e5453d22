//! Memory of each thread, which is reused, and padded pixels in it.

use std::cell::RefCell;

use super::pixels::{Pixels, ToPixels};
use crate::conv::planes::Source;
use crate::conv::{Isa, on};

/// Values in a cache line of 64 bytes.
pub(super) const LINE: usize = 16;

/// Memory of this thread, which is reused.
#[derive(Default)]
pub(super) struct Scratch {
    /// The input's pixels, or a part of them.
    pub pixels: Vec<f32>,
    /// The output's gradient: its planes, and its pixels.
    pub planes: Vec<f32>,
    pub gradient: Vec<f32>,
    pub positions: Positions,
}

/// Memory for tiles.
#[derive(Default)]
pub(super) struct Positions {
    pub from: Vec<f32>,
    pub to: Vec<f32>,
    /// The output's pixels of a row of tiles.
    pub strip: Vec<f32>,
    /// The kernels' gradient.
    pub kernels: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The memory of this thread.
pub(super) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(f)
}

/// So many values that begin where a cache line does.
pub(super) fn room(data: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if data.len() < length + LINE {
        data.resize(length + LINE, 0.0);
    }
    let aligned = data.as_ptr().align_offset(LINE * size_of::<f32>());
    &mut data[aligned..][..length]
}

/// Rows of pixels with zeros to the left and right.
pub(super) struct PaddedPixels {
    pub pixels: Pixels,
    /// Columns to the left of the image.
    left: usize,
    columns: usize,
}

impl PaddedPixels {
    /// Lays out so many rows of pixels, `width` columns with `columns` of the image after `left` zeros. The rest of each
    /// row is zeros, the image not yet anything.
    pub fn new(
        data: &mut Vec<f32>,
        rows: usize,
        [left, columns, width]: [usize; 3],
        channels: usize,
    ) -> Self {
        let row = width * channels;
        let data = room(data, rows * row);
        for row in data.chunks_exact_mut(row) {
            row[..left * channels].fill(0.0);
            row[(left + columns) * channels..].fill(0.0);
        }
        Self {
            pixels: Pixels {
                data: data.as_mut_ptr(),
                row,
                pixel: channels,
            },
            left,
            columns,
        }
    }

    /// Fills so many rows, the first one being row `from` of `planes`, which have `height` rows. Rows outside of these
    /// become zeros.
    ///
    /// # Safety
    /// There are as many rows, and `planes` are `channels` readable planes of `height` rows and all columns.
    pub unsafe fn fill(
        &self,
        isa: Isa,
        planes: Source,
        channels: usize,
        height: usize,
        from: isize,
        rows: usize,
    ) {
        let above = (-from).clamp(0, rows as isize) as usize;
        let begin = from.max(0) as usize;
        let end = (from + rows as isize).clamp(0, height as isize) as usize;
        let below = above + end.saturating_sub(begin);
        let job = ToPixels {
            source: planes.at(begin, 0),
            channels,
            rows: below - above,
            columns: self.columns,
            target: self.pixels.at(above, self.left),
        };
        // SAFETY: as asked of the caller.
        unsafe {
            self.clear_rows(0, above);
            self.clear_rows(below, rows - below);
            on!(isa, to_pixels(&job));
        }
    }

    /// Makes zeros of so many rows.
    ///
    /// # Safety
    /// There are as many.
    pub unsafe fn clear_rows(&self, first: usize, count: usize) {
        let Pixels { data, row, .. } = self.pixels;
        // SAFETY: as asked of the caller.
        unsafe { data.add(first * row).write_bytes(0, count * row) };
    }
}
