//! Rewrites strided and transposed convolutions as convolutions of stride 1 and pixel shuffles.
//!
//! Both rearrange the weight exactly. An engine therefore needs only one convolution and the shuffle to run all
//! networks (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009).

use burn::tensor::{Int, Tensor, TensorData};

use engine::graph::Phases;

/// Rearranges the weight of a transposed convolution for a convolution followed by a pixel shuffle.
///
/// `weight [in, out, k, k]` of stride s, whose output has s times the height and width of its input (`output_padding =
/// s + 2·padding − k`) → `[out·s², in, k′, k′]`.
pub fn transposed_kernel(weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [channels_in, channels_out, k, _] = weight.dims();
    let phases = Phases::transposed(k, stride, padding);
    let side = phases.side();
    arrange(&phases, weight.reshape([channels_in * channels_out, k * k]))
        .reshape([channels_in, channels_out * stride * stride, side, side])
        .swap_dims(0, 1)
}

/// Rearranges the weight of a strided convolution for a convolution of stride 1 that follows a pixel unshuffle.
///
/// `weight [out, in, k, k]` of stride s → `[out, in·s², k′, k′]`. The image's height and width have to be multiples of
/// s.
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
