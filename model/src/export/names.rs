//! The names of parameters in public PyTorch implementations.
//!
//! | network | implementation |
//! |---|---|
//! | compact, rrdb, span | those that [`crate::import`] reads, and spandrel |
//! | srcnn, fsrcnn, espcn | `models.py` of yjn870's SRCNN-pytorch, FSRCNN-pytorch and ESPCN-pytorch |
//! | srresnet | `Generator` in `model.py` of Lornatang's SRGAN-PyTorch, with a slope per channel (`nn.PReLU(64)`) |

use engine::Colour;

use super::ExportError;
use crate::import::{Source, compact, rrdb, span};
use crate::network::NetworkConfig;

/// Where the parameters of a convolution are written.
pub(super) enum Place {
    /// `NAME.weight` and `NAME.bias`, and PReLU's slopes.
    Conv { name: String, slope: Option<String> },
    /// The same with the bias in a batch normalisation that does nothing else.
    Normed {
        name: String,
        norm: String,
        slope: Option<String>,
    },
    /// The three convolutions and the one beside them of SPAN.
    Three { name: String },
    /// SPAN's mean and range, which are part of its code.
    Normalise,
}

impl Place {
    fn conv(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::Conv { name, slope: None }
    }

    fn with_slope(name: impl Into<String>, slope: impl Into<String>) -> Self {
        Self::Conv {
            name: name.into(),
            slope: Some(slope.into()),
        }
    }
}

impl From<Source> for Place {
    fn from(source: Source) -> Self {
        match source {
            Source::Conv { name, slope } => Self::Conv { name, slope },
            Source::Three { name } => Self::Three { name },
            Source::Normalise { .. } => Self::Normalise,
        }
    }
}

/// The places of a network's convolutions, in the order in which they run.
pub(super) fn places(config: &NetworkConfig) -> Result<Vec<Place>, ExportError> {
    let places = match config {
        NetworkConfig::Compact(config) => from(compact::sources(config)),
        NetworkConfig::Rrdb(config) => {
            if !config.scale.is_power_of_two() {
                return Err(ExportError::Variant("RRDBNet for this scale"));
            }
            from(rrdb::sources(config, &rrdb::STYLES[0]))
        }
        NetworkConfig::Span(config) => {
            if config.colour != Colour::Rgb {
                return Err(ExportError::Variant("SPAN for other images than RGB"));
            }
            from(span::sources([0.0; 3], 1.0))
        }
        NetworkConfig::Srcnn(config) if config.kernels_px.len() != 3 => {
            return Err(ExportError::Variant("SRCNN of this depth"));
        }
        NetworkConfig::Srcnn(_) => ["conv1", "conv2", "conv3"].map(Place::conv).into(),
        NetworkConfig::Fsrcnn(config) => {
            let middle = |i: usize| {
                let (conv, slope) = (2 * i, 2 * i + 1);
                Place::with_slope(
                    format!("mid_part.{conv}"),
                    format!("mid_part.{slope}.weight"),
                )
            };
            let first = Place::with_slope("first_part.0", "first_part.1.weight");
            let middle = (0..config.depth + 2).map(middle);
            let last = Place::conv("last_part");
            std::iter::once(first).chain(middle).chain([last]).collect()
        }
        NetworkConfig::Espcn(_) => ["first_part.0", "first_part.2", "last_part.0"]
            .map(Place::conv)
            .into(),
        NetworkConfig::SrResNet(config) => {
            if ![2, 4].contains(&config.scale) {
                return Err(ExportError::Variant("SRResNet for this scale"));
            }
            srresnet(config.blocks, config.scale.ilog2() as usize)
        }
        other => {
            return Err(ExportError::Kind {
                kind: other.kind(),
                known: "compact, rrdb, span, srcnn, fsrcnn, espcn or srresnet",
            });
        }
    };
    Ok(places)
}

fn from(sources: Vec<Source>) -> Vec<Place> {
    sources.into_iter().map(Place::from).collect()
}

fn srresnet(blocks: usize, enlargements: usize) -> Vec<Place> {
    let normed = |prefix: &str, conv: usize, slope: Option<usize>| Place::Normed {
        name: format!("{prefix}.{conv}"),
        norm: format!("{prefix}.{}", conv + 1),
        slope: slope.map(|slope| format!("{prefix}.{slope}.weight")),
    };
    let mut places = vec![Place::with_slope("conv_block1.0", "conv_block1.1.weight")];
    for block in 0..blocks {
        let prefix = format!("trunk.{block}.rcb");
        places.extend([normed(&prefix, 0, Some(2)), normed(&prefix, 3, None)]);
    }
    places.push(normed("conv_block2", 0, None));
    places.extend((0..enlargements).map(|i| {
        let prefix = format!("upsampling.{i}.upsample_block");
        Place::with_slope(format!("{prefix}.0"), format!("{prefix}.2.weight"))
    }));
    places.push(Place::conv("conv_block3"));
    places
}
