//! Opening a GPU.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use wgpu::{
    Adapter, Device, DeviceDescriptor, DeviceType, Features, Instance, InstanceDescriptor,
    PowerPreference, Queue, RequestAdapterOptions,
};

use crate::EngineError;

/// Why there is no GPU.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The browser or the system offers none.
    #[error("there is no usable GPU: {0}")]
    Missing(String),
    /// What is offered computes on the CPU, which was not asked for.
    #[error("there is no GPU but one that computes on the CPU")]
    Software,
    /// It is there and does not open.
    #[error("the GPU does not open: {0}")]
    Device(String),
}

/// An open GPU; clones are the same one.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) device: Device,
    pub(super) queue: Queue,
    /// Why it is gone, once it is.
    lost: Arc<OnceLock<String>>,
    name: String,
    software: bool,
}

impl Gpu {
    /// Opens the fastest adapter, with all the memory that it allows in one buffer, and with f16
    /// where it has that.
    ///
    /// `software` says whether an adapter that computes on the CPU will do, too: it is mostly slower
    /// than the project's own loops.
    pub async fn open(software: bool) -> Result<Self, OpenError> {
        let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
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
            // Only the first reason counts.
            let _ = reason.set(format!("{kind:?}: {text}"));
        });
        // Error scopes report whatever matters; without a handler the rest would be panics.
        device.on_uncaptured_error(Arc::new(|_| {}));
        Ok(Self {
            device,
            queue,
            lost,
            name: info.name,
            software: is_software,
        })
    }

    /// An error once it is gone: asked for more, wgpu would panic.
    pub(super) fn alive(&self) -> Result<(), EngineError> {
        match self.lost.get() {
            Some(reason) => Err(EngineError::Failed(format!("it is gone ({reason})"))),
            None => Ok(()),
        }
    }

    /// What went wrong: that it is gone, if it is, or else `error`.
    pub(super) fn failure(&self, error: &dyn Display) -> EngineError {
        let other = EngineError::Failed(error.to_string());
        self.alive().err().unwrap_or(other)
    }

    /// What the adapter is called; browsers tend to leave it empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it computes on the CPU. Browsers that don't say count as GPUs.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Whether it computes in f16.
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
