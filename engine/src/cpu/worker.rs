//! Computes an image, or a strip of one, from top to bottom.

use super::kernels::{self, New};
use super::program::{Program, Stage};
use super::schedule::Schedule;
use crate::conv::{Ending, Rows, Scratch, Threads, activate};
use crate::graph::{Border, Extent, Step, Value};
use crate::image::{Planes, Rect};
use crate::pipeline::Tile;

/// Computes one strip of an image, which may be all of it, from top to bottom.
#[derive(Default)]
pub(super) struct Worker {
    values: Vec<Rows>,
    schedule: Schedule,
    /// The first row of each value that is still needed; kept for its memory.
    needed: Vec<isize>,
    /// One per thread.
    scratches: Vec<Scratch>,
}

impl Worker {
    pub fn run(
        &mut self,
        program: &Program,
        threads: &Threads,
        input: &Planes,
        strip: &Tile,
    ) -> Planes {
        let Tile { core, padded } = *strip;
        self.begin(program, threads, [padded.width, padded.height]);
        let result = program.stages.len();
        let Extent { channels, size, .. } = program.extents[result];
        // A strip begins at a multiple of the grid's alignment, so that these are whole pixels.
        let place = |start: usize, length: usize, padded: usize| {
            let start_px = size.px(start);
            (
                start_px - size.px(padded),
                size.px(start + length) - start_px,
            )
        };
        let (left, width) = place(core.x, core.width, padded.x);
        let (top, height) = place(core.y, core.height, padded.y);
        let mut output = Planes {
            channels,
            width,
            height,
            data: vec![0.0; channels * width * height],
        };
        // The rows below the core are computed only as far as its last one depends on them.
        while self.schedule.made(result) < top + height {
            let before = self.schedule.made(result);
            self.feed(program, input, padded);
            for step in 0..program.stages.len() {
                self.advance(program, threads, step);
            }
            let made = before.max(top)..self.schedule.made(result).min(top + height);
            let rows = &self.values[result];
            let planes = output.data.chunks_exact_mut(width * height);
            threads.share(planes, |channel, plane| {
                for y in made.clone() {
                    let row = &rows.row(y as isize, channel)[left..][..width];
                    plane[(y - top) * width..][..width].copy_from_slice(row);
                }
            });
            self.schedule.needed(program, &mut self.needed);
            let values = self.values.iter_mut().zip(&self.needed);
            threads.share(values, |_, (rows, needed)| rows.keep_from(*needed));
        }
        output
    }

    fn begin(&mut self, program: &Program, threads: &Threads, [width, height]: [usize; 2]) {
        self.scratches
            .resize_with(threads.count(), Scratch::default);
        self.schedule
            .begin(program, [width, height], threads.count());
        self.values
            .resize_with(program.extents.len(), Rows::default);
        let held = program.held_rows([width, height], threads.count());
        let extents = program.extents.iter().zip(&program.borders).zip(held);
        for (value, (rows, ((extent, border), held))) in
            self.values.iter_mut().zip(extents).enumerate()
        {
            let is_view = value > 0 && matches!(program.stages[value - 1], Stage::View);
            if !is_view {
                rows.reset(extent.channels, extent.px(width), *border, held);
            }
        }
    }

    /// Copies the next rows of the input.
    fn feed(&mut self, program: &Program, input: &Planes, padded: Rect) {
        let count = self.schedule.band();
        let from = self.values[0].push(count);
        for y in from..from + count as isize {
            for channel in 0..input.channels {
                let start = (padded.y + y as usize) * input.width + padded.x;
                let row = &input.plane(channel)[start..][..padded.width];
                self.values[0].row_mut(y, channel).copy_from_slice(row);
            }
        }
        self.finish_rows(program, 0, count);
    }

    /// Counts new rows, and adds zeros below the last one.
    fn finish_rows(&mut self, program: &Program, value: Value, count: usize) {
        let was_complete = self.schedule.is_complete(value);
        self.schedule.add(value, count);
        if !was_complete && self.schedule.is_complete(value) {
            self.values[value].push_zeros(program.borders[value]);
        }
    }

    /// Computes all rows of a step's result that can be computed.
    fn advance(&mut self, program: &Program, threads: &Threads, step: usize) {
        let value = step + 1;
        let count = self.schedule.ready(program, step);
        if count == 0 || matches!(program.stages[step], Stage::View) {
            return;
        }
        let (inputs, output) = self.values.split_at_mut(value);
        let output = &mut output[0];
        let height = |value: &Value| self.schedule.height(*value);
        match &program.stages[step] {
            Stage::View => {}
            Stage::Conv(conv) => {
                let ending = Ending {
                    activation: &conv.activation,
                    add: conv.add.map(|add| &inputs[add]),
                };
                let inputs: Vec<&Rows> = conv.inputs.iter().map(|value| &inputs[*value]).collect();
                let scratches = &mut self.scratches;
                conv.kernel
                    .run(threads, scratches, &inputs, ending, output, count);
            }
            Stage::Other(Step::Activate { input, activation }) => {
                let input = &inputs[*input];
                activate(program.isa, threads, input, activation, output, count);
            }
            Stage::Other(other) => {
                let output = New {
                    rows: output,
                    count,
                    threads,
                };
                other_step(other, inputs, height, output);
            }
        }
        self.finish_rows(program, value, count);
    }
}

/// Computes rows of a step that is neither a convolution nor an activation; `height` is that of a value.
fn other_step(step: &Step, inputs: &[Rows], height: impl Fn(&Value) -> usize, output: New) {
    match step {
        Step::Conv(_) | Step::Activate { .. } => unreachable!("kernels of their own"),
        Step::Sum { terms, constant } => {
            let terms = terms.iter().map(|term| (&inputs[term.value], term.factor));
            kernels::sum(&terms.collect::<Vec<_>>(), *constant, output);
        }
        Step::Product { a, b, factor } => {
            kernels::product(&inputs[*a], &inputs[*b], *factor, output);
        }
        Step::Shuffle { input, scale, skip } => {
            let skip = skip.map(|skip| &inputs[skip]);
            kernels::shuffle(&inputs[*input], *scale, skip, output);
        }
        Step::Unshuffle { input, scale } => {
            kernels::unshuffle(&inputs[*input], height(input), *scale, output);
        }
        Step::Repeat { input, scale } => {
            kernels::repeat(&inputs[*input], *scale, output);
        }
        Step::Mean { input, window } => {
            kernels::mean(&inputs[*input], height(input), *window, output);
        }
        Step::Concat { inputs: parts } => {
            let parts: Vec<&Rows> = parts.iter().map(|value| &inputs[*value]).collect();
            kernels::concat(&parts, output);
        }
        Step::Pad {
            input,
            margin,
            border,
        } => {
            let rows = &inputs[*input];
            kernels::pad(rows, height(input), *margin, *border, output);
        }
        Step::Align { input, .. } => {
            let rows = &inputs[*input];
            kernels::pad(rows, height(input), 0, Border::Replicate, output);
        }
        Step::Crop { input, .. } => kernels::crop(&inputs[*input], output),
    }
}
