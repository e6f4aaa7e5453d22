//! The engines of this build, by their names.

use burn::tensor::Device;
#[cfg(feature = "lean")]
use model::engine::CpuEngine;
#[cfg(feature = "lean")]
use model::engine::webgpu::{Distrust, Gpu, WebGpuEngine, trusted};
use model::engine::{Engine, EngineError, Grid};
use model::network::{Network, Spec};
use model::pixel::Planes;
#[cfg(feature = "lean")]
use model::plan::Plan;
use wasm_bindgen::JsValue;

use crate::error::error;

/// One of the engines of this build.
pub enum Runner {
    /// A plan on the CPU's vectors.
    #[cfg(feature = "lean")]
    Cpu(CpuEngine),
    /// A plan on WebGPU.
    #[cfg(feature = "lean")]
    WebGpu(WebGpuEngine),
    /// Burn's operators, on any of its devices.
    #[cfg(feature = "burn-wgpu")]
    Burn(model::engine::BurnEngine),
}

impl Runner {
    /// Opens the engine `name` for a network that `read` reads to a device.
    pub async fn open(
        name: &str,
        read: impl Fn(&Device) -> Result<Network, JsValue>,
        #[cfg_attr(not(feature = "burn-wgpu"), allow(unused))] spec: &Spec,
    ) -> Result<Self, JsValue> {
        match name {
            #[cfg(feature = "lean")]
            "cpu" => Ok(Self::Cpu(CpuEngine::new(&plan(read)?, 1))),
            #[cfg(feature = "lean")]
            "webgpu" => {
                let plan = plan(read)?;
                // A software adapter is no reason to refuse: the page has asked for it by name.
                let gpu = Gpu::open(true).await;
                let gpu = gpu.map_err(|e| error("no-webgpu", e))?;
                let engine = trusted(&gpu, &plan).await.map_err(|e| match e {
                    Distrust::Wrong(_) => error("wrong-gpu", e),
                    Distrust::Failed(e) => error("gpu-failed", e),
                })?;
                Ok(Self::WebGpu(engine))
            }
            #[cfg(feature = "burn-wgpu")]
            "burn-cpu" => burn_cpu(read),
            #[cfg(feature = "burn-wgpu")]
            "burn-webgpu" => {
                let device = gpu().await?;
                let network = read(&device)?;
                let mut gpu = model::engine::BurnEngine::new(network, device, name);
                trust(&mut gpu, &mut burn_cpu(read)?, spec).await?;
                Ok(Self::Burn(gpu))
            }
            _ => Err(error(
                "internal",
                format!("this build has no engine `{name}`"),
            )),
        }
    }
}

impl Engine for Runner {
    fn name(&self) -> &str {
        match self {
            #[cfg(feature = "lean")]
            Self::Cpu(engine) => engine.name(),
            #[cfg(feature = "lean")]
            Self::WebGpu(engine) => engine.name(),
            #[cfg(feature = "burn-wgpu")]
            Self::Burn(engine) => engine.name(),
        }
    }

    fn grid(&self) -> Grid {
        match self {
            #[cfg(feature = "lean")]
            Self::Cpu(engine) => engine.grid(),
            #[cfg(feature = "lean")]
            Self::WebGpu(engine) => engine.grid(),
            #[cfg(feature = "burn-wgpu")]
            Self::Burn(engine) => engine.grid(),
        }
    }

    async fn run(&mut self, input: Planes) -> Result<Planes, EngineError> {
        match self {
            #[cfg(feature = "lean")]
            Self::Cpu(engine) => engine.run(input).await,
            #[cfg(feature = "lean")]
            Self::WebGpu(engine) => engine.run(input).await,
            #[cfg(feature = "burn-wgpu")]
            Self::Burn(engine) => engine.run(input).await,
        }
    }
}

/// A network's plan.
#[cfg(feature = "lean")]
fn plan(read: impl Fn(&Device) -> Result<Network, JsValue>) -> Result<Plan, JsValue> {
    let network = read(&model::engine::ndarray())?;
    network.plan().map_err(|e| error("no-plan", e))
}

#[cfg(feature = "burn-wgpu")]
fn burn_cpu(read: impl Fn(&Device) -> Result<Network, JsValue>) -> Result<Runner, JsValue> {
    let device = model::engine::ndarray();
    let network = read(&device)?;
    let engine = model::engine::BurnEngine::new(network, device, "burn-cpu");
    Ok(Runner::Burn(engine))
}

/// Burn's GPU.
#[cfg(feature = "burn-wgpu")]
async fn gpu() -> Result<Device, JsValue> {
    thread_local! {
        /// Once it is open: Burn opens it once and refuses a second time.
        static GPU: std::cell::RefCell<Option<Device>> = const { std::cell::RefCell::new(None) };
    }
    if let Some(device) = GPU.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let opened = Device::wgpu_options().init_async().await;
    let device = opened.map_err(|e| {
        error(
            "no-webgpu",
            format!("this browser offers no usable GPU ({e})"),
        )
    })?;
    GPU.set(Some(device.clone()));
    Ok(device)
}

/// Compares Burn on a GPU with Burn on the CPU on a small picture.
#[cfg(feature = "burn-wgpu")]
async fn trust(gpu: &mut impl Engine, cpu: &mut impl Engine, spec: &Spec) -> Result<(), JsValue> {
    match model::engine::largest_difference(gpu, cpu, spec.colour.channels()).await {
        Ok(apart) if apart <= 1.0 / 255.0 => Ok(()),
        Ok(_) => Err(error(
            "wrong-gpu",
            "the GPU computes something else than the CPU",
        )),
        Err(e) => Err(error("gpu-failed", e)),
    }
}
