//! Opening a GPU.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use wgpu::{
    Adapter, Backends, Device, DeviceDescriptor, DeviceType, Features, Instance,
    InstanceDescriptor, PowerPreference, Queue, RequestAdapterOptions,
};

use crate::EngineError;

/// No GPU could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The browser or the system offers no adapter.
    #[error("there is no usable GPU: {0}")]
    Missing(String),
    /// The only adapter computes on the CPU, and the caller did not accept that.
    #[error("the only GPU here is emulated by the CPU")]
    Software,
    /// The adapter refuses to open.
    #[error("the GPU cannot be opened: {0}")]
    Device(String),
}

/// An open GPU; clones refer to the same one.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) device: Device,
    pub(super) queue: Queue,
    /// The reason, once the device is lost.
    lost: Arc<OnceLock<String>>,
    name: String,
    software: bool,
}

impl Gpu {
    /// Opens the fastest adapter with the largest limits that it allows, and with f16 if it has it.
    ///
    /// `software` accepts an adapter that computes on the CPU; it is mostly slower than
    /// [`CpuEngine`](crate::CpuEngine).
    pub async fn open(software: bool) -> Result<Self, OpenError> {
        let mut descriptor = InstanceDescriptor::new_without_display_handle();
        // OpenGL is left out: Mesa's computes some of the shaders wrongly.
        descriptor.backends = Backends::PRIMARY;
        let instance = Instance::new(descriptor);
        let options = RequestAdapterOptions {
            power_preference: PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await;
        let adapter = adapter.map_err(|e| OpenError::Missing(e.to_string()))?;
        let info = adapter.get_info();
        let is_software = info.device_type == DeviceType::Cpu;
        if is_software && !software {
            return Err(OpenError::Software);
        }
        let (device, queue) = request(&adapter).await?;
        let lost = Arc::new(OnceLock::new());
        let reason = lost.clone();
        device.set_device_lost_callback(move |kind, text| {
            // Later reasons follow from the first one.
            let _ = reason.set(format!("{kind:?}: {text}"));
        });
        // Error scopes report the errors of runs; without a handler, others would panic.
        device.on_uncaptured_error(Arc::new(|_| {}));
        Ok(Self {
            device,
            queue,
            lost,
            name: info.name,
            software: is_software,
        })
    }

    /// Fails once the device is lost: wgpu would panic if it were used.
    pub(super) fn alive(&self) -> Result<(), EngineError> {
        match self.lost.get() {
            Some(reason) => Err(EngineError::Failed(format!("the GPU was lost ({reason})"))),
            None => Ok(()),
        }
    }

    /// The error that the device is lost, if it is, or else `error`.
    pub(super) fn failure(&self, error: &dyn Display) -> EngineError {
        let other = EngineError::Failed(error.to_string());
        self.alive().err().unwrap_or(other)
    }

    /// The adapter's name; browsers often leave it empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it computes on the CPU. Adapters of browsers that do not say count as GPUs.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Whether shaders can compute in f16.
    pub fn has_half(&self) -> bool {
        self.device.features().contains(Features::SHADER_F16)
    }
}

async fn request(adapter: &Adapter) -> Result<(Device, Queue), OpenError> {
    let descriptor = DeviceDescriptor {
        required_features: adapter.features() & Features::SHADER_F16,
        required_limits: adapter.limits(),
        ..Default::default()
    };
    let device = adapter.request_device(&descriptor).await;
    device.map_err(|e| OpenError::Device(e.to_string()))
}
