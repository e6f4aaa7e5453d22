//! Kernels of any stride, padding and shape as kernels of stride 1 with an odd side.

use super::error::{Problem, operand};
use super::tensor::Budget;

/// Farthest pixel that a kernel of the engine may reach.
const MAX_REACH_PX: usize = 31;

/// A tap along one axis: the phase of the image that it belongs to, and its offset in pixels of that phase.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    phase: usize,
    offset: isize,
}

/// Where the taps of a kernel go, for rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    /// Each tap may belong to several phases of a transposed convolution, or to none.
    axes: [Vec<Vec<Tap>>; 2],
    pub(super) scale: usize,
    pub(super) dilation: usize,
    pub(super) k: usize,
}

/// A kernel's taps along one axis as the file has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) taps: usize,
    pub(super) dilation: usize,
    pub(super) pad: usize,
}

impl Axis {
    /// Pixels from the output's position to the one that a tap reads.
    fn offset(&self, tap: usize) -> isize {
        (tap * self.dilation) as isize - self.pad as isize
    }
}

impl Taps {
    /// Of a convolution with a stride: the taps of the unshuffled image.
    pub(super) fn strided(axes: [Axis; 2], stride: usize) -> Result<Self, Problem> {
        let s = stride as isize;
        let axes = axes.map(|axis| {
            let tap = |tap| {
                let offset = axis.offset(tap);
                vec![Tap {
                    phase: offset.rem_euclid(s) as usize,
                    offset: offset.div_euclid(s),
                }]
            };
            (0..axis.taps).map(tap).collect()
        });
        Self::new(axes, stride)
    }

    /// Of a transposed convolution: the taps of each phase of the result.
    pub(super) fn transposed(axes: [Axis; 2], stride: usize) -> Result<Self, Problem> {
        let s = stride as isize;
        let axes = axes.map(|axis| {
            // y[s·q + phase] = Σ x[q + offset] · w[tap] where s·offset = phase + pad − dilation·tap
            let places = |tap| {
                let places = (0..stride).filter_map(|phase| {
                    let distance = phase as isize - axis.offset(tap);
                    let offset = distance / s;
                    (distance % s == 0).then_some(Tap { phase, offset })
                });
                places.collect()
            };
            (0..axis.taps).map(places).collect()
        });
        Self::new(axes, stride)
    }

    fn new(mut axes: [Vec<Vec<Tap>>; 2], scale: usize) -> Result<Self, Problem> {
        let offsets = |axes: &[Vec<Vec<Tap>>; 2]| -> Vec<usize> {
            let taps = axes.iter().flatten().flatten();
            taps.map(|tap| tap.offset.unsigned_abs()).collect()
        };
        let dilation = offsets(&axes).into_iter().fold(0, gcd).max(1);
        let taps = axes.iter_mut().flatten().flatten();
        taps.for_each(|tap| tap.offset /= dilation as isize);
        let reach = offsets(&axes).into_iter().max().unwrap_or(0);
        match reach <= MAX_REACH_PX {
            true => Ok(Self {
                axes,
                scale,
                dilation,
                k: 2 * reach + 1,
            }),
            false => Err(operand!(
                "its kernel reaches {reach} px, at most {MAX_REACH_PX} are possible"
            )),
        }
    }

    /// Whether a weight stays as it is.
    fn is_plain(&self) -> bool {
        let reach = (self.k / 2) as isize;
        let plain = |axis: &Vec<Vec<Tap>>| {
            let offsets = axis.iter().flatten().map(|tap| tap.offset);
            axis.len() == self.k && offsets.eq(-reach..=reach)
        };
        self.scale == 1 && self.axes.iter().all(plain)
    }

    /// Calls `place` with each tap's index in the old kernel, its phase and its index in the new one.
    fn each(&self, mut place: impl FnMut(usize, usize, usize)) {
        let reach = (self.k / 2) as isize;
        let [rows, columns] = &self.axes;
        let at = |tap: &Tap| (tap.offset + reach) as usize;
        for (y, x) in (0..rows.len()).flat_map(|y| (0..columns.len()).map(move |x| (y, x))) {
            for (row, column) in rows[y]
                .iter()
                .flat_map(|r| columns[x].iter().map(move |c| (r, c)))
            {
                let phase = row.phase * self.scale + column.phase;
                place(y * columns.len() + x, phase, at(row) * self.k + at(column));
            }
        }
    }

    fn count(&self) -> usize {
        self.axes[0].len() * self.axes[1].len()
    }

    /// `[out, in, rows, columns]` → `[out, in·s², k, k]`; `None` if nothing changes.
    pub(super) fn arrange(
        &self,
        weight: &[f32],
        budget: &mut Budget,
    ) -> Result<Option<Vec<f32>>, Problem> {
        if self.is_plain() {
            return Ok(None);
        }
        let (phases, area) = (self.scale * self.scale, self.k * self.k);
        let kernels = weight.len() / self.count().max(1);
        let mut arranged = vec![0.0; budget.charge_product(&[kernels, phases, area])?];
        for (i, kernel) in weight.chunks_exact(self.count().max(1)).enumerate() {
            self.each(|from, phase, to| arranged[(i * phases + phase) * area + to] = kernel[from]);
        }
        Ok(Some(arranged))
    }

    /// `[in, out / groups, rows, columns]` → `[out·s², in / groups, k, k]`
    pub(super) fn arrange_transposed(
        &self,
        weight: &[f32],
        [channels_in, outputs, groups]: [usize; 3],
        budget: &mut Budget,
    ) -> Result<Vec<f32>, Problem> {
        let (phases, area) = (self.scale * self.scale, self.k * self.k);
        let inputs = channels_in / groups;
        let sides = [channels_in, outputs, phases, area];
        let mut arranged = vec![0.0; budget.charge_product(&sides)?];
        for (i, kernel) in weight.chunks_exact(self.count().max(1)).enumerate() {
            let (channel, out) = (i / outputs, i % outputs);
            let out = channel / inputs * outputs + out;
            self.each(|from, phase, to| {
                let map = (out * phases + phase) * inputs + channel % inputs;
                arranged[map * area + to] = kernel[from];
            });
        }
        Ok(arranged)
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
