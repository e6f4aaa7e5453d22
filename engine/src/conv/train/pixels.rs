//! Planes of channels to pixels whose channels lie side by side, and back, written once over [`Simd`].

use crate::conv::planes::{Source, Target};
use crate::conv::simd::Simd;

/// Pixels whose channels lie side by side.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Pixels {
    pub data: *mut f32,
    /// Values from one row to the next.
    pub row: usize,
    /// Values from one pixel to the next.
    pub pixel: usize,
}

impl Pixels {
    /// The same pixels from another row and column on.
    pub fn at(self, row: usize, column: usize) -> Self {
        Self {
            data: self.data.wrapping_add(row * self.row + column * self.pixel),
            ..self
        }
    }
}

/// The longest vector's values.
const LONGEST: usize = 16;

/// Rows from the one that is read to the one that is asked for: processors foresee fewer planes than there are.
const AHEAD: usize = 4;

/// Planes to pixels.
pub(in crate::conv) struct ToPixels {
    pub source: Source,
    pub channels: usize,
    pub rows: usize,
    pub columns: usize,
    /// Channels up to a whole vector become zeros, unless pixels are not of whole vectors.
    pub target: Pixels,
}

/// Runs a [`ToPixels`].
///
/// # Safety
/// `source` has `channels` readable planes of `rows` rows and `columns` columns; `target` has as many writable pixels,
/// and nothing else uses it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn to_pixels<S: Simd>(job: &ToPixels) {
    let ToPixels { source, target, .. } = *job;
    if target.pixel % S::LANES != 0 {
        for (channel, y) in (0..job.channels * job.rows).map(|i| (i / job.rows, i % job.rows)) {
            let from = source
                .data
                .wrapping_add(channel * source.plane + y * source.row);
            let to = target.at(y, 0).data.wrapping_add(channel);
            for x in 0..job.columns {
                // SAFETY: as asked of the caller.
                unsafe { *to.add(x * target.pixel) = *from.add(x) };
            }
        }
        return;
    }
    for y in 0..job.rows {
        for channel in (0..job.channels).step_by(S::LANES) {
            let planes = (job.channels - channel).min(S::LANES);
            for x in (0..job.columns).step_by(S::LANES) {
                let columns = (job.columns - x).min(S::LANES);
                let offset = channel * source.plane + y * source.row + x;
                let from = source.data.wrapping_add(offset);
                let to = target.at(y, x).data.wrapping_add(channel);
                // SAFETY: as asked of the caller; a row that ends within the vector is copied first, as what lies
                // behind it may not be readable.
                unsafe {
                    if columns == S::LANES {
                        for plane in 0..planes {
                            S::prefetch(
                                from.wrapping_add(plane * source.plane + AHEAD * source.row),
                            );
                        }
                        S::transpose((from, source.plane, planes), (to, target.pixel, columns));
                    } else {
                        let mut block = [0f32; LONGEST * LONGEST];
                        for plane in 0..planes {
                            let row = block.as_mut_ptr().add(plane * LONGEST);
                            row.copy_from_nonoverlapping(from.add(plane * source.plane), columns);
                        }
                        let block = (block.as_ptr(), LONGEST, planes);
                        S::transpose(block, (to, target.pixel, columns));
                    }
                }
            }
        }
    }
}

/// Pixels to planes.
pub(in crate::conv) struct ToPlanes {
    pub source: Pixels,
    pub channels: usize,
    pub target: Target,
}

/// Runs a [`ToPlanes`].
///
/// # Safety
/// `source` has as many readable pixels as `target` has places in a plane, `target` has `channels` writable planes, and
/// nothing else uses it; the processor has the instruction set.
#[inline(always)]
pub(in crate::conv) unsafe fn to_planes<S: Simd>(job: &ToPlanes) {
    let ToPlanes { source, target, .. } = *job;
    for y in 0..target.rows {
        for channel in (0..job.channels).step_by(S::LANES) {
            let planes = (job.channels - channel).min(S::LANES);
            for x in (0..target.columns).step_by(S::LANES) {
                let columns = (target.columns - x).min(S::LANES);
                let from = source.at(y, x).data.wrapping_add(channel).cast_const();
                let offset = channel * target.plane + y * target.row + x;
                let to = target.data.wrapping_add(offset);
                // SAFETY: as asked of the caller; of a vector that a row ends within, only the columns are copied.
                unsafe {
                    if columns == S::LANES {
                        for plane in 0..planes {
                            let ahead = plane * target.plane + AHEAD * target.row;
                            S::prefetch(to.wrapping_add(ahead));
                        }
                        S::transpose((from, source.pixel, columns), (to, target.plane, planes));
                    } else {
                        let mut block = [0f32; LONGEST * LONGEST];
                        let all = (block.as_mut_ptr(), LONGEST, planes);
                        S::transpose((from, source.pixel, columns), all);
                        for plane in 0..planes {
                            let row = block.as_ptr().add(plane * LONGEST);
                            row.copy_to_nonoverlapping(to.add(plane * target.plane), columns);
                        }
                    }
                }
            }
        }
    }
}
