//! Compares layers with Burn's own operations, and their training form with the folded one.

use burn::module::Module;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor, TensorData, module};
use engine::graph::{Activation, Padding};
use model::layer::{
    ConvConfig, Folded, Layers, PRELU, conv2d, pixel_shuffle, pixel_unshuffle, strided_kernel,
    transposed_kernel,
};

fn tensor<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let value = |i: usize| ((i as f32 * 0.7311 + D as f32).sin() * 43_758.547).fract();
    let values: Vec<f32> = (0..count).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn assert_close(a: Tensor<4>, b: Tensor<4>, tolerance: f32) {
    assert_eq!(a.dims(), b.dims());
    let largest = (a - b).abs().max().into_scalar::<f32>();
    assert!(largest < tolerance, "{largest}");
}

#[test]
fn a_transposed_convolution_is_a_convolution_and_a_shuffle() {
    let device = Device::flex();
    // The kernels of FSRCNN, D-DBPN (three of them) and LapSRN.
    for (k, stride, padding) in [
        (9, 2, 4),
        (9, 3, 4),
        (9, 4, 4),
        (6, 2, 2),
        (7, 3, 2),
        (8, 4, 2),
        (4, 2, 1),
    ] {
        let x = tensor([2, 3, 7, 6], &device);
        let weight = tensor([3, 5, k, k], &device);
        let out_padding = stride + 2 * padding - k;
        let options = ConvTransposeOptions::new(
            [stride, stride],
            [padding, padding],
            [out_padding, out_padding],
            [1, 1],
            1,
        );
        let expected = module::conv_transpose2d(x.clone(), weight.clone(), None, options);
        let weight = transposed_kernel(weight, stride, padding);
        let margin = weight.dims()[2] / 2;
        let options = ConvOptions::new([1, 1], [margin, margin], [1, 1], 1);
        let found = pixel_shuffle(module::conv2d(x, weight, None, options), stride);
        assert_close(found, expected, 1e-4);
    }
}

#[test]
fn a_strided_convolution_is_a_convolution_of_the_unshuffled_picture() {
    let device = Device::flex();
    for (k, stride, padding) in [(6, 2, 2), (7, 3, 2), (8, 4, 2), (3, 2, 1), (4, 2, 1)] {
        let x = tensor([2, 3, 6 * stride, 5 * stride], &device);
        let weight = tensor([4, 3, k, k], &device);
        let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1);
        let expected = module::conv2d(x.clone(), weight.clone(), None, options);
        let weight = strided_kernel(weight, stride, padding);
        let margin = weight.dims()[2] / 2;
        let options = ConvOptions::new([1, 1], [margin, margin], [1, 1], 1);
        let found = module::conv2d(pixel_unshuffle(x.clone(), stride), weight, None, options);
        assert_close(found, expected, 1e-4);
        assert_close(
            pixel_shuffle(pixel_unshuffle(x.clone(), stride), stride),
            x,
            1e-9,
        );
    }
}

#[test]
fn batch_normalisation_learns_statistics_and_folds_them() {
    let device = Device::flex().autodiff();
    let mut layers = Layers::random(3, &device);
    let conv = ConvConfig::new([2, 3, 3, 3]).norm().then(PRELU);
    let block = layers.conv(conv).train();
    let x = tensor([4, 3, 9, 8], &device);

    // Without an activation, a batch's output has mean 0 and variance 1.
    let mut linear = Layers::random(3, &device);
    let linear = linear.conv(ConvConfig::new([2, 3, 3, 3]).norm()).train();
    let y = linear
        .forward(x.clone())
        .swap_dims(0, 1)
        .reshape([2, 4 * 9 * 8]);
    let means = y.clone().mean_dim(1).abs().max().into_scalar::<f32>();
    let variances = (y.clone() * y).mean_dim(1) - 1.0;
    assert!(means < 1e-5 && variances.abs().max().into_scalar::<f32>() < 1e-3);

    // After many steps on the same batch, the running statistics equal the batch's. Training and inference then agree,
    // except that inference uses the unbiased variance.
    let mut trained = block.forward(x.clone());
    for _ in 0..200 {
        trained = block.forward(x.clone());
    }
    let valid = block.valid();
    let x = x.inner();
    let used = valid.forward(x.clone());
    assert_close(trained.inner(), used.clone(), 1e-2);
    // Folding is exact.
    let Folded {
        weight,
        bias,
        slope,
    } = valid.folded();
    let activation = Activation::PRelu(slope.unwrap());
    let folded = conv2d(x, weight, bias, activation, Padding::Same, 1);
    assert_close(folded, used, 1e-5);
}

#[test]
fn zeros_allocate_nothing_and_have_the_folded_form() {
    let device = Device::flex();
    let conv = ConvConfig::new([4, 3, 3, 3]).norm().wide(Some(64));
    let trained = Layers::random(1, &device).conv(conv);
    let empty = Layers::zeros(&device).conv(conv);
    assert_eq!(trained.num_params(), 64 * 27 + 4 * 64 + 4 * 4);
    assert_eq!(empty.num_params(), 4 * 27 + 4);
    let folded = trained.folded();
    assert_eq!(folded.weight.dims(), [4, 3, 3, 3]);
    assert_eq!(folded.bias.unwrap().dims(), [4]);
}
