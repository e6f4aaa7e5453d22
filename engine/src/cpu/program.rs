//! A plan, prepared for the CPU.

use crate::Grid;
use crate::conv::{Isa, RowConv, RowConvShape};
use crate::graph::{self, Extent, Padding, Plan, Step, Value};

/// A plan, prepared.
pub(super) struct Program {
    pub steps: Vec<Stage>,
    pub extents: Vec<Extent>,
    /// Zeros around each value, for the convolutions that read it and the one that writes it.
    pub margins: Vec<usize>,
    pub grid: Grid,
}

/// A step, prepared.
pub(super) enum Stage {
    Conv(RowConv, graph::Conv),
    Other(Step),
}

impl Program {
    pub fn new(plan: &Plan, isa: Isa) -> Self {
        let extents = plan.extents().to_vec();
        let prepare = |step: &Step| match step {
            Step::Conv(conv) => {
                let prepared = prepare(conv, extents[conv.input].channels, isa);
                // Its weights lie there in their order by now.
                let conv = graph::Conv {
                    weight: Vec::new(),
                    ..conv.clone()
                };
                Stage::Conv(prepared, conv)
            }
            other => Stage::Other(other.clone()),
        };
        let mut steps: Vec<Stage> = plan.steps().iter().map(prepare).collect();
        let grid = grid(&mut steps, &extents, plan.multiplications());
        Self {
            margins: margins(&steps),
            steps,
            extents,
            grid,
        }
    }
}

fn margins(steps: &[Stage]) -> Vec<usize> {
    let mut margins = vec![0; steps.len() + 1];
    for (i, stage) in steps.iter().enumerate() {
        if let Stage::Conv(prepared, conv) = stage {
            // Blocks at the picture's borders may lie partly outside.
            let outside = prepared.block() - 1;
            margins[conv.input] = margins[conv.input].max(outside + padding(conv));
            for value in conv.add.into_iter().chain([i + 1]) {
                margins[value] = margins[value].max(outside);
            }
        }
    }
    margins
}

/// Zeros that a convolution reads on each side.
pub(super) fn padding(conv: &graph::Conv) -> usize {
    match conv.padding {
        Padding::Same => conv.k / 2,
        Padding::Valid => 0,
    }
}

fn prepare(conv: &graph::Conv, channels_in: usize, isa: Isa) -> RowConv {
    let shape = RowConvShape {
        channels_in,
        channels_out: conv.channels_out,
        groups: conv.groups,
        k: conv.k,
        dilation: 1,
        padding: padding(conv),
    };
    RowConv::new(isa, shape, &conv.weight, &conv.bias)
}

/// Where blocks begin, and what tiles have to be like for that.
fn grid(steps: &mut [Stage], extents: &[Extent], multiplications: usize) -> Grid {
    let blocks = steps.iter().map(|stage| match stage {
        Stage::Conv(prepared, _) => prepared.block(),
        Stage::Other(_) => 1,
    });
    let block = blocks.max().unwrap_or(1);
    let [least, _] = place_blocks(steps, extents, block, 0);
    let before = least.next_multiple_of(block);
    // What rounding up leaves is the blocks'.
    let [_, after] = place_blocks(steps, extents, block, before - least);
    let halo_px = before + after;
    let efficient_px = (TILE_BY_HALO * halo_px).clamp(SMALLEST_TILE_PX, LARGEST_TILE_PX);
    let patient_px = (TILE_MULTIPLICATIONS / multiplications.max(1) as f64).sqrt() as usize;
    Grid {
        align_px: block,
        halo_px: [before, after],
        // More halo than picture helps nobody, however long it takes.
        tile_px: efficient_px.min(patient_px.max(2 * halo_px)),
    }
}

/// Lets each convolution's blocks begin with the first pixel that is wanted of it, or a little before
/// it: `spare` pixels in all. Returns how many pixels of the input are read before a tile and after it,
/// along either axis, where tiles begin and end at multiples of `block`.
fn place_blocks(
    steps: &mut [Stage],
    extents: &[Extent],
    block: usize,
    mut spare: usize,
) -> [usize; 2] {
    let output = extents.len() - 1;
    // The first and one behind the last pixel that a tile of one block at 0 reads of each value.
    let mut read = vec![[isize::MAX, isize::MIN]; extents.len()];
    read[output] = [0, (block * extents[output].scale) as isize];
    for (i, stage) in steps.iter_mut().enumerate().rev() {
        let [mut first, end] = read[i + 1];
        let mut reads = |value: Value, [first, end]: [isize; 2]| {
            let known = &mut read[value];
            *known = [known[0].min(first), known[1].max(end)];
        };
        match stage {
            Stage::Conv(prepared, conv) => {
                if let Some(add) = conv.add {
                    reads(add, [first, end]);
                }
                let wanted = (end - first) as usize;
                let made = wanted.next_multiple_of(prepared.block());
                let early = spare.min(made - wanted);
                spare -= early;
                first -= early as isize;
                prepared.begin_blocks_at(first + extents[i + 1].margin as isize);
                let reach = (conv.k / 2) as isize;
                reads(conv.input, [first - reach, first + made as isize + reach]);
            }
            Stage::Other(Step::Shuffle {
                input, scale, skip, ..
            }) => {
                let s = *scale as isize;
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
    [first.unsigned_abs(), end as usize - block]
}

/// A tile's side by its halo's, before and after together: from 20.5 on, less than a tenth of the work is
/// done twice.
const TILE_BY_HALO: usize = 21;

/// Bounds of a tile's side: what is too small is mostly borders, and memory follows what is large.
const SMALLEST_TILE_PX: usize = 256;
const LARGEST_TILE_PX: usize = 1024;

/// Multiplications that a tile may take: some seconds in a page.
const TILE_MULTIPLICATIONS: f64 = 1e11;
