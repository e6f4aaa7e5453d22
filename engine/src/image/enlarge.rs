//! Bicubic interpolation by an integer factor in `f32`, row by row: for chroma, alpha and the input of
//! networks that sharpen an enlarged image.
//!
//! Every value is a sum of four products of rows, which are sums of four products each, always in the
//! same order: it depends neither on the tile nor on its place in a row. [`resize`](super::resize::resize)
//! computes the same in `f64`.

use std::ops::Range;

use super::bands::for_bands;
use super::resize::{Method, mirror, phase_taps};
use super::{Planes, Rect};

/// Input pixels that an enlargement reads beyond its region.
pub const REACH_PX: usize = 2;

/// Input pixels that an enlarged pixel may depend on, at any phase.
const WINDOW_PX: usize = 2 * REACH_PX + 1;

/// The part `region` of the enlargement by `scale` of an image, of which only a part is given.
///
/// See [`Enlarger::new`].
pub fn enlarge_region(
    planes: &Planes,
    part: Rect,
    whole: (usize, usize),
    scale: usize,
    region: Rect,
) -> Planes {
    let mut data = vec![0.0; planes.channels * region.width * region.height];
    let enlarged = data.chunks_exact_mut(region.width * region.height);
    for (channel, enlarged) in enlarged.enumerate() {
        let plane = planes.plane(channel);
        for_bands(enlarged, region.width, |first, rows| {
            let band = region.band(first, rows.len() / region.width);
            let mut enlarger = Enlarger::new(plane, part, whole, scale, band);
            for row in rows.chunks_exact_mut(region.width) {
                enlarger.next_row(row);
            }
        });
    }
    Planes {
        channels: planes.channels,
        width: region.width,
        height: region.height,
        data,
    }
}

/// Computes the rows of an enlarged plane one by one.
pub struct Enlarger<'a> {
    plane: &'a [f32],
    part: Rect,
    whole: (usize, usize),
    phases: Vec<Phase>,
    /// The input columns that the region's columns lie in.
    columns: Range<usize>,
    /// Enlarged columns before the region's first one.
    skipped: usize,
    /// The next output row.
    next: usize,
    /// The next input row to enlarge in width.
    unseen: usize,
    /// The last [`WINDOW_PX`] input rows, enlarged in width; row `y` is at `y % WINDOW_PX`.
    wide: Vec<f32>,
    /// An input row, extended at both ends.
    padded: Vec<f32>,
    /// The columns of each phase.
    lines: Vec<f32>,
}

impl<'a> Enlarger<'a> {
    /// The part `region` of the enlargement by `scale` of an image, of which only a part is given.
    ///
    /// `part` is the place of `plane` in the whole image, whose size is `whole` (width, height).
    /// Away from the whole image's borders it has to reach [`REACH_PX`] further than the pixels
    /// that `region` lies in.
    pub fn new(
        plane: &'a [f32],
        part: Rect,
        whole: (usize, usize),
        scale: usize,
        region: Rect,
    ) -> Self {
        let columns = region.x / scale..(region.x + region.width).div_ceil(scale);
        Self {
            plane,
            part,
            whole,
            phases: (0..scale).map(|phase| Phase::new(phase, scale)).collect(),
            skipped: region.x - columns.start * scale,
            next: region.y,
            unseen: (region.y / scale).saturating_sub(REACH_PX),
            wide: vec![0.0; WINDOW_PX * columns.len() * scale],
            padded: vec![0.0; columns.len() + 2 * REACH_PX],
            lines: vec![0.0; columns.len() * scale],
            columns,
        }
    }

    /// The region's next row. The caller asks for no more than there are.
    pub fn next_row(&mut self, out: &mut [f32]) {
        let scale = self.phases.len();
        let (y, phase) = (self.next / scale, self.next % scale);
        self.next += 1;
        while self.unseen < (y + REACH_PX + 1).min(self.whole.1) {
            self.widen();
        }
        let width = self.columns.len() * scale;
        let phase = &self.phases[phase];
        let rows = std::array::from_fn(|tap| {
            let row = (y + phase.first + tap) as i64 - REACH_PX as i64;
            let at = mirror(row, self.whole.1) % WINDOW_PX * width + self.skipped;
            &self.wide[at..][..out.len()]
        });
        phase.weigh(rows, out);
    }

    /// Enlarges the next input row in width.
    fn widen(&mut self) {
        let row = &self.plane[(self.unseen - self.part.y) * self.part.width..][..self.part.width];
        let Range { start, end } = self.columns;
        let there = start.saturating_sub(REACH_PX)..(end + REACH_PX).min(self.whole.0);
        let before = there.start + REACH_PX - start;
        let after = before + there.len();
        let inner = &row[there.start - self.part.x..][..there.len()];
        self.padded[before..after].copy_from_slice(inner);
        for at in (0..before).chain(after..self.padded.len()) {
            let column = (start + at) as i64 - REACH_PX as i64;
            self.padded[at] = row[mirror(column, self.whole.0) - self.part.x];
        }

        let (scale, count) = (self.phases.len(), self.columns.len());
        let wide = &mut self.wide[self.unseen % WINDOW_PX * count * scale..][..count * scale];
        for (offset, phase) in self.phases.iter().enumerate() {
            let taps = std::array::from_fn(|tap| &self.padded[phase.first + tap..][..count]);
            phase.weigh(taps, &mut self.lines[offset * count..][..count]);
        }
        if scale == 2 {
            // The common factor, in vector instructions.
            let (left, right) = self.lines.split_at(count);
            let pairs = left.iter().zip(right).map(|(left, right)| [*left, *right]);
            for (out, pair) in wide.as_chunks_mut().0.iter_mut().zip(pairs) {
                *out = pair;
            }
        } else {
            for (offset, line) in self.lines.chunks_exact(count).enumerate() {
                for (out, value) in wide[offset..].iter_mut().step_by(scale).zip(line) {
                    *out = *value;
                }
            }
        }
        self.unseen += 1;
    }
}

/// The weights of the enlarged pixels of one phase.
struct Phase {
    /// The first of the four pixels with non-zero weights, counted from the window's first.
    first: usize,
    weights: [f32; 4],
}

impl Phase {
    fn new(phase: usize, scale: usize) -> Self {
        let taps = phase_taps(phase, scale, Method::Bicubic);
        // In a pixel's left half the rightmost tap is zero.
        let first = usize::from(2 * phase + 1 >= scale);
        Self {
            first,
            weights: std::array::from_fn(|tap| taps[first + tap]),
        }
    }

    fn weigh(&self, [a, b, c, d]: [&[f32]; 4], out: &mut [f32]) {
        let weights = self.weights;
        let taps = a.iter().zip(b).zip(c.iter().zip(d));
        for (out, ((a, b), (c, d))) in out.iter_mut().zip(taps) {
            *out = weights[0] * a + weights[1] * b + weights[2] * c + weights[3] * d;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::resize::resize;
    use super::*;

    fn noise(width: usize, height: usize) -> Planes {
        let count = (width * height) as u32;
        let value = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as f32 / 255.0;
        Planes {
            channels: 1,
            width,
            height,
            data: (0..count).map(value).collect(),
        }
    }

    fn cut(planes: &Planes, part: Rect) -> Planes {
        let rows = planes.data.chunks_exact(planes.width);
        let rows = rows.skip(part.y).take(part.height);
        Planes {
            channels: 1,
            width: part.width,
            height: part.height,
            data: rows
                .flat_map(|row| row[part.x..][..part.width].to_vec())
                .collect(),
        }
    }

    #[test]
    fn is_the_resize_in_double_precision() {
        for (width, height) in [(1, 1), (1, 6), (2, 2), (5, 1), (19, 14)] {
            let small = noise(width, height);
            let whole = Rect::whole(width, height);
            for scale in [1, 2, 3, 4, 8] {
                let region = whole.scaled(scale);
                let large = enlarge_region(&small, whole, (width, height), scale, region);
                let exact = resize(&small, width * scale, height * scale, Method::Bicubic);
                for (a, b) in large.data.iter().zip(&exact.data) {
                    assert!((a - b).abs() < 1e-6, "{width}×{height} by {scale}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn a_part_gives_the_same_values_as_the_whole() {
        let small = noise(23, 17);
        let whole = Rect::whole(23, 17);
        for scale in 1..=4 {
            let all = enlarge_region(&small, whole, (23, 17), scale, whole.scaled(scale));
            for core in [(0, 0, 5, 4), (7, 6, 3, 5), (20, 15, 3, 2), (11, 0, 1, 17)] {
                let (x, y, width, height) = core;
                let core = Rect {
                    x,
                    y,
                    width,
                    height,
                };
                // Grown by a pixel, a region begins and ends within a pixel of the input.
                for (margin, reach) in [(0, REACH_PX), (1, REACH_PX + 1)] {
                    let part = core.grown([reach; 2], 23, 17);
                    let region = core.scaled(scale).grown([margin; 2], all.width, all.height);
                    let some = enlarge_region(&cut(&small, part), part, (23, 17), scale, region);
                    assert_eq!(some, cut(&all, region));
                }
            }
        }
    }
}
