//! AVX2 with FMA: eight values in each of 16 registers.

use core::arch::x86_64::*;

use super::simd::{Simd, entry_points};
#[cfg(feature = "train")]
use super::train::{gradient_loops, pixels, products, tile_loops};
use super::{depthwise, direct, pointwise, winograd};

#[derive(Clone, Copy)]
pub(super) struct Avx2;

// SAFETY of every block below: the entry points are the only callers, and are called through an `Isa`, which
// proves that the processor has the instruction set; the kernels vouch for pointers.
impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const CHANNELS: usize = 6;
    const VECTORS: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m256) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn load_4(from: *const f32) -> [__m256; 4] {
        // SAFETY: see above.
        unsafe {
            // Values 0…3 and 16…19, and so on: then transpose each half.
            let load = |i: usize| {
                let low = _mm_loadu_ps(from.add(4 * i));
                let high = _mm_loadu_ps(from.add(4 * i + 16));
                _mm256_set_m128(high, low)
            };
            transpose([load(0), load(1), load(2), load(3)])
        }
    }
    #[inline(always)]
    unsafe fn store_4(to: *mut f32, v: [__m256; 4]) {
        // SAFETY: see above.
        unsafe {
            for (i, v) in transpose(v).into_iter().enumerate() {
                _mm_storeu_ps(to.add(4 * i), _mm256_castps256_ps128(v));
                _mm_storeu_ps(to.add(4 * i + 16), _mm256_extractf128_ps::<1>(v));
            }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        // The second operand is the result for not-a-number.
        // SAFETY: see above.
        unsafe { _mm256_max_ps(b, a) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_min_ps(b, a) }
    }
    #[inline(always)]
    unsafe fn shift_to_exponent(v: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(v))) }
    }
    #[inline(always)]
    unsafe fn shift_in(v: __m256, next: f32) -> __m256 {
        // SAFETY: see above.
        unsafe {
            let lanes = _mm256_set_epi32(0, 7, 6, 5, 4, 3, 2, 1);
            let rotated = _mm256_permutevar8x32_ps(v, lanes);
            _mm256_blend_ps::<0x80>(rotated, _mm256_set1_ps(next))
        }
    }
    #[inline(always)]
    unsafe fn where_positive(v: __m256, then: __m256, otherwise: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe {
            let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(v, _mm256_setzero_ps());
            _mm256_blendv_ps(otherwise, then, positive)
        }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn sum(v: __m256) -> f32 {
        // SAFETY: see above; the array has room for all eight.
        unsafe {
            let mut lanes = [0f32; 8];
            _mm256_storeu_ps(lanes.as_mut_ptr(), v);
            lanes.iter().sum()
        }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn prefetch(from: *const f32) {
        // SAFETY: see above; an address that is not readable does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn transpose(
        (from, from_row, from_rows): (*const f32, usize, usize),
        (to, to_row, to_rows): (*mut f32, usize, usize),
    ) {
        // SAFETY: see above.
        unsafe {
            let mut fours = [[_mm256_setzero_ps(); 4]; 2];
            for (i, four) in fours.iter_mut().enumerate() {
                for (j, row) in four.iter_mut().enumerate() {
                    if 4 * i + j < from_rows {
                        *row = _mm256_loadu_ps(from.add((4 * i + j) * from_row));
                    }
                }
                *four = transpose(*four);
            }
            let [a, b] = fours;
            for j in 0..4 {
                // Half i of each has column 4·i + j of four rows.
                if j < to_rows {
                    let column = _mm256_permute2f128_ps::<0x20>(a[j], b[j]);
                    _mm256_storeu_ps(to.add(j * to_row), column);
                }
                if 4 + j < to_rows {
                    let column = _mm256_permute2f128_ps::<0x31>(a[j], b[j]);
                    _mm256_storeu_ps(to.add((4 + j) * to_row), column);
                }
            }
        }
    }
}

/// The 4×4 values in each half of four vectors, transposed.
///
/// # Safety
/// The processor has AVX.
#[inline(always)]
unsafe fn transpose([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: as asked of the caller.
    unsafe {
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(ab_low, cd_low),
            _mm256_shuffle_ps::<0xee>(ab_low, cd_low),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    }
}

entry_points!(Avx2, "avx2,fma");
