//! The CPU engine: steps pass rows on to each other.
//!
//! The input arrives a few rows at a time, and every step computes all rows that it can; rows that no step
//! reads any more are dropped. So the rows in use stay in the cache through all layers (line-buffer fusion),
//! and memory follows the width of a tile and the depth of the network, not the image.

mod kernels;
mod program;
mod schedule;
mod worker;

use std::future::ready;

use self::program::Program;
use self::worker::Worker;
use crate::conv::{Isa, Threads};
use crate::engine::check_input;
use crate::graph::Plan;
use crate::image::{Planes, Rect};
use crate::pipeline::{Tile, tiles};
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
        let needed = self.program.bytes([input.width, input.height], 1);
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
        let size = [input.width, input.height];
        let count = self.workers.len();
        if count > 1 && !has_strips(size, count, &program.grid) {
            let [width, height] = size;
            let all = Rect {
                x: 0,
                y: 0,
                width,
                height,
            };
            let image = Tile {
                core: all,
                padded: all,
            };
            let worker = &mut self.workers[0];
            let output = Threads::with(count, |threads| {
                worker.run(program, threads, &input, &image)
            });
            return Ok(Box::pin(ready(Ok(output))));
        }
        let strips = strips(size, count, &program.grid);
        let jobs = self.workers.iter_mut().zip(strips);
        #[cfg(feature = "threads")]
        let parts: Vec<Planes> = {
            use rayon::prelude::*;
            let jobs: Vec<_> = jobs.collect();
            let jobs = jobs.into_par_iter();
            jobs.map(|(worker, strip)| worker.run(program, &Threads::ONE, &input, &strip))
                .collect()
        };
        #[cfg(not(feature = "threads"))]
        let parts: Vec<Planes> = jobs
            .map(|(worker, strip)| worker.run(program, &Threads::ONE, &input, &strip))
            .collect();
        Ok(Box::pin(ready(Ok(joined(parts, has_columns(size))))))
    }
}

/// Strips with fewer columns or rows are mostly halo.
const NARROWEST_STRIP_PX: usize = 32;

/// From this width on strips are columns: a thread's rows stay in its cache. Below it they are rows, because vectors
/// of Winograd's tiles fill whole rows better than parts of them.
const WIDE_PX: usize = 768;

/// Whether threads share an image of these sides by its columns.
fn has_columns([width, height]: [usize; 2]) -> bool {
    width >= WIDE_PX || height < 2 * NARROWEST_STRIP_PX
}

/// Strips whose halos are a larger part of the image than this are slower than steps that threads share: these wait for
/// each other after every step, strips compute their halos twice.
const HALO_PARTS: usize = 6;

/// Whether each of `count` threads computes a strip; otherwise they share each step.
fn has_strips(size: [usize; 2], count: usize, grid: &Grid) -> bool {
    let side = size[usize::from(!has_columns(size))];
    let [before, after] = grid.halo_px;
    HALO_PARTS * (count - 1) * (before + after) <= side && side >= count * NARROWEST_STRIP_PX
}

/// At most `count` strips of an image, all columns or all rows.
fn strips([width, height]: [usize; 2], count: usize, grid: &Grid) -> Vec<Tile> {
    let share = |side: usize| {
        let count = count.min(side / NARROWEST_STRIP_PX).max(1);
        side.div_ceil(count).next_multiple_of(grid.align_px)
    };
    let sides = match has_columns([width, height]) {
        true => [share(width), height],
        false => [width, share(height)],
    };
    tiles([width, height], sides, grid.halo_px)
}

/// The results of strips as one, side by side or one below the other.
fn joined(mut parts: Vec<Planes>, has_columns: bool) -> Planes {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let channels = parts[0].channels;
    let sum = |side: fn(&Planes) -> usize| parts.iter().map(side).sum::<usize>();
    let [width, height, rows] = match has_columns {
        true => [sum(|part| part.width), parts[0].height, parts[0].height],
        false => [parts[0].width, sum(|part| part.height), 1],
    };
    let mut data = Vec::with_capacity(channels * width * height);
    for channel in 0..channels {
        for row in 0..rows {
            for part in &parts {
                let plane = part.plane(channel);
                let length = plane.len() / rows;
                data.extend(&plane[row * length..][..length]);
            }
        }
    }
    Planes {
        channels,
        width,
        height,
        data,
    }
}
