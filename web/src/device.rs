//! The device that this build computes on.

use burn::tensor::Device;
#[cfg(feature = "webgpu")]
use model::{engine::Engine, network::Spec, pixel::Planes};
use wasm_bindgen::JsValue;

#[cfg(feature = "webgpu")]
thread_local! {
    /// The GPU, once it is open: Burn opens it once and refuses a second time.
    static GPU: std::cell::RefCell<Option<Device>> = const { std::cell::RefCell::new(None) };
}

/// The device, and what the page is told: `webgpu` or `cpu`.
#[cfg(feature = "webgpu")]
pub async fn open() -> Result<(Device, &'static str), JsValue> {
    if let Some(device) = GPU.with_borrow(Clone::clone) {
        return Ok((device, "webgpu"));
    }
    let device = Device::wgpu_options().init_async().await.map_err(|e| {
        crate::error::error(
            "no-webgpu",
            format!("this browser offers no usable GPU ({e})"),
        )
    })?;
    GPU.set(Some(device.clone()));
    Ok((device, "webgpu"))
}

/// The device, and what the page is told: `webgpu` or `cpu`.
#[cfg(not(feature = "webgpu"))]
pub async fn open() -> Result<(Device, &'static str), JsValue> {
    Ok((model::engine::ndarray(), "cpu"))
}

/// Side of the picture that a GPU has to get right before it is trusted, in pixels.
#[cfg(feature = "webgpu")]
const TEST_PX: usize = 24;

/// Compares a GPU with the CPU on a small picture; more than 1/255 apart is `wrong-gpu`.
#[cfg(feature = "webgpu")]
pub async fn self_test(
    gpu: &mut impl Engine,
    cpu: &mut impl Engine,
    spec: &Spec,
) -> Result<(), JsValue> {
    let failed = |e: model::engine::EngineError| crate::error::error("gpu-failed", e);
    let channels = spec.colour.channels();
    let picture = Planes {
        channels,
        width: TEST_PX,
        height: TEST_PX,
        // Waves of several lengths, so that every weight takes part.
        data: (0..channels * TEST_PX * TEST_PX)
            .map(|i| 0.5 + 0.4 * ((i * i) as f32 * 0.013).sin())
            .collect(),
    };
    let expected = cpu.run(picture.clone()).await.map_err(failed)?;
    let found = gpu.run(picture).await.map_err(failed)?;
    let pairs = found.data.iter().zip(&expected.data);
    let right = |(a, b): (&f32, &f32)| (a - b).abs() <= 1.0 / 255.0;
    if found.data.len() == expected.data.len() && pairs.clone().all(right) {
        Ok(())
    } else {
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        Err(crate::error::error(
            "wrong-gpu",
            format!("the GPU computes something else than the CPU (by {largest})"),
        ))
    }
}
