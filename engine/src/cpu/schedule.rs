//! Which rows of which value are computed when, without their contents.
//!
//! The input arrives in bands of rows. Every step then computes all rows that it can, and rows that no step
//! reads any more are dropped. Both follow from the steps' footprints.

use super::program::{Program, Stage};
use crate::graph::Value;

/// Input rows that arrive together, for each thread: enough to make the borders between bands cheap, and few enough for
/// the second-level cache.
pub(super) const BAND_ROWS: usize = 8;

/// The same for networks that would take too much memory: every value holds at least as many rows.
pub(super) const SMALL_BAND_ROWS: usize = 4;

/// How far each value has been computed. Rows are counted from a value's first one, its margin included.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    made: Vec<usize>,
    heights: Vec<usize>,
    /// Input rows that arrive together.
    band: usize,
}

impl Schedule {
    /// Starts an input of these sides, whose steps so many threads share.
    pub fn begin(&mut self, program: &Program, [width, height]: [usize; 2], threads: usize) {
        let extents = &program.extents;
        self.band = program.band(width, threads);
        self.made.clear();
        self.made.resize(extents.len(), 0);
        self.heights.clear();
        self.heights
            .extend(extents.iter().map(|extent| extent.px(height)));
    }

    /// Rows of a value so far.
    pub fn made(&self, value: Value) -> usize {
        self.made[value]
    }

    /// Rows of a value in all.
    pub fn height(&self, value: Value) -> usize {
        self.heights[value]
    }

    /// Whether all rows of a value have been computed.
    pub fn is_complete(&self, value: Value) -> bool {
        self.made[value] == self.heights[value]
    }

    /// Input rows that arrive next.
    pub fn band(&self) -> usize {
        self.band.min(self.heights[0] - self.made[0])
    }

    /// Counts new rows of a value.
    pub fn add(&mut self, value: Value, rows: usize) {
        self.made[value] += rows;
    }

    /// New rows of a step's result that can be computed.
    pub fn ready(&self, program: &Program, step: usize) -> usize {
        let value = step + 1;
        let (made, height) = (self.made[value], self.heights[value]);
        let margin = |value: Value| program.extents[value].margin;
        let ends = program.reads[step].iter().map(|read| {
            if self.is_complete(read.value) {
                return height;
            }
            let end = read
                .footprint
                .ready(self.made[read.value] as isize - margin(read.value));
            end.saturating_add(margin(value)).clamp(0, height as isize) as usize
        });
        let mut end = ends.min().unwrap_or(height);
        // Below the input's last row, each step could compute all rows that it is behind, and every value would hold as
        // many.
        let most = program.extents[value].size.px(program.most_rows(self.band));
        end = end.min(made + most);
        if end < height
            && let Stage::Conv(conv) = &program.stages[step]
        {
            // The last block is computed once it is whole.
            end = end.saturating_sub(conv.kernel.begun(end));
        }
        end.saturating_sub(made)
    }

    /// The first row of each value that a step still reads or writes.
    pub fn needed(&self, program: &Program, needed: &mut Vec<isize>) {
        needed.clear();
        needed.extend(self.made.iter().map(|made| *made as isize));
        for (step, stage) in program.stages.iter().enumerate() {
            let value = step + 1;
            if matches!(stage, Stage::View) || self.is_complete(value) {
                continue;
            }
            let mut next = self.made[value] as isize;
            if let Stage::Conv(conv) = stage {
                // It writes whole blocks.
                next -= conv.kernel.begun(self.made[value]) as isize;
            }
            needed[value] = needed[value].min(next);
            let row = next - program.extents[value].margin;
            for read in &program.reads[step] {
                let first = read.footprint.needed_from(row) + program.extents[read.value].margin;
                needed[read.value] = needed[read.value].min(first);
            }
        }
    }
}
