//! Networks, one file each, and the registry that names them.

mod autoencoder;
mod dbpn;
#[cfg(feature = "train")]
mod discriminator;
mod espcn;
mod fsrcnn;
mod hourglass;
mod lapsrn;
mod plain;
mod residual_dense;
mod srcnn;
mod srresnet;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use dbpn::{Dbpn, DbpnConfig};
#[cfg(feature = "train")]
pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use espcn::{Espcn, EspcnConfig};
pub use fsrcnn::{Fsrcnn, FsrcnnConfig};
pub use hourglass::{Hourglass, HourglassConfig};
pub use lapsrn::{LapSrn, LapSrnConfig};
pub use plain::{Plain, PlainConfig};
pub use residual_dense::{ResidualDense, ResidualDenseConfig};
pub use srcnn::{Srcnn, SrcnnConfig};
pub use srresnet::{SrResNet, SrResNetConfig};

use engine::{Colour, Input, ScaleError, Spec};

pub use crate::layer::NoPlan;
use crate::layer::{Fold, Layers, Paths, Values};
use engine::graph::{Outline, Plan};

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

fn check_scale(scale: usize) -> Result<(), ConfigError> {
    check((2..=4).contains(&scale), "scale", scale, "2, 3 or 4")
}

fn check_maps(field: &'static str, maps: usize) -> Result<(), ConfigError> {
    check((1..=1024).contains(&maps), field, maps, "1 to 1024")
}

/// What a network's configuration says and makes; each network's file implements it.
trait Architecture {
    /// What the pipeline has to know.
    fn spec(&self) -> Spec;

    /// Whether a network of these sizes can be built.
    fn validate(&self) -> Result<(), ConfigError>;

    /// The network, of layers that `layers` makes; the configuration has to be valid.
    fn build(&self, layers: &mut Layers) -> Network;

    /// The same network at its smaller scales, the smallest first, where one record serves them all.
    fn smaller(&self) -> Vec<NetworkConfig> {
        Vec::new()
    }

    /// How many pixels of its input the network loses on each side in training.
    fn training_margin_px(&self) -> usize {
        0
    }

    /// See [`NetworkConfig::training_ratios`].
    fn training_ratios(&self) -> Vec<usize> {
        let spec = self.spec();
        vec![match spec.input {
            Input::LowResolution => spec.scale,
            Input::Upsampled => 1,
        }]
    }

    /// The path of the last convolution, whose parameters come last.
    fn last_layer(&self) -> &'static str;
}

/// What a network does; each network's file implements it.
trait Forward: Fold {
    /// See [`Network::forward`].
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;

    /// See [`Network::forward_training`].
    fn forward_training(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        vec![self.forward(x)]
    }

    /// See [`Network::forward_blended`].
    fn forward_blended(&self, x: Tensor<4>, _levels: f64) -> Vec<Tensor<4>> {
        self.forward_training(x)
    }

    /// See [`Network::outline`]; parameters go by placeholders.
    fn outline(&self) -> Result<Outline, NoPlan>;
}

/// Writes out what has one case for each network: the only registry.
macro_rules! networks {
    ($($(#[$doc:meta])* $name:ident($config:ident),)*) => {
        /// Every network there is, by its configuration.
        ///
        /// In TOML and in a record: `kind = "plain"` beside the fields of [`PlainConfig`], and so on.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum NetworkConfig {
            $($(#[$doc])* $name($config),)*
        }

        // What serde would derive buffers values of every format there is; a page can do without.
        impl<'de> Deserialize<'de> for NetworkConfig {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut fields = Map::deserialize(deserializer)?;
                let kind = fields.remove("kind");
                let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
                let fields = Value::Object(fields);
                $(if kind.eq_ignore_ascii_case(stringify!($name)) && !kind.contains(char::is_uppercase) {
                    let config = $config::deserialize(fields).map_err(D::Error::custom)?;
                    return Ok(Self::$name(config));
                })*
                let known = [$(stringify!($name).to_lowercase()),*].join(", ");
                let error = format!("the network's kind is `{kind}`, but has to be one of {known}");
                Err(D::Error::custom(error))
            }
        }

        impl NetworkConfig {
            fn architecture(&self) -> &dyn Architecture {
                match self {
                    $(Self::$name(config) => config,)*
                }
            }

            /// The network's name in paths of parameters.
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }

        /// Any network.
        #[derive(Module, Debug)]
        #[allow(clippy::large_enum_variant)]
        pub enum Network {
            $($(#[$doc])* $name($name),)*
        }

        impl Network {
            /// `[batch, c, h, w]` → `[batch, c, h·r, w·r]`, values in 0…1 (the output may overshoot);
            /// r is the scale, or 1 for [`Input::Upsampled`].
            pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
                match self {
                    $(Self::$name(network) => network.forward(x),)*
                }
            }

            /// The same as it is trained: everything that is compared with a target, the result last.
            ///
            /// Their sizes are those of [`NetworkConfig::training_ratios`]; SRCNN goes without
            /// padding and returns the central part.
            pub fn forward_training(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
                match self {
                    $(Self::$name(network) => network.forward_training(x),)*
                }
            }

            /// The same, of a network that enlarges level by level, while its levels are still
            /// brought in one after the other: the first `levels` of them, the last of which only
            /// by the fraction; there are so many outputs. Others make nothing of it.
            pub fn forward_blended(&self, x: Tensor<4>, levels: f64) -> Vec<Tensor<4>> {
                match self {
                    $(Self::$name(network) => network.forward_blended(x, levels),)*
                }
            }

            /// The network as fused steps for the lean engines, which name its parameters by their
            /// paths; input and output are those of [`Self::forward`].
            ///
            /// Networks have no plan that shrink maps or look at means of them, and none while
            /// they are in the form in which they are trained.
            pub fn outline(&self) -> Result<Outline, NoPlan> {
                let mut outline = self.outline_unnamed()?;
                let paths = Paths::of(self);
                outline.rename(|placeholder| paths.path(placeholder));
                Ok(outline)
            }

            /// [`Self::outline`] with the values of the network's parameters.
            pub fn plan(&self) -> Result<Plan, NoPlan> {
                let values = Values::of(self);
                let outline = self.outline_unnamed()?;
                Ok(outline.compile(|placeholder| values.get(placeholder))?)
            }

            fn outline_unnamed(&self) -> Result<Outline, NoPlan> {
                match self {
                    $(Self::$name(network) => network.outline(),)*
                }
            }

            /// The network in the form in which it is used: wide blocks and batch normalisation
            /// folded, nothing else changed.
            pub fn fold(self) -> Self {
                match self {
                    $(Self::$name(network) => Self::$name(network.fold()),)*
                }
            }
        }
    };
}

networks! {
    /// SRCNN (Dong et al. 2014).
    Srcnn(SrcnnConfig),
    /// FSRCNN (Dong et al. 2016).
    Fsrcnn(FsrcnnConfig),
    /// ESPCN (Shi et al. 2016).
    Espcn(EspcnConfig),
    /// SRResNet (Ledig et al. 2017).
    SrResNet(SrResNetConfig),
    /// LapSRN (Lai et al. 2017).
    LapSrn(LapSrnConfig),
    /// U-Nets in series (Ronneberger et al. 2015, Newell et al. 2016).
    Hourglass(HourglassConfig),
    /// Residual dense blocks, dilations and a pyramid (after Zhang et al. 2018).
    ResidualDense(ResidualDenseConfig),
    /// An autoencoder for digits.
    Autoencoder(AutoencoderConfig),
    /// D-DBPN (Haris et al. 2018).
    Dbpn(DbpnConfig),
    /// Our own plain stack of convolutions.
    Plain(PlainConfig),
}

impl NetworkConfig {
    /// What the pipeline has to know.
    pub fn spec(&self) -> Spec {
        self.architecture().spec()
    }

    /// Whether a network of these sizes can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.architecture().validate()
    }

    /// The scales that its record can be used at, the smallest first; its own is the last.
    pub fn scales(&self) -> Vec<usize> {
        let smaller = self.architecture().smaller();
        let scales = smaller.iter().map(|config| config.spec().scale);
        scales.chain([self.spec().scale]).collect()
    }

    /// The same network at one of its [`scales`](Self::scales): the parameters of its record fit as
    /// they are.
    pub fn with_scale(&self, scale: usize) -> Result<Self, ScaleError> {
        let smaller = self.architecture().smaller().into_iter();
        let mut fitting = smaller
            .chain([self.clone()])
            .filter(|config| config.spec().scale == scale);
        fitting
            .next()
            .ok_or_else(|| ScaleError::new(scale, self.scales()))
    }

    /// Output pixels per pixel of the network's input, in each direction, for everything that
    /// training compares; the result comes last.
    pub fn training_ratios(&self) -> Vec<usize> {
        self.architecture().training_ratios()
    }

    /// How many pixels of its input the network loses on each side in training.
    pub fn training_margin_px(&self) -> usize {
        self.architecture().training_margin_px()
    }

    /// The path of the last convolution's parameters, which come last.
    pub fn last_layer(&self) -> String {
        format!("{}.{}", self.name(), self.architecture().last_layer())
    }

    /// The network in the form in which it is used, all zeros: load a record into it.
    ///
    /// Nothing is allocated before a parameter's value is asked for.
    pub fn init(&self, device: &Device) -> Network {
        self.architecture().build(&mut Layers::zeros(device))
    }

    /// The network in the form in which it is trained, with random weights from `seed`.
    #[cfg(feature = "train")]
    pub fn init_training(&self, seed: u64, device: &Device) -> Network {
        self.architecture().build(&mut Layers::random(seed, device))
    }

    /// Parameters in the form in which the network is used.
    pub fn parameters(&self, device: &Device) -> usize {
        self.init(device).num_params()
    }
}
