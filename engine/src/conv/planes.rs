//! Planes of values that kernels read and write.

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
