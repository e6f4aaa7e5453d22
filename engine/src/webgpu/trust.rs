//! Compares a GPU's result with the network's definition before the GPU is used.

use super::{Gpu, WebGpuEngine};
use crate::graph::Plan;
use crate::image::Planes;
use crate::reference::evaluate;
use crate::{Engine, EngineError, largest_difference, test_image};

/// Largest difference that is allowed: half a step of 8 bits.
const ALLOWED: f32 = 0.5 / 255.0;

/// The same for maps of half precision: a quarter of it, because one small image does not stand for all.
const ALLOWED_HALF: f32 = ALLOWED / 4.0;

/// Largest and smallest side of the test image in pixels, and the multiplications that it may take: less than a
/// second of one core.
const TEST_PX: [usize; 2] = [24, 8];
const MULTIPLICATIONS: f64 = 5e8;

/// A GPU that cannot be used for a plan.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// Its result is wrong.
    // In whole steps: decimals would bring the code that prints them to a page.
    #[error("the GPU's result differs from the correct one by {} of 255", (.0 * 255.0).ceil() as u32)]
    Wrong(f32),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

/// An engine whose result for a small image is correct; in half precision if the adapter has it and it is
/// accurate enough.
pub async fn trusted(gpu: &Gpu, plan: &Plan) -> Result<WebGpuEngine, Distrust> {
    let image = test_image(plan.input().channels, test_px(plan));
    // The definition and not the CPU engine: a page that computes on its GPU does not fetch that.
    let expected = Planes::from(evaluate(plan, &image));
    if gpu.has_half() {
        // Where it fails, f32 may still do.
        if let Ok(mut engine) = WebGpuEngine::new(gpu, plan, true).await {
            let found = engine.run(image.clone()).await;
            if found.is_ok_and(|found| largest_difference(&found, &expected) <= ALLOWED_HALF) {
                return Ok(engine);
            }
        }
    }
    let mut engine = WebGpuEngine::new(gpu, plan, false).await?;
    let apart = largest_difference(&engine.run(image).await?, &expected);
    if apart <= ALLOWED {
        Ok(engine)
    } else {
        Err(Distrust::Wrong(apart))
    }
}

/// Side of the test image: smaller for networks with many weights.
fn test_px(plan: &Plan) -> usize {
    let [largest, smallest] = TEST_PX;
    let affordable = |px: &usize| (px * px) as f64 * plan.multiplications() <= MULTIPLICATIONS;
    (smallest..=largest)
        .rev()
        .find(affordable)
        .unwrap_or(smallest)
}
