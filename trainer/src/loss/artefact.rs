//! Where a network that learns by an adversarial loss makes artefacts rather than details.

use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Tensor, module};

/// Side of the windows whose variance is computed.
pub(super) const WINDOW_PX: usize = 7;

/// The mean of the map times |y − t|: the artefact loss of LDL (Liang, Zeng and Zhang 2022, arXiv:2203.09195).
///
/// All images are `[batch, c, h, w]`; `average` is what the moving average of the network's weights makes of the input.
pub(super) fn loss(output: &Tensor<4>, target: &Tensor<4>, average: &Tensor<4>) -> Tensor<1> {
    let [y, t, average] = [output, target, average].map(|image| image.clone().detach());
    let difference = (output.clone() - target.clone()).abs();
    (difference * map(y, t, average)).mean()
}

/// `[batch, 1, h, w]`: the variance of the residual |t − y| (summed over the channels) in each window, times the fifth
/// root of its variance in the whole image; 0 where the averaged weights are farther from the target, as the network
/// improves there. Windows are cut off at the borders, where the authors' are mirrored.
fn map(output: Tensor<4>, target: Tensor<4>, average: Tensor<4>) -> Tensor<4> {
    let residual = |image: Tensor<4>| (target.clone() - image).abs().sum_dim(1);
    let (own, averaged) = (residual(output), residual(average));
    let [batch, _, height, width] = own.dims();
    let whole = own.clone().reshape([batch, height * width]).var(1);
    let whole = whole.powf_scalar(0.2).reshape([batch, 1, 1, 1]);
    let options = AvgPoolOptions::new([WINDOW_PX; 2])
        .with_stride([1; 2])
        .with_padding([WINDOW_PX / 2; 2])
        .with_count_include_pad(false);
    let mean = |values| module::avg_pool2d(values, options.clone());
    let square = |values: Tensor<4>| values.clone() * values;
    let count = (WINDOW_PX * WINDOW_PX) as f64;
    let variance = mean(square(own.clone())) - square(mean(own.clone()));
    // Rounding may leave less than 0. The divisor is that of an unbiased estimate.
    let variance = variance.clamp_min(0.0).mul_scalar(count / (count - 1.0));
    let is_better = own.lower(averaged);
    (variance * whole).mask_fill(is_better, 0.0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    /// An image `[1, 1, 9, 9]`.
    fn image(value: impl Fn(usize, usize) -> f32) -> Tensor<4> {
        let values: Vec<f32> = (0..81).map(|i| value(i % 9, i / 9)).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, 9, 9]), &Device::flex())
    }

    #[test]
    fn the_map_follows_the_formula() {
        let target = image(|_, _| 0.0);
        let output = image(|x, y| if (x, y) == (4, 4) { 0.49 } else { 0.0 });
        let far = image(|_, _| 0.0);
        // The centre's window holds the pixel once among 49.
        let of = |count: f64, divisor: f64| {
            let mean = 0.49 / count;
            (0.49f64.powi(2) - count * mean * mean) / divisor
        };
        let expected = of(49.0, 48.0) * of(81.0, 80.0).powf(0.2);
        let found = map(output.clone(), target.clone(), far);
        let at = |x: usize, y: usize| {
            let value = found.clone().narrow(2, y, 1).narrow(3, x, 1);
            value.into_scalar::<f32>()
        };
        assert!((f64::from(at(4, 4)) - expected).abs() < 1e-6 * expected.max(1.0));
        assert_eq!(
            at(0, 0),
            0.0,
            "the window at the corner does not reach the pixel"
        );
        // Where the averaged weights are worse, nothing is an artefact.
        let worse = image(|_, _| 0.5);
        let none = loss(&output, &target, &worse).into_scalar::<f32>();
        assert_eq!(none, 0.0);
        let same = loss(&output, &target, &output).into_scalar::<f32>();
        assert!((f64::from(same) - 0.49 * expected / 81.0).abs() < 1e-7);
    }
}
