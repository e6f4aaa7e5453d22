//! Instruction sets, found at run time.

/// An instruction set that this processor has.
///
/// The field is private to this module, and only [`Isa::available`] makes values of the type: holding one
/// proves that the processor was asked. The kernels of an instruction set are called through a value alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value at a time.
    #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
    Simd128,
}

impl Isa {
    /// Every instruction set that this processor has, the fastest first; never empty.
    pub fn available() -> Vec<Self> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx512f"), Kind::Avx512),
            #[cfg(target_arch = "x86_64")]
            (
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
                Kind::Avx2,
            ),
            // Part of the architecture, as SIMD128 is part of a build that has it switched on.
            #[cfg(target_arch = "aarch64")]
            (true, Kind::Neon),
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            (true, Kind::Simd128),
            #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
            (true, Kind::Scalar),
        ];
        let available = all.into_iter().filter(|(is_there, _)| *is_there);
        available.map(|(_, kind)| Self(kind)).collect()
    }

    /// The fastest instruction set.
    pub fn best() -> Self {
        static BEST: std::sync::LazyLock<Isa> = std::sync::LazyLock::new(|| Isa::available()[0]);
        *BEST
    }

    /// The name as processor vendors write it.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "NEON",
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            Kind::Simd128 => "SIMD128",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }

    /// Values in a vector.
    pub(super) fn lanes(self) -> usize {
        on!(self, LANES)
    }

    /// Output channels that a kernel computes together.
    pub(super) fn channels(self) -> usize {
        on!(self, CHANNELS)
    }

    /// Vectors of pixels that a kernel computes together.
    pub(super) fn vectors(self) -> usize {
        on!(self, VECTORS)
    }
}

impl std::fmt::Debug for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A constant, or a call of a kernel, of an instruction set: `on!(isa, LANES)`, `on!(isa, forward(&job))`.
///
/// A call is unsafe: the caller vouches for the pointers in the job. That the processor has the
/// instruction set follows from the [`Isa`].
macro_rules! on {
    ($isa:expr, $item:ident $(($job:expr))?) => {
        match $isa.kind() {
            #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
            $crate::conv::isa::Kind::Scalar => $crate::conv::scalar::$item $(($job))?,
            #[cfg(target_arch = "x86_64")]
            $crate::conv::isa::Kind::Avx2 => $crate::conv::avx2::$item $(($job))?,
            #[cfg(target_arch = "x86_64")]
            $crate::conv::isa::Kind::Avx512 => $crate::conv::avx512::$item $(($job))?,
            #[cfg(target_arch = "aarch64")]
            $crate::conv::isa::Kind::Neon => $crate::conv::neon::$item $(($job))?,
            #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
            $crate::conv::isa::Kind::Simd128 => $crate::conv::simd128::$item $(($job))?,
        }
    };
}
pub(super) use on;
