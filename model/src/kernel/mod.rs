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
mod backward;
mod forward;
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

pub use backward::Gradients;
pub use memory::keep_freed_memory;

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
        let all = [
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx512f"), Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            (
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
                Self::Avx2,
            ),
            #[cfg(target_arch = "aarch64")]
            (true, Self::Neon),
            (true, Self::Scalar),
        ];
        let available = all.into_iter().filter(|(is_there, _)| *is_there);
        available.map(|(_, isa)| isa).collect()
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
                Isa::Scalar => $crate::kernel::scalar::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => $crate::kernel::avx2::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => $crate::kernel::avx512::$entry($job),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => $crate::kernel::neon::$entry($job),
            }
        }
    };
}
use on;

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
}

/// A convolution with its bias and activation.
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// The sizes.
    pub shape: Shape,
    /// `[out, in, k, k]`
    pub weight: &'a [f32],
    /// `[out]`
    pub bias: &'a [f32],
    /// What follows.
    pub activation: Activation<'a>,
}

impl Convolution<'_> {
    /// # Panics
    /// Where the shape makes no sense, or a slice is not as long as it says.
    fn check(&self, x: &[f32]) {
        let shape = &self.shape;
        assert!(
            shape.k % 2 == 1 && shape.k <= 15,
            "kernels are odd and at most 15 wide"
        );
        assert!(shape.padding < shape.k, "more padding than kernel");
        let fits = |side: usize| side + 2 * shape.padding >= shape.k;
        assert!(
            fits(shape.height) && fits(shape.width),
            "the picture is smaller than the kernel"
        );
        assert_eq!(x.len(), shape.batch * shape.input_size());
        assert_eq!(self.weight.len(), shape.weights());
        assert_eq!(self.bias.len(), shape.channels_out);
        if let Activation::PRelu(slopes) = self.activation {
            assert_eq!(slopes.len(), shape.channels_out);
        }
    }
}

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
