//! Margins around images, where zeros would be visible.

use burn::tensor::Tensor;

/// `x [batch, c, h, w]` with its border pixels repeated `margin` times on every side.
pub fn pad_replicate(x: Tensor<4>, margin: usize) -> Tensor<4> {
    pad(x, margin, |_| 0)
}

/// `x [batch, c, h, w]` mirrored about its borders by `margin` pixels, the border pixel repeated, as
/// MATLAB's `imresize` has it.
pub fn pad_symmetric(x: Tensor<4>, margin: usize) -> Tensor<4> {
    pad(x, margin, |distance| distance)
}

/// Beyond each border, `distance` pixels away (from 0), stands the pixel that lies `inside(distance)`
/// pixels within it.
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
