//! Compares a GPU with the CPU before it is used.

use super::{Gpu, WebGpuEngine};
use crate::graph::Plan;
use crate::{CpuEngine, EngineError, largest_difference};

/// Largest difference from the CPU that is allowed: half a step of 8 bits.
const ALLOWED: f32 = 0.5 / 255.0;

/// The same for maps of half precision: a quarter of it, because one small image does not stand for all.
const ALLOWED_HALF: f32 = ALLOWED / 4.0;

/// A GPU that cannot be used for a plan.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// Its result is wrong.
    // In whole steps: decimals would bring the code that prints them to a page.
    #[error("the GPU's result differs from the CPU's by {} of 255", (.0 * 255.0).ceil() as u32)]
    Wrong(f32),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

/// An engine whose result for a small image equals the CPU's; in half precision if the adapter has it and
/// it is accurate enough.
pub async fn trusted(gpu: &Gpu, plan: &Plan) -> Result<WebGpuEngine, Distrust> {
    let mut cpu = CpuEngine::new(plan, 1);
    let channels = plan.input().channels;
    if gpu.has_half() {
        // Where it fails, f32 may still do.
        if let Ok(mut engine) = WebGpuEngine::new(gpu, plan, true).await {
            let apart = largest_difference(&mut engine, &mut cpu, channels).await;
            if apart.is_ok_and(|apart| apart <= ALLOWED_HALF) {
                return Ok(engine);
            }
        }
    }
    let mut engine = WebGpuEngine::new(gpu, plan, false).await?;
    let apart = largest_difference(&mut engine, &mut cpu, channels).await?;
    if apart <= ALLOWED {
        Ok(engine)
    } else {
        Err(Distrust::Wrong(apart))
    }
}
