//! The facts about a network that the upscaling pipeline needs.

use serde::{Deserialize, Serialize};

/// The planes of an image that a network reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Luma of BT.601 in studio range, one plane; chroma is enlarged by bicubic interpolation.
    #[default]
    Y,
    /// Red, green and blue, three planes.
    Rgb,
    /// Luma of BT.601 in full range, one plane; the image becomes grey.
    Grey,
}

impl Colour {
    /// Number of planes.
    pub fn channels(self) -> usize {
        match self {
            Self::Y | Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// A network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The small image; the network enlarges it.
    LowResolution,
    /// The image already enlarged by bicubic interpolation; the network sharpens it.
    Upsampled,
}

/// The facts about a network that the upscaling pipeline needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Output pixels per input pixel, in each direction.
    pub scale: usize,
    /// The planes that the network reads.
    pub colour: Colour,
    /// What the network takes in.
    pub input: Input,
}

/// A scale that a network does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model upscales {}, not ×{wanted}", list(.known))]
pub struct ScaleError {
    wanted: usize,
    known: Vec<usize>,
}

impl ScaleError {
    /// `wanted` is none of the scales `known`.
    pub fn new(wanted: usize, known: Vec<usize>) -> Self {
        Self { wanted, known }
    }
}

/// `×2, ×4 or ×8`
fn list(scales: &[usize]) -> String {
    let mut text = String::new();
    for (i, scale) in scales.iter().enumerate() {
        text += match i {
            0 => "",
            _ if i + 1 == scales.len() => " or ",
            _ => ", ",
        };
        text += &format!("×{scale}");
    }
    text
}
