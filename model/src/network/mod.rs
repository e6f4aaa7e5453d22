//! The networks, one per file, and the list of all of them.

mod autoencoder;
mod compact;
mod dbpn;
#[cfg(feature = "train")]
mod discriminator;
mod espcn;
mod fsrcnn;
mod graph;
mod hourglass;
mod lapsrn;
mod plain;
mod residual_dense;
mod rrdb;
mod span;
mod srcnn;
mod srresnet;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use engine::graph::{Plan, Reach};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use compact::{Compact, CompactActivation, CompactConfig};
pub use dbpn::{Dbpn, DbpnConfig};
#[cfg(feature = "train")]
pub use discriminator::{Discriminator, DiscriminatorConfig, DiscriminatorKind};
pub use espcn::{Espcn, EspcnConfig};
pub use fsrcnn::{Fsrcnn, FsrcnnConfig};
pub use graph::{Graph, GraphConfig, GraphConfigError};
pub use hourglass::{Hourglass, HourglassConfig};
pub use lapsrn::{LapSrn, LapSrnConfig};
pub use plain::{Plain, PlainConfig};
pub use residual_dense::{ResidualDense, ResidualDenseConfig};
pub use rrdb::{Rrdb, RrdbConfig};
pub use span::{Span, SpanConfig};
pub use srcnn::{Srcnn, SrcnnConfig};
pub use srresnet::{SrResNet, SrResNetConfig};

use engine::{Colour, Input, ScaleError, Spec};

use crate::layer::{ConvBlock, Layers};
use crate::ops::{Blocks, BuildError, GraphOps, Names, Ops, TensorOps, Topology, Values};

/// A configuration of which no network can be built.
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

/// The scale 1 is that of networks that restore an image without enlarging it.
fn check_scale(scale: usize) -> Result<(), ConfigError> {
    check((1..=4).contains(&scale), "scale", scale, "1, 2, 3 or 4")
}

fn check_maps(field: &'static str, maps: usize) -> Result<(), ConfigError> {
    check((1..=1024).contains(&maps), field, maps, "1 to 1024")
}

/// The default of networks that process RGB.
fn rgb() -> Colour {
    Colour::Rgb
}

/// Implemented by the configuration of each network.
trait Architecture {
    fn spec(&self) -> Spec;

    fn validate(&self) -> Result<(), ConfigError>;

    /// Builds the network of layers that `layers` makes; the configuration has to be valid.
    fn build(&self, layers: &mut Layers) -> Network;

    /// The configurations for smaller scales that the same record can be used with, the smallest first.
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

    /// Path of the last convolution, whose parameters come last.
    fn last_layer(&self) -> String;
}

/// Defines everything that has one case per network.
macro_rules! networks {
    ($($(#[$doc:meta])* $name:ident($config:ident),)*) => {
        /// The configuration of any network.
        ///
        /// TOML files and records store it as `kind = "plain"` and the fields of [`PlainConfig`], and likewise for the
        /// others.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum NetworkConfig {
            $($(#[$doc])* $name($config),)*
        }

        // The derived implementation would buffer values of all of serde's types, which would make the wasm of a page
        // larger.
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

            /// Its `kind` in configurations and records.
            pub fn kind(&self) -> String {
                self.name().to_lowercase()
            }

            /// Name of the network in the paths of parameters.
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }
        }

        /// The module of any network.
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
    /// Stacked U-Nets (Ronneberger et al. 2015, Newell et al. 2016).
    Hourglass(HourglassConfig),
    /// Residual dense blocks with dilation, and pyramid pooling (after Zhang et al. 2018).
    ResidualDense(ResidualDenseConfig),
    /// An autoencoder for digits.
    Autoencoder(AutoencoderConfig),
    /// D-DBPN (Haris et al. 2018).
    Dbpn(DbpnConfig),
    /// SRVGGNetCompact (Wang et al. 2021, Real-ESRGAN).
    Compact(CompactConfig),
    /// RRDBNet of ESRGAN (Wang et al. 2018).
    Rrdb(RrdbConfig),
    /// SPAN (Wan et al. 2024).
    Span(SpanConfig),
    /// This project's plain stack of convolutions.
    Plain(PlainConfig),
    /// Any network that is given by its graph.
    Graph(GraphConfig),
}

impl Network {
    /// `[batch, c, h, w]` → `[batch, c, h·r, w·r]` with values in 0…1, which the output may exceed; r is the scale, or
    /// 1 for [`Input::Upsampled`].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Ok(result) = self.run(&mut TensorOps::new(&x), x);
        result
    }

    /// Like [`Self::forward`], in the way the network is trained. Returns every result that is compared with a target;
    /// the network's own result comes last.
    ///
    /// Their sizes are those of [`NetworkConfig::training_ratios`]; SRCNN runs without padding and returns the central
    /// part. Of a network that enlarges level by level, only the first `levels` levels run, and there are as many
    /// results; a fraction of `levels` is the weight of the last level's details.
    pub fn forward_training(&self, x: Tensor<4>, levels: f64) -> Vec<Tensor<4>> {
        let mut ops = TensorOps::training(&x);
        let Ok(result) = self.run_training(&mut ops, x, levels);
        let mut results = ops.into_intermediate();
        results.push(result);
        results
    }

    /// Its convolutions in the order in which they run.
    pub(crate) fn blocks(&self) -> Vec<ConvBlock> {
        self.listed().convs
    }

    fn listed(&self) -> Blocks {
        let mut blocks = Blocks::default();
        let Ok(()) = self.run(&mut blocks, ());
        blocks
    }

    /// The network as a graph, which names parameters by their paths; input and result are those of [`Self::forward`].
    ///
    /// # Errors
    /// If the network has wide blocks or batch normalisation, which folding removes.
    pub fn graph(&self) -> Result<engine::graph::Graph, BuildError> {
        let mut graph = self.graph_by_ids()?;
        let names = Names::of(self);
        graph.rename(|id| names.get(id))?;
        Ok(graph)
    }

    /// [`Self::graph`] with the values of the network's parameters.
    ///
    /// # Errors
    /// If the network has wide blocks or batch normalisation, which folding removes.
    pub fn plan(&self) -> Result<Plan, BuildError> {
        let values = Values::of(self);
        Ok(self.graph_by_ids()?.compile(|id| values.get(id))?)
    }

    fn graph_by_ids(&self) -> Result<engine::graph::Graph, BuildError> {
        let mut ops = GraphOps::new(self.channels());
        let input = ops.builder.input();
        self.run(&mut ops, input)?;
        Ok(ops.builder.finish()?)
    }

    /// The input pixels around a tile that affect its result. Works for folded and unfolded networks.
    pub fn reach(&self) -> Result<Reach, BuildError> {
        let mut ops = GraphOps::sizes(self.channels());
        let input = ops.builder.input();
        self.run(&mut ops, input)?;
        Ok(ops.builder.finish()?.reach())
    }

    fn channels(&self) -> usize {
        if let Self::Graph(graph) = self {
            return graph.channels();
        }
        let Blocks {
            convs,
            input_phases,
        } = self.listed();
        convs.first().map_or(1, ConvBlock::channels_in) / input_phases
    }
}

impl NetworkConfig {
    /// Scale, colour treatment and input, for the pipeline.
    pub fn spec(&self) -> Spec {
        self.architecture().spec()
    }

    /// Checks that a network of this configuration can be built.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.architecture().validate()
    }

    /// The scales at which its record can be used, the smallest first; its own scale comes last.
    pub fn scales(&self) -> Vec<usize> {
        let smaller = self.architecture().smaller();
        let scales = smaller.iter().map(|config| config.spec().scale);
        scales.chain([self.spec().scale]).collect()
    }

    /// The configuration for another of its [`scales`](Self::scales), which fits the same record.
    pub fn with_scale(&self, scale: usize) -> Result<Self, ScaleError> {
        let smaller = self.architecture().smaller().into_iter();
        let mut fitting = smaller
            .chain([self.clone()])
            .filter(|config| config.spec().scale == scale);
        fitting
            .next()
            .ok_or_else(|| ScaleError::new(scale, self.scales()))
    }

    /// Output pixels per input pixel of the network, in each direction, for each result that training compares with a
    /// target; the network's own result comes last.
    pub fn training_ratios(&self) -> Vec<usize> {
        self.architecture().training_ratios()
    }

    /// Number of pixels that the network's result loses on each side in training, in input pixels.
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

    /// Path of the last convolution's parameters, which come last.
    pub fn last_layer(&self) -> String {
        format!("{}.{}", self.name(), self.architecture().last_layer())
    }

    /// The folded network with zeros as parameters, to load a record into.
    ///
    /// Memory is allocated only when a parameter's value is first read.
    pub fn init(&self, device: &Device) -> Network {
        self.architecture().build(&mut Layers::zeros(device))
    }

    /// The network in its training form, with random weights from `seed`.
    #[cfg(feature = "train")]
    pub fn init_training(&self, seed: u64, device: &Device) -> Network {
        self.architecture().build(&mut Layers::random(seed, device))
    }

    /// Number of parameters after folding.
    pub fn parameters(&self, device: &Device) -> usize {
        self.init(device).num_params()
    }
}
