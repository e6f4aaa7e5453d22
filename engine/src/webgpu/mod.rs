//! The GPU: WebGPU in a page; Vulkan, Metal or DX12 natively.
//!
//! Each step of a plan is a compute shader, made for its channels and compiled once (`kernel`);
//! values lie in as few buffers as their lifetimes allow (`memory`). A picture is one upload, one
//! submission and one read-back, and the next may be started while the last is computed.

mod device;
mod kernel;
mod memory;
mod read_back;
mod trust;
mod weights;

use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, Buffer, BufferUsages, CommandEncoderDescriptor,
    ComputePassDescriptor, ComputePipeline, ComputePipelineDescriptor, ErrorFilter, PollType,
    ShaderModuleDescriptor, ShaderSource,
};

pub use self::device::{Gpu, OpenError};
use self::kernel::WORKGROUP;
use self::memory::{Layout, ORIGIN_BYTES, Owned};
use self::read_back::lock;
pub use self::trust::{Distrust, trusted};
use crate::graph::{Extent, Plan, Value};
use crate::image::Planes;
use crate::{Engine, EngineError, Grid, Running};

/// Runs a plan on a GPU.
pub struct WebGpuEngine {
    gpu: Gpu,
    half: bool,
    extents: Vec<Extent>,
    /// The buffer of each value.
    slots: Vec<usize>,
    /// What each buffer has to hold.
    contents: Vec<Vec<(Extent, Layout)>>,
    dispatches: Vec<Dispatch>,
    /// Width and height of the network's input.
    size: Owned,
    memory: Option<Memory>,
    shared: Arc<Shared>,
}

/// A kernel, compiled.
struct Dispatch {
    pipeline: ComputePipeline,
    weights: Option<Owned>,
    reads: Vec<Value>,
    result: Value,
    rows: usize,
    depth: usize,
}

/// What pictures up to some size need.
struct Memory {
    buffers: Vec<Owned>,
    /// One a dispatch.
    groups: Vec<BindGroup>,
}

/// What runs that are under way leave to the next ones.
#[derive(Default)]
struct Shared {
    /// Buffers for reading back that nobody uses.
    idle: Mutex<Vec<Owned>>,
    /// Whether one failed: its memory may be none.
    failed: AtomicBool,
}

impl WebGpuEngine {
    /// Compiles a plan's shaders and uploads its weights.
    ///
    /// With `half`, and where the GPU has f16, weights and maps are f16; each column of a kernel is
    /// summed in f16, the rest in f32. Callers see to it that this is accurate enough for the network.
    pub async fn new(gpu: &Gpu, plan: &Plan, half: bool) -> Result<Self, EngineError> {
        let scopes = Scopes::open(gpu);
        let engine = Self::prepare(gpu, plan, half);
        // The last scope closes when the last shader is compiled.
        scopes.close().await.map_err(|e| gpu.failure(&e))?;
        gpu.alive()?;
        Ok(engine)
    }

    fn prepare(gpu: &Gpu, plan: &Plan, half: bool) -> Self {
        let half = half && gpu.has_half();
        let device = &gpu.device;
        let slots = memory::assign(plan);
        let mut contents = vec![Vec::new(); slots.iter().max().map_or(0, |last| last + 1)];
        for (value, &slot) in slots.iter().enumerate() {
            contents[slot].push((plan.extents()[value], Layout::of(plan, value)));
        }
        let mut compiled: Vec<(String, ComputePipeline)> = Vec::new();
        let mut dispatches = Vec::new();
        for kernel in kernel::kernels(plan, half) {
            let known = compiled.iter().find(|(text, _)| *text == kernel.text);
            let pipeline = match known {
                Some((_, pipeline)) => pipeline.clone(),
                None => {
                    let pipeline = compile(gpu, &kernel.text);
                    compiled.push((kernel.text, pipeline.clone()));
                    pipeline
                }
            };
            let weights = kernel.weights.map(|weights| {
                let bytes = weights::to_bytes(&weights, half);
                let buffer = Owned::new(device, bytes.len() as u64, BufferUsages::STORAGE);
                gpu.queue.write_buffer(&buffer.0, 0, &bytes);
                buffer
            });
            dispatches.push(Dispatch {
                pipeline,
                weights,
                reads: kernel.reads,
                result: kernel.result,
                rows: kernel.rows,
                depth: kernel.depth,
            });
        }
        let size = Owned::new(device, 16, BufferUsages::UNIFORM);
        Self {
            gpu: gpu.clone(),
            half,
            extents: plan.extents().to_vec(),
            slots,
            contents,
            dispatches,
            size,
            memory: None,
            shared: Arc::default(),
        }
    }

    /// Uploads a picture, and submits all work on it.
    fn submit(&mut self, input: &Planes) -> Result<Running, EngineError> {
        self.gpu.alive()?;
        let (height, width) = (input.height, input.width);
        let values = input.channels.saturating_mul(height).saturating_mul(width);
        if input.channels != self.extents[0].channels || values != input.data.len() || values == 0 {
            let text = format!("planes of {}×{height}×{width} don't fit", input.channels);
            return Err(EngineError::Failed(text));
        }
        if self.shared.failed.swap(false, Ordering::Relaxed) {
            self.memory = None;
        }
        let needed = self.needed([height, width])?;
        let (gpu, shared) = (self.gpu.clone(), self.shared.clone());
        let scopes = Scopes::open(&gpu);
        let memory = self.reserve(needed);

        let queue = &gpu.queue;
        let size = [width as u32, height as u32].map(u32::to_le_bytes);
        queue.write_buffer(&self.size.0, 0, size.as_flattened());
        let picture = weights::to_bytes(&input.data, false);
        queue.write_buffer(self.buffer(&memory, 0), ORIGIN_BYTES, &picture);

        let mut encoder = gpu
            .device
            .create_command_encoder(&CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
        for (dispatch, group) in self.dispatches.iter().zip(&memory.groups) {
            let extent = self.extents[dispatch.result];
            let threads = |pixels: usize, each: usize| {
                (pixels * extent.scale + 2 * extent.margin).div_ceil(each) as u32
            };
            let columns = threads(width, WORKGROUP[0]);
            let rows = threads(height, WORKGROUP[1] * dispatch.rows);
            pass.set_pipeline(&dispatch.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(columns, rows, dispatch.depth as u32);
        }
        drop(pass);

        let last = self.extents.len() - 1;
        let output = self.extents[last];
        let (width, height) = (width * output.scale, height * output.scale);
        let bytes = (4 * output.channels * height * width) as u64;
        let found = lock(&shared.idle)
            .pop()
            .filter(|buffer| buffer.0.size() >= bytes);
        let target =
            found.unwrap_or_else(|| Owned::new(&gpu.device, bytes, BufferUsages::MAP_READ));
        let source = self.buffer(&memory, last);
        encoder.copy_buffer_to_buffer(source, ORIGIN_BYTES, &target.0, 0, bytes);
        let submission = queue.submit([encoder.finish()]);
        let mapped = read_back::map(&target.0, bytes);
        let errors = scopes.close();
        self.memory = Some(memory);

        Ok(Box::pin(async move {
            let failed = |error: &dyn Display| {
                shared.failed.store(true, Ordering::Relaxed);
                gpu.failure(error)
            };
            errors.await.map_err(|e| failed(&e))?;
            // Pages answer by themselves; elsewhere somebody has to look.
            let wait = PollType::Wait {
                submission_index: Some(submission),
                timeout: None,
            };
            gpu.device.poll(wait).map_err(|e| failed(&e))?;
            mapped.await.map_err(|e| failed(&e))?;
            let view = target.0.get_mapped_range(..bytes);
            let view = view.map_err(|e| failed(&e))?;
            let data = view
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            drop(view);
            target.0.unmap();
            lock(&shared.idle).push(target);
            Ok(Planes {
                channels: output.channels,
                width,
                height,
                data,
            })
        }))
    }

    fn buffer<'a>(&self, memory: &'a Memory, value: Value) -> &'a Buffer {
        &memory.buffers[self.slots[value]].0
    }

    /// How large each buffer has to be; an error where the GPU allows none of that size.
    fn needed(&self, size: [usize; 2]) -> Result<Vec<u64>, EngineError> {
        let bytes =
            |&(extent, layout): &(Extent, Layout)| memory::bytes(extent, layout, self.half, size);
        let largest = |content: &Vec<_>| content.iter().map(bytes).max().unwrap_or(0);
        let needed: Vec<u64> = self.contents.iter().map(largest).collect();
        let limits = self.gpu.device.limits();
        let limit = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        if let Some(bytes) = needed.iter().find(|&&bytes| bytes > limit) {
            return Err(EngineError::Failed(format!(
                "{}×{} pixels take {bytes} bytes for one layer, and {limit} are allowed; smaller \
                 tiles take less",
                size[1], size[0]
            )));
        }
        Ok(needed)
    }

    /// The memory of the last run where it is large enough, or other.
    fn reserve(&mut self, needed: Vec<u64>) -> Memory {
        let enough = |memory: &Memory| {
            let mut pairs = memory.buffers.iter().zip(&needed);
            pairs.all(|(buffer, &needed)| buffer.0.size() >= needed)
        };
        if let Some(memory) = self.memory.take().filter(enough) {
            return memory;
        }
        let device = &self.gpu.device;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let buffers = needed.iter().map(|&bytes| Owned::new(device, bytes, usage));
        let mut memory = Memory {
            buffers: buffers.collect(),
            groups: Vec::new(),
        };
        for dispatch in &self.dispatches {
            let values = dispatch.reads.iter().chain([&dispatch.result]);
            let buffers = std::iter::once(&self.size.0)
                .chain(dispatch.weights.as_ref().map(|weights| &weights.0))
                .chain(values.map(|&value| self.buffer(&memory, value)));
            let entries: Vec<BindGroupEntry> = (0..)
                .zip(buffers)
                .map(|(binding, buffer)| BindGroupEntry {
                    binding,
                    resource: buffer.as_entire_binding(),
                })
                .collect();
            let group = device.create_bind_group(&BindGroupDescriptor {
                label: None,
                layout: &dispatch.pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            memory.groups.push(group);
        }
        memory
    }
}

impl Engine for WebGpuEngine {
    fn name(&self) -> &str {
        match self.half {
            true => "webgpu-f16",
            false => "webgpu",
        }
    }

    fn grid(&self) -> Grid {
        let bytes = |extent: &Extent| 4 * extent.channels.next_multiple_of(4) * extent.scale.pow(2);
        let most = self.extents.iter().map(bytes).max().unwrap_or(1);
        // Halos come to it, on each side.
        let side = (LARGEST_VALUE_BYTES / most).isqrt() * 3 / 4;
        Grid {
            tile_px: side.clamp(SMALLEST_TILE_PX, LARGEST_TILE_PX),
            ..Grid::default()
        }
    }

    /// One that is computed, and one that is on its way to the GPU or back.
    fn depth(&self) -> usize {
        2
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        self.submit(&input)
    }
}

/// What every adapter binds at least (WebGPU's default limit).
const LARGEST_VALUE_BYTES: usize = 128 << 20;

/// Bounds of a tile's side: enough to keep a GPU busy, and little enough to cancel at.
const SMALLEST_TILE_PX: usize = 64;
const LARGEST_TILE_PX: usize = 512;

fn compile(gpu: &Gpu, text: &str) -> ComputePipeline {
    let module = gpu.device.create_shader_module(ShaderModuleDescriptor {
        label: None,
        source: ShaderSource::Wgsl(text.into()),
    });
    gpu.device
        .create_compute_pipeline(&ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: Default::default(),
            cache: None,
        })
}

/// Errors since it was opened.
struct Scopes([wgpu::ErrorScopeGuard; 3]);

impl Scopes {
    fn open(gpu: &Gpu) -> Self {
        let filters = [
            ErrorFilter::Internal,
            ErrorFilter::Validation,
            ErrorFilter::OutOfMemory,
        ];
        Self(filters.map(|filter| gpu.device.push_error_scope(filter)))
    }

    /// Closes it at once; the future tells.
    fn close(self) -> impl Future<Output = Result<(), wgpu::Error>> {
        let [internal, validation, memory] = self.0;
        // In the reverse order of their opening.
        let errors = [memory, validation, internal].map(|scope| Box::pin(scope.pop()));
        async move {
            for error in errors {
                if let Some(error) = error.await {
                    return Err(error);
                }
            }
            Ok(())
        }
    }
}
