//! Which device computes.

use std::path::Path;

use anyhow::bail;
use burn::tensor::{Device, DeviceKind};
use clap::ValueEnum;

/// What the person asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A graphics card where there is one, else the CPU.
    #[default]
    Auto,
    /// A graphics card, through Vulkan, Metal or DX12.
    Gpu,
    /// The CPU, with the project's own convolution.
    Cpu,
}

/// A device, and its name for people.
pub fn pick(choice: DeviceChoice) -> anyhow::Result<(Device, String)> {
    let gpu = match choice {
        DeviceChoice::Cpu => None,
        DeviceChoice::Auto | DeviceChoice::Gpu => graphics_card(),
    };
    match (gpu, choice) {
        (Some(gpu), _) => Ok(gpu),
        (None, DeviceChoice::Gpu) => bail!(
            "there is no graphics card that Vulkan, Metal or DX12 can use here; \
             install its driver, or use --device cpu"
        ),
        (None, _) => Ok((Device::flex(), cpu_name())),
    }
}

fn cpu_name() -> String {
    let threads = rayon::current_num_threads();
    format!("CPU ({threads} threads)")
}

/// The first hardware adapter, discrete cards first; software adapters don't count.
fn graphics_card() -> Option<(Device, String)> {
    use wgpu::DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
    // Where no driver offers a card, Vulkan's layers are not asked: some of them complain aloud.
    let nodes = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];
    if cfg!(target_os = "linux") && !nodes.iter().any(|node| Path::new(node).exists()) {
        return None;
    }
    // Without OpenGL, whose library complains aloud where there is no desktop.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let first = |device_type, kind| {
        let info = adapters.iter().map(wgpu::Adapter::get_info);
        let mut fitting = info.filter(|info| info.device_type == device_type);
        fitting.next().map(|info| {
            let name = format!("{} ({})", info.name, info.backend);
            (Device::wgpu(kind), name)
        })
    };
    first(DiscreteGpu, DeviceKind::DiscreteGpu(0))
        .or_else(|| first(IntegratedGpu, DeviceKind::IntegratedGpu(0)))
        .or_else(|| first(VirtualGpu, DeviceKind::VirtualGpu(0)))
}
