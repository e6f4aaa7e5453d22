//! Which device computes.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
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
        DeviceChoice::Auto | DeviceChoice::Gpu => graphics_cards().into_iter().next(),
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

/// A device to train on, as one writes it: `auto`, `cpu`, `gpu`, `gpu:1`, `remote:ws://host:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// This machine's best, its CPU or its first graphics card.
    Local(DeviceChoice),
    /// A graphics card by its number, from 0.
    Gpu(usize),
    /// Every device that another machine offers by `trainer worker`.
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
        if let Some(url) = text.strip_prefix("remote:") {
            return match url.starts_with("ws://") {
                true => Ok(Self::Remote(url.to_string())),
                false => Err(format!(
                    "{url:?} is no address: write remote:ws://host:3000"
                )),
            };
        }
        if let Some(number) = text.strip_prefix("gpu:") {
            let number = number.parse();
            return number
                .map(Self::Gpu)
                .map_err(|_| format!("{text:?}: write a card's number, from 0, as in gpu:1"));
        }
        DeviceChoice::from_str(text, true)
            .map(Self::Local)
            .map_err(|_| {
                format!("{text:?} is no device: there are auto, cpu, gpu, gpu:N and remote:ws://host:port")
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
            Self::Remote(url) => write!(f, "remote:{url}"),
        }
    }
}

/// A device, with its name for people.
#[derive(Clone, Debug)]
pub struct Place {
    /// The device.
    pub device: Device,
    /// Its name.
    pub name: String,
    /// Whether it is one of this machine.
    pub is_local: bool,
}

/// The devices of a training.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Where the parameters lie: the first device of this machine among the others, else its CPU.
    pub home: Device,
    /// Who trains, in the order in which their gradients are added up.
    pub workers: Vec<Place>,
}

impl Devices {
    /// Finds or connects all of them; `token` is shown to other machines.
    pub fn connect(names: &[DeviceName], token: Option<&str>) -> anyhow::Result<Self> {
        let mut workers = Vec::new();
        for name in names {
            match name {
                DeviceName::Local(choice) => {
                    let (device, name) = pick(*choice)?;
                    workers.push(Place {
                        device,
                        name,
                        is_local: true,
                    });
                }
                DeviceName::Gpu(number) => {
                    let mut cards = graphics_cards();
                    ensure!(
                        *number < cards.len(),
                        "there is no {name}: this machine has {} graphics cards",
                        cards.len()
                    );
                    let (device, name) = cards.swap_remove(*number);
                    workers.push(Place {
                        device,
                        name: format!("gpu:{number}, {name}"),
                        is_local: true,
                    });
                }
                DeviceName::Remote(url) => workers.extend(remote(url, token)?),
            }
        }
        let local = workers.iter().find(|place| place.is_local);
        let home = local.map_or_else(Device::flex, |place| place.device.clone());
        Ok(Self { home, workers })
    }

    /// Their names, one after the other.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.workers.iter().map(|p| p.name.as_str()).collect();
        names.join(" + ")
    }
}

impl From<Device> for Devices {
    fn from(device: Device) -> Self {
        let place = Place {
            device: device.clone(),
            name: "the device".to_string(),
            is_local: true,
        };
        Self {
            home: device,
            workers: vec![place],
        }
    }
}

/// The devices that another machine offers.
fn remote(url: &str, _token: Option<&str>) -> anyhow::Result<Vec<Place>> {
    bail!("remote:{url}: not available in this build")
}

/// Hardware adapters, discrete cards first; software adapters don't count.
fn graphics_cards() -> Vec<(Device, String)> {
    use wgpu::DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
    // Where no driver offers a card, Vulkan's layers are not asked: some of them complain aloud.
    let nodes = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];
    if cfg!(target_os = "linux") && !nodes.iter().any(|node| Path::new(node).exists()) {
        return Vec::new();
    }
    // Without OpenGL, whose library complains aloud where there is no desktop.
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
