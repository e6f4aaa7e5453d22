//! One value at a time: the reference, and the fallback on processors without vectors.

use super::simd::{Simd, entry_points};
#[cfg(feature = "train")]
use super::train::{gradient_loops, pixels, products, tile_loops};
use super::{depthwise, direct, pointwise, winograd};

#[derive(Clone, Copy)]
pub(super) struct Scalar;

// Only the methods that take pointers are unsafe in fact.
impl Simd for Scalar {
    type V = f32;
    const LANES: usize = 1;
    const CHANNELS: usize = 4;
    const VECTORS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> f32 {
        0.0
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> f32 {
        // SAFETY: the caller vouches for one readable value.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: f32) {
        // SAFETY: the caller vouches for one writable value.
        unsafe { *to = v }
    }
    #[inline(always)]
    unsafe fn load_4(from: *const f32) -> [f32; 4] {
        // SAFETY: the caller vouches for four readable values.
        unsafe { from.cast::<[f32; 4]>().read() }
    }
    #[inline(always)]
    unsafe fn store_4(to: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller vouches for four writable values.
        unsafe { to.cast::<[f32; 4]>().write(v) }
    }
    #[inline(always)]
    unsafe fn fma(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    unsafe fn add(a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    unsafe fn sub(a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    unsafe fn mul(a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    unsafe fn div(a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    unsafe fn max(a: f32, b: f32) -> f32 {
        if b > a { b } else { a }
    }
    #[inline(always)]
    unsafe fn min(a: f32, b: f32) -> f32 {
        if b < a { b } else { a }
    }
    #[inline(always)]
    unsafe fn shift_to_exponent(v: f32) -> f32 {
        f32::from_bits(v.to_bits() << 23)
    }
    #[inline(always)]
    unsafe fn shift_in(_: f32, next: f32) -> f32 {
        next
    }
    #[inline(always)]
    unsafe fn where_positive(v: f32, then: f32, otherwise: f32) -> f32 {
        if v > 0.0 { then } else { otherwise }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn sum(v: f32) -> f32 {
        v
    }
}

entry_points!(Scalar);
