//! Opens a model's plan on the project's own engines, without Burn.

#[cfg(feature = "cpu")]
use engine::CpuEngine;
use engine::container::{File, PlanError};
#[cfg(feature = "webgpu")]
use engine::webgpu::{Distrust, Gpu, WebGpuEngine, trusted};
use wasm_bindgen::JsValue;

use crate::error::error;
use crate::runner::{Opened, Runner, no_engine};

/// Opens the engine `cpu` or `webgpu`.
pub async fn open(bytes: &[u8], scale: Option<usize>, engine: &str) -> Result<Opened, JsValue> {
    // On `no-plan` the page opens the record with Burn's operators: only records of older versions have no graph.
    let refused = |e: PlanError| match e {
        PlanError::None => error("no-plan", e),
        PlanError::Scale(e) => error("unknown-scale", e),
        e => error("bad-model", e),
    };
    let file = File::open(bytes).map_err(|e| refused(e.into()))?;
    let scales = file.scales();
    // Report an unusable record before a GPU is opened.
    let (plan, spec) = file.plan(scale).map_err(refused)?;
    let runner = match engine {
        #[cfg(feature = "cpu")]
        "cpu" => Runner::Cpu(CpuEngine::new(&plan, 1)),
        #[cfg(feature = "webgpu")]
        "webgpu" => Runner::WebGpu(Box::new(on_gpu(&plan).await?)),
        _ => return Err(no_engine(engine)),
    };
    Ok(Opened {
        runner,
        spec,
        scales,
    })
}

#[cfg(feature = "webgpu")]
async fn on_gpu(plan: &engine::graph::Plan) -> Result<WebGpuEngine, JsValue> {
    // Accept a software adapter: the page chooses the adapter.
    let gpu = Gpu::open(true).await;
    let gpu = gpu.map_err(|e| error("no-webgpu", e))?;
    let engine = trusted(&gpu, plan).await;
    engine.map_err(|e| match e {
        Distrust::Wrong(_) => error("wrong-gpu", e),
        Distrust::Failed(e) => error("gpu-failed", e),
    })
}
