//! The skip connection from the input to the output, which adds the interpolated input.

use burn::tensor::{Device, Tensor, TensorData, module, ops::ConvOptions};
use serde::{Deserialize, Serialize};

use engine::graph::Border;

use super::pad;
use engine::image::resize::{Method, phase_taps};

/// The skip connection from the input to the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// No skip connection.
    None,
    /// Nearest-neighbour interpolation: costs only an addition.
    #[default]
    Nearest,
    /// MATLAB's bicubic interpolation (a = −0.5, symmetric borders).
    Bicubic,
}

/// Number of input pixels to each side that [`Skip::Bicubic`] reads.
const BICUBIC_REACH_PX: usize = 2;

/// Adds the enlarged `x [batch, c, h, w]` to `maps [batch, c·s², h, w]`, which a pixel shuffle will turn into `[batch,
/// c, h·s, w·s]`.
///
/// Before the shuffle, each of the s² maps of a channel is one phase of the enlarged image. So the nearest-neighbour
/// skip adds the image itself to each of them, and the bicubic one a 5×5 convolution of it per phase.
pub fn add_skip(maps: Tensor<4>, x: Tensor<4>, skip: Skip, scale: usize) -> Tensor<4> {
    let [batch, channels, h, w] = x.dims();
    let phases = scale * scale;
    match skip {
        Skip::None => maps,
        Skip::Nearest if channels == 1 => maps + x,
        _ if scale == 1 => maps + x,
        Skip::Nearest => {
            let maps = maps.reshape([batch * channels, phases, h, w]);
            let x = x.reshape([batch * channels, 1, h, w]);
            (maps + x).reshape([batch, channels * phases, h, w])
        }
        Skip::Bicubic => maps + bicubic_phases(x, scale),
    }
}

/// The s² phases of `x [batch, c, h, w]` enlarged by bicubic interpolation: `[batch, c·s², h, w]`.
fn bicubic_phases(x: Tensor<4>, scale: usize) -> Tensor<4> {
    let [batch, channels, h, w] = x.dims();
    let device = x.device();
    let x = x.reshape([batch * channels, 1, h, w]);
    let x = pad(x, BICUBIC_REACH_PX, Border::Symmetric);
    let no_padding = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
    module::conv2d(x, phase_kernels(scale, &device), None, no_padding).reshape([
        batch,
        channels * scale * scale,
        h,
        w,
    ])
}

/// A 5×5 kernel per phase: `[s², 1, 5, 5]`.
fn phase_kernels(scale: usize, device: &Device) -> Tensor<4> {
    let taps: Vec<Vec<f32>> = (0..scale)
        .map(|phase| phase_taps(phase, scale, Method::Bicubic))
        .collect();
    let kernels: Vec<f32> = taps
        .iter()
        .flat_map(|rows| taps.iter().map(move |columns| (rows, columns)))
        .flat_map(|(rows, columns)| {
            rows.iter()
                .flat_map(|row| columns.iter().map(move |column| row * column))
        })
        .collect();
    let shape = [scale * scale, 1, 5, 5];
    Tensor::from_data(TensorData::new(kernels, shape), device)
}
