//! Comparisons of an engine's results: with the definition, and of tiles with the whole image.

use super::Maps;
use crate::graph::Plan;
use crate::image::{Planes, Rect};
use crate::pipeline::Tile;

impl Maps {
    /// The largest difference of an engine's result, as a share of the largest value or of 1; infinity if sizes
    /// differ or a value is not a number.
    pub fn difference(&self, found: &Planes) -> f64 {
        if self.size() != [found.channels, found.height, found.width] {
            return f64::INFINITY;
        }
        let largest = self.data.iter().fold(1f64, |a, b| a.max(b.abs()));
        let pairs = self.data.iter().zip(&found.data);
        let apart = pairs.map(|(a, b)| (a - f64::from(*b)).abs() / largest);
        apart.fold(0.0, |worst, apart| {
            let apart = if apart.is_nan() { f64::INFINITY } else { apart };
            apart.max(worst)
        })
    }
}

/// Whether the result of a tile's padded input has the same bits in the tile's core as the result of the whole image.
pub fn core_is_equal(plan: &Plan, tile: &Tile, found: &Planes, whole: &Planes) -> bool {
    let size = plan.output().size;
    // Beyond the image's end its last pixels may be rounded up.
    let range = |start: usize, length: usize| size.px(start)..size.px(start + length);
    let (core, padded) = (tile.core, tile.padded);
    let (x, y) = (range(core.x, core.width), range(core.y, core.height));
    let place = |left: usize, top: usize| Rect {
        x: x.start - left,
        y: y.start - top,
        width: x.len(),
        height: y.len(),
    };
    let inside = place(size.px(padded.x), size.px(padded.y));
    found.crop(inside) == whole.crop(place(0, 0))
}
