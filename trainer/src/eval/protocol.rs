//! Which planes of two images are compared.

use clap::ValueEnum;
use engine::image::Image;

use crate::metric::Plane;

/// A protocol by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// The papers' protocol: Y of BT.601 in studio range, border as wide as the scale.
    #[default]
    Y,
    /// Red, green and blue, border as wide as the scale.
    Rgb,
    /// The SRGAN paper's protocol: Y, border of 4 px at every scale.
    ///
    /// The paper's SSIM is that of Daala's `dump_ssim`, whose window grows with the image's height;
    /// here it is Wang's.
    Srgan,
}

/// SRGAN's border (Ledig et al. 2017, arXiv:1609.04802, section 3.1).
const SRGAN_BORDER_PX: usize = 4;

/// Which planes of two images are compared, and which border is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: ProtocolName,
    /// The border that is left out on every side.
    pub border_px: usize,
}

impl Protocol {
    /// A protocol at a scale; `border_px` replaces its border.
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

    /// The planes of an image that are compared; `None` if the border leaves nothing.
    pub fn planes(&self, image: &Image) -> Option<Vec<Plane>> {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => {
                Some(vec![Plane::luma(image, self.border_px)?])
            }
            ProtocolName::Rgb => Plane::channels(image, self.border_px),
        }
    }

    /// Suffix of the metrics' names in JSON; tables have it in capitals.
    pub fn suffix(&self) -> &'static str {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => "y",
            ProtocolName::Rgb => "rgb",
        }
    }

    /// A description of the planes.
    pub fn colour(&self) -> &'static str {
        match self.name {
            ProtocolName::Y | ProtocolName::Srgan => "Y (BT.601 studio range, floating point)",
            ProtocolName::Rgb => "red, green and blue",
        }
    }
}
