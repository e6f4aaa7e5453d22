//! What computes a strip of columns from top to bottom.

use super::program::{Program, Stage, padding};
use super::{Strip, steps};
use crate::conv::{Rows, Scratch};
use crate::graph::{Extent, Step, Value};
use crate::image::Planes;

/// Input rows that come in together: enough to make the borders between bands cheap, and few
/// enough for the second-level cache.
const BAND_ROWS: usize = 8;

/// What computes one strip of columns from top to bottom.
#[derive(Default)]
pub(super) struct Worker {
    values: Vec<Rows>,
    /// How many rows of each value there have been, zeros around it aside.
    made: Vec<usize>,
    heights: Vec<usize>,
    scratch: Scratch,
}

impl Worker {
    pub fn run(&mut self, program: &Program, input: &Planes, strip: Strip) -> Planes {
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
        for ((rows, extent), margin) in values.iter_mut().zip(extents).zip(&program.margins) {
            let columns = side(extent, width);
            rows.reset(extent.channels, columns, *margin);
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
            self.values[value].push_zeros(program.margins[value]);
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
                steps::convolve(prepared, conv, &mut self.scratch, input, add, output, count);
            }
            Stage::Other(Step::Shuffle { input, scale, skip }) => {
                steps::shuffle(
                    &inputs[*input],
                    *scale,
                    skip.map(|skip| &inputs[skip]),
                    output,
                    count,
                );
            }
            Stage::Other(Step::Add { a, b }) => steps::add(&inputs[*a], &inputs[*b], output, count),
            Stage::Other(Step::Concat { inputs: values }) => {
                steps::concat(values.iter().map(|value| &inputs[*value]), output, count);
            }
            Stage::Other(Step::Pad {
                input,
                margin,
                border,
            }) => steps::pad(
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
                let there = if made(&conv.input) == self.heights[conv.input] {
                    height
                } else {
                    (made(&conv.input) + padding(conv) + 1).saturating_sub(conv.k)
                };
                let there = conv.add.as_ref().map_or(there, |add| there.min(made(add)));
                if there < height {
                    there.saturating_sub(prepared.begun(there))
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
        let mut needed: Vec<isize> = self.made.iter().map(|made| *made as isize).collect();
        for (i, stage) in program.steps.iter().enumerate() {
            let next = self.made[i + 1] as isize;
            let mut reads = |value: Value, row: isize| needed[value] = needed[value].min(row);
            match stage {
                Stage::Conv(prepared, conv) => {
                    // It writes whole blocks.
                    let next = next - prepared.begun(self.made[i + 1]) as isize;
                    reads(conv.input, next - padding(conv) as isize);
                    for value in conv.add.into_iter().chain([i + 1]) {
                        reads(value, next);
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
        for (rows, needed) in self.values.iter_mut().zip(needed) {
            rows.keep_from(needed);
        }
    }
}
