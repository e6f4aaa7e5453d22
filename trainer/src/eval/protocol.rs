//! What of two pictures is compared.

use clap::ValueEnum;
use engine::image::Image;

use crate::metric::Plane;

/// A protocol by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// The papers': Y of BT.601 in studio range, a border as wide as the scale.
    #[default]
    Y,
    /// Red, green and blue, a border as wide as the scale.
    Rgb,
    /// The SRGAN paper's: Y, a border of 4 px at every scale.
    ///
    /// Its SSIM is another one: Daala's tool `dump_ssim`, whose window grows with the picture's
    /// height. Here it is Wang's, as everywhere.
    Srgan,
}

/// SRGAN's border (Ledig et al. 2017, arXiv:1609.04802, section 3.1).
const SRGAN_BORDER_PX: usize = 4;

/// What of two pictures is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: ProtocolName,
    /// What is cut off on every side.
    pub border_px: usize,
}

impl Protocol {
    /// A protocol at a scale; `border_px` instead of its own.
    pub fn new(name: ProtocolName, scale: usize, border_px: Option<usize>) -> Self {
        let own = match name {
            ProtocolName::Y | ProtocolName::Rgb => scale,
            ProtocolName::Srgan => SRGAN_BORDER_PX,
        };
        Self {
            name,
            border_px: border_px.unwrap_or(own),
        }
    }

    /// The planes that are compared; `None` where the border leaves nothing.
    pub fn planes(&self, image: &Image) -> Option<Vec<Plane>> {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => {
                Some(vec![Plane::luma(image, self.border_px)?])
            }
            ProtocolName::Rgb => Plane::channels(image, self.border_px),
        }
    }

    /// What the names of metrics end in: in JSON, and in capitals in tables.
    pub fn suffix(&self) -> &'static str {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => "y",
            ProtocolName::Rgb => "rgb",
        }
    }

    /// What is compared, in words.
    pub fn colour(&self) -> &'static str {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => "Y (BT.601 studio range, floating point)",
            ProtocolName::Rgb => "red, green and blue",
        }
    }
}
