//! Planes of values that kernels read and write.

use std::ops::Range;

/// Planes to read from.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub data: *const f32,
    /// Values from one row to the next.
    pub row: usize,
    /// Values from one plane to the next.
    pub plane: usize,
}

impl Source {
    /// The same planes from another row and column on.
    pub fn at(self, row: usize, column: usize) -> Self {
        Self {
            data: self.data.wrapping_add(row * self.row + column),
            ..self
        }
    }
}

/// Some channels to read.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub source: Source,
    pub channels: usize,
}

/// Planes to write to.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub data: *mut f32,
    /// Values from one row to the next.
    pub row: usize,
    /// Values from one plane to the next.
    pub plane: usize,
    pub rows: usize,
    pub columns: usize,
}

// SAFETY: it is a place without access to it: kernels, which are unsafe to call, write there, and their callers vouch
// that nothing else uses it meanwhile, on this thread or another.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// Some of the rows.
    pub fn rows(self, rows: Range<usize>) -> Self {
        Self {
            data: self.data.wrapping_add(rows.start * self.row),
            rows: rows.len(),
            ..self
        }
    }

    /// The planes from this one on.
    pub fn planes_from(self, plane: usize) -> Self {
        Self {
            data: self.data.wrapping_add(plane * self.plane),
            ..self
        }
    }

    /// The same planes to read.
    pub fn source(self) -> Source {
        Source {
            data: self.data,
            row: self.row,
            plane: self.plane,
        }
    }
}
