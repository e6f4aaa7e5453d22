//! Where values lie.
//!
//! Networks read and give planes of f32. All other values are blocks of four channels,
//! `[ceil(c / 4), h, w]` of `vec4`, so that neighbouring threads read neighbouring memory and no
//! load is narrower than the GPU's. A zero lies in front of each, for reads outside the image.
//!
//! The channels that a block has beyond the value's are never read as values, but they are finite, so that
//! multiplying them by zero gives zero.

use wgpu::{Buffer, BufferDescriptor, BufferUsages, Device, Limits};

use super::program::Kernel;
use crate::EngineError;
use crate::graph::Extent;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[c, h, w]` of f32.
    Planes,
    /// `[ceil(c / 4), h, w]` of four values, f32 or f16.
    Blocks,
}

/// A value in memory: one of the plan, or one between two kernels of the same step.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its size.
    pub extent: Extent,
    /// How it is stored.
    pub layout: Layout,
    /// The number of the step that computes it, from 1; 0 for the input.
    pub step: usize,
    /// The kind of that step.
    pub kind: &'static str,
}

/// Bytes before the first pixel of planes. The first element of a buffer stays zero, whatever lies in it.
pub const ORIGIN_BYTES: u64 = 16;

/// Memory that all values of a tile may take, in bytes.
const MAX_TILE_BYTES: u64 = 2 << 30;

/// Memory that tiles aim at, in bytes; a page has other uses for its GPU.
const TILE_BYTES: u64 = 512 << 20;

/// Bounds of a tile's side: enough to keep a GPU busy, and few enough pixels that cancelling is quick.
const SMALLEST_TILE_PX: usize = 64;
const LARGEST_TILE_PX: usize = 512;

impl Place {
    /// Bytes for an input of these sides, saturated.
    pub fn bytes(&self, half: bool, [width, height]: [usize; 2]) -> u64 {
        let [width, height] = [width, height].map(|px| self.extent.px(px) as u64);
        let block = match self.layout {
            // The input is rounded up to whole blocks, so that reading the last one stays inside.
            Layout::Planes => 16,
            Layout::Blocks if half => 8,
            Layout::Blocks => 16,
        };
        let blocks = self.extent.channels.div_ceil(4) as u64;
        let bytes = width.saturating_mul(height).saturating_mul(block * blocks);
        bytes.saturating_add(ORIGIN_BYTES)
    }
}

/// Buffers, each of which holds several values in turn.
pub struct Memory {
    places: Vec<Place>,
    /// The buffer of each place; none where nothing is stored.
    buffers: Vec<Option<usize>>,
    half: bool,
}

impl Memory {
    /// Assigns buffers by lifetimes: a value has its buffer to itself until its last reader is done.
    pub fn new(places: Vec<Place>, kernels: &[Kernel], half: bool) -> Self {
        let mut last_use = vec![0; places.len()];
        for (i, kernel) in kernels.iter().enumerate() {
            for &place in kernel.reads.iter().chain([&kernel.result]) {
                last_use[place] = i;
            }
        }
        let mut memory = Self {
            buffers: vec![None; places.len()],
            places,
            half,
        };
        // The input keeps its buffer, so that the planes that fill up its last block hold pixels or zeros.
        memory.buffers[0] = Some(0);
        let mut count = 1;
        // Free buffers and the size of the largest value that each has held, by size. A large image stands
        // for all sizes.
        let mut free: Vec<(u64, usize)> = Vec::new();
        let mut sizes = vec![0];
        for (i, kernel) in kernels.iter().enumerate() {
            if memory.buffers[kernel.result].is_none() {
                let size = memory.places[kernel.result].bytes(half, [256; 2]);
                let fitting = free.partition_point(|&(held, _)| held < size);
                let buffer = if free.is_empty() {
                    sizes.push(size);
                    count += 1;
                    count - 1
                } else {
                    // The smallest one that is large enough, or the largest one.
                    free.remove(fitting.min(free.len() - 1)).1
                };
                sizes[buffer] = sizes[buffer].max(size);
                memory.buffers[kernel.result] = Some(buffer);
            }
            let used = kernel.reads.iter().chain([&kernel.result]);
            for &place in used {
                if place == 0 || last_use[place] != i {
                    continue;
                }
                // A value that a kernel reads twice is freed once.
                last_use[place] = usize::MAX;
                if let Some(buffer) = memory.buffers[place] {
                    let freed = (sizes[buffer], buffer);
                    let at = free.partition_point(|other| *other < freed);
                    free.insert(at, freed);
                }
            }
        }
        memory
    }

    /// The buffer of a place.
    pub fn buffer(&self, place: usize) -> usize {
        // Kernels use no place without one.
        self.buffers[place].unwrap_or(0)
    }

    /// Bytes of each buffer for an input of these sides, or an error that names the step whose result is
    /// too large.
    pub fn needed(&self, limits: &Limits, size: [usize; 2]) -> Result<Vec<u64>, EngineError> {
        self.within(limits, MAX_TILE_BYTES, size)
    }

    fn within(
        &self,
        limits: &Limits,
        budget: u64,
        size: [usize; 2],
    ) -> Result<Vec<u64>, EngineError> {
        let limit = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        let groups = limits.max_compute_workgroups_per_dimension as usize;
        let mut needed = Vec::new();
        for (place, buffer) in self.places.iter().zip(&self.buffers) {
            let Some(buffer) = *buffer else { continue };
            let bytes = place.bytes(self.half, size);
            let [width, height] = size.map(|px| place.extent.px(px));
            let wide = width.div_ceil(WORKGROUP[0]) > groups;
            if bytes > limit || wide || height.div_ceil(WORKGROUP[1]) > groups {
                return Err(EngineError::Failed(format!(
                    "step {} ({}): its result of {}×{height}×{width} takes {} MB, and this GPU \
                     allows {} MB and {}×{} pixels; use smaller tiles",
                    place.step,
                    place.kind,
                    place.extent.channels,
                    bytes >> 20,
                    limit >> 20,
                    groups * WORKGROUP[1],
                    groups * WORKGROUP[0],
                )));
            }
            if needed.len() <= buffer {
                needed.resize(buffer + 1, 0);
            }
            needed[buffer] = bytes.max(needed[buffer]);
        }
        let total = needed
            .iter()
            .fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        if total > budget {
            return Err(EngineError::Memory {
                width: size[0],
                height: size[1],
                needed_mb: total >> 20,
                limit_mb: budget >> 20,
            });
        }
        Ok(needed)
    }

    /// The side of the largest tile of at most 512 px that fits with a halo of `halo_px` in all.
    pub fn tile_px(&self, limits: &Limits, align_px: usize, halo_px: usize) -> usize {
        let fits = |side: usize| self.within(limits, TILE_BYTES, [side + halo_px; 2]).is_ok();
        let mut side = LARGEST_TILE_PX;
        while side > SMALLEST_TILE_PX && !fits(side.next_multiple_of(align_px)) {
            side -= SMALLEST_TILE_PX / 2;
        }
        side
    }
}

/// Threads of a workgroup in x and y; the shaders say the same.
pub const WORKGROUP: [usize; 2] = [16, 4];

/// A buffer that frees its memory when it is dropped: in pages it would wait for the garbage collector.
#[derive(Debug)]
pub struct Owned(pub Buffer);

impl Owned {
    /// A buffer that can also be the destination of copies.
    pub fn new(device: &Device, size: u64, usage: BufferUsages) -> Self {
        Self(device.create_buffer(&BufferDescriptor {
            label: None,
            size: size.next_multiple_of(16),
            usage: usage | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        }))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

#[cfg(all(test, feature = "reference"))]
mod tests {
    use super::*;
    use crate::graph::{Activation, Builder};
    use crate::reference::random::{Random, RandomGraph};
    use crate::webgpu::program::Program;

    #[test]
    fn no_value_is_overwritten_before_its_last_reader() {
        let mut random = Random::new(21);
        for _ in 0..500 {
            let plan = RandomGraph::new(&mut random, 20).plan();
            let Program {
                kernels, places, ..
            } = Program::new(&plan, false, 8).unwrap();
            let result = plan.steps().len();
            let memory = Memory::new(places, &kernels, false);
            // The place whose value each buffer holds.
            let mut held = vec![usize::MAX; memory.places.len()];
            held[memory.buffer(0)] = 0;
            for kernel in &kernels {
                for &read in &kernel.reads {
                    assert_eq!(held[memory.buffer(read)], read);
                    assert_ne!(memory.buffer(read), memory.buffer(kernel.result));
                }
                held[memory.buffer(kernel.result)] = kernel.result;
            }
            assert_eq!(held[memory.buffer(result)], result);
        }
    }

    #[test]
    fn a_chain_takes_two_buffers_beside_the_input() {
        let mut builder = Builder::new(8);
        let mut last = 0;
        for _ in 0..50 {
            last = builder.activate(last, Activation::Relu).unwrap();
        }
        let plan = builder.finish().unwrap().compile(|_| None).unwrap();
        let Program {
            kernels, places, ..
        } = Program::new(&plan, false, 8).unwrap();
        let memory = Memory::new(places, &kernels, false);
        let needed = memory.needed(&Limits::default(), [16, 16]).unwrap();
        assert_eq!(needed, [ORIGIN_BYTES + 4 * 8 * 256; 3]);
    }
}
