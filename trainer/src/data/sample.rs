//! An image to learn from.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::Context;
use engine::Input;
use engine::image::{Image, resize};
use model::network::NetworkConfig;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::Pair;
use super::drawn::Degrader;

/// An image to learn from: the network's input and its targets.
pub struct Sample {
    /// The file's name.
    pub name: String,
    input: SampleInput,
    /// Width and height of the input.
    size: (usize, usize),
    /// RGB, by output pixels per pixel of the input: the original, cropped so that the scale divides
    /// its sides, comes last; before it the targets of a network's intermediate outputs.
    pub targets: Vec<(usize, Image)>,
}

/// Where a network's input comes from, in RGB.
enum SampleInput {
    /// The low-resolution image, enlarged again for [`Input::Upsampled`].
    Made(Image),
    /// Parts of the original, degraded for each patch.
    Drawn(Arc<Degrader>),
}

impl Sample {
    /// The input and the targets of a network for an RGB pair.
    pub fn new(pair: Pair, network: &NetworkConfig) -> Self {
        let Pair {
            name,
            hr: target,
            lr,
            ..
        } = pair;
        let input = match network.spec().input {
            Input::LowResolution => lr,
            Input::Upsampled => resize::imresize(&lr, target.width, target.height),
        };
        let size = (input.width, input.height);
        Self {
            targets: targets(target, size, network),
            name,
            input: SampleInput::Made(input),
            size,
        }
    }

    /// The targets for an RGB original, whose inputs are drawn later.
    pub(super) fn drawn(
        name: String,
        original: Image,
        degrader: &Arc<Degrader>,
        network: &NetworkConfig,
    ) -> Self {
        let size = degrader.input_size(&original);
        Self {
            targets: targets(original, size, network),
            name,
            input: SampleInput::Drawn(Arc::clone(degrader)),
            size,
        }
    }

    /// An image that holds the input's square of `side` pixels at this corner, and the square's corner in it.
    pub(super) fn patch(
        &self,
        corner: (usize, usize),
        side: usize,
        random: &mut Pcg64Mcg,
    ) -> anyhow::Result<(Cow<'_, Image>, (usize, usize))> {
        match &self.input {
            SampleInput::Made(image) => Ok((Cow::Borrowed(image), corner)),
            SampleInput::Drawn(degrader) => {
                let (_, original) = self.targets.last().context("a sample has no target")?;
                let patch = degrader.patch(original, corner, side, random);
                let patch = patch.with_context(|| format!("in the image {}", self.name))?;
                Ok((Cow::Owned(patch), (0, 0)))
            }
        }
    }

    /// The number of positions that a patch can have, at multiples of `stride_px`.
    pub(super) fn positions(&self, patch_px: usize, stride_px: usize) -> usize {
        positions(self.size, patch_px, stride_px)
    }

    /// The corner of the patch at a position, counted row by row.
    pub(super) fn corner(
        &self,
        position: usize,
        patch_px: usize,
        stride_px: usize,
    ) -> (usize, usize) {
        let columns = (self.size.0 - patch_px) / stride_px + 1;
        (
            position % columns * stride_px,
            position / columns * stride_px,
        )
    }

    pub(super) fn random_position(
        &self,
        patch_px: usize,
        stride_px: usize,
        random: &mut Pcg64Mcg,
    ) -> (usize, usize) {
        let mut along =
            |side: usize| stride_px * random.random_range(0..=(side - patch_px) / stride_px);
        (along(self.size.0), along(self.size.1))
    }
}

/// The targets of a network by output pixels per input pixel, the original last, for inputs of this width and height.
fn targets(
    original: Image,
    (width, height): (usize, usize),
    network: &NetworkConfig,
) -> Vec<(usize, Image)> {
    let mut ratios = network.training_ratios();
    ratios.dedup();
    let largest = ratios.pop().unwrap_or(1);
    let smaller = ratios.into_iter().map(|ratio| {
        let smaller = resize::imresize(&original, width * ratio, height * ratio);
        (ratio, smaller)
    });
    let mut targets: Vec<_> = smaller.collect();
    targets.push((largest, original));
    targets
}

/// The number of positions that a patch can have in an image of this width and height.
pub(super) fn positions(
    (width, height): (usize, usize),
    patch_px: usize,
    stride_px: usize,
) -> usize {
    let along = |side: usize| (side - patch_px) / stride_px + 1;
    along(width) * along(height)
}
