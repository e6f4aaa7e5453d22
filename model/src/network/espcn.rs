//! ESPCN: the network that the sub-pixel shuffle comes from.
//!
//! Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
//! Convolutional Neural Network", CVPR 2016, arXiv:1609.05158:
//!
//! ```text
//! Y [1, h, w] ─ 5×5 ─ tanh ─ [64] ─ 3×3 ─ tanh ─ [32] ─ 3×3 ─ [r²] ─ shuffle ─ Y [1, r·h, r·w]
//! ```

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check_maps, check_scale};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity};
use engine::graph::{Builder, Outline};
use engine::{Colour, Input, Spec};

/// The sizes of an [`Espcn`]; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EspcnConfig {
    /// 2, 3 or 4.
    pub scale: usize,
    /// The planes that the network sees; the paper's is Y.
    #[serde(default)]
    pub colour: Colour,
    /// Maps after the first and the second convolution.
    #[serde(default = "maps")]
    pub maps: [usize; 2],
}

fn maps() -> [usize; 2] {
    [64, 32]
}

impl Architecture for EspcnConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: self.scale,
            colour: self.colour,
            input: Input::LowResolution,
            halo_px: 2 + 1 + 1,
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_scale(self.scale)?;
        for maps in self.maps {
            check_maps("maps", maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let channels = self.colour.channels();
        let [first, second] = self.maps;
        Network::Espcn(Espcn {
            first: layers.conv(
                Conv::new([first, channels, 5, 5])
                    .gain(1.0)
                    .then(Nonlinearity::Tanh),
            ),
            second: layers.conv(
                Conv::new([second, first, 3, 3])
                    .gain(1.0)
                    .then(Nonlinearity::Tanh),
            ),
            last: layers.conv(Conv::new([channels, second, 3, 3]).shuffled(self.scale)),
        })
    }

    fn last_layer(&self) -> &'static str {
        "last"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Espcn {
    first: ConvBlock,
    second: ConvBlock,
    last: ConvBlock,
}

impl Forward for Espcn {
    /// `[batch, c, h, w]` → `[batch, c, h·scale, w·scale]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.last
            .forward(self.second.forward(self.first.forward(x)))
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        let mut plan = Builder::new(self.first.channels_in());
        let mut maps = plan.input();
        for block in [&self.first, &self.second, &self.last] {
            maps = block.plan(&mut plan, maps)?;
        }
        Ok(plan.finish()?)
    }
}

impl Fold for Espcn {
    fn fold(self) -> Self {
        Self {
            first: self.first.fold(),
            second: self.second.fold(),
            last: self.last.fold(),
        }
    }
}
