//! What the loops need of an instruction set.

/// Vectors of f32.
///
/// Every method is inlined into an entry point that has the instruction set switched on; called
/// anywhere else it would be slow, and on a processor without the instructions undefined.
pub(super) trait Simd: Copy {
    /// A vector register.
    type V: Copy;
    /// Values in a vector.
    const LANES: usize;
    /// Whether there are 32 vector registers rather than 16: decides how large blocks may be.
    const WIDE: bool;

    /// All lanes 0.
    unsafe fn zero() -> Self::V;
    /// All lanes `value`.
    unsafe fn splat(value: f32) -> Self::V;
    /// `LANES` values from unaligned memory.
    unsafe fn load(from: *const f32) -> Self::V;
    /// `LANES` values to unaligned memory.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// `a · b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a · b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a` where `a` is positive, else `b`.
    unsafe fn positive_or(a: Self::V, b: Self::V) -> Self::V;
    /// `then` where `v` is positive, else `otherwise`.
    unsafe fn where_positive(v: Self::V, then: Self::V, otherwise: Self::V) -> Self::V;
    /// The sum of all lanes.
    unsafe fn sum(v: Self::V) -> f32;
}

/// The loops of [`super::loops`], compiled for one instruction set.
macro_rules! entry_points {
    ($simd:ty $(, $feature:literal)?) => {
        /// [`loops::forward`] for this instruction set.
        ///
        /// # Safety
        /// The processor has the instruction set; otherwise as [`loops::forward`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::kernel) unsafe fn forward(job: &loops::Forward) {
            // SAFETY: what is asked of the caller is what is asked of ours.
            unsafe { loops::forward::<$simd>(job) }
        }

        /// [`loops::weight_gradient`] for this instruction set.
        ///
        /// # Safety
        /// The processor has the instruction set; otherwise as [`loops::weight_gradient`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::kernel) unsafe fn weight_gradient(job: &loops::WeightGradient) {
            // SAFETY: what is asked of the caller is what is asked of ours.
            unsafe { loops::weight_gradient::<$simd>(job) }
        }

        /// [`loops::activation_gradient`] for this instruction set.
        ///
        /// # Safety
        /// The processor has the instruction set; otherwise as [`loops::activation_gradient`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::kernel) unsafe fn activation_gradient(job: &loops::ActivationGradient) {
            // SAFETY: what is asked of the caller is what is asked of ours.
            unsafe { loops::activation_gradient::<$simd>(job) }
        }
    };
}
pub(super) use entry_points;
