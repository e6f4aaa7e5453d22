//! Opens a model on the lean engines, without Burn.

use engine::CpuEngine;
use engine::container::{File, PlanError};
use engine::webgpu::{Distrust, Gpu, trusted};
use wasm_bindgen::JsValue;

use crate::error::error;
use crate::runner::{Opened, Runner};

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
    let runner = if engine == "cpu" {
        Runner::Cpu(CpuEngine::new(&plan, 1))
    } else {
        // Accept a software adapter: the page chooses the adapter.
        let gpu = Gpu::open(true).await;
        let gpu = gpu.map_err(|e| error("no-webgpu", e))?;
        let engine = trusted(&gpu, &plan).await;
        let engine = engine.map_err(|e| match e {
            Distrust::Wrong(_) => error("wrong-gpu", e),
            Distrust::Failed(e) => error("gpu-failed", e),
        })?;
        Runner::WebGpu(Box::new(engine))
    };
    Ok(Opened {
        runner,
        spec,
        scales,
    })
}
