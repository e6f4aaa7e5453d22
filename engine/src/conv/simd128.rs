//! SIMD128 of WebAssembly: four values in each of 16 registers, on the processors that matter.
//!
//! It has no fused multiply-add. The relaxed one, which rounds as the processor likes, would make
//! results differ from machine to machine and, where it was measured, was no faster.

use core::arch::wasm32::*;

use super::simd::{Simd, entry_points};
#[cfg(feature = "train")]
use super::train::{gradient_loops, pixels, products, tile_loops};
use super::{depthwise, direct, pointwise, winograd};

#[derive(Clone, Copy)]
pub(super) struct Simd128;

// SAFETY of every block below: this file is compiled only where the whole build has the instruction
// set; the kernels vouch for pointers.
impl Simd for Simd128 {
    type V = v128;
    const LANES: usize = 4;
    const CHANNELS: usize = 4;
    const VECTORS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> v128 {
        f32x4_splat(0.0)
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> v128 {
        f32x4_splat(value)
    }
    #[inline(always)]
    unsafe fn splat_each<const C: usize>(from: *const f32) -> [v128; C] {
        // SAFETY: see above.
        unsafe {
            if C == 4 {
                // One load and four shuffles: a page's compiler computes the address of each load anew.
                let all = v128_load(from.cast());
                let each = [
                    i32x4_shuffle::<0, 0, 0, 0>(all, all),
                    i32x4_shuffle::<1, 1, 1, 1>(all, all),
                    i32x4_shuffle::<2, 2, 2, 2>(all, all),
                    i32x4_shuffle::<3, 3, 3, 3>(all, all),
                ];
                std::array::from_fn(|c| each[c])
            } else {
                std::array::from_fn(|c| f32x4_splat(*from.add(c)))
            }
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> v128 {
        // SAFETY: see above.
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: v128) {
        // SAFETY: see above.
        unsafe { v128_store(to.cast(), v) }
    }
    #[inline(always)]
    unsafe fn load_4(from: *const f32) -> [v128; 4] {
        // SAFETY: see above.
        unsafe {
            let load = |i: usize| v128_load(from.add(4 * i).cast());
            transpose([load(0), load(1), load(2), load(3)])
        }
    }
    #[inline(always)]
    unsafe fn store_4(to: *mut f32, v: [v128; 4]) {
        // SAFETY: see above.
        unsafe {
            for (i, v) in transpose(v).into_iter().enumerate() {
                v128_store(to.add(4 * i).cast(), v);
            }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }
    #[inline(always)]
    unsafe fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: v128, b: v128) -> v128 {
        // One instruction on x86, where `f32x4_max` takes several.
        f32x4_pmax(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: v128, b: v128) -> v128 {
        f32x4_pmin(a, b)
    }
    #[inline(always)]
    unsafe fn shift_to_exponent(v: v128) -> v128 {
        i32x4_shl(v, 23)
    }
    #[inline(always)]
    unsafe fn shift_in(v: v128, next: f32) -> v128 {
        i32x4_shuffle::<1, 2, 3, 4>(v, f32x4_splat(next))
    }
    #[inline(always)]
    unsafe fn where_positive(v: v128, then: v128, otherwise: v128) -> v128 {
        v128_bitselect(then, otherwise, f32x4_gt(v, f32x4_splat(0.0)))
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn sum(v: v128) -> f32 {
        let halves = f32x4_add(v, i64x2_shuffle::<1, 0>(v, v));
        f32x4_extract_lane::<0>(halves) + f32x4_extract_lane::<1>(halves)
    }
}

/// Four vectors of four values, transposed.
#[inline(always)]
fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (
        i32x4_shuffle::<0, 4, 1, 5>(a, b),
        i32x4_shuffle::<2, 6, 3, 7>(a, b),
    );
    let (cd_low, cd_high) = (
        i32x4_shuffle::<0, 4, 1, 5>(c, d),
        i32x4_shuffle::<2, 6, 3, 7>(c, d),
    );
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

entry_points!(Simd128);
