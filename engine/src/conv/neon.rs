//! NEON: four values in each of 32 registers.

use core::arch::aarch64::*;

use super::simd::{Simd, entry_points};
#[cfg(feature = "train")]
use super::train::{gradient_loops, pixels, products, tile_loops};
use super::{depthwise, direct, pointwise, winograd};

#[derive(Clone, Copy)]
pub(super) struct Neon;

// SAFETY of every block below: the entry points are the only callers, and are called through an `Isa`, which
// proves that the processor has the instruction set; the kernels vouch for pointers.
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const CHANNELS: usize = 8;
    const VECTORS: usize = 3;

    #[inline(always)]
    unsafe fn zero() -> float32x4_t {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(0.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: float32x4_t) {
        // SAFETY: see above.
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    unsafe fn load_4(from: *const f32) -> [float32x4_t; 4] {
        // SAFETY: see above.
        let float32x4x4_t(a, b, c, d) = unsafe { vld4q_f32(from) };
        [a, b, c, d]
    }
    #[inline(always)]
    unsafe fn store_4(to: *mut f32, [a, b, c, d]: [float32x4_t; 4]) {
        // SAFETY: see above.
        unsafe { vst4q_f32(to, float32x4x4_t(a, b, c, d)) }
    }
    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // `vmaxq_f32` would give not-a-number.
        // SAFETY: see above.
        unsafe { vbslq_f32(vcgtq_f32(b, a), b, a) }
    }
    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vbslq_f32(vcltq_f32(b, a), b, a) }
    }
    #[inline(always)]
    unsafe fn shift_to_exponent(v: float32x4_t) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vreinterpretq_f32_s32(vshlq_n_s32::<23>(vreinterpretq_s32_f32(v))) }
    }
    #[inline(always)]
    unsafe fn shift_in(v: float32x4_t, next: f32) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vextq_f32::<1>(v, vdupq_n_f32(next)) }
    }
    #[inline(always)]
    unsafe fn where_positive(
        v: float32x4_t,
        then: float32x4_t,
        otherwise: float32x4_t,
    ) -> float32x4_t {
        // SAFETY: see above.
        unsafe { vbslq_f32(vcgtzq_f32(v), then, otherwise) }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn sum(v: float32x4_t) -> f32 {
        // SAFETY: see above.
        unsafe { vaddvq_f32(v) }
    }
}

entry_points!(Neon, "neon");
