//! A plan, prepared for the CPU.

use super::schedule::{BAND_ROWS, SMALL_BAND_ROWS, Schedule};
use crate::Grid;
use crate::conv::{Isa, RowConv, RowConvShape, Span, row_bytes};
use crate::graph::{Activation, Conv, Extent, Padding, Plan, Read, Step, Value};

/// A plan, prepared.
pub(super) struct Program {
    pub isa: Isa,
    pub stages: Vec<Stage>,
    pub extents: Vec<Extent>,
    /// The values that each step reads, concatenations that are views replaced by their parts.
    pub reads: Vec<Vec<Read>>,
    /// Zeros around each value, for the convolutions that read it and the one that writes it.
    pub borders: Vec<usize>,
    /// Input rows that arrive together for each thread.
    band_rows: usize,
    /// Input rows that a block of every convolution belongs to.
    block_rows: usize,
    pub grid: Grid,
}

/// A step, prepared.
pub(super) enum Stage {
    Conv(Prepared),
    /// A concatenation whose readers read its parts.
    View,
    Other(Step),
}

/// A convolution, prepared.
pub(super) struct Prepared {
    pub kernel: RowConv,
    /// The values whose channels it reads, one after the other.
    pub inputs: Vec<Value>,
    pub activation: Activation,
    pub add: Option<Value>,
    reach_px: usize,
}

impl Program {
    pub fn new(plan: &Plan, isa: Isa) -> Self {
        let extents = plan.extents().to_vec();
        let views = plan.views();
        let mut stages: Vec<Stage> = Vec::new();
        let mut reads = Vec::new();
        for (i, step) in plan.steps().iter().enumerate() {
            let parts = |read: &Read| {
                let Read { value, footprint } = *read;
                let parts = plan.parts(value, &views).into_iter();
                parts.map(move |value| Read { value, footprint })
            };
            let is_view = views[i + 1];
            reads.push(match is_view {
                true => Vec::new(),
                false => step.reads().iter().flat_map(parts).collect(),
            });
            stages.push(match step {
                _ if is_view => Stage::View,
                Step::Conv(conv) => {
                    let inputs = plan.parts(conv.input, &views);
                    Stage::Conv(prepare(conv, inputs, &extents, i + 1, isa))
                }
                other => Stage::Other(other.clone()),
            });
        }
        let borders = borders(&stages, extents.len());
        let block_rows = stages.iter().zip(&extents[1..]).map(|(stage, extent)| {
            let [up, down] = extent.size.scale();
            match stage {
                Stage::Conv(conv) => (conv.kernel.block() * down).div_ceil(up),
                Stage::View | Stage::Other(_) => 1,
            }
        });
        let block_rows = block_rows.max().unwrap_or(1);
        let mut program = Self {
            isa,
            stages,
            extents,
            reads,
            borders,
            band_rows: BAND_ROWS,
            block_rows,
            grid: Grid::default(),
        };
        program.grid = program.place(plan.reach().align_px, plan.multiplications());
        program
    }

    /// Input rows that arrive together, for an input of this width, whose steps so many threads share.
    pub fn band(&self, width: usize, threads: usize) -> usize {
        if threads == 1 {
            return self.band_rows;
        }
        let rows = match width {
            WIDE_PX.. => SMALL_BAND_ROWS,
            _ => self.band_rows,
        };
        // Each thread has a block of each convolution.
        threads * rows.max(self.block_rows)
    }

    /// Input rows by which a step advances at most before the next one runs, where so many arrive together: the same for
    /// all steps, so that none falls behind, and enough for each convolution to complete a block.
    pub fn most_rows(&self, band: usize) -> usize {
        band.max(self.block_rows)
    }

    /// Bytes that a worker holds for an input of these sides, beside input and output.
    pub fn bytes(&self, [width, height]: [usize; 2], threads: usize) -> u64 {
        let values = self.extents.iter().zip(&self.borders);
        let values = values
            .zip(self.held_rows([width, height], threads))
            .zip(0..);
        let bytes = values.map(|(((extent, border), rows), value)| match value {
            0 => 0,
            _ if matches!(self.stages[value - 1], Stage::View) => 0,
            _ => row_bytes(extent.channels, extent.px(width), *border).saturating_mul(rows as u64),
        });
        bytes.fold(0, u64::saturating_add)
    }

    /// Most rows that each value holds at once, for an input of these sides.
    pub fn held_rows(&self, [width, height]: [usize; 2], threads: usize) -> Vec<usize> {
        let mut schedule = Schedule::default();
        // Rows are dropped as fast as they come once the first ones have passed the last step.
        let settled = 4 * (self.grid.halo_px[0] + self.grid.halo_px[1])
            + 8 * self.band(width, threads).max(BAND_ROWS);
        schedule.begin(self, [width, height.min(settled)], threads);
        let result = self.stages.len();
        let mut spans: Vec<Span> = self
            .borders
            .iter()
            .map(|border| Span::new(*border))
            .collect();
        let mut rows = vec![0; spans.len()];
        let mut needed = Vec::new();
        while !schedule.is_complete(result) {
            for value in 0..spans.len() {
                let count = match value.checked_sub(1) {
                    None => schedule.band(),
                    Some(step) => schedule.ready(self, step),
                };
                schedule.add(value, count);
                spans[value].push(count);
                if count > 0 && schedule.is_complete(value) {
                    spans[value].push(self.borders[value]);
                }
                rows[value] = spans[value].rows().max(rows[value]);
            }
            schedule.needed(self, &mut needed);
            for (span, needed) in spans.iter_mut().zip(&needed) {
                span.keep_from(*needed);
            }
        }
        rows
    }

    /// Places the blocks of convolutions, and says what tiles have to be like for that.
    fn place(&mut self, align_px: usize, multiplications: f64) -> Grid {
        let aligns =
            self.stages
                .iter()
                .zip(&self.extents[1..])
                .map(|(stage, extent)| match stage {
                    Stage::Conv(conv) => {
                        // Input pixels that are a whole number of blocks.
                        let [up, down] = extent.size.scale();
                        let blocks = crate::graph::lcm(conv.kernel.block() * down, up);
                        blocks / up
                    }
                    Stage::View | Stage::Other(_) => 1,
                });
        let align_px = aligns.fold(align_px, crate::graph::lcm);
        let [before, after] = self.place_blocks(align_px);
        let before = before.next_multiple_of(align_px);
        let halo_px = before + after;
        let efficient_px = (TILE_BY_HALO * halo_px).clamp(SMALLEST_TILE_PX, LARGEST_TILE_PX);
        let patient_px = (TILE_MULTIPLICATIONS / multiplications.max(1.0)).sqrt() as usize;
        // A tile that is mostly halo helps nobody, however long it takes.
        let mut tile_px = efficient_px.min(patient_px.max(PATIENT_TILE_BY_HALO * halo_px));
        self.grid = Grid {
            align_px,
            halo_px: [before, after],
            tile_px,
        };
        let narrowest_px = NARROWEST_TILE_PX.max(halo_px);
        loop {
            self.band_rows = BAND_ROWS;
            if self.bytes([tile_px + halo_px; 2], 1) <= TILE_BYTES {
                break;
            }
            self.band_rows = SMALL_BAND_ROWS;
            if tile_px <= narrowest_px || self.bytes([tile_px + halo_px; 2], 1) <= TILE_BYTES {
                break;
            }
            tile_px = (tile_px / 2).max(narrowest_px);
        }
        Grid {
            tile_px,
            ..self.grid
        }
    }

    /// Lets each convolution's blocks end with the last row that is needed of it, so that a convolution can compute a
    /// block as soon as the one before it has completed one; if blocks began with the first row, each convolution would
    /// lag three rows further behind. Returns the input pixels that are read before and after a tile, along either
    /// axis, where tiles begin and end at multiples of `align_px`.
    fn place_blocks(&mut self, align_px: usize) -> [usize; 2] {
        let output = self.stages.len();
        let Self {
            stages,
            extents,
            reads,
            ..
        } = self;
        let mut needed = vec![None; extents.len()];
        let [up, down] = extents[output].size.scale();
        needed[output] = Some(0..(align_px * up / down) as isize);
        for (i, stage) in stages.iter_mut().enumerate().rev() {
            let Some(mut rows) = needed[i + 1].clone() else {
                continue;
            };
            if let Stage::Conv(conv) = stage {
                let extent = extents[i + 1];
                let wanted = (rows.end - rows.start) as usize;
                let made = wanted.next_multiple_of(conv.kernel.block());
                rows.start = rows.end - made as isize;
                conv.kernel.begin_blocks_at(rows.start + extent.margin);
            }
            for Read { value, footprint } in &reads[i] {
                let read = footprint.rows(rows.clone());
                let known = needed[*value].take();
                needed[*value] = Some(match known {
                    Some(known) => {
                        let known: std::ops::Range<isize> = known;
                        known.start.min(read.start)..known.end.max(read.end)
                    }
                    None => read,
                });
            }
        }
        let input = needed[0].clone().unwrap_or(0..0);
        [
            (-input.start).max(0) as usize,
            (input.end - align_px as isize).max(0) as usize,
        ]
    }
}

fn prepare(
    conv: &Conv,
    inputs: Vec<Value>,
    extents: &[Extent],
    result: Value,
    isa: Isa,
) -> Prepared {
    let shape = RowConvShape {
        channels_in: extents[conv.input].channels,
        channels_out: conv.channels_out,
        groups: conv.groups,
        k: conv.k,
        dilation: conv.dilation,
        padding: match conv.padding {
            Padding::Same => conv.reach_px(),
            Padding::Valid => 0,
        },
    };
    let activation = match &conv.activation {
        Activation::LeakyRelu(slope) => Activation::PRelu(vec![*slope; extents[result].channels]),
        other => other.clone(),
    };
    Prepared {
        kernel: RowConv::new(isa, shape, &conv.kernel.weight, &conv.kernel.bias),
        inputs,
        activation,
        add: conv.add,
        reach_px: shape.padding,
    }
}

fn borders(stages: &[Stage], values: usize) -> Vec<usize> {
    let mut borders = vec![0; values];
    for (i, stage) in stages.iter().enumerate() {
        let Stage::Conv(conv) = stage else { continue };
        // Blocks at the image's borders may lie partly outside.
        let outside = conv.kernel.block() - 1;
        for &input in &conv.inputs {
            borders[input] = borders[input].max(outside + conv.reach_px);
        }
        for value in conv.add.into_iter().chain([i + 1]) {
            borders[value] = borders[value].max(outside);
        }
    }
    borders
}

/// From this width on, threads share fewer rows of more pixels, which stay in the second-level cache.
const WIDE_PX: usize = 768;

/// A tile's side by its halo's, before and after together: from 20.5 on, less than a tenth of the work is
/// done twice.
const TILE_BY_HALO: usize = 21;

/// Bounds of a tile's side, where memory allows it: small tiles are mostly borders, and memory follows
/// the large ones.
const SMALLEST_TILE_PX: usize = 256;
const LARGEST_TILE_PX: usize = 1024;

/// The side below which tiles are not made smaller to save memory; nor below their halo's, which makes three quarters of
/// the work then.
const NARROWEST_TILE_PX: usize = 64;

/// A tile's side by its halo's, above which it is not to take too long: a third of the work is done twice then.
const PATIENT_TILE_BY_HALO: usize = 4;

/// Multiplications of a tile: some seconds in a page.
const TILE_MULTIPLICATIONS: f64 = 1e11;

/// Memory that a worker aims at for a tile, in bytes.
const TILE_BYTES: u64 = 96 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, ConvOptions, Form, Kernel, Parameter};

    const CONVS: usize = 60;

    /// Convolutions one after the other, to whose result the first one's is added.
    fn deep() -> Plan {
        let mut builder = Builder::new(8);
        let mut last = builder.input();
        for layer in 0..CONVS {
            let kernel = Kernel::Parameter {
                weight: Parameter {
                    name: layer.to_string(),
                    shape: [8, 8, 3, 3],
                },
                form: Form::Plain,
                bias: None,
            };
            last = builder.conv(last, kernel, ConvOptions::default()).unwrap();
        }
        builder.add(last, 1).unwrap();
        let values = [0.1; 8 * 8 * 9];
        let graph = builder.finish().unwrap();
        graph.compile(|_| Some(&values)).unwrap()
    }

    #[test]
    fn deep_networks_hold_few_rows_of_each_value_at_any_height() {
        for isa in Isa::available() {
            let program = Program::new(&deep(), isa);
            let held = program.held_rows([100, 4000], 1);
            assert_eq!(held, program.held_rows([100, 2000], 1));
            // A band, the kernel's reach, a block and the border; the sum's other value waits for all convolutions.
            let few = held.iter().enumerate().filter(|(value, _)| *value != 1);
            let most = few.map(|(_, rows)| *rows).max();
            assert!(most <= Some(BAND_ROWS + 16), "{isa:?}: {held:?}");
            assert!(held[1] < 2 * CONVS, "{isa:?}: {held:?}");
        }
    }

    #[test]
    fn threads_that_share_steps_hold_less_than_as_many_workers() {
        let program = Program::new(&deep(), Isa::best());
        for threads in 2..6 {
            for sides in [[100, 200], [400, 300], [1000, 800]] {
                let [shared, one] = [threads, 1].map(|threads| program.bytes(sides, threads));
                assert!(shared <= threads as u64 * one, "{threads}: {shared}, {one}");
            }
        }
    }
}
