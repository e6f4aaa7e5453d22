//! Structural similarity as a loss.

use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor, TensorData, module};
use engine::graph::{Activation, Padding};
use model::layer::conv2d;

/// Side of the Gaussian window in pixels.
pub(super) const WINDOW_PX: usize = 11;
/// Its standard deviation in pixels.
const SIGMA_PX: f64 = 1.5;
/// Stabilise the divisions, for values in 0…1 (Wang et al. 2004: (0.01)² and (0.03)²).
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// The weights of the five scales (Wang, Simoncelli and Bovik 2003, table 1).
const SCALE_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// SSIM (Wang, Bovik, Sheikh and Simoncelli 2004): the mean over all channels and all positions where
/// the window fits; at most 1.
///
/// `a` and `b` are `[batch, c, h, w]` in 0…1 with sides of at least 11 px.
pub fn ssim(a: &Tensor<4>, b: &Tensor<4>) -> Tensor<1> {
    let (luminance, contrast) = maps(a, b);
    (luminance * contrast).mean()
}

/// MS-SSIM; at most 1.
///
/// The product of the contrast at every scale and the luminance at the last one, each to the power of
/// its scale's weight; 2×2 pixels are averaged from scale to scale. Patches of less than 176 px have as
/// many scales as the window fits into, with weights scaled to the same sum.
pub fn ms_ssim(a: &Tensor<4>, b: &Tensor<4>) -> Tensor<1> {
    let [.., height, width] = a.dims();
    let fits = |scale: &usize| height.min(width) >> scale >= WINDOW_PX;
    let scales = (0..SCALE_WEIGHTS.len()).filter(fits).count().max(1);
    let weights = &SCALE_WEIGHTS[..scales];
    let share = SCALE_WEIGHTS.iter().sum::<f64>() / weights.iter().sum::<f64>();
    let (mut a, mut b) = (a.clone(), b.clone());
    let mut product: Option<Tensor<1>> = None;
    for (scale, weight) in weights.iter().enumerate() {
        let (luminance, contrast) = maps(&a, &b);
        let mean = if scale + 1 == scales {
            (luminance * contrast).mean()
        } else {
            contrast.mean()
        };
        // A negative similarity has no real power.
        let factor = mean.clamp_min(1e-6).powf_scalar(weight * share);
        product = Some(match product {
            Some(product) => product * factor,
            None => factor,
        });
        let half = |x| module::avg_pool2d(x, AvgPoolOptions::new([2, 2]));
        (a, b) = (half(a), half(b));
    }
    product.expect("there is at least one scale")
}

/// Luminance, and contrast times structure, at every position where the window fits.
fn maps(a: &Tensor<4>, b: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let [batch, channels, height, width] = a.dims();
    let planes = |x: &Tensor<4>| x.clone().reshape([batch * channels, 1, height, width]);
    let (a, b) = (planes(a), planes(b));
    let window = window(&a.device());
    let moments = moments(a, b);
    // One convolution for all five moments.
    let blurred = conv2d(moments, window, None, Activation::None, Padding::Valid, 1);
    let count = batch * channels;
    let part = |i: usize| blurred.clone().narrow(0, i * count, count);
    let (mean_a, mean_b) = (part(0), part(1));
    let product = mean_a.clone() * mean_b.clone();
    let squares = mean_a.clone() * mean_a + mean_b.clone() * mean_b;
    let covariance = part(4) - product.clone();
    let variances = part(2) + part(3) - squares.clone();
    let luminance = (product * 2.0 + C1) / (squares + C1);
    let contrast = (covariance * 2.0 + C2) / (variances + C2);
    (luminance, contrast)
}

/// `a`, `b`, their squares and their product, concatenated along the batch.
fn moments(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let squares = [a.clone() * a.clone(), b.clone() * b.clone()];
    let product = a.clone() * b.clone();
    let [aa, bb] = squares;
    Tensor::cat(vec![a, b, aa, bb, product], 0)
}

/// The window `[1, 1, 11, 11]`; its weights sum to 1.
fn window(device: &Device) -> Tensor<4> {
    let centre = (WINDOW_PX / 2) as f64;
    let line: [f64; WINDOW_PX] =
        std::array::from_fn(|i| (-(i as f64 - centre).powi(2) / (2.0 * SIGMA_PX.powi(2))).exp());
    let sum: f64 = line.iter().sum();
    let product = |y: &f64, x: &f64| (y * x / (sum * sum)) as f32;
    let values = line
        .iter()
        .flat_map(|y| line.iter().map(move |x| product(y, x)));
    let shape = [1, 1, WINDOW_PX, WINDOW_PX];
    Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), shape), device)
}
