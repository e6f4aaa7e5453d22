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
use engine::graph::{Graph, Plan, Reach};
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

use engine::{Input, ScaleError, Spec};

use crate::layer::{ConvBlock, Layers};
use crate::ops::{Blocks, BuildError, GraphOps, Names, Ops, TensorOps, Topology, Values};

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

/// A network's configuration; each network's file implements it.
trait Architecture {
    /// Scale, colour treatment and input, for the pipeline.
    fn spec(&self) -> Spec;

    /// Whether a network of these sizes can be built.
    fn validate(&self) -> Result<(), ConfigError>;

    /// The network, of layers that `layers` makes; the configuration has to be valid.
    fn build(&self, layers: &mut Layers) -> Network;

    /// The same network at its smaller scales, the smallest first, where one record serves them all.
    fn smaller(&self) -> Vec<NetworkConfig> {
        Vec::new()
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

/// Everything that has one case per network: the only registry.
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


        impl Topology for Network {
            fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
                match self {
                    $(Self::$name(network) => network.run(ops, input),)*
                }
            }

            fn run_training<O: Ops>(
                &self,
                ops: &mut O,
                input: O::Maps,
                levels: f64,
            ) -> Result<O::Maps, O::Error> {
                match self {
                    $(Self::$name(network) => network.run_training(ops, input, levels),)*
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

impl Network {
    /// `[batch, c, h, w]` → `[batch, c, h·r, w·r]`, values in 0…1 (the output may overshoot); r is the
    /// scale, or 1 for [`Input::Upsampled`].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Ok(result) = self.run(&mut TensorOps::new(&x), x);
        result
    }

    /// The same as it is trained: every result that is compared with a target, the network's own last.
    ///
    /// Their sizes are those of [`NetworkConfig::training_ratios`]; SRCNN runs without padding and returns
    /// the central part. Of a network that enlarges level by level the first `levels` levels take part,
    /// the last one by the fraction alone, and there are as many results.
    pub fn forward_training(&self, x: Tensor<4>, levels: f64) -> Vec<Tensor<4>> {
        let mut ops = TensorOps::training(&x);
        let Ok(result) = self.run_training(&mut ops, x, levels);
        let mut results = ops.into_intermediate();
        results.push(result);
        results
    }

    /// Its convolutions in the order in which they run.
    pub(crate) fn blocks(&self) -> Vec<ConvBlock> {
        let mut blocks = Blocks::default();
        let Ok(()) = self.run(&mut blocks, ());
        blocks.0
    }

    /// The network as a graph, whose parameters go by their paths; input and result are those of
    /// [`Self::forward`].
    pub fn graph(&self) -> Result<Graph, BuildError> {
        let mut graph = self.graph_by_ids()?;
        let names = Names::of(self);
        graph.rename(|id| names.get(id))?;
        Ok(graph)
    }

    /// [`Self::graph`] with the values of the network's parameters.
    pub fn plan(&self) -> Result<Plan, BuildError> {
        let values = Values::of(self);
        Ok(self.graph_by_ids()?.compile(|id| values.get(id))?)
    }

    fn graph_by_ids(&self) -> Result<Graph, BuildError> {
        let mut ops = GraphOps::new(self.channels());
        let input = ops.builder.input();
        self.run(&mut ops, input)?;
        Ok(ops.builder.finish()?)
    }

    /// The input pixels around a tile that its result depends on; in any form of the network.
    pub fn reach(&self) -> Result<Reach, BuildError> {
        let mut ops = GraphOps::sizes(self.channels());
        let input = ops.builder.input();
        self.run(&mut ops, input)?;
        Ok(ops.builder.finish()?.reach())
    }

    /// Channels of the input.
    fn channels(&self) -> usize {
        let blocks = self.blocks();
        blocks.first().map_or(1, ConvBlock::channels_in)
    }
}

impl NetworkConfig {
    /// Scale, colour treatment and input, for the pipeline.
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

    /// Pixels of its input that the network loses on each side in training.
    ///
    /// # Panics
    /// If the configuration is not valid.
    #[cfg(feature = "train")]
    pub fn training_margin_px(&self) -> usize {
        let mut ops = GraphOps::sizes(self.spec().colour.channels());
        let (input, levels) = (ops.builder.input(), self.training_ratios().len() as f64);
        let network = self.init(&Device::flex());
        let result = network.run_training(&mut ops, input, levels);
        let extent = result.ok().and_then(|result| ops.builder.extent(result));
        let margin = extent.expect("a valid network has a graph").margin;
        margin.min(0).unsigned_abs()
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
