//! The devices that compute.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use burn::tensor::{Device, DeviceKind};
use clap::ValueEnum;

use crate::remote::{self, Token};

/// A kind of device of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// A GPU, through Vulkan, Metal or DX12.
    Gpu,
    /// The CPU, with the project's own convolution.
    Cpu,
}

/// A device, and its display name.
fn pick(choice: DeviceChoice) -> anyhow::Result<(Device, String)> {
    let gpu = match choice {
        DeviceChoice::Cpu => None,
        DeviceChoice::Auto | DeviceChoice::Gpu => gpus().into_iter().next(),
    };
    match (gpu, choice) {
        (Some(gpu), _) => Ok(gpu),
        (None, DeviceChoice::Gpu) => bail!(
            "there is no GPU that Vulkan, Metal or DX12 can use here; \
             install its driver, or use --devices cpu"
        ),
        (None, _) => Ok((Device::flex(), cpu_name())),
    }
}

fn cpu_name() -> String {
    let threads = rayon::current_num_threads();
    format!("CPU ({threads} threads)")
}

/// A device to train on, as it is written in a command: `auto`, `cpu`, `gpu`, `gpu:1`,
/// `remote:host:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// A device of this machine, by its kind.
    Local(DeviceChoice),
    /// A GPU of this machine by its number, from 0.
    Gpu(usize),
    /// Every device that `trainer worker` offers at this address (`host:port`).
    Remote(String),
}

impl Default for DeviceName {
    fn default() -> Self {
        Self::Local(DeviceChoice::Auto)
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix("remote:") {
            let is_address = address.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
            });
            return match is_address {
                true => Ok(Self::Remote(address.to_string())),
                false => Err(format!(
                    "{address:?} is no host and port: write remote:host:3000"
                )),
            };
        }
        if let Some(number) = text.strip_prefix("gpu:") {
            let number = number.parse();
            return number
                .map(Self::Gpu)
                .map_err(|_| format!("{text:?}: write a GPU's number, from 0, as in gpu:1"));
        }
        DeviceChoice::from_str(text, true)
            .map(Self::Local)
            .map_err(|_| {
                format!(
                    "{text:?} is no device: there are auto, cpu, gpu, gpu:N and remote:host:port"
                )
            })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(choice) => {
                let name = choice.to_possible_value();
                f.write_str(name.as_ref().map_or("", |value| value.get_name()))
            }
            Self::Gpu(number) => write!(f, "gpu:{number}"),
            Self::Remote(address) => write!(f, "remote:{address}"),
        }
    }
}

/// A device that takes part in a training.
#[derive(Clone, Debug)]
pub enum TrainingDevice {
    /// A device of this machine.
    Local {
        /// The device.
        device: Device,
        /// Its display name.
        name: String,
    },
    /// A device of another machine.
    Remote(RemoteDevice),
}

/// A device that `trainer worker` offers.
#[derive(Clone, Debug)]
pub struct RemoteDevice {
    /// The worker's address, `host:port`.
    pub address: String,
    /// The token that it asks for.
    pub token: Token,
    /// The device's number among those that the worker offers.
    pub index: usize,
    /// Its display name, which contains the address.
    pub name: String,
}

impl TrainingDevice {
    fn name(&self) -> &str {
        match self {
            Self::Local { name, .. } => name,
            Self::Remote(device) => &device.name,
        }
    }
}

/// The devices of a training.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The device that holds the parameters: the first of this machine's in `all`, else its CPU.
    pub home: Device,
    /// The devices that train, in the order in which their gradients are added up.
    pub all: Vec<TrainingDevice>,
}

impl Devices {
    /// Finds the named devices; asks each worker, which has to accept `token`, for the devices that it offers.
    pub fn connect(names: &[DeviceName], token: Option<&Token>) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for name in names {
            match name {
                DeviceName::Remote(address) => all.extend(remote_devices(address, token)?),
                _ => {
                    let (device, name) = local_device(name)?;
                    all.push(TrainingDevice::Local { device, name });
                }
            }
        }
        let mut local = all.iter().filter_map(|device| match device {
            TrainingDevice::Local { device, .. } => Some(device.clone()),
            TrainingDevice::Remote(_) => None,
        });
        let home = local.next().unwrap_or_else(Device::flex);
        Ok(Self { home, all })
    }

    /// Their kinds, in their order: `cpu`, `gpu` or `remote`.
    pub fn kinds(&self) -> Vec<String> {
        let kind = |device: &TrainingDevice| match device {
            TrainingDevice::Local { device, .. } if *device == Device::flex() => "cpu",
            TrainingDevice::Local { .. } => "gpu",
            TrainingDevice::Remote(_) => "remote",
        };
        let kinds = self.all.iter().map(kind);
        kinds.map(str::to_string).collect()
    }

    /// Their display names, joined with ` + `.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.all.iter().map(TrainingDevice::name).collect();
        names.join(" + ")
    }
}

impl From<Device> for Devices {
    fn from(device: Device) -> Self {
        Self {
            home: device.clone(),
            all: vec![TrainingDevice::Local {
                device,
                name: "the device".to_string(),
            }],
        }
    }
}

/// A device of this machine, and its display name; a remote device is an error.
pub fn local_device(name: &DeviceName) -> anyhow::Result<(Device, String)> {
    match name {
        DeviceName::Local(choice) => pick(*choice),
        DeviceName::Gpu(number) => {
            let mut gpus = gpus();
            ensure!(
                *number < gpus.len(),
                "there is no {name}: this machine has {} GPUs",
                gpus.len()
            );
            let (device, gpu) = gpus.swap_remove(*number);
            Ok((device, format!("{name}, {gpu}")))
        }
        DeviceName::Remote(_) => {
            bail!("{name} is another machine's device: a worker offers its own ones only")
        }
    }
}

fn remote_devices(address: &str, token: Option<&Token>) -> anyhow::Result<Vec<TrainingDevice>> {
    let token = token.with_context(|| {
        format!("the worker at {address} asks for a token: name its file with --token-file")
    })?;
    let (_, names) = remote::open(address, token)?;
    let devices = names.into_iter().enumerate().map(|(index, name)| {
        TrainingDevice::Remote(RemoteDevice {
            address: address.to_string(),
            token: token.clone(),
            index,
            name: format!("remote:{address}, {name}"),
        })
    });
    Ok(devices.collect())
}

/// Hardware adapters, discrete GPUs first; software adapters are left out.
fn gpus() -> Vec<(Device, String)> {
    use wgpu::DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
    // Some Vulkan layers print warnings if there is no driver, so look for a device node first.
    let nodes = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];
    if cfg!(target_os = "linux") && !nodes.iter().any(|node| Path::new(node).exists()) {
        return Vec::new();
    }
    // Without OpenGL, whose library prints warnings if there is no desktop.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let infos: Vec<_> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    let of = |device_type, kind: fn(usize) -> DeviceKind| {
        let fitting = infos
            .iter()
            .filter(move |info| info.device_type == device_type);
        fitting.enumerate().map(move |(i, info)| {
            let name = format!("{} ({})", info.name, info.backend);
            (Device::wgpu(kind(i)), name)
        })
    };
    of(DiscreteGpu, DeviceKind::DiscreteGpu)
        .chain(of(IntegratedGpu, DeviceKind::IntegratedGpu))
        .chain(of(VirtualGpu, DeviceKind::VirtualGpu))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in [
            "auto",
            "cpu",
            "gpu",
            "gpu:1",
            "remote:host:3000",
            "remote:[::1]:3000",
        ] {
            let name: DeviceName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
        for (text, words) in [
            ("tpu", "there are auto"),
            ("gpu:x", "from 0"),
            ("remote:host", "remote:host:3000"),
            ("remote::3000", "remote:host:3000"),
            ("remote:host:70000", "remote:host:3000"),
            ("remote:ws://host:3000", "remote:host:3000"),
        ] {
            let error = text.parse::<DeviceName>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
