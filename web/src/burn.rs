//! Opens a model on Burn's operators.

use std::cell::RefCell;

use burn::tensor::Device;
use engine::{Engine, largest_difference, test_image};
use model::burn_engine::BurnEngine;
use model::record::{self, RecordError};
use wasm_bindgen::JsValue;

use crate::error::error;
use crate::runner::{Opened, Runner};

/// Side of the image on which the GPU is compared with the CPU, in pixels.
const TEST_PX: usize = 24;

thread_local! {
    /// The opened GPU: Burn refuses to open it a second time.
    static GPU: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// Opens the engine `burn-cpu` or `burn-webgpu`.
pub async fn open(bytes: &[u8], scale: Option<usize>, engine: &str) -> Result<Opened, JsValue> {
    let refused = |e: RecordError| match e {
        RecordError::Scale(e) => error("unknown-scale", e),
        e => error("bad-model", e),
    };
    // Report an unusable record before a GPU is opened.
    let metadata = record::metadata(bytes).map_err(refused)?;
    let scales = metadata.network.scales();
    let metadata = metadata.at(scale).map_err(|e| refused(e.into()))?;
    let spec = metadata.network.spec();
    let on = |device: Device, name: &str| {
        let (network, _) = record::read_at(bytes, scale, &device).map_err(refused)?;
        Ok::<_, JsValue>(BurnEngine::new(network, device, name))
    };
    let mut cpu = on(model::burn_engine::ndarray(), "burn-cpu")?;
    let runner = if engine == "burn-cpu" {
        cpu
    } else {
        let mut gpu = on(gpu().await?, "burn-webgpu")?;
        let image = test_image(spec.colour.channels(), TEST_PX);
        let failed = |e| error("gpu-failed", e);
        let found = gpu.run(image.clone()).await.map_err(failed)?;
        let expected = cpu.run(image).await.map_err(failed)?;
        if largest_difference(&found, &expected) > 1.0 / 255.0 {
            let why = "the GPU computes other values than the CPU";
            return Err(error("wrong-gpu", why));
        }
        gpu
    };
    Ok(Opened {
        runner: Runner::Burn(runner),
        spec,
        scales,
    })
}

async fn gpu() -> Result<Device, JsValue> {
    if let Some(device) = GPU.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let opened = Device::wgpu_options().init_async().await;
    let device =
        opened.map_err(|e| error("no-webgpu", format!("this browser has no usable GPU ({e})")))?;
    GPU.set(Some(device.clone()));
    Ok(device)
}
