//! Properties of a graph that follow from its steps.

use super::{Extent, Step};

/// The input pixels around a tile that its result depends on, along either axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Tiles have to begin at multiples of so many input pixels.
    pub align_px: usize,
    /// Input pixels before the tile; a multiple of `align_px`.
    pub before_px: usize,
    /// Input pixels after it.
    pub after_px: usize,
}

/// Rows beyond which it no longer matters how far a graph reaches: builders refuse it. Calculations with them fit
/// 32 bits.
const FAR: isize = 1 << 20;

impl Reach {
    pub(super) fn of<K, S>(steps: &[Step<K, S>], extents: &[Extent]) -> Self {
        let align_px = align_px(extents);
        let mut rows = vec![None; extents.len()];
        let output = extents[steps.len()];
        rows[steps.len()] = Some(0..output.size.px(align_px) as isize);
        for (i, step) in steps.iter().enumerate().rev() {
            let Some(result) = rows[i + 1].clone() else {
                continue;
            };
            for read in step.reads() {
                let needed = read.footprint.rows(result.clone());
                let needed = needed.start.max(-FAR)..needed.end.min(FAR);
                let known = &mut rows[read.value];
                *known = Some(match known.take() {
                    Some(known) => known.start.min(needed.start)..known.end.max(needed.end),
                    None => needed,
                });
            }
        }
        let input = rows[0].clone().unwrap_or(0..0);
        Self {
            align_px,
            before_px: input.start.min(0).unsigned_abs().next_multiple_of(align_px),
            after_px: (input.end - align_px as isize).max(0) as usize,
        }
    }
}

/// The least common multiple of what each value asks for.
fn align_px(extents: &[Extent]) -> usize {
    let sizes = extents.iter().map(|extent| extent.size.align_px());
    sizes.fold(1, lcm)
}

/// The least common multiple.
pub(crate) fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

pub(super) fn multiplications<K, S>(steps: &[Step<K, S>], extents: &[Extent]) -> f64 {
    let cost = |(step, extent): (&Step<K, S>, &Extent)| {
        let each = match step {
            Step::Conv(conv) => {
                let inputs = extents[conv.input].channels / conv.groups;
                (conv.channels_out * inputs) as f64 * (conv.k * conv.k) as f64
            }
            Step::Sum { terms, .. } => (terms.len() * extent.channels) as f64,
            Step::Mean { window, .. } => (2 * window * extent.channels) as f64,
            Step::Product { .. } | Step::Activate { .. } => extent.channels as f64,
            Step::Shuffle { .. }
            | Step::Unshuffle { .. }
            | Step::Repeat { .. }
            | Step::Concat { .. }
            | Step::Pad { .. }
            | Step::Align { .. }
            | Step::Crop { .. } => 0.0,
        };
        let [up, down] = extent.size.scale().map(|side| side as f64);
        each * (up / down) * (up / down)
    };
    steps.iter().zip(&extents[1..]).map(cost).sum()
}
