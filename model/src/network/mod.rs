//! Networks, one file each, and the registry that names them.

mod plain;
mod srcnn;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use plain::{Plain, PlainConfig};
pub use srcnn::{Srcnn, SrcnnConfig};

/// Which planes of a picture a network sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Luma of BT.601 in studio range, one plane; chroma is resized classically.
    #[default]
    Y,
    /// Red, green and blue, three planes.
    Rgb,
}

impl Colour {
    /// How many planes that is.
    pub fn channels(self) -> usize {
        match self {
            Self::Y => 1,
            Self::Rgb => 3,
        }
    }
}

/// What a network takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The small picture; the network enlarges it.
    LowResolution,
    /// The picture already enlarged by bicubic interpolation; the network sharpens it.
    Upsampled,
}

/// What the upscaling pipeline has to know of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Output pixels per input pixel, in each direction.
    pub scale: usize,
    /// The planes that the network sees.
    pub colour: Colour,
    /// What the network takes in.
    pub input: Input,
    /// How far an output pixel looks, in pixels of the network's input.
    pub halo_px: usize,
}

/// A configuration that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}, but it has to be {allowed}")]
pub struct ConfigError {
    field: &'static str,
    value: usize,
    allowed: &'static str,
}

fn check(
    holds: bool,
    field: &'static str,
    value: usize,
    allowed: &'static str,
) -> Result<(), ConfigError> {
    let error = ConfigError {
        field,
        value,
        allowed,
    };
    if holds { Ok(()) } else { Err(error) }
}

/// Every network there is, by its configuration: the only registry.
///
/// In TOML and in a record: `kind = "plain"` beside the fields of [`PlainConfig`], and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NetworkConfig {
    /// SRCNN (Dong et al. 2014).
    Srcnn(SrcnnConfig),
    /// Our own plain stack of convolutions.
    Plain(PlainConfig),
}

impl NetworkConfig {
    /// The name of the network's kind, as configurations write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Srcnn(_) => "srcnn",
            Self::Plain(_) => "plain",
        }
    }

    /// What the pipeline has to know.
    pub fn spec(&self) -> Spec {
        match self {
            Self::Srcnn(config) => config.spec(),
            Self::Plain(config) => config.spec(),
        }
    }

    /// Whether a network of these sizes can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Srcnn(config) => config.validate(),
            Self::Plain(config) => config.validate(),
        }
    }

    /// Parameters after folding; the configuration has to be valid.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Srcnn(config) => config.parameters(),
            Self::Plain(config) => config.parameters(),
        }
    }

    /// Output pixels per pixel of the network's input, in each direction.
    pub fn output_ratio(&self) -> usize {
        let spec = self.spec();
        match spec.input {
            Input::LowResolution => spec.scale,
            Input::Upsampled => 1,
        }
    }

    /// How many pixels of its input the network loses on each side in training.
    pub fn training_margin_px(&self) -> usize {
        match self {
            Self::Srcnn(config) => config.spec().halo_px,
            Self::Plain(_) => 0,
        }
    }

    /// The path of the last convolution's parameters, which come last.
    pub fn last_layer(&self) -> String {
        match self {
            Self::Srcnn(_) => "Srcnn.layers.2".to_string(),
            Self::Plain(_) => "Plain.last".to_string(),
        }
    }

    /// The network in the form in which it is used, all zeros: load a record into it.
    pub fn init(&self, device: &Device) -> Network {
        match self {
            Self::Srcnn(config) => Network::Srcnn(config.init(device)),
            Self::Plain(config) => Network::Plain(config.init(device)),
        }
    }

    /// The network in the form in which it is trained, with random weights from `seed`.
    #[cfg(feature = "train")]
    pub fn init_training(&self, seed: u64, device: &Device) -> Network {
        let mut random = crate::layer::Initializer::new(seed, device);
        match self {
            Self::Srcnn(config) => Network::Srcnn(config.init_training(&mut random)),
            Self::Plain(config) => Network::Plain(config.init_training(&mut random)),
        }
    }
}

/// Any network.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// SRCNN.
    Srcnn(Srcnn),
    /// Plain.
    Plain(Plain),
}

impl Network {
    /// `[batch, c, h, w]` → `[batch, c, h·r, w·r]`, values in 0…1 (the output may overshoot);
    /// r is the scale, or 1 for [`Input::Upsampled`].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Srcnn(network) => network.forward(x),
            Self::Plain(network) => network.forward(x),
        }
    }

    /// The same as it is trained; SRCNN goes without padding and returns the central part.
    pub fn forward_training(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Srcnn(network) => network.forward_unpadded(x),
            Self::Plain(network) => network.forward(x),
        }
    }

    /// The network in the form in which it is used: wide blocks folded, nothing else changed.
    pub fn fold(self) -> Self {
        match self {
            Self::Srcnn(network) => Self::Srcnn(network.fold()),
            Self::Plain(network) => Self::Plain(network.fold()),
        }
    }
}
