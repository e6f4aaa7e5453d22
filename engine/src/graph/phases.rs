//! Strided and transposed convolutions as convolutions of stride 1 on the phases of an image
//! (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009).

/// The place of each tap of a k×k weight in the smaller kernels of the s² phases.
#[derive(Clone, Debug)]
pub struct Phases {
    side: usize,
    taps: Vec<i32>,
    count: usize,
}

impl Phases {
    /// Of a transposed convolution, which becomes a convolution and a shuffle.
    pub fn transposed(k: usize, stride: usize, padding: usize) -> Self {
        // y[s·q + r] = Σ x[q + d] · w[r + padding − s·d]
        Self::new(k, stride, &|phase, d| {
            (phase + padding) as isize - stride as isize * d
        })
    }

    /// Of a strided convolution, which becomes an unshuffle and a convolution.
    pub fn strided(k: usize, stride: usize, padding: usize) -> Self {
        // y[q] = Σ x[s·(q + d) + r] · w[s·d + r + padding]
        Self::new(k, stride, &|phase, d| {
            stride as isize * d + (phase + padding) as isize
        })
    }

    /// Side of the smaller kernels in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// For each phase and each place in its kernel the tap of the weight, or k² for none.
    pub fn taps(&self) -> &[i32] {
        &self.taps
    }

    /// Taps of the weight: k².
    pub fn count(&self) -> usize {
        self.count
    }

    /// A weight `[in, out, k, k]` as `[out·s², in, side, side]`.
    pub fn arrange_turned(
        &self,
        weight: &[f32],
        [channels_in, channels_out]: [usize; 2],
    ) -> Vec<f32> {
        let phases = self.taps.chunks_exact(self.side * self.side);
        let mut arranged = Vec::with_capacity(channels_out * channels_in * self.taps.len());
        for out in 0..channels_out {
            for taps in phases.clone() {
                for channel in 0..channels_in {
                    let kernel =
                        &weight[(channel * channels_out + out) * self.count..][..self.count];
                    arranged.extend(taps.iter().map(|&tap| at(kernel, tap)));
                }
            }
        }
        arranged
    }

    /// A weight `[out, in, k, k]` as `[out, in·s², side, side]`.
    pub fn arrange(&self, weight: &[f32]) -> Vec<f32> {
        let kernels = weight.chunks_exact(self.count);
        kernels
            .flat_map(|kernel| self.taps.iter().map(|&tap| at(kernel, tap)))
            .collect()
    }

    /// `tap` gives the tap along one axis for a phase 0…s−1 and an offset in whole pixels; what
    /// lies outside of 0…k−1 is none.
    fn new(k: usize, stride: usize, tap: &dyn Fn(usize, isize) -> isize) -> Self {
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
}

/// A kernel's tap; 0 for none.
fn at(kernel: &[f32], tap: i32) -> f32 {
    kernel.get(tap as usize).copied().unwrap_or(0.0)
}

/// All (y, x) with both below `side`, row by row.
fn pairs(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side * side).map(move |i| (i / side, i % side))
}
