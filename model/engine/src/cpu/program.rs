//! A plan, prepared for the CPU.

use crate::Grid;
use crate::kernel::{Isa, RowConv, RowConvShape};
use crate::plan::{self, Extent, Padding, Plan, Step, Value};

/// A plan, prepared.
pub(super) struct Program {
    pub steps: Vec<Stage>,
    pub extents: Vec<Extent>,
    /// What each value needs beyond its own rows and columns.
    pub margins: Vec<Margins>,
    pub grid: Grid,
}

/// A step, prepared.
pub(super) enum Stage {
    Conv(RowConv, plan::Conv),
    Other(Step),
}

/// Zeros around a value for the convolutions that read it.
#[derive(Clone, Copy, Default)]
pub(super) struct Margins {
    pub columns: usize,
    pub above: usize,
    pub below: usize,
}

impl Program {
    pub fn new(plan: &Plan, isa: Isa) -> Self {
        let extents = plan.extents().to_vec();
        let prepare = |step: &Step| match step {
            Step::Conv(conv) => {
                let prepared = prepare(conv, extents[conv.input].channels, isa);
                // Its weights lie there in their order by now.
                let conv = plan::Conv {
                    weight: Vec::new(),
                    ..conv.clone()
                };
                Stage::Conv(prepared, conv)
            }
            other => Stage::Other(other.clone()),
        };
        let steps: Vec<Stage> = plan.steps().iter().map(prepare).collect();
        let mut margins = vec![Margins::default(); extents.len()];
        for stage in &steps {
            if let Stage::Conv(prepared, conv) = stage {
                let (margins, padding) = (&mut margins[conv.input], padding(conv));
                margins.columns = margins.columns.max(padding);
                margins.above = margins.above.max(padding);
                // A block of rows that begins in the picture may end below it.
                margins.below = margins.below.max(padding + prepared.block() - 1);
            }
        }
        Self {
            grid: grid(&steps, &extents, plan.multiplications()),
            steps,
            extents,
            margins,
        }
    }
}

/// Zeros that a convolution reads on each side.
pub(super) fn padding(conv: &plan::Conv) -> usize {
    match conv.padding {
        Padding::Same => conv.k / 2,
        Padding::Valid => 0,
    }
}

fn prepare(conv: &plan::Conv, channels_in: usize, isa: Isa) -> RowConv {
    let shape = RowConvShape {
        channels_in,
        channels_out: conv.channels_out,
        groups: conv.groups,
        k: conv.k,
        padding: padding(conv),
    };
    RowConv::new(isa, shape, &conv.weight, &conv.bias)
}

/// How far an output pixel looks, where the blocks in which pixels are made count as a whole; and the
/// size of tiles that follows from it.
fn grid(steps: &[Stage], extents: &[Extent], multiplications: usize) -> Grid {
    // Somewhere in the middle of an endless picture, at a place that every block divides.
    const MIDDLE: i64 = 1 << 40;
    let output = extents.len() - 1;
    let start = MIDDLE * extents[output].scale as i64;
    // The first and one behind the last pixel that is read of each value, along either axis.
    let mut read = vec![[i64::MAX, i64::MIN]; extents.len()];
    // All pixels of a block may be wanted.
    let blocks = steps.iter().map(|stage| match stage {
        Stage::Conv(prepared, _) => prepared.block(),
        Stage::Other(_) => 1,
    });
    let block = blocks.max().unwrap_or(1);
    let wanted = (block * extents[output].scale) as i64;
    read[output] = [start, start + wanted];
    for (i, stage) in steps.iter().enumerate().rev() {
        let [first, end] = read[i + 1];
        let mut reads = |value: Value, [first, end]: [i64; 2]| {
            let known = &mut read[value];
            *known = [known[0].min(first), known[1].max(end)];
        };
        match stage {
            Stage::Conv(prepared, conv) => {
                let reach = (conv.k / 2) as i64;
                let block = prepared.block() as i64;
                // Blocks begin at the value's own first pixel.
                let margin = extents[i + 1].margin as i64;
                let first_block = (first + margin).div_euclid(block) * block - margin;
                let end_block = (end + margin + block - 1).div_euclid(block) * block - margin;
                reads(conv.input, [first_block - reach, end_block + reach]);
                if let Some(add) = conv.add {
                    reads(add, [first, end]);
                }
            }
            Stage::Other(Step::Shuffle {
                input, scale, skip, ..
            }) => {
                let s = *scale as i64;
                for value in std::iter::once(*input).chain(*skip) {
                    reads(value, [first.div_euclid(s), (end + s - 1).div_euclid(s)]);
                }
            }
            Stage::Other(step) => {
                for value in step.inputs() {
                    reads(value, [first, end]);
                }
            }
        }
    }
    let [first, end] = read[0];
    let reach = (MIDDLE - first).max(end - MIDDLE - block as i64).max(0) as usize;
    let halo_px = reach.next_multiple_of(block);
    let halos_px = 4 * halo_px;
    // A tenth of the work, then, is done twice.
    let efficient_px = (10 * halos_px).clamp(SMALLEST_TILE_PX, LARGEST_TILE_PX);
    let patient_px = (TILE_MULTIPLICATIONS / multiplications.max(1) as f64).sqrt() as usize;
    Grid {
        align_px: block,
        halo_px: [halo_px; 2],
        // More halo than picture helps nobody, however long it takes.
        tile_px: efficient_px.min(patient_px.max(halos_px)),
    }
}

/// Bounds of a tile's side: what is too small is mostly borders, and memory follows what is large.
const SMALLEST_TILE_PX: usize = 256;
const LARGEST_TILE_PX: usize = 1024;

/// Multiplications that a tile may take: some seconds in a page.
const TILE_MULTIPLICATIONS: f64 = 1e11;
