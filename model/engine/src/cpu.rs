//! The CPU: a plan whose steps pass rows on to each other.
//!
//! The input comes in a few rows at a time, and every step makes all rows that it can make of what
//! is there; rows that nobody reads any more are dropped. So the rows that are worked on stay in the
//! cache through all layers ("line-buffer fusion"), and memory follows the width of a tile and the
//! depth of the network, not the picture.

use std::ops::Range;

use crate::kernel::{Activation, Isa, RowConv, RowConvShape, Rows, Scratch};
use crate::pixel::{Planes, resize::mirror};
use crate::plan::{self, Border, Extent, Padding, Plan, Step, Value};
use crate::{Engine, EngineError, Grid};

/// Input rows that come in together: enough to make the borders between bands cheap, and few
/// enough for the second-level cache.
const BAND_ROWS: usize = 8;

/// Runs plans on this processor's vectors.
pub struct CpuEngine {
    program: Program,
    /// One for each thread.
    workers: Vec<Worker>,
}

impl CpuEngine {
    /// Prepares a plan for the best instruction set that there is, and so many threads; more than one
    /// need the feature `threads`.
    pub fn new(plan: &Plan, threads: usize) -> Self {
        Self::with_isa(plan, threads, Isa::best())
    }

    /// The same for a certain instruction set.
    pub fn with_isa(plan: &Plan, threads: usize, isa: Isa) -> Self {
        let threads = if cfg!(feature = "threads") {
            threads.max(1)
        } else {
            1
        };
        Self {
            program: Program::new(plan, isa),
            workers: (0..threads).map(|_| Worker::default()).collect(),
        }
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &str {
        "cpu"
    }

    fn grid(&self) -> Grid {
        self.program.grid
    }

    async fn run(&mut self, input: Planes) -> Result<Planes, EngineError> {
        let program = &self.program;
        let strips = strips(&input, self.workers.len(), &program.grid);
        let jobs = self.workers.iter_mut().zip(strips);
        #[cfg(feature = "threads")]
        let parts: Vec<Planes> = {
            use rayon::prelude::*;
            let jobs: Vec<_> = jobs.collect();
            let jobs = jobs.into_par_iter();
            jobs.map(|(worker, strip)| worker.run(program, &input, strip))
                .collect()
        };
        #[cfg(not(feature = "threads"))]
        let parts: Vec<Planes> = jobs
            .map(|(worker, strip)| worker.run(program, &input, strip))
            .collect();
        Ok(side_by_side(parts))
    }
}

/// Columns of the input: those that are wanted, and those that are read for them.
struct Strip {
    core: Range<usize>,
    padded: Range<usize>,
}

/// Narrower ones are mostly halo.
const NARROWEST_STRIP: usize = 32;

fn strips(input: &Planes, count: usize, grid: &Grid) -> Vec<Strip> {
    let (align, halo) = (grid.align_px, grid.halo_px[0]);
    let count = count.min(input.width / NARROWEST_STRIP).max(1);
    let start = |i: usize| match i == count {
        true => input.width,
        false => input.width * i / count / align * align,
    };
    let strip = |i: usize| Strip {
        core: start(i)..start(i + 1),
        padded: start(i).saturating_sub(halo)..(start(i + 1) + halo).min(input.width),
    };
    (0..count).map(strip).collect()
}

fn side_by_side(mut parts: Vec<Planes>) -> Planes {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let Planes {
        channels, height, ..
    } = parts[0];
    let width = parts.iter().map(|part| part.width).sum();
    let mut data = Vec::with_capacity(channels * width * height);
    for row in 0..channels * height {
        for part in &parts {
            data.extend(&part.data[row * part.width..][..part.width]);
        }
    }
    Planes {
        channels,
        width,
        height,
        data,
    }
}

/// A plan, prepared.
struct Program {
    steps: Vec<Stage>,
    extents: Vec<Extent>,
    /// What each value needs beyond its own rows and columns.
    margins: Vec<Margins>,
    grid: Grid,
}

/// A step, prepared.
enum Stage {
    Conv(RowConv, plan::Conv),
    Other(Step),
}

/// Zeros around a value for the convolutions that read it.
#[derive(Clone, Copy, Default)]
struct Margins {
    columns: usize,
    above: usize,
    below: usize,
}

impl Program {
    fn new(plan: &Plan, isa: Isa) -> Self {
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

fn padding(conv: &plan::Conv) -> usize {
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

/// How far an output pixel looks, where the blocks in which pixels are made count as a whole; and the size of tiles that follows from it.
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

/// What computes one strip of columns from top to bottom.
#[derive(Default)]
struct Worker {
    values: Vec<Rows>,
    /// How many rows of each value there have been, zeros around it aside.
    made: Vec<usize>,
    heights: Vec<usize>,
    scratch: Scratch,
}

impl Worker {
    fn run(&mut self, program: &Program, input: &Planes, strip: Strip) -> Planes {
        let width = strip.padded.len();
        self.begin(program, [width, input.height]);
        let result = program.steps.len();
        let Extent {
            channels, scale, ..
        } = program.extents[result];
        let columns = (strip.core.start - strip.padded.start) * scale..;
        let mut output = Planes {
            channels,
            width: strip.core.len() * scale,
            height: self.heights[result],
            data: vec![0.0; channels * strip.core.len() * scale * self.heights[result]],
        };
        while self.made[result] < self.heights[result] {
            let before = self.made[result];
            self.feed(program, input, &strip);
            for step in 0..program.steps.len() {
                self.advance(program, step);
            }
            for y in before..self.made[result] {
                for channel in 0..channels {
                    let row = &self.values[result].row(y as isize, channel)[columns.clone()];
                    let start = (channel * output.height + y) * output.width;
                    output.data[start..start + output.width].copy_from_slice(&row[..output.width]);
                }
            }
            self.drop_rows(program);
        }
        output
    }

    fn begin(&mut self, program: &Program, [width, height]: [usize; 2]) {
        let Self {
            values,
            made,
            heights,
            ..
        } = self;
        values.resize_with(program.extents.len(), Rows::default);
        made.clear();
        made.resize(values.len(), 0);
        let extents = program.extents.iter();
        let side = |extent: &Extent, side| side * extent.scale + 2 * extent.margin;
        *heights = extents.clone().map(|extent| side(extent, height)).collect();
        for ((rows, extent), margins) in values.iter_mut().zip(extents).zip(&program.margins) {
            let columns = side(extent, width);
            rows.reset(extent.channels, columns, margins.columns, margins.above);
        }
    }

    /// The next rows of the input.
    fn feed(&mut self, program: &Program, input: &Planes, strip: &Strip) {
        let count = BAND_ROWS.min(input.height - self.made[0]);
        let from = self.values[0].push(count);
        for y in from..from + count as isize {
            for channel in 0..input.channels {
                let row = &input.plane(channel)[y as usize * input.width..];
                let target = self.values[0].row_mut(y, channel);
                target.copy_from_slice(&row[strip.padded.clone()]);
            }
        }
        self.made(program, 0, count);
    }

    /// Counts rows, and lets zeros follow the last one.
    fn made(&mut self, program: &Program, value: Value, count: usize) {
        let whole = self.made[value] == self.heights[value];
        self.made[value] += count;
        if !whole && self.made[value] == self.heights[value] {
            self.values[value].push_zeros(program.margins[value].below);
        }
    }

    /// Makes all rows of a step's result that can be made.
    fn advance(&mut self, program: &Program, step: usize) {
        let stage = &program.steps[step];
        let value = step + 1;
        let count = self.ready(stage, value) - self.made[value];
        if count == 0 {
            return;
        }
        let (inputs, output) = self.values.split_at_mut(value);
        let output = &mut output[0];
        match stage {
            Stage::Conv(prepared, conv) => {
                let (input, add) = (&inputs[conv.input], conv.add.map(|add| &inputs[add]));
                convolve(prepared, conv, &mut self.scratch, input, add, output, count);
            }
            Stage::Other(Step::Shuffle { input, scale, skip }) => {
                shuffle(
                    &inputs[*input],
                    *scale,
                    skip.map(|skip| &inputs[skip]),
                    output,
                    count,
                );
            }
            Stage::Other(Step::Add { a, b }) => add(&inputs[*a], &inputs[*b], output, count),
            Stage::Other(Step::Concat { inputs: values }) => {
                concat(values.iter().map(|value| &inputs[*value]), output, count);
            }
            Stage::Other(Step::Pad {
                input,
                margin,
                border,
            }) => pad(
                &inputs[*input],
                self.heights[*input],
                [*margin, count],
                *border,
                output,
            ),
            Stage::Other(Step::Conv(_)) => unreachable!("convolutions are prepared"),
        }
        self.made(program, value, count);
    }

    /// How many rows of a step's result can be made of what there is, those made before included.
    fn ready(&self, stage: &Stage, value: Value) -> usize {
        let made = |value: &Value| self.made[*value];
        let height = self.heights[value];
        let least = |values: &mut dyn Iterator<Item = &Value>| values.map(made).min().unwrap_or(0);
        match stage {
            Stage::Conv(prepared, conv) => {
                let block = prepared.block();
                let there = if made(&conv.input) == self.heights[conv.input] {
                    height
                } else {
                    (made(&conv.input) + padding(conv) + 1).saturating_sub(conv.k)
                };
                let there = conv.add.as_ref().map_or(there, |add| there.min(made(add)));
                if there < height {
                    there / block * block
                } else {
                    height
                }
            }
            Stage::Other(Step::Shuffle { input, scale, skip }) => {
                least(&mut std::iter::once(input).chain(skip)) * scale
            }
            Stage::Other(Step::Pad { input, margin, .. }) => {
                if made(input) == self.heights[*input] {
                    height
                } else if made(input) > *margin {
                    made(input) + margin
                } else {
                    0
                }
            }
            Stage::Other(step) => least(&mut step.inputs().iter()),
        }
    }

    /// Lets go of rows that no step reads any more.
    fn drop_rows(&mut self, program: &Program) {
        let result = program.steps.len();
        let mut needed: Vec<isize> = self.made.iter().map(|made| *made as isize).collect();
        for (i, stage) in program.steps.iter().enumerate() {
            let next = self.made[i + 1] as isize;
            let mut reads = |value: Value, row: isize| needed[value] = needed[value].min(row);
            match stage {
                Stage::Conv(_, conv) => {
                    reads(conv.input, next - padding(conv) as isize);
                    if let Some(add) = conv.add {
                        reads(add, next);
                    }
                }
                Stage::Other(Step::Shuffle { input, scale, skip }) => {
                    for value in std::iter::once(*input).chain(*skip) {
                        reads(value, next / *scale as isize);
                    }
                }
                // Rows below the picture are those above its lower border, mirrored.
                Stage::Other(Step::Pad { input, margin, .. }) => {
                    reads(*input, next - 2 * *margin as isize);
                }
                Stage::Other(step) => {
                    for value in step.inputs() {
                        reads(value, next);
                    }
                }
            }
        }
        debug_assert_eq!(needed[result], self.made[result] as isize);
        for (rows, needed) in self.values.iter_mut().zip(needed) {
            rows.keep_from(needed);
        }
    }
}

fn convolve(
    prepared: &RowConv,
    conv: &plan::Conv,
    scratch: &mut Scratch,
    input: &Rows,
    add: Option<&Rows>,
    output: &mut Rows,
    count: usize,
) {
    let function: Option<fn(f32) -> f32> = match conv.activation {
        plan::Activation::Sigmoid => Some(|z| 1.0 / (1.0 + (-z).exp())),
        plan::Activation::Tanh => Some(f32::tanh),
        _ => None,
    };
    let activation = match &conv.activation {
        plan::Activation::Relu => Activation::Relu,
        plan::Activation::PRelu(slopes) => Activation::PRelu(slopes),
        _ => Activation::None,
    };
    let from = output.end();
    // What is added comes after the activation.
    let (fused, rest) = if function.is_some() {
        (None, add)
    } else {
        (add, None)
    };
    prepared.run(scratch, input, activation, fused, output, count);
    let Some(function) = function else { return };
    for y in from..output.end() {
        for channel in 0..output.channels() {
            let row = output.row_mut(y, channel);
            row.iter_mut().for_each(|value| *value = function(*value));
            if let Some(add) = rest {
                let pairs = row.iter_mut().zip(add.row(y, channel));
                pairs.for_each(|(value, add)| *value += add);
            }
        }
    }
}

fn shuffle(input: &Rows, scale: usize, skip: Option<&Rows>, output: &mut Rows, count: usize) {
    let from = output.push(count);
    let nothing = vec![0.0; input.columns()];
    for y in from..from + count as isize {
        let (row, phase) = (y / scale as isize, y as usize % scale);
        for channel in 0..output.channels() {
            let map = |j| input.row(row, (channel * scale + phase) * scale + j);
            let skip = skip.map_or(&nothing[..], |skip| skip.row(row, channel));
            let target = output.row_mut(y, channel);
            if scale == 2 {
                // In one pass, which is made of vectors.
                let pixels = map(0).iter().zip(map(1)).zip(skip);
                for (pair, ((a, b), skip)) in target.chunks_exact_mut(2).zip(pixels) {
                    pair[0] = a + skip;
                    pair[1] = b + skip;
                }
                continue;
            }
            for j in 0..scale {
                let pixels = map(j).iter().zip(skip);
                let places = target[j..].iter_mut().step_by(scale);
                places
                    .zip(pixels)
                    .for_each(|(to, (a, skip))| *to = a + skip);
            }
        }
    }
}

fn add(a: &Rows, b: &Rows, output: &mut Rows, count: usize) {
    let from = output.push(count);
    for y in from..from + count as isize {
        for channel in 0..output.channels() {
            let pixels = a.row(y, channel).iter().zip(b.row(y, channel));
            let places = output.row_mut(y, channel).iter_mut();
            places.zip(pixels).for_each(|(to, (a, b))| *to = a + b);
        }
    }
}

fn concat<'a>(inputs: impl Iterator<Item = &'a Rows> + Clone, output: &mut Rows, count: usize) {
    let from = output.push(count);
    for y in from..from + count as isize {
        let rows = inputs.clone();
        let rows = rows.flat_map(|input| (0..input.channels()).map(move |c| input.row(y, c)));
        for (channel, row) in rows.enumerate() {
            output.row_mut(y, channel).copy_from_slice(row);
        }
    }
}

/// `count` more rows of a value with a margin; `height` is the input's.
fn pad(
    input: &Rows,
    height: usize,
    [margin, count]: [usize; 2],
    border: Border,
    output: &mut Rows,
) {
    let inside = |at: usize, side: usize| {
        let at = at as i64 - margin as i64;
        match border {
            Border::Replicate => at.clamp(0, side as i64 - 1) as usize,
            Border::Symmetric => mirror(at, side),
        }
    };
    let from = output.push(count);
    for y in from..from + count as isize {
        let row = inside(y as usize, height) as isize;
        for channel in 0..output.channels() {
            let source = input.row(row, channel);
            let target = output.row_mut(y, channel);
            let (right, end) = (margin + source.len(), target.len());
            target[margin..right].copy_from_slice(source);
            for x in (0..margin).chain(right..end) {
                target[x] = source[inside(x, source.len())];
            }
        }
    }
}
