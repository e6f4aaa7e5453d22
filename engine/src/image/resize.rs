//! MATLAB's `imresize`.
//!
//! A kernel ([`Method`]), widened by the factor when it shrinks (antialiasing), borders mirrored with
//! the border pixel repeated, one pass for each direction: the one with the smaller factor first,
//! rows on a tie. On 8-bit images each pass rounds, half away from zero.

use serde::{Deserialize, Serialize};

use super::{Image, Planes};

/// The input pixels that one output pixel depends on.
pub(super) struct Taps {
    /// Indices into the input and their weights; weights sum to 1.
    pub taps: Vec<(usize, f64)>,
}

/// Keys' cubic kernel (1981), a = −0.5.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x <= 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x <= 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The interpolation kernels of MATLAB's `imresize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Keys' cubic kernel, a = −0.5: four pixels wide.
    #[default]
    Bicubic,
    /// A triangle: two pixels wide.
    Bilinear,
    /// A box, one pixel wide: the mean of whole pixels when shrinking by an integer factor.
    Box,
    /// The nearest pixel, without antialiasing.
    Nearest,
    /// Lanczos' windowed sinc (Duchon 1979) with three lobes: six pixels wide. A page has no use for it, and fetches its
    /// code without the 3 KB of a sine.
    #[cfg(not(target_family = "wasm"))]
    Lanczos,
}

/// Lobes of Lanczos' kernel on each side.
#[cfg(not(target_family = "wasm"))]
const LOBES: f64 = 3.0;

/// sin(πx) / πx
#[cfg(not(target_family = "wasm"))]
fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

impl Method {
    /// Width of the kernel in pixels.
    fn width(self) -> f64 {
        match self {
            Self::Bicubic => 4.0,
            Self::Bilinear => 2.0,
            Self::Box | Self::Nearest => 1.0,
            #[cfg(not(target_family = "wasm"))]
            Self::Lanczos => 2.0 * LOBES,
        }
    }

    fn value(self, x: f64) -> f64 {
        match self {
            Self::Bicubic => cubic(x),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Box | Self::Nearest => f64::from(u8::from((-0.5..0.5).contains(&x))),
            #[cfg(not(target_family = "wasm"))]
            Self::Lanczos if x.abs() >= LOBES => 0.0,
            #[cfg(not(target_family = "wasm"))]
            Self::Lanczos => sinc(x) * sinc(x / LOBES),
        }
    }
}

/// The weights of the input pixels around an output pixel of this phase (0 … scale − 1) of an
/// enlargement by an integer factor: an odd number of taps, centred on the pixel that covers it.
pub fn phase_taps(phase: usize, scale: usize, method: Method) -> Vec<f32> {
    let centre = (phase as f64 + 0.5) / scale as f64 - 0.5;
    let reach = (method.width() / 2.0) as i64;
    let value = |offset: i64| method.value(offset as f64 - centre) as f32;
    (-reach..=reach).map(value).collect()
}

/// The taps of a line of `input` pixels resized to `output`.
pub(super) fn taps(input: usize, output: usize, method: Method) -> Vec<Taps> {
    let scale = output as f64 / input as f64;
    // When shrinking, MATLAB widens the kernel against aliasing.
    let (kernel_scale, width) = if scale < 1.0 && method != Method::Nearest {
        (scale, method.width() / scale)
    } else {
        (1.0, method.width())
    };
    let reach = width.ceil() as i64 + 2;
    (0..output)
        .map(|index| {
            // MATLAB counts from 1: u = x / scale + (1 − 1 / scale) / 2.
            let u = (index + 1) as f64 / scale + 0.5 * (1.0 - 1.0 / scale);
            let left = (u - width / 2.0).floor() as i64;
            let weights: Vec<f64> = (0..reach)
                .map(|i| kernel_scale * method.value(kernel_scale * (u - (left + i) as f64)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let taps = weights
                .into_iter()
                .enumerate()
                .map(|(i, weight)| (mirror(left + i as i64 - 1, input), weight / sum))
                .filter(|(_, weight)| *weight != 0.0)
                .collect();
            Taps { taps }
        })
        .collect()
}

/// An index beyond a border, mirrored back with the border pixel repeated.
pub fn mirror(index: i64, length: usize) -> usize {
    let length = length as i64;
    let index = index.rem_euclid(2 * length);
    index.min(2 * length - 1 - index) as usize
}

/// Whether rows (the vertical direction) come first.
fn rows_first(from: (usize, usize), to: (usize, usize)) -> bool {
    to.1 as f64 / from.1 as f64 <= to.0 as f64 / from.0 as f64
}

/// Resizes an 8-bit image by bicubic interpolation as MATLAB does, each channel by itself.
///
/// `width` and `height` have to be at least 1.
pub fn imresize(image: &Image, width: usize, height: usize) -> Image {
    let round = |value: f64| (value + 0.5).floor().clamp(0.0, 255.0);
    let channels = image.channels.count();
    let (columns, rows) = (
        taps(image.width, width, Method::Bicubic),
        taps(image.height, height, Method::Bicubic),
    );
    let vertical = |data: &[u8], row_length: usize| -> Vec<u8> {
        let row_length = row_length * channels;
        let mut sums = vec![0f64; row_length];
        let mut out = Vec::with_capacity(rows.len() * row_length);
        for row in &rows {
            sums.fill(0.0);
            for &(index, weight) in &row.taps {
                let input = &data[index * row_length..][..row_length];
                for (sum, &value) in sums.iter_mut().zip(input) {
                    *sum += weight * f64::from(value);
                }
            }
            out.extend(sums.iter().map(|&sum| round(sum) as u8));
        }
        out
    };
    let horizontal = |data: &[u8], row_length: usize| -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() / row_length * columns.len());
        for row in data.chunks_exact(row_length * channels) {
            for column in &columns {
                for channel in 0..channels {
                    let taps = column.taps.iter();
                    let sum: f64 = taps
                        .map(|&(index, weight)| weight * f64::from(row[index * channels + channel]))
                        .sum();
                    out.push(round(sum) as u8);
                }
            }
        }
        out
    };
    let data = if rows_first((image.width, image.height), (width, height)) {
        horizontal(&vertical(&image.data, image.width), image.width)
    } else {
        vertical(&horizontal(&image.data, image.width), width)
    };
    Image {
        width,
        height,
        channels: image.channels,
        data,
    }
}

/// Resizes planes as MATLAB does images in floating point; sides are at least 1.
pub fn resize(planes: &Planes, width: usize, height: usize, method: Method) -> Planes {
    let columns = taps(planes.width, width, method);
    let rows = taps(planes.height, height, method);
    let mut data = Vec::with_capacity(planes.channels * columns.len() * rows.len());
    let mut line = vec![0f64; planes.width];
    for channel in 0..planes.channels {
        let plane = planes.plane(channel);
        for row in &rows {
            line.fill(0.0);
            for &(index, weight) in &row.taps {
                let input = &plane[index * planes.width..][..planes.width];
                for (sum, &value) in line.iter_mut().zip(input) {
                    *sum += weight * f64::from(value);
                }
            }
            data.extend(columns.iter().map(|column| {
                let taps = column.taps.iter();
                let sum: f64 = taps.map(|&(index, weight)| weight * line[index]).sum();
                sum as f32
            }));
        }
    }
    Planes {
        channels: planes.channels,
        width,
        height,
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Channels;

    fn noise(width: usize, height: usize, channels: Channels) -> Image {
        let count = width * height * channels.count();
        let data = (0..count as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8)
            .collect();
        Image::new(width, height, channels, data).unwrap()
    }

    #[test]
    fn keeps_flat_pictures_flat_down_to_one_pixel() {
        for (width, height) in [(1, 1), (1, 7), (2, 3), (16, 9)] {
            let image = Image::new(width, height, Channels::Rgb, vec![77; width * height * 3]);
            let image = image.unwrap();
            for (w, h) in [(1, 1), (5, 2), (3 * width, 3 * height)] {
                assert!(imresize(&image, w, h).data.iter().all(|&value| value == 77));
            }
        }
    }

    #[test]
    fn same_size_changes_nothing() {
        let image = noise(13, 7, Channels::Rgba);
        assert_eq!(imresize(&image, 13, 7), image);
    }

    #[test]
    fn methods_have_their_kernels() {
        let ramp = Planes {
            channels: 1,
            width: 6,
            height: 1,
            data: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        };
        let row = |width, method| resize(&ramp, width, 1, method).data;
        // MATLAB: imresize(0:5, [1 3], 'box') and so on.
        assert_eq!(row(3, Method::Box), [0.5, 2.5, 4.5]);
        assert_eq!(row(2, Method::Nearest), [1.0, 4.0]);
        assert_eq!(row(3, Method::Bilinear), [0.625, 2.5, 4.375]);
        assert_eq!(row(12, Method::Bilinear)[..3], [0.0, 0.25, 0.75]);
        for method in [
            Method::Bicubic,
            Method::Bilinear,
            Method::Box,
            Method::Nearest,
        ] {
            assert_eq!(row(6, method), ramp.data, "{method:?}");
        }
        // A sine at multiples of π is not exactly 0.
        for (found, expected) in row(6, Method::Lanczos).iter().zip(&ramp.data) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{found} in place of {expected}"
            );
        }
    }
}
