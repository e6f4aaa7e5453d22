//! Padding of images with pixels of the image, where zero padding would be visible.

use burn::tensor::Tensor;

/// Pads `x [batch, c, h, w]` by `margin` pixels on each side with copies of the border pixels.
pub fn pad_replicate(x: Tensor<4>, margin: usize) -> Tensor<4> {
    pad(x, margin, |_| 0)
}

/// Pads `x [batch, c, h, w]` by `margin` pixels on each side with its mirror image. The border pixel is repeated, as in
/// MATLAB's `imresize`.
pub fn pad_symmetric(x: Tensor<4>, margin: usize) -> Tensor<4> {
    pad(x, margin, |distance| distance)
}

/// Pads each side by `margin` pixels. The padding pixel at `distance` (from 0) outside the border is a copy of the
/// pixel at `inside(distance)` inside it.
fn pad(x: Tensor<4>, margin: usize, inside: impl Fn(usize) -> usize) -> Tensor<4> {
    [2, 3].into_iter().fold(x, |x, dim| {
        let last = x.dims()[dim] - 1;
        let slice = |at: usize| x.clone().narrow(dim, at, 1);
        let before = (0..margin)
            .rev()
            .map(|distance| slice(inside(distance).min(last)));
        let after = (0..margin).map(|distance| slice(last - inside(distance).min(last)));
        Tensor::cat(before.chain([x.clone()]).chain(after).collect(), dim)
    })
}
