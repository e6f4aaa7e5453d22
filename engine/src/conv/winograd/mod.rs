//! Winograd's minimal filtering F(4×4, 3×3).
//!
//! A tile of 4×4 output pixels is made of 6×6 input pixels with 36 multiplications a channel, where the
//! definition takes 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
//! arXiv:1509.09308). The pixels of a tile are combined to 36 *positions*; at each of them the convolution is a
//! product of matrices, and the results are combined to 16 pixels. The lanes of a vector are tiles that lie side
//! by side.
//!
//! Values differ from the definition's by some 1e-6 of their size, and depend on where tiles begin: images have to
//! be cut at multiples of [`SIDE`].

mod layer;
pub(super) mod product;
pub(super) mod transform;

pub(super) use layer::Layer;

/// Rows and columns of a tile of the output.
pub(super) const SIDE: usize = 4;

/// Rows and columns of the input that a tile is made of.
pub(super) const REACH: usize = 6;

/// Combinations of these.
pub(super) const POSITIONS: usize = REACH * REACH;

/// The position that adds the same to all pixels of a tile (Aᵀ·e·A is all ones for e = 1 here): the bias belongs to it.
const BIAS: usize = REACH + 1;

/// Columns that are read of a row for `columns` of the output, with vectors of `lanes` values: these rounded up
/// to four whole vectors wherever a chunk ends, and four more of the last tile.
pub(super) const fn columns_read(lanes: usize, columns: usize) -> usize {
    columns + SIDE * lanes - 1 + SIDE
}

/// G of the paper: from three taps of a kernel to the positions along one axis.
const WEIGHTS: [[f64; 3]; REACH] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// The weight of a kernel `[3, 3]` at a position: G·g·Gᵀ.
pub(super) fn weight(kernel: &[f32], position: usize) -> f32 {
    let (rows, columns) = (WEIGHTS[position / REACH], WEIGHTS[position % REACH]);
    let tap = |i: usize| rows[i / 3] * columns[i % 3] * f64::from(kernel[i]);
    (0..9).map(tap).sum::<f64>() as f32
}

/// Values `[POSITIONS, channels, tiles]`.
#[derive(Clone, Copy)]
pub(super) struct Positions {
    pub data: *mut f32,
    /// Values from one position to the next.
    pub position: usize,
    /// Values from one channel to the next.
    pub plane: usize,
}

impl Positions {
    /// The same from another channel and tile on.
    fn at(self, channel: usize, tile: usize) -> Self {
        Self {
            data: self.data.wrapping_add(channel * self.plane + tile),
            ..self
        }
    }
}
