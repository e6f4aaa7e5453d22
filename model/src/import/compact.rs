//! Recognises SRVGGNetCompact: `body.0`, `body.1` and so on, a convolution and its slopes in turn.

use super::{ImportError, ImportOptions, Recipe, Source, Tensors};
use crate::network::{CompactActivation, CompactConfig, NetworkConfig};
use engine::Colour;

pub(super) fn recognise(
    tensors: &Tensors,
    options: &ImportOptions,
) -> Option<Result<Recipe, ImportError>> {
    let [width, channels_in, 3, 3] = tensors.shape("body.0.weight")? else {
        return None;
    };
    let has_slopes = tensors.shape::<1>("body.1.weight").is_some();
    let convs = (0..)
        .take_while(|n| tensors.has(&format!("{}.weight", conv(*n))))
        .count();
    let [outputs, _, 3, 3] = tensors.shape(&format!("{}.weight", conv(convs - 1)))? else {
        return None;
    };
    if convs < 2 {
        return None;
    }
    let activation = match (has_slopes, options.activation) {
        (true, _) => CompactActivation::PRelu,
        (false, Some(activation)) => activation,
        (false, None) => {
            return Some(Err(ImportError::Open(
                "the network has no slopes, and the file does not say which activation it has: name it with \
                 --activation relu or --activation leakyrelu",
            )));
        }
    };
    let Some(scale) = super::rrdb::root(outputs, channels_in) else {
        return Some(Err(ImportError::Variant(
            "a compact network with other outputs than inputs",
        )));
    };
    let colour = match channels_in {
        1 => Colour::Y,
        3 => Colour::Rgb,
        _ => {
            return Some(Err(ImportError::Variant(
                "a compact network for neither grey nor RGB images",
            )));
        }
    };
    let config = CompactConfig {
        scale,
        colour,
        width,
        depth: convs - 2,
        activation,
    };
    Some(Ok(Recipe {
        layers: sources(&config),
        config: NetworkConfig::Compact(config),
        unneeded: &[],
    }))
}

/// Name of a convolution. Activations have a number, too, whether or not they have slopes.
fn conv(n: usize) -> String {
    format!("body.{}", 2 * n)
}

/// The tensors of each convolution, in the order in which they run.
pub(crate) fn sources(config: &CompactConfig) -> Vec<Source> {
    let convs = config.depth + 2;
    let has_slopes = config.activation == CompactActivation::PRelu;
    let source = |n: usize| Source::Conv {
        name: conv(n),
        slope: (has_slopes && n + 1 < convs).then(|| format!("body.{}.weight", 2 * n + 1)),
    };
    (0..convs).map(source).collect()
}
