//! Pairs of original and blurred digits.

use burn::tensor::{Device, Tensor, TensorData};
use clap::ValueEnum;
use engine::image::Planes;
use engine::image::resize::{Method, resize};
use model::network::Network;
use rayon::prelude::*;

use super::idx::SIDE_PX;
use crate::data::Batch;

const SMALL_PX: usize = 10;

/// How digits are blurred: reduced to 10×10 pixels and enlarged to 28×28 again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Blur {
    /// Bilinear interpolation that averages where it reduces.
    #[default]
    Antialiased,
    /// Plain bilinear interpolation between the two nearest pixels, with the corner pixels' centres aligned.
    CornerAligned,
}

impl Blur {
    /// The description in model files.
    pub fn text(self) -> &'static str {
        match self {
            Self::Antialiased => "digits reduced to 10×10 and enlarged to 28×28 again, bilinearly",
            Self::CornerAligned => {
                "digits reduced to 10×10 and enlarged to 28×28 again, bilinearly with aligned corners and without \
                 antialiasing"
            }
        }
    }

    /// The blur of a model file's description.
    pub fn of(text: &str) -> Self {
        let mut all = Self::value_variants().iter().copied();
        all.find(|blur| blur.text() == text).unwrap_or_default()
    }

    /// The blurred digit, 28×28 values.
    fn apply(self, digit: &[f32]) -> Vec<f32> {
        let planes = Planes {
            channels: 1,
            width: SIDE_PX,
            height: SIDE_PX,
            data: digit.to_vec(),
        };
        let resized = |planes: &Planes, side: usize| match self {
            Self::Antialiased => resize(planes, side, side, Method::Bilinear),
            Self::CornerAligned => corner_aligned(planes, side),
        };
        resized(&resized(&planes, SMALL_PX), SIDE_PX).data
    }
}

/// A square plane resized by bilinear interpolation whose corner pixels lie on those of the original, as PyTorch's
/// `interpolate` with `align_corners=True`.
fn corner_aligned(planes: &Planes, side: usize) -> Planes {
    let old = planes.width;
    let taps = |i: usize| {
        let place = (i * (old - 1)) as f32 / (side - 1) as f32;
        let first = (place as usize).min(old - 2);
        (first, place - first as f32)
    };
    let value = |i: usize| {
        let ((x, right), (y, down)) = (taps(i % side), taps(i / side));
        let at = |dx: usize, dy: usize| planes.data[(y + dy) * old + x + dx];
        let row = |dy| (1.0 - right) * at(0, dy) + right * at(1, dy);
        (1.0 - down) * row(0) + down * row(1)
    };
    Planes {
        channels: 1,
        width: side,
        height: side,
        data: (0..side * side).map(value).collect(),
    }
}

/// Digits in 0…1, each of 28×28 values.
pub struct Digits {
    /// Blurred: the network's input.
    pub input: Vec<Vec<f32>>,
    /// The originals.
    pub target: Vec<Vec<f32>>,
}

impl Digits {
    /// Pairs of digits from their bytes.
    pub fn new(images: &[Vec<u8>], blur: Blur) -> Self {
        let target = values(images);
        let input = target.par_iter().map(|digit| blur.apply(digit)).collect();
        Self { input, target }
    }

    /// The number of digits.
    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// A batch of the digits with these indices.
    pub fn batch(&self, indices: &[usize]) -> Batch {
        let all = |digits: &[Vec<f32>]| indices.iter().flat_map(|i| digits[*i].clone()).collect();
        let shape = [indices.len(), 1, SIDE_PX, SIDE_PX];
        Batch::from_values(all(&self.input), all(&self.target), shape)
    }
}

/// Bytes scaled to 0…1.
pub fn values(images: &[Vec<u8>]) -> Vec<Vec<f32>> {
    let values = |digit: &Vec<u8>| digit.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    images.par_iter().map(values).collect()
}

/// A network's outputs for digits.
pub fn outputs(
    network: &Network,
    digits: &[Vec<f32>],
    device: &Device,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut outputs = Vec::with_capacity(digits.len());
    for part in digits.chunks(500) {
        let shape = [part.len(), 1, SIDE_PX, SIDE_PX];
        let x = Tensor::from_data(TensorData::new(part.concat(), shape), device);
        let values: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
        outputs.extend(values.chunks_exact(SIDE_PX * SIDE_PX).map(<[f32]>::to_vec));
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch 2.15: `interpolate(arange(16.).view(1, 1, 4, 4), size=3, mode="bilinear", align_corners=True)` and the same
    /// for a size of 5.
    #[test]
    fn aligned_corners_equal_pytorchs() {
        let planes = Planes {
            channels: 1,
            width: 4,
            height: 4,
            data: (0..16).map(|i| i as f32).collect(),
        };
        let small = corner_aligned(&planes, 3);
        assert_eq!(small.data, [0.0, 1.5, 3.0, 6.0, 7.5, 9.0, 12.0, 13.5, 15.0]);
        let large = corner_aligned(&planes, 5);
        assert_eq!(large.data[..5], [0.0, 0.75, 1.5, 2.25, 3.0]);
        assert_eq!(large.data[24], 15.0);
    }

    #[test]
    fn a_model_file_says_how_its_digits_were_blurred() {
        for blur in [Blur::Antialiased, Blur::CornerAligned] {
            assert_eq!(Blur::of(blur.text()), blur);
        }
        let digit: Vec<f32> = (0..SIDE_PX * SIDE_PX)
            .map(|i| (i % 3) as f32 / 2.0)
            .collect();
        assert_ne!(
            Blur::Antialiased.apply(&digit),
            Blur::CornerAligned.apply(&digit)
        );
    }
}
