//! DBPN: projects up and down again, and learns from what was lost on the way.
//!
//! Haris, Shakhnarovich and Ukita, "Deep Back-Projection Networks for Super-Resolution", CVPR
//! 2018, arXiv:1803.02735; the dense form, D-DBPN. Each unit sees all maps of the units before:
//!
//! ```text
//! RGB [3, h, w] ─ 3×3 ─ 1×1 ─ up ─ (down ─ up) × (stages − 1) ─ all large maps side by side ─ 3×3 ─ RGB [3, r·h, r·w]
//!
//! up:    L ─ enlarge ─ H₀ ─ shrink ─ (− L) ─ enlarge ─ (+ H₀) ─ H
//! down:  H ─ shrink ─ L₀ ─ enlarge ─ (− H) ─ shrink ─ (+ L₀) ─ L
//! ```

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps, check_scale};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity};
use engine::graph::Outline;
use engine::{Colour, Input, Spec};

/// The sizes of a [`Dbpn`]; the defaults are those of the paper's D-DBPN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbpnConfig {
    /// 2, 3 or 4.
    pub scale: usize,
    /// The planes that the network sees; RGB in the paper.
    #[serde(default = "rgb")]
    pub colour: Colour,
    /// n₀: maps of the first convolution.
    #[serde(default = "features")]
    pub features: usize,
    /// n_R: maps of each projection.
    #[serde(default = "width")]
    pub width: usize,
    /// T: up-projections; there is one down-projection less.
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
    /// Side and padding of the projections' kernels (the paper's table: 6, 7 and 8 pixels).
    fn kernel(&self) -> [usize; 2] {
        match self.scale {
            2 => [6, 2],
            3 => [7, 2],
            _ => [8, 2],
        }
    }

    fn enlarge(&self, layers: &mut Layers) -> ConvBlock {
        let [k, padding] = self.kernel();
        let conv = Conv::new([self.width, self.width, k, k]);
        layers.conv(
            conv.transposed(self.scale, padding)
                .gain(2.0)
                .then(Nonlinearity::PRelu),
        )
    }

    fn shrink(&self, layers: &mut Layers) -> ConvBlock {
        let [k, padding] = self.kernel();
        let conv = Conv::new([self.width, self.width, k, k]);
        layers.conv(
            conv.strided(self.scale, padding)
                .gain(2.0)
                .then(Nonlinearity::PRelu),
        )
    }

    /// A 1×1 convolution to the projections' width, where the maps are not of it.
    fn bottleneck(&self, maps: usize, layers: &mut Layers) -> Option<ConvBlock> {
        let conv = Conv::new([self.width, maps, 1, 1]);
        (maps != self.width).then(|| layers.conv(conv.gain(2.0).then(Nonlinearity::PRelu)))
    }
}

impl Architecture for DbpnConfig {
    fn spec(&self) -> Spec {
        // A projection reaches as far as three of its kernels; those that enlarge reach three
        // pixels at most.
        let projections = 2 * self.stages - 1;
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
            halo_px: 2 + 6 * projections,
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
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
            Conv::new([self.features, c, 3, 3])
                .gain(2.0)
                .then(Nonlinearity::PRelu),
        );
        let narrow = layers.conv(
            Conv::new([self.width, self.features, 1, 1])
                .gain(2.0)
                .then(Nonlinearity::PRelu),
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
            last: layers.conv(Conv::new([c, self.width * self.stages, 3, 3])),
        })
    }

    fn last_layer(&self) -> &'static str {
        "last"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Dbpn {
    first: ConvBlock,
    narrow: ConvBlock,
    up: Vec<Projection>,
    down: Vec<Projection>,
    last: ConvBlock,
}

/// An up- or a down-projection.
#[derive(Module, Debug)]
struct Projection {
    bottleneck: Option<ConvBlock>,
    there: ConvBlock,
    back: ConvBlock,
    again: ConvBlock,
}

impl Projection {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match &self.bottleneck {
            Some(conv) => conv.forward(x),
            None => x,
        };
        let there = self.there.forward(x.clone());
        let lost = self.back.forward(there.clone()) - x;
        self.again.forward(lost) + there
    }
}

impl Fold for Projection {
    fn fold(self) -> Self {
        Self {
            bottleneck: self.bottleneck.fold(),
            there: self.there.fold(),
            back: self.back.fold(),
            again: self.again.fold(),
        }
    }
}

impl Forward for Dbpn {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let small = self.narrow.forward(self.first.forward(x));
        let (mut large, mut smalls) = (Vec::new(), Vec::new());
        for (stage, up) in self.up.iter().enumerate() {
            let input = if stage == 0 {
                small.clone()
            } else {
                let input = Tensor::cat(large.clone(), 1);
                smalls.push(self.down[stage - 1].forward(input));
                Tensor::cat(smalls.clone(), 1)
            };
            large.push(up.forward(input));
        }
        self.last.forward(Tensor::cat(large, 1))
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        Err(NoPlan::Layer("strided convolutions"))
    }
}

impl Fold for Dbpn {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            narrow: self.narrow.fold(),
            up: self.up.fold(),
            down: self.down.fold(),
            last: self.last.fold(),
        }
    }
}
