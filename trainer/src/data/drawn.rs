//! Inputs that are degraded anew for every patch.

use engine::Input;
use engine::image::resize::imresize;
use engine::image::{Image, Rect};
use model::network::NetworkConfig;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::degrade::Degradation;

/// Low-resolution pixels around a patch that are degraded with it, so that blurs and codecs see what lies beside it:
/// at least these before and after it.
const MARGIN_PX: usize = 8;

/// JPEG's blocks: up to as many more pixels before a patch, so that a patch begins anywhere in a block.
const BLOCK_PX: usize = 8;

/// How inputs are made of parts of originals.
pub(crate) struct Degrader {
    degradation: Degradation,
    scale: usize,
    /// Whether the network reads an image that was enlarged again.
    enlarged: bool,
}

impl Degrader {
    /// For a network and a degradation with strengths to be drawn.
    pub fn new(degradation: &Degradation, network: &NetworkConfig) -> Self {
        let spec = network.spec();
        Self {
            degradation: degradation.clone(),
            scale: spec.scale,
            enlarged: spec.input == Input::Upsampled,
        }
    }

    /// Width and height of the network's input for an original.
    pub fn input_size(&self, original: &Image) -> (usize, usize) {
        let input = |side: usize| match self.enlarged {
            true => side,
            false => side / self.scale,
        };
        (input(original.width), input(original.height))
    }

    /// The square of `side` pixels of the network's input that begins at the pixel (x, y) of it. The scale divides the
    /// original's sides.
    pub fn patch(
        &self,
        original: &Image,
        (x, y): (usize, usize),
        side: usize,
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<Image> {
        // Input pixels per low-resolution pixel.
        let unit = if self.enlarged { self.scale } else { 1 };
        let mut along = |start: usize, end: usize| {
            let before = MARGIN_PX + random.random_range(0..BLOCK_PX);
            let first = (start / unit).saturating_sub(before);
            let last = (start + side).div_ceil(unit) + MARGIN_PX;
            (first, last.min(end) - first)
        };
        let (left, width) = along(x, original.width / self.scale);
        let (top, height) = along(y, original.height / self.scale);
        let part = Rect {
            x: left,
            y: top,
            width,
            height,
        };
        let part = original.crop(part.scaled(self.scale));
        let (mut input, _) = self.degradation.draw(&part, (width, height), random)?;
        if self.enlarged {
            input = imresize(&input, part.width, part.height);
        }
        Ok(input.crop(Rect {
            x: x - left * unit,
            y: y - top * unit,
            width: side,
            height: side,
        }))
    }
}

#[cfg(test)]
mod tests {
    use engine::image::Channels;
    use rand::SeedableRng;

    use super::*;

    fn degrader(degradation: &str, network: &str) -> Degrader {
        #[derive(serde::Deserialize)]
        struct Table {
            degradation: Degradation,
            network: NetworkConfig,
        }
        let text = format!("degradation = {degradation}\n[network]\n{network}");
        let table: Table = toml::from_str(&text).unwrap();
        Degrader::new(&table.degradation, &table.network)
    }

    fn noise(width: usize, height: usize) -> Image {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let data = (0..3 * width * height).map(|_| random.random()).collect();
        Image::new(width, height, Channels::Rgb, data).unwrap()
    }

    #[test]
    fn patches_lie_where_they_lie_in_the_whole_image() {
        let side = 12;
        for network in [
            "kind = \"plain\"\nscale = 3\nwidth = 2\ndepth = 0",
            "kind = \"srcnn\"\nscale = 3",
        ] {
            let degrader = degrader("[{ kind = \"shrink\" }]", network);
            let image = noise(120, 99);
            let (mut whole, _) = degrader
                .degradation
                .draw(&image, (40, 33), &mut Pcg64Mcg::seed_from_u64(0))
                .unwrap();
            if degrader.enlarged {
                whole = imresize(&whole, 120, 99);
            }
            let (width, height) = degrader.input_size(&image);
            assert_eq!((width, height), (whole.width, whole.height));
            let mut random = Pcg64Mcg::seed_from_u64(2);
            for (x, y) in [(0, 0), (width - side, height - side), (7, 20), (13, 1)] {
                let patch = degrader.patch(&image, (x, y), side, &mut random).unwrap();
                let expected = whole.crop(Rect {
                    x,
                    y,
                    width: side,
                    height: side,
                });
                assert_eq!((patch.width, patch.height), (side, side));
                let pairs = patch.data.iter().zip(&expected.data);
                let apart = pairs.map(|(a, b)| a.abs_diff(*b)).max();
                // Weights depend on the side's length by rounding alone.
                assert!(apart <= Some(1), "{network} at ({x}, {y}): {apart:?}");
            }
        }
    }

    #[test]
    fn each_draw_is_another_one_and_can_be_repeated() {
        let network = "kind = \"plain\"\nscale = 2\nwidth = 2\ndepth = 0";
        let degrader = degrader("[{ kind = \"jpeg\", quality = [10, 90] }]", network);
        let image = noise(80, 80);
        let patch = |seed| {
            let mut random = Pcg64Mcg::seed_from_u64(seed);
            degrader.patch(&image, (10, 9), 16, &mut random).unwrap()
        };
        assert_eq!(patch(1), patch(1));
        assert_ne!(patch(1), patch(2));
    }
}
