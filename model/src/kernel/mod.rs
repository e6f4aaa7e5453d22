//! The project's own convolution on the CPU: forward, and the gradients of everything.
//!
//! NCHW, stride 1, odd kernels, bias and activation included. Each picture is copied once into a
//! scratch with zeros around it; forward and the input's gradient are one loop (with flipped,
//! transposed weights). One design of loops (`loops`) is compiled for each instruction set. What
//! threads share out are pictures and bands of rows, and sums over pictures are made in their
//! order, so that results do not depend on how many threads there are.
//!
//! All `unsafe` of this crate lives here.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod loops;
mod memory;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
mod scratch;
mod simd;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use rayon::prelude::*;

pub use memory::keep_freed_memory;

use loops::{ActivationGradient, Forward, Source, Target, WeightGradient};
use scratch::{Padded, with_buffers};

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// None in particular: one value at a time.
    Scalar,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Every instruction set that this processor has, the best one first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                all.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        all.push(Self::Neon);
        all.push(Self::Scalar);
        all
    }

    /// The best one.
    pub fn best() -> Self {
        static BEST: std::sync::LazyLock<Isa> = std::sync::LazyLock::new(|| Isa::available()[0]);
        *BEST
    }

    /// Whether it has 32 vector registers.
    fn wide(self) -> bool {
        match self {
            Self::Scalar => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
        }
    }
}

/// Runs a loop's entry point of an instruction set.
macro_rules! on {
    ($isa:expr, $entry:ident, $job:expr) => {
        // SAFETY: `Isa` values come from `Isa::available`, which asks the processor; the job's
        // pointers are those of slices and scratches that are as large as the loop asks.
        unsafe {
            match $isa {
                Isa::Scalar => scalar::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512::$entry($job),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::$entry($job),
            }
        }
    };
}

/// What follows the bias.
#[derive(Clone, Copy, Debug)]
pub enum Activation<'a> {
    /// Nothing.
    None,
    /// `max(z, 0)`
    Relu,
    /// `z` where positive, else `slope · z`; one slope a channel.
    PRelu(&'a [f32]),
}

impl Activation<'_> {
    fn raw(self) -> loops::Activation {
        match self {
            Self::None => loops::Activation::None,
            Self::Relu => loops::Activation::Relu,
            Self::PRelu(slopes) => loops::Activation::PRelu(slopes.as_ptr()),
        }
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pictures.
    pub batch: usize,
    /// Input channels.
    pub channels_in: usize,
    /// Output channels.
    pub channels_out: usize,
    /// Input rows.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Side of the kernel: odd.
    pub k: usize,
    /// Zeros around the input: 0, or k / 2 for an output of the input's size.
    pub padding: usize,
}

impl Shape {
    /// Rows and columns of the output.
    pub fn output(&self) -> [usize; 2] {
        [self.height, self.width].map(|side| side + 2 * self.padding + 1 - self.k)
    }

    fn input_size(&self) -> usize {
        self.channels_in * self.height * self.width
    }

    fn output_size(&self) -> usize {
        let [rows, columns] = self.output();
        self.channels_out * rows * columns
    }

    fn weights(&self) -> usize {
        self.channels_out * self.channels_in * self.k * self.k
    }

    fn check(&self, x: &[f32], weight: &[f32], bias: &[f32], activation: Activation) {
        assert!(
            self.k % 2 == 1 && self.k <= 15,
            "kernels are odd and at most 15 wide"
        );
        assert!(self.padding < self.k, "more padding than kernel");
        let fits = |side: usize| side + 2 * self.padding >= self.k;
        assert!(
            fits(self.height) && fits(self.width),
            "the picture is smaller than the kernel"
        );
        assert_eq!(x.len(), self.batch * self.input_size());
        assert_eq!(weight.len(), self.weights());
        assert_eq!(bias.len(), self.channels_out);
        if let Activation::PRelu(slopes) = activation {
            assert_eq!(slopes.len(), self.channels_out);
        }
    }
}

/// How large a band's padded copy may be, in values: half of a small second-level cache.
const BAND_VALUES: usize = 64 * 1024;

/// A pointer that threads may share: they write to different places behind it.
#[derive(Clone, Copy)]
struct Shared(*mut f32);
// SAFETY: each job writes to its own picture's or band's places only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// A method, so that closures capture the wrapper and not the bare pointer.
    fn get(self) -> *mut f32 {
        self.0
    }
}

/// A vector of `length` values that `fill` writes, every one of them.
fn filled(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    fill(&mut values.spare_capacity_mut()[..length]);
    // SAFETY: `fill` has written all of them; zeroing first would cost a pass over memory.
    unsafe { values.set_len(length) };
    values
}

/// Convolution, bias and activation.
///
/// `x [batch, in, h, w]`, `weight [out, in, k, k]`, `bias [out]` → `[batch, out, rows, columns]`.
///
/// # Panics
/// Where a slice is not as long as `shape` says.
pub fn forward(
    isa: Isa,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    shape.check(x, weight, bias, activation);
    let taps = shape.k * shape.k;
    let packed = loops::pack(
        isa.wide(),
        shape.channels_out,
        shape.channels_in,
        taps,
        |out, channel_in, tap| weight[(out * shape.channels_in + channel_in) * taps + tap],
    );
    let slopes = match activation {
        Activation::PRelu(slopes) => slopes.to_vec(),
        _ => Vec::new(),
    };
    let [rows, columns] = shape.output();
    let row_values = shape.channels_in * (shape.width + 32);
    let band = (BAND_VALUES / row_values).clamp(8, rows.max(8));
    let bands = rows.div_ceil(band);
    filled(shape.batch * shape.output_size(), |target| {
        let target = Shared(target.as_mut_ptr().cast());
        (0..shape.batch * bands).into_par_iter().for_each(|job| {
            let (picture, first) = (job / bands, job % bands * band);
            let count = band.min(rows - first);
            let picture_in = &x[picture * shape.input_size()..][..shape.input_size()];
            with_buffers(|buffer, _| {
                let read = [count + shape.k - 1, shape.width];
                let mut padded = Padded::new(buffer, shape.channels_in, read, [0, shape.padding]);
                padded.copy(
                    picture_in,
                    shape.height,
                    first as isize - shape.padding as isize,
                );
                let start = picture * shape.output_size() + first * columns;
                let job = Forward {
                    source: padded.with_margins(),
                    channels_in: shape.channels_in,
                    k: shape.k,
                    weights: packed.as_ptr(),
                    bias: bias.as_ptr(),
                    activation: match activation {
                        Activation::PRelu(_) => Activation::PRelu(&slopes).raw(),
                        other => other.raw(),
                    },
                    target: Target {
                        data: target.get().wrapping_add(start),
                        row: columns,
                        plane: rows * columns,
                        rows: count,
                        columns,
                    },
                    channels_out: shape.channels_out,
                };
                on!(isa, forward, &job);
            });
        });
    })
}

/// The gradients of a convolution.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// `[batch, in, h, w]`, where it was asked for.
    pub x: Option<Vec<f32>>,
    /// `[out, in, k, k]`
    pub weight: Vec<f32>,
    /// `[out]`
    pub bias: Vec<f32>,
    /// `[out]`: of the slopes of PReLU.
    pub slope: Vec<f32>,
}

/// Slopes below this cannot be divided by to get back at what a PReLU was given.
const SMALLEST_SLOPE: f32 = 1e-6;

/// The gradients of [`forward`].
///
/// `y` is what forward gave, `gradient` the gradient with respect to it, both
/// `[batch, out, rows, columns]`. What the activation was given is taken from `y`: its sign is that
/// of y while slopes are positive, its value below zero y / slope. Where a slope is too small or
/// negative, the convolution is computed once more.
///
/// # Panics
/// Where a slice is not as long as `shape` says.
#[allow(clippy::too_many_arguments)]
pub fn backward(
    isa: Isa,
    shape: &Shape,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    y: &[f32],
    gradient: &[f32],
    want_x: bool,
) -> Gradients {
    shape.check(x, weight, bias, activation);
    assert_eq!(y.len(), shape.batch * shape.output_size());
    assert_eq!(gradient.len(), y.len());

    let recomputed = match activation {
        Activation::PRelu(slopes) if slopes.iter().any(|&slope| slope < SMALLEST_SLOPE) => {
            Some(forward(isa, shape, x, weight, bias, Activation::None))
        }
        _ => None,
    };
    let value = recomputed.as_deref().unwrap_or(y);

    let taps = shape.k * shape.k;
    // The input's gradient is a convolution with weights flipped and transposed.
    let packed = loops::pack(
        isa.wide(),
        shape.channels_in,
        shape.channels_out,
        taps,
        |channel_in, out, tap| {
            weight[(out * shape.channels_in + channel_in) * taps + taps - 1 - tap]
        },
    );
    let no_bias = vec![0f32; shape.channels_in];
    // Per picture: the weights' gradient, the biases', the slopes'.
    let sums_size = shape.weights() + 2 * shape.channels_out;
    let mut sums = vec![0f32; shape.batch * sums_size];
    let job = Backward {
        isa,
        shape,
        activation,
        packed: &packed,
        no_bias: &no_bias,
    };
    let x_gradient = filled(if want_x { x.len() } else { 0 }, |target| {
        let target = Shared(target.as_mut_ptr().cast());
        let pictures = sums.par_chunks_exact_mut(sums_size).enumerate();
        pictures.for_each(|(picture, sums)| {
            let input = |values| picture_of(values, picture, shape.input_size());
            let output = |values| picture_of(values, picture, shape.output_size());
            let start = picture * shape.input_size();
            let target = want_x.then(|| Shared(target.get().wrapping_add(start)));
            job.picture(input(x), output(value), output(gradient), sums, target);
        });
    });

    let mut total = vec![0f32; sums_size];
    for picture in sums.chunks_exact(sums_size) {
        for (total, value) in total.iter_mut().zip(picture) {
            *total += value;
        }
    }
    let mut slope = total.split_off(shape.weights() + shape.channels_out);
    let bias = total.split_off(shape.weights());
    if let (Activation::PRelu(slopes), None) = (activation, &recomputed) {
        for (gradient, slope) in slope.iter_mut().zip(slopes) {
            *gradient /= slope;
        }
    }
    Gradients {
        x: want_x.then_some(x_gradient),
        weight: total,
        bias,
        slope,
    }
}

fn picture_of(values: &[f32], picture: usize, size: usize) -> &[f32] {
    &values[picture * size..][..size]
}

/// What the backward pass of every picture shares.
struct Backward<'a> {
    isa: Isa,
    shape: &'a Shape,
    activation: Activation<'a>,
    packed: &'a [f32],
    no_bias: &'a [f32],
}

impl Backward<'_> {
    fn picture(
        &self,
        x: &[f32],
        value: &[f32],
        gradient: &[f32],
        sums: &mut [f32],
        target: Option<Shared>,
    ) {
        let shape = self.shape;
        let [rows, columns] = shape.output();
        let planes = |values: &[f32]| Source {
            data: values.as_ptr(),
            row: columns,
            plane: rows * columns,
        };
        let (weight_sums, channel_sums) = sums.split_at_mut(shape.weights());
        let (bias_sums, slope_sums) = channel_sums.split_at_mut(shape.channels_out);
        with_buffers(|x_buffer, z_buffer| {
            let margin = shape.k - 1 - shape.padding;
            let mut z = Padded::new(z_buffer, shape.channels_out, [rows, columns], [margin; 2]);
            let job = ActivationGradient {
                activation: self.activation.raw(),
                value: planes(value),
                gradient: planes(gradient),
                channels: shape.channels_out,
                target: z.inside_mut(),
                bias: bias_sums.as_mut_ptr(),
                slope: slope_sums.as_mut_ptr(),
            };
            on!(self.isa, activation_gradient, &job);

            if let Some(target) = target {
                let job = Forward {
                    source: z.with_margins(),
                    channels_in: shape.channels_out,
                    k: shape.k,
                    weights: self.packed.as_ptr(),
                    bias: self.no_bias.as_ptr(),
                    activation: loops::Activation::None,
                    target: Target {
                        data: target.get(),
                        row: shape.width,
                        plane: shape.height * shape.width,
                        rows: shape.height,
                        columns: shape.width,
                    },
                    channels_out: shape.channels_in,
                };
                on!(self.isa, forward, &job);
            }

            let padding = shape.padding;
            let read = [rows + shape.k - 1, shape.width];
            let mut padded = Padded::new(x_buffer, shape.channels_in, read, [0, padding]);
            padded.copy(x, shape.height, -(padding as isize));
            let job = WeightGradient {
                source: padded.with_margins(),
                channels_in: shape.channels_in,
                k: shape.k,
                gradient: z.inside(),
                channels_out: shape.channels_out,
                rows,
                columns,
                target: weight_sums.as_mut_ptr(),
            };
            on!(self.isa, weight_gradient, &job);
        });
    }
}
