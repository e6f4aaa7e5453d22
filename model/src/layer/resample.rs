//! Strided and transposed convolutions, rewritten as convolutions at stride 1 and shuffles.
//!
//! Both are exact rearrangements of the weight, so that networks need one convolution only, and
//! every engine that has it and a shuffle runs them (Shi et al. 2016, "Is the deconvolution layer
//! the same as a convolutional layer?", arXiv:1609.07009).

use burn::tensor::{Int, Tensor, TensorData};

/// The weight of a transposed convolution as one for a convolution that a pixel shuffle follows.
///
/// `weight [in, out, k, k]` of stride s, whose output is s times as large as its input
/// (`output_padding = s + 2·padding − k`) → `[out·s², in, k′, k′]`.
pub fn transposed_kernel(weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [channels_in, channels_out, k, _] = weight.dims();
    let phases = Phases::transposed(k, stride, padding);
    let side = phases.side;
    phases
        .arrange(weight.reshape([channels_in * channels_out, k * k]))
        .reshape([channels_in, channels_out * stride * stride, side, side])
        .swap_dims(0, 1)
}

/// The weight of a strided convolution as one at stride 1 on an unshuffled picture.
///
/// `weight [out, in, k, k]` of stride s → `[out, in·s², k′, k′]`; the picture's sides have to be
/// multiples of s.
pub fn strided_kernel(weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [channels_out, channels_in, k, _] = weight.dims();
    // y[q] = Σ x[s·(q + d) + r] · w[s·d + r + padding]
    let phases = Phases::new(k, stride, |phase, d| {
        stride as isize * d + (phase + padding) as isize
    });
    let side = phases.side;
    phases
        .arrange(weight.reshape([channels_out * channels_in, k * k]))
        .reshape([channels_out, channels_in * stride * stride, side, side])
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

/// Which tap of a k×k weight stands where in the smaller kernels of the s² phases.
pub(super) struct Phases {
    /// Side of the smaller kernels.
    side: usize,
    /// For each phase and place the tap, or k² for none.
    taps: Vec<i32>,
    count: usize,
}

impl Phases {
    /// Those of a transposed convolution.
    pub fn transposed(k: usize, stride: usize, padding: usize) -> Self {
        // y[s·q + r] = Σ x[q + d] · w[r + padding − s·d]
        Self::new(k, stride, |phase, d| {
            (phase + padding) as isize - stride as isize * d
        })
    }

    /// Side of the smaller kernels in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// [`transposed_kernel`] of `weight [in, out, k, k]`, without Burn.
    pub fn arrange_transposed(&self, weight: &[f32], [channels_in, out]: [usize; 2]) -> Vec<f32> {
        let kernel = self.side * self.side;
        let phases = self.taps.chunks_exact(kernel);
        let tap = |out_of: usize, channel: usize, tap: i32| {
            let kernel = &weight[(channel * out + out_of) * self.count..][..self.count];
            kernel.get(tap as usize).copied().unwrap_or(0.0)
        };
        let mut arranged = Vec::with_capacity(out * channels_in * self.taps.len());
        for out_of in 0..out {
            for taps in phases.clone() {
                for channel in 0..channels_in {
                    arranged.extend(taps.iter().map(|&at| tap(out_of, channel, at)));
                }
            }
        }
        arranged
    }

    /// `tap` gives the tap along one axis for a phase 0…s−1 and an offset in whole pixels; what
    /// lies outside of 0…k−1 is none.
    fn new(k: usize, stride: usize, tap: impl Fn(usize, isize) -> isize) -> Self {
        let tap = |phase, d| usize::try_from(tap(phase, d)).ok().filter(|tap| *tap < k);
        let far = k as isize;
        let used = |d: &isize| (0..stride).any(|phase| tap(phase, *d).is_some());
        let reach = (-far..=far).filter(used).map(isize::unsigned_abs).max();
        let reach = reach.unwrap_or(0);
        let side = 2 * reach + 1;
        let mut taps = Vec::with_capacity(stride * stride * side * side);
        for (phase_y, phase_x) in pairs(stride) {
            for (y, x) in pairs(side) {
                let at = |phase, i: usize| tap(phase, i as isize - reach as isize);
                let tap = at(phase_y, y).zip(at(phase_x, x));
                taps.push(tap.map_or(k * k, |(y, x)| y * k + x) as i32);
            }
        }
        let count = k * k;
        Self { side, taps, count }
    }

    /// `[n, k²]` → `[n, s²·side²]`
    fn arrange(&self, weight: Tensor<2>) -> Tensor<2> {
        let (device, rows) = (weight.device(), weight.dims()[0]);
        debug_assert_eq!(weight.dims()[1], self.count);
        let none = Tensor::zeros([rows, 1], &device);
        let taps = TensorData::new(self.taps.clone(), [self.taps.len()]);
        let taps = Tensor::<1, Int>::from_data(taps, &device);
        Tensor::cat(vec![weight, none], 1).select(1, taps)
    }
}

/// All (y, x) with both below `side`, row by row.
fn pairs(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side * side).map(move |i| (i / side, i % side))
}
