//! Strided and transposed convolutions, rewritten as convolutions at stride 1 and shuffles.
//!
//! Both are exact rearrangements of the weight, so that networks need one convolution only, and
//! every engine that has it and a shuffle runs them (Shi et al. 2016, "Is the deconvolution layer
//! the same as a convolutional layer?", arXiv:1609.07009).

use burn::tensor::{Int, Tensor, TensorData};

use engine::graph::Phases;

/// The weight of a transposed convolution as one for a convolution that a pixel shuffle follows.
///
/// `weight [in, out, k, k]` of stride s, whose output is s times as large as its input
/// (`output_padding = s + 2·padding − k`) → `[out·s², in, k′, k′]`.
pub fn transposed_kernel(weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [channels_in, channels_out, k, _] = weight.dims();
    let phases = Phases::transposed(k, stride, padding);
    let side = phases.side();
    arrange(&phases, weight.reshape([channels_in * channels_out, k * k]))
        .reshape([channels_in, channels_out * stride * stride, side, side])
        .swap_dims(0, 1)
}

/// The weight of a strided convolution as one at stride 1 on an unshuffled image.
///
/// `weight [out, in, k, k]` of stride s → `[out, in·s², k′, k′]`; the image's sides have to be
/// multiples of s.
pub fn strided_kernel(weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [channels_out, channels_in, k, _] = weight.dims();
    let phases = Phases::strided(k, stride, padding);
    let side = phases.side();
    arrange(&phases, weight.reshape([channels_out * channels_in, k * k])).reshape([
        channels_out,
        channels_in * stride * stride,
        side,
        side,
    ])
}

/// `[n, c·s², h, w]` → `[n, c, s·h, s·w]` (Shi et al. 2016, arXiv:1609.05158).
pub fn pixel_shuffle(x: Tensor<4>, scale: usize) -> Tensor<4> {
    burn::nn::PixelShuffleConfig::new(scale).init().forward(x)
}

/// The inverse of [`pixel_shuffle`]: `[n, c, s·h, s·w]` → `[n, c·s², h, w]`.
pub fn pixel_unshuffle(x: Tensor<4>, scale: usize) -> Tensor<4> {
    let [n, c, height, width] = x.dims();
    let (h, w) = (height / scale, width / scale);
    x.reshape([n, c, h, scale, w, scale])
        .permute([0, 1, 3, 5, 2, 4])
        .reshape([n, c * scale * scale, h, w])
}

/// `weight [n, k²]` → `[n, s²·side²]`
fn arrange(phases: &Phases, weight: Tensor<2>) -> Tensor<2> {
    let (device, rows) = (weight.device(), weight.dims()[0]);
    debug_assert_eq!(weight.dims()[1], phases.count());
    let none = Tensor::zeros([rows, 1], &device);
    let taps = TensorData::new(phases.taps().to_vec(), [phases.taps().len()]);
    let taps = Tensor::<1, Int>::from_data(taps, &device);
    Tensor::cat(vec![weight, none], 1).select(1, taps)
}
