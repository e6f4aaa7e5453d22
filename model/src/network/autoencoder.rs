//! An autoencoder of convolutions alone: learns what digits look like, and sharpens blurred ones.
//!
//! The first network of many introductions. It changes no side; what it gets was shrunk and
//! enlarged again by somebody else:
//!
//! ```text
//! grey [1, h, w] ─ (3×3 ─ norm ─ ReLU) × 3 ─ [16] [32] [64] ─ 3×3 ─ sigmoid ─ grey [1, h, w]
//! ```

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Architecture, ConfigError, Forward, Network, check, check_maps};
use crate::layer::{Conv, ConvBlock, Fold, Layers, NoPlan, Nonlinearity};
use engine::graph::{Builder, Outline};
use engine::{Colour, Input, Spec};

/// The sizes of an [`Autoencoder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Maps after each convolution but the last.
    #[serde(default = "maps")]
    pub maps: Vec<usize>,
}

fn maps() -> Vec<usize> {
    vec![16, 32, 64]
}

impl Architecture for AutoencoderConfig {
    fn spec(&self) -> Spec {
        Spec {
            scale: 1,
            colour: Colour::Grey,
            input: Input::LowResolution,
            halo_px: self.maps.len() + 1,
            align_px: 1,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let count = self.maps.len();
        check(
            (1..=16).contains(&count),
            "the number of maps",
            count,
            "1 to 16",
        )?;
        for &maps in &self.maps {
            check_maps("maps", maps)?;
        }
        Ok(())
    }

    fn build(&self, layers: &mut Layers) -> Network {
        let mut before = 1;
        let mut convs = Vec::new();
        for &maps in &self.maps {
            let conv = Conv::new([maps, before, 3, 3]).gain(2.0).norm();
            convs.push(layers.conv(conv.then(Nonlinearity::Relu)));
            before = maps;
        }
        let last = Conv::new([1, before, 3, 3]).then(Nonlinearity::Sigmoid);
        Network::Autoencoder(Autoencoder {
            convs,
            last: layers.conv(last),
        })
    }

    fn last_layer(&self) -> &'static str {
        "last"
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Autoencoder {
    convs: Vec<ConvBlock>,
    last: ConvBlock,
}

impl Forward for Autoencoder {
    /// `[batch, 1, h, w]`, the same shape; values in 0…1.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let maps = self.convs.iter().fold(x, |x, conv| conv.forward(x));
        self.last.forward(maps)
    }

    fn outline(&self) -> Result<Outline, NoPlan> {
        let mut plan = Builder::new(self.convs[0].channels_in());
        let mut maps = plan.input();
        for block in self.convs.iter().chain([&self.last]) {
            maps = block.plan(&mut plan, maps)?;
        }
        Ok(plan.finish()?)
    }
}

impl Fold for Autoencoder {
    fn fold(self) -> Self {
        Self {
            convs: self.convs.fold(),
            last: self.last.fold(),
        }
    }
}
