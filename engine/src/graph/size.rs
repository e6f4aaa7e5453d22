//! Sizes of values, and the rows and columns that steps read.

use std::ops::Range;

/// Largest factor by which a graph may enlarge or shrink its input.
pub(super) const MAX_SCALE: usize = 64;

/// Pixels along an axis as a function of the network input's pixels n: `⌈n·up / down⌉·multiple`.
///
/// The three numbers are at most 64, so that images of up to a million pixels a side stay within 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    up: usize,
    down: usize,
    multiple: usize,
}

impl Size {
    /// The size of the network's input.
    pub const INPUT: Self = Self {
        up: 1,
        down: 1,
        multiple: 1,
    };

    /// Pixels for an input of `input_px`.
    pub fn px(self, input_px: usize) -> usize {
        (input_px * self.up).div_ceil(self.down) * self.multiple
    }

    /// Numerator and denominator of the scale relative to the input, reduced.
    pub fn scale(self) -> [usize; 2] {
        let up = self.up * self.multiple;
        let common = gcd(up, self.down);
        [up / common, self.down / common]
    }

    /// Input pixels at whose multiples a tile has to begin, so that this value has a whole number of
    /// pixels there.
    pub fn align_px(self) -> usize {
        self.down / gcd(self.up, self.down)
    }

    /// The numbers up, down and multiple.
    pub fn parts(self) -> [usize; 3] {
        [self.up, self.down, self.multiple]
    }

    /// `scale` times as large.
    pub(super) fn enlarged(self, scale: usize) -> Option<Self> {
        let multiple = self.multiple * scale;
        Self { multiple, ..self }.checked()
    }

    /// `scale` times as small; a part of a pixel counts as a pixel.
    pub(super) fn shrunk(self, scale: usize) -> Option<Self> {
        let Self { up, down, multiple } = self;
        let shrunk = if multiple.is_multiple_of(scale) {
            let multiple = multiple / scale;
            Self { multiple, ..self }
        } else if multiple == 1 {
            let down = down * scale;
            Self { down, ..self }
        } else if down == 1 {
            let common = gcd(up * multiple, scale);
            Self {
                up: up * multiple / common,
                down: scale / common,
                multiple: 1,
            }
        } else {
            // Two roundings that no single one equals.
            return None;
        };
        shrunk.checked()
    }

    /// Rounded up to a multiple of `multiple`.
    pub(super) fn aligned(self, multiple: usize) -> Option<Self> {
        if self.multiple.is_multiple_of(multiple) {
            return Some(self);
        }
        self.shrunk(multiple)?.enlarged(multiple)
    }

    /// The size of a result of `scale` times the input.
    pub(super) fn times(scale: usize) -> Option<Self> {
        Self::INPUT.enlarged(scale)
    }

    fn checked(self) -> Option<Self> {
        let all = [self.up, self.down, self.multiple];
        let fits = all.iter().all(|part| (1..=MAX_SCALE).contains(part));
        fits.then_some(self)
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The size of a value for an input of `h`×`w` pixels: `[channels, size(h) + 2·margin, size(w) + 2·margin]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Feature maps.
    pub channels: usize,
    /// Pixels of the image itself.
    pub size: Size,
    /// Pixels around the image, on each side; negative in networks trained without padding.
    pub margin: isize,
}

impl Extent {
    /// Pixels along an axis, margins included, for an input of `input_px`.
    pub fn px(self, input_px: usize) -> usize {
        self.size
            .px(input_px)
            .saturating_add_signed(2 * self.margin)
    }

    /// [`margin`](Self::margin) of a value in a finished graph, where it is not negative.
    pub fn margin_px(self) -> usize {
        self.margin.unsigned_abs()
    }
}

/// The rows (or columns) of an input that a step reads for a range of its output's.
///
/// Rows are counted from the image's first one; those of a margin above it are negative. Tiles, halos, row
/// buffers and readiness all follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Output rows for `down` input rows.
    up: usize,
    /// Input rows for `up` output rows.
    down: usize,
    /// Rows read before and after the corresponding ones.
    reach: usize,
    /// Further rows, within the image, that are read near its borders.
    mirrored: usize,
}

impl Footprint {
    /// Each row of the output reads the same row of the input.
    pub const SAME: Self = Self {
        up: 1,
        down: 1,
        reach: 0,
        mirrored: 0,
    };

    pub(super) fn around(reach: usize) -> Self {
        Self {
            reach,
            ..Self::SAME
        }
    }

    pub(super) fn enlarging(up: usize) -> Self {
        Self { up, ..Self::SAME }
    }

    pub(super) fn shrinking(down: usize) -> Self {
        Self { down, ..Self::SAME }
    }

    pub(super) fn mirrored(mirrored: usize) -> Self {
        Self {
            mirrored,
            ..Self::SAME
        }
    }

    /// The rows read for the rows `output`, away from the image's borders.
    pub fn rows(&self, output: Range<isize>) -> Range<isize> {
        let [up, down, reach] = [self.up, self.down, self.reach].map(|n| n as isize);
        let start = (output.start * down).div_euclid(up) - reach;
        let end = -(-output.end * down).div_euclid(up) + reach;
        start..end
    }

    /// The end of the output rows that can be computed of the input rows before `end`, while the input is
    /// not complete.
    pub fn ready(&self, end: isize) -> isize {
        let [up, down, reach] = [self.up, self.down, self.reach].map(|n| n as isize);
        if end <= self.mirrored as isize {
            return isize::MIN;
        }
        ((end - reach) * up).div_euclid(down)
    }

    /// The first input row that is still needed once all output rows before `next` are computed.
    pub fn needed_from(&self, next: isize) -> isize {
        // The rows below the image are those above its last one, in reverse order.
        self.rows(next..next + 1).start - 2 * self.mirrored as isize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_as_their_steps_do() {
        let input = Size::INPUT;
        for n in 1..50 {
            let half = input.shrunk(2).unwrap();
            assert_eq!(half.px(n), n.div_ceil(2));
            assert_eq!(half.shrunk(3).unwrap().px(n), n.div_ceil(6));
            assert_eq!(half.enlarged(2).unwrap().px(n), 2 * n.div_ceil(2));
            assert_eq!(input.enlarged(4).unwrap().shrunk(2).unwrap().px(n), 2 * n);
            let two_thirds = input.enlarged(2).unwrap().shrunk(3).unwrap();
            assert_eq!(two_thirds.px(n), (2 * n).div_ceil(3));
            assert_eq!(input.aligned(4).unwrap().px(n), n.next_multiple_of(4));
        }
        let aligned = input.aligned(4).unwrap().enlarged(3).unwrap();
        assert_eq!((aligned.scale(), aligned.align_px()), ([3, 1], 4));
        assert_eq!(input.enlarged(65), None);
        assert_eq!(
            input.aligned(2).unwrap().enlarged(3).unwrap().shrunk(4),
            None
        );
    }

    #[test]
    fn readiness_and_need_agree_with_what_is_read() {
        let footprints = [
            Footprint::SAME,
            Footprint::around(3),
            Footprint::enlarging(3),
            Footprint::shrinking(2),
        ];
        for footprint in footprints {
            for end in 1..40 {
                let ready = footprint.ready(end);
                assert!(
                    footprint.rows(ready - 1..ready).end <= end,
                    "{footprint:?} {end}"
                );
                assert!(
                    footprint.rows(ready..ready + 1).end > end,
                    "{footprint:?} {end}"
                );
                let from = footprint.needed_from(end);
                assert!(footprint.rows(end..end + 5).start >= from);
            }
        }
    }
}
