//! The project's own convolution on the CPU: for training, forward and the gradients of everything;
//! for the page and the command line, forward with rows that come in one after the other.
//!
//! NCHW, stride 1, odd kernels, bias and activation included. What is read has zeros around it. One
//! design of loops is compiled for each instruction set. In training, each picture is
//! copied once into a scratch; threads share out pictures and bands of rows, and sums over pictures
//! are made in their order, so that results do not depend on how many threads there are.
//!
//! All `unsafe` of this crate lives here.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod loops;
#[cfg(target_arch = "aarch64")]
mod neon;
mod row_conv;
mod rows;
#[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
mod scalar;
mod simd;
#[cfg(all(target_family = "wasm", target_feature = "simd128"))]
mod simd128;
#[cfg(feature = "train")]
pub mod train;
mod winograd;

pub use row_conv::{RowConv, RowConvShape, Scratch};
pub use rows::Rows;

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// None in particular: one value at a time. A page's wasm has its vectors or doesn't load at all.
    #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
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
    /// SIMD128 of WebAssembly.
    #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
    Simd128,
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
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            (true, Self::Simd128),
            #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
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
            #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
            Self::Scalar => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            Self::Simd128 => false,
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
                #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
                Isa::Scalar => $crate::conv::scalar::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => $crate::conv::avx2::$entry($job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => $crate::conv::avx512::$entry($job),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => $crate::conv::neon::$entry($job),
                #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
                Isa::Simd128 => $crate::conv::simd128::$entry($job),
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
