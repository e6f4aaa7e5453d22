//! A GPU is compared with the CPU before it is trusted.

use super::{Gpu, WebGpuEngine};
use crate::graph::Plan;
use crate::{CpuEngine, EngineError, largest_difference};

/// How far off a GPU may be: half a step of 8 bits.
const ALLOWED: f32 = 0.5 / 255.0;

/// How far off maps of half precision may make it: a quarter of what is allowed, as one small picture
/// is not every picture.
const ALLOWED_HALF: f32 = ALLOWED / 4.0;

/// A GPU that is of no use for a plan.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// It computes something else.
    // In whole steps: decimals would bring the code that prints them to a page.
    #[error("the GPU computes something else than the CPU (by {} of 255)", (.0 * 255.0).ceil() as u32)]
    Wrong(f32),
    /// It computes nothing.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

/// An engine for a plan that gives what the CPU gives on a small image; with maps of half precision
/// where the adapter has them and that is accurate enough.
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
