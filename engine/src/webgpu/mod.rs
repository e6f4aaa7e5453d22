//! The GPU engine: WebGPU in a page; Vulkan, Metal or DX12 natively.
//!
//! Each step of a plan is one compute shader or a few (`program`), generated for its channels and
//! compiled once; values share buffers as far as their lifetimes allow (`memory`). A tile is one upload,
//! one submission and one read-back, and the next one may be started while the last one is computed.

mod compile;
mod conv;
mod device;
mod memory;
mod program;
mod read_back;
mod steps;
mod template;
mod trust;
mod weights;

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use wgpu::{
    BindGroup, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor, ComputePipeline,
    Limits, PollType,
};

use self::compile::Scopes;
pub use self::device::{Gpu, OpenError};
use self::memory::{Memory, ORIGIN_BYTES, Owned, WORKGROUP};
use self::program::{Kernel, Program};
use self::read_back::lock;
pub use self::trust::{Distrust, trusted};
use crate::engine::check_input;
use crate::graph::{Extent, MAX_PLAN_BYTES, Plan};
use crate::image::Planes;
use crate::{Engine, EngineError, Grid, Running};

/// Runs a plan on a GPU.
pub struct WebGpuEngine {
    gpu: Gpu,
    limits: Limits,
    half: bool,
    grid: Grid,
    channels: usize,
    output: Extent,
    /// The place of the plan's result.
    result: usize,
    memory: Memory,
    dispatches: Vec<Dispatch>,
    /// Width and height of the network's input.
    size: Owned,
    allocated: Option<Allocation>,
    shared: Arc<Shared>,
}

/// A kernel on the GPU.
struct Dispatch {
    pipeline: ComputePipeline,
    weights: Option<Owned>,
    reads: Vec<usize>,
    result: usize,
    /// Size of its result.
    extent: Extent,
    rows: usize,
    depth: usize,
}

/// Buffers for images up to some size.
struct Allocation {
    buffers: Vec<Owned>,
    /// One per dispatch.
    groups: Vec<BindGroup>,
}

/// State that runs in flight share with later ones.
#[derive(Default)]
struct Shared {
    /// Buffers for reading back that are not in use.
    idle: Mutex<Vec<Owned>>,
    /// Whether a run failed; its buffers may be invalid.
    failed: AtomicBool,
}

impl WebGpuEngine {
    /// Compiles a plan's shaders and uploads its weights.
    ///
    /// With `half`, if the GPU has f16, weights and maps are f16; each column of a kernel is summed in f16,
    /// everything else in f32. Callers check that this is accurate enough for the network.
    ///
    /// Fails if weights take more than the GPU allows, or if the GPU fails.
    pub async fn new(gpu: &Gpu, plan: &Plan, half: bool) -> Result<Self, EngineError> {
        gpu.alive()?;
        let scopes = Scopes::open(&gpu.device);
        let engine = Self::prepare(gpu, plan, half);
        // The last scope closes when the last shader is compiled.
        scopes.close().await.map_err(|e| gpu.failure(&e))?;
        gpu.alive()?;
        engine
    }

    fn prepare(gpu: &Gpu, plan: &Plan, half: bool) -> Result<Self, EngineError> {
        let half = half && gpu.has_half();
        let device = &gpu.device;
        let limits = device.limits();
        let max_buffers = limits.max_storage_buffers_per_shader_stage as usize;
        let Program {
            texts,
            kernels,
            places,
            ..
        } = Program::new(plan, half, max_buffers)?;
        check_weights(plan, &kernels, &limits, half)?;
        let memory = Memory::new(places.clone(), &kernels, half);
        let compile = |text: &String| compile::pipeline(device, text);
        let pipelines: Vec<ComputePipeline> = texts.iter().map(compile).collect();
        let dispatch = |kernel: Kernel| Dispatch {
            pipeline: pipelines[kernel.text].clone(),
            weights: (kernel.weights.count() > 0).then(|| {
                let bytes = weights::to_bytes(&kernel.weights.numbers(), half);
                let buffer = Owned::new(device, bytes.len() as u64, BufferUsages::STORAGE);
                gpu.queue.write_buffer(&buffer.0, 0, &bytes);
                buffer
            }),
            reads: kernel.reads,
            result: kernel.result,
            extent: places[kernel.result].extent,
            rows: kernel.rows,
            depth: kernel.depth,
        };
        let dispatches = kernels.into_iter().map(dispatch).collect();
        let reach = plan.reach();
        let halo_px = [reach.before_px, reach.after_px];
        Ok(Self {
            grid: Grid {
                align_px: reach.align_px,
                halo_px,
                tile_px: memory.tile_px(&limits, reach.align_px, halo_px[0] + halo_px[1]),
            },
            gpu: gpu.clone(),
            limits,
            half,
            channels: plan.input().channels,
            output: plan.output(),
            result: plan.steps().len(),
            memory,
            dispatches,
            size: Owned::new(device, 16, BufferUsages::UNIFORM),
            allocated: None,
            shared: Arc::default(),
        })
    }

    /// Uploads a tile, and submits all work on it.
    fn submit(&mut self, input: &Planes) -> Result<Running, EngineError> {
        self.gpu.alive()?;
        check_input(self.channels, input)?;
        if self.shared.failed.swap(false, Ordering::Relaxed) {
            self.allocated = None;
        }
        let input_px = [input.width, input.height];
        let needed = self.memory.needed(&self.limits, input_px)?;
        let (gpu, shared) = (self.gpu.clone(), self.shared.clone());
        let scopes = Scopes::open(&gpu.device);
        let allocated = self.allocate(needed);

        let queue = &gpu.queue;
        let size = input_px.map(|px| (px as u32).to_le_bytes());
        queue.write_buffer(&self.size.0, 0, size.as_flattened());
        let bytes = weights::to_bytes(&input.data, false);
        let first = &allocated.buffers[self.memory.buffer(0)].0;
        queue.write_buffer(first, ORIGIN_BYTES, &bytes);

        let mut encoder = gpu
            .device
            .create_command_encoder(&CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
        for (dispatch, group) in self.dispatches.iter().zip(&allocated.groups) {
            let [width, height] = input_px.map(|px| dispatch.extent.px(px));
            let columns = width.div_ceil(WORKGROUP[0]);
            let rows = height.div_ceil(WORKGROUP[1] * dispatch.rows);
            pass.set_pipeline(&dispatch.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(columns as u32, rows as u32, dispatch.depth as u32);
        }
        drop(pass);

        let channels = self.output.channels;
        let [width, height] = input_px.map(|px| self.output.px(px));
        let bytes = (4 * channels * height * width) as u64;
        let found = lock(&shared.idle)
            .pop()
            .filter(|buffer| buffer.0.size() >= bytes);
        let target =
            found.unwrap_or_else(|| Owned::new(&gpu.device, bytes, BufferUsages::MAP_READ));
        let source = &allocated.buffers[self.memory.buffer(self.result)].0;
        encoder.copy_buffer_to_buffer(source, ORIGIN_BYTES, &target.0, 0, bytes);
        let submission = queue.submit([encoder.finish()]);
        let mapped = read_back::map(&target.0, bytes);
        let errors = scopes.close();
        self.allocated = Some(allocated);

        Ok(Box::pin(async move {
            let failed = |error: &dyn Display| {
                shared.failed.store(true, Ordering::Relaxed);
                gpu.failure(error)
            };
            errors.await.map_err(|e| failed(&e))?;
            // In a page the browser polls; natively the buffer is mapped only while we do.
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
                channels,
                width,
                height,
                data,
            })
        }))
    }

    /// The buffers of the last run if they are large enough, or new ones.
    fn allocate(&mut self, needed: Vec<u64>) -> Allocation {
        let enough = |allocated: &Allocation| {
            let mut pairs = allocated.buffers.iter().zip(&needed);
            pairs.all(|(buffer, &needed)| buffer.0.size() >= needed)
        };
        if let Some(allocated) = self.allocated.take().filter(enough) {
            return allocated;
        }
        let device = &self.gpu.device;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let buffers: Vec<Owned> = needed
            .iter()
            .map(|&bytes| Owned::new(device, bytes, usage))
            .collect();
        let group = |dispatch: &Dispatch| {
            let places = dispatch.reads.iter().chain([&dispatch.result]);
            let bound = std::iter::once(&self.size)
                .chain(&dispatch.weights)
                .chain(places.map(|&place| &buffers[self.memory.buffer(place)]));
            compile::bind(device, &dispatch.pipeline, bound.map(|owned| &owned.0))
        };
        Allocation {
            groups: self.dispatches.iter().map(group).collect(),
            buffers,
        }
    }
}

/// Fails if weights take more memory than is allowed.
fn check_weights(
    plan: &Plan,
    kernels: &[Kernel],
    limits: &Limits,
    half: bool,
) -> Result<(), EngineError> {
    let limit = limits
        .max_storage_buffer_binding_size
        .min(limits.max_buffer_size);
    let mut total: u64 = 0;
    for kernel in kernels {
        let bytes = kernel.weights.count() * if half { 2 } else { 4 };
        total = total.saturating_add(bytes);
        let kind = plan.steps()[kernel.step - 1].kind();
        for (of, bytes, limit) in [
            ("its weights take", bytes, limit),
            ("weights take by then", total, MAX_PLAN_BYTES),
        ] {
            if bytes > limit {
                return Err(EngineError::Failed(format!(
                    "step {} ({kind}): {of} {} MB, and {} MB are allowed",
                    kernel.step,
                    bytes >> 20,
                    limit >> 20
                )));
            }
        }
    }
    Ok(())
}

impl Engine for WebGpuEngine {
    fn name(&self) -> &str {
        match self.half {
            true => "webgpu-f16",
            false => "webgpu",
        }
    }

    fn grid(&self) -> Grid {
        self.grid
    }

    /// One tile that is computed, and one that travels to the GPU or back.
    fn depth(&self) -> usize {
        2
    }

    fn start(&mut self, input: Planes) -> Result<Running, EngineError> {
        self.submit(&input)
    }
}
