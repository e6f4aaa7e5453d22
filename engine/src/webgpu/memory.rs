//! Where values lie.
//!
//! Networks read and give planes of f32. All other values are blocks of four channels,
//! `[ceil(c / 4), h, w]` of `vec4`, so that neighbouring threads read neighbouring memory and no
//! load is narrower than the GPU's. In front of each stand zeros: what is read outside of it.

use wgpu::{Buffer, BufferDescriptor, BufferUsages, Device};

use crate::graph::{Extent, Plan, Value};

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[c, h, w]` of f32.
    Planes,
    /// `[ceil(c / 4), h, w]` of four values, f32 or f16.
    Blocks,
}

impl Layout {
    /// That of a value.
    pub fn of(plan: &Plan, value: Value) -> Self {
        match value == 0 || value == plan.steps().len() {
            true => Self::Planes,
            false => Self::Blocks,
        }
    }

    /// Elements of zeros in front: [`ORIGIN_BYTES`] or less.
    pub fn origin(self) -> usize {
        match self {
            Self::Planes => 4,
            Self::Blocks => 1,
        }
    }
}

/// Where planes begin. The zeros stay zeros whatever comes to lie in a buffer.
pub const ORIGIN_BYTES: u64 = 16;

/// What a value of this extent takes for an input of `h`×`w`.
pub fn bytes(extent: Extent, layout: Layout, half: bool, [h, w]: [usize; 2]) -> u64 {
    let side = |pixels: usize| (pixels * extent.scale + 2 * extent.margin) as u64;
    let pixel = match layout {
        Layout::Planes => 4 * extent.channels,
        Layout::Blocks if half => 8 * extent.channels.div_ceil(4),
        Layout::Blocks => 16 * extent.channels.div_ceil(4),
    };
    ORIGIN_BYTES + side(h).saturating_mul(side(w)).saturating_mul(pixel as u64)
}

/// Which buffer each value lies in: it has it to itself until its last reader is done.
pub fn assign(plan: &Plan) -> Vec<usize> {
    let readers = |value: Value| {
        let mut steps = plan.steps().iter();
        steps.rposition(|step| step.inputs().contains(&value))
    };
    // A large picture stands for all of them.
    let size = |value: Value| {
        let extent = plan.extents()[value];
        bytes(extent, Layout::of(plan, value), false, [256; 2])
    };
    let mut slots = vec![0];
    // The value that lies in each buffer, and the size of the largest that ever did.
    let mut buffers = vec![(0, size(0))];
    for step in 0..plan.steps().len() {
        let value = step + 1;
        let free = (0..buffers.len())
            .filter(|&slot| readers(buffers[slot].0).is_none_or(|last| last < step))
            .min_by_key(|&slot| buffers[slot].1.abs_diff(size(value)));
        let slot = free.unwrap_or(buffers.len());
        match buffers.get_mut(slot) {
            Some(buffer) => *buffer = (value, buffer.1.max(size(value))),
            None => buffers.push((value, size(value))),
        }
        slots.push(slot);
    }
    slots
}

/// A buffer that gives its memory back at once: in pages it would wait for the garbage collector.
#[derive(Debug)]
pub struct Owned(pub Buffer);

impl Owned {
    /// A buffer that copies can write to, too.
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
