//! DBPN: projects feature maps up and down repeatedly, and learns from the errors of the projections.
//!
//! Haris, Shakhnarovich and Ukita, "Deep Back-Projection Networks for Super-Resolution", CVPR 2018, arXiv:1803.02735;
//! the dense variant, D-DBPN. Each unit reads the maps of all previous units:
//!
//! ```text
//! RGB [3, h, w] ─ 3×3 ─ 1×1 ─ up ─ (down ─ up) × (stages − 1) ─ all large maps side by side ─ 3×3 ─ RGB [3, r·h, r·w]
//!
//! up:    L ─ enlarge ─ H₀ ─ shrink ─ (− L) ─ enlarge ─ (+ H₀) ─ H
//! down:  H ─ shrink ─ L₀ ─ enlarge ─ (− H) ─ shrink ─ (+ L₀) ─ L
//! ```

use burn::module::Module;
use engine::{Colour, Input, Spec};
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Network, check, check_maps};
use crate::layer::{ConvBlock, ConvConfig, Layers, PRELU};
use crate::ops::{Ops, Topology};

/// The configuration of a [`Dbpn`]; the defaults are those of the paper's D-DBPN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbpnConfig {
    /// Upscaling factor: 2, 3 or 4.
    pub scale: usize,
    /// Planes that the network processes; RGB in the paper.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// n₀: maps of the first convolution.
    #[serde(default = "features")]
    pub features: usize,
    /// n_R: maps of each projection.
    #[serde(default = "width")]
    pub width: usize,
    /// T: number of up-projections; there is one down-projection less.
    #[serde(default = "stages")]
    pub stages: usize,
}

fn rgb() -> Colour {
    Colour::Rgb
}
fn features() -> usize {
    256
}
fn width() -> usize {
    64
}
fn stages() -> usize {
    7
}

impl DbpnConfig {
    /// Side and padding of the projections' kernels; the sides are 6, 7 and 8 pixels, as in the paper's table.
    fn kernel(&self) -> [usize; 2] {
        match self.scale {
            2 => [6, 2],
            3 => [7, 2],
            _ => [8, 2],
        }
    }

    fn enlarge(&self, layers: &mut Layers) -> ConvBlock {
        let [k, padding] = self.kernel();
        let conv = ConvConfig::new([self.width, self.width, k, k]);
        layers.conv(conv.transposed(self.scale, padding).gain(2.0).then(PRELU))
    }

    fn shrink(&self, layers: &mut Layers) -> ConvBlock {
        let [k, padding] = self.kernel();
        let conv = ConvConfig::new([self.width, self.width, k, k]);
        layers.conv(conv.strided(self.scale, padding).gain(2.0).then(PRELU))
    }

    /// A 1×1 convolution to the projections' width, unless the maps have this width already.
    fn bottleneck(&self, maps: usize, layers: &mut Layers) -> Option<ConvBlock> {
        let conv = ConvConfig::new([self.width, maps, 1, 1]);
        (maps != self.width).then(|| layers.conv(conv.gain(2.0).then(PRELU)))
    }
}

impl Architecture for DbpnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let fits = (2..=4).contains(&self.scale);
        check(fits, "scale", self.scale, "2, 3 or 4")?;
        for (field, maps) in [("features", self.features), ("width", self.width)] {
            check_maps(field, maps)?;
        }
        check(
            (1..=16).contains(&self.stages),
            "stages",
            self.stages,
            "1 to 16",
        )
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let c = self.colour.channels();
        let first = layers.conv(
            ConvConfig::new([self.features, c, 3, 3])
                .gain(2.0)
                .then(PRELU),
        );
        let narrow = layers.conv(
            ConvConfig::new([self.width, self.features, 1, 1])
                .gain(2.0)
                .then(PRELU),
        );
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for stage in 0..self.stages {
            up.push(Projection {
                bottleneck: self.bottleneck(self.width * stage.max(1), layers),
                there: self.enlarge(layers),
                back: self.shrink(layers),
                again: self.enlarge(layers),
            });
            if stage + 1 < self.stages {
                down.push(Projection {
                    bottleneck: self.bottleneck(self.width * (stage + 1), layers),
                    there: self.shrink(layers),
                    back: self.enlarge(layers),
                    again: self.shrink(layers),
                });
            }
        }
        Network::Dbpn(Dbpn {
            first,
            narrow,
            up,
            down,
            last: layers.conv(ConvConfig::new([c, self.width * self.stages, 3, 3])),
        })
    }

    fn last_layer(&self) -> String {
        "last".into()
    }
}

/// The network, as a Burn module.
#[derive(Module, Debug)]
pub struct Dbpn {
    first: ConvBlock,
    narrow: ConvBlock,
    up: Vec<Projection>,
    down: Vec<Projection>,
    last: ConvBlock,
}

#[derive(Module, Debug)]
struct Projection {
    bottleneck: Option<ConvBlock>,
    there: ConvBlock,
    back: ConvBlock,
    again: ConvBlock,
}

impl Projection {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let input = match &self.bottleneck {
            Some(conv) => ops.conv(conv, &input)?,
            None => input,
        };
        let there = ops.conv(&self.there, &input)?;
        let back = ops.conv(&self.back, &there)?;
        let lost = ops.sum(&[(&back, 1.0), (&input, -1.0)], 0.0)?;
        let again = ops.conv(&self.again, &lost)?;
        ops.add(&again, &there)
    }
}

impl Topology for Dbpn {
    fn run<O: Ops>(&self, ops: &mut O, input: O::Maps) -> Result<O::Maps, O::Error> {
        let first = ops.conv(&self.first, &input)?;
        let small = ops.conv(&self.narrow, &first)?;
        let (mut large, mut smalls) = (Vec::new(), Vec::new());
        for (stage, up) in self.up.iter().enumerate() {
            let mut input = small.clone();
            if let Some(down) = stage.checked_sub(1).map(|stage| &self.down[stage]) {
                let all = ops.concat(&large)?;
                smalls.push(down.run(ops, all)?);
                input = ops.concat(&smalls)?;
            }
            large.push(up.run(ops, input)?);
        }
        let all = ops.concat(&large)?;
        ops.conv(&self.last, &all)
    }
}
