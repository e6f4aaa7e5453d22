//! Padding of images with pixels of the image, where zero padding would be visible.

use burn::tensor::Tensor;
use engine::graph::Border;

/// Pads `x [batch, c, h, w]` by `margin` pixels on each side with pixels of the image.
pub fn pad(x: Tensor<4>, margin: usize, border: Border) -> Tensor<4> {
    let margin = margin as i64;
    [2, 3].into_iter().fold(x, |x, dim| {
        let side = x.dims()[dim];
        let slice = |at: i64| x.clone().narrow(dim, border.inside(at, side), 1);
        let before = (-margin..0).map(slice);
        let after = (0..margin).map(|distance| slice(side as i64 + distance));
        Tensor::cat(before.chain([x.clone()]).chain(after).collect(), dim)
    })
}
