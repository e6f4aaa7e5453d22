//! The CPU engine: steps pass rows on to each other.
//!
//! The input arrives a few rows at a time, and every step computes all rows that it can; rows that no step
//! reads any more are dropped. So the rows in use stay in the cache through all layers (line-buffer fusion),
//! and memory follows the width of a tile and the depth of the network, not the image.

mod activation;
mod kernels;
mod program;
mod schedule;
mod worker;

use std::future::ready;
use std::ops::Range;

use self::program::Program;
use self::worker::Worker;
use crate::conv::Isa;
use crate::engine::check_input;
use crate::graph::Plan;
use crate::image::Planes;
use crate::{Engine, EngineError, Grid, Running};

/// Memory that a tile may take on one thread, in bytes.
const MAX_TILE_BYTES: u64 = if cfg!(target_family = "wasm") {
    512 << 20
} else {
    4 << 30
};

/// Runs plans with this processor's vector instructions.
pub struct CpuEngine {
    program: Program,
    /// One per thread.
    workers: Vec<Worker>,
}

impl CpuEngine {
    /// Prepares a plan for the fastest instruction set of this processor and for `threads` threads; more
    /// than one need the feature `threads`.
    pub fn new(plan: &Plan, threads: usize) -> Self {
        Self::with_isa(plan, threads, Isa::best())
    }

    /// The same for a given instruction set.
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

impl CpuEngine {
    /// Whether the input has the network's channels, is as long as it says, and fits the memory.
    fn check(&self, input: &Planes) -> Result<(), EngineError> {
        check_input(self.program.extents[0].channels, input)?;
        let needed = self.program.bytes([input.width, input.height]);
        if needed > MAX_TILE_BYTES {
            return Err(EngineError::Memory {
                width: input.width,
                height: input.height,
                needed_mb: needed >> 20,
                limit_mb: MAX_TILE_BYTES >> 20,
            });
        }
        Ok(())
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &str {
        "cpu"
    }

    fn grid(&self) -> Grid {
        self.program.grid
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        self.check(&input)?;
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
        Ok(Box::pin(ready(Ok(side_by_side(parts)))))
    }
}

/// Columns of the input: those whose result is wanted, and those that are read for them.
struct Strip {
    core: Range<usize>,
    padded: Range<usize>,
}

/// Narrower ones are mostly halo.
const NARROWEST_STRIP: usize = 32;

fn strips(input: &Planes, count: usize, grid: &Grid) -> Vec<Strip> {
    let (align, [before, after]) = (grid.align_px, grid.halo_px);
    let count = count.min(input.width / NARROWEST_STRIP).max(1);
    let start = |i: usize| match i == count {
        true => input.width,
        false => input.width * i / count / align * align,
    };
    let strip = |i: usize| Strip {
        core: start(i)..start(i + 1),
        padded: start(i).saturating_sub(before)..(start(i + 1) + after).min(input.width),
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
