//! What the upscaling pipeline has to know of a network.

use serde::{Deserialize, Serialize};

/// Which planes of a picture a network sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Luma of BT.601 in studio range, one plane; chroma is resized classically.
    #[default]
    Y,
    /// Red, green and blue, three planes.
    Rgb,
    /// Luma of BT.601 in full range, one plane; the picture becomes grey.
    Grey,
}

impl Colour {
    /// How many planes that is.
    pub fn channels(self) -> usize {
        match self {
            Self::Y | Self::Grey => 1,
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
}

/// A scale that a network doesn't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model upscales {}, not ×{wanted}", list(.known))]
pub struct ScaleError {
    wanted: usize,
    known: Vec<usize>,
}

impl ScaleError {
    /// For a scale that is none of those that are known.
    pub fn new(wanted: usize, known: Vec<usize>) -> Self {
        Self { wanted, known }
    }
}

/// `×2, ×4 or ×8`
fn list(scales: &[usize]) -> String {
    let names: Vec<String> = scales.iter().map(|scale| format!("×{scale}")).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}
