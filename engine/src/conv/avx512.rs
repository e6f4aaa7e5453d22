//! AVX-512: sixteen values in each of 32 registers.

use core::arch::x86_64::*;

use super::simd::{Simd, entry_points};
#[cfg(feature = "train")]
use super::train::{gradient_loops, pixels, products, tile_loops};
use super::{depthwise, direct, pointwise, winograd};

#[derive(Clone, Copy)]
pub(super) struct Avx512;

// SAFETY of every block below: the entry points are the only callers, and are called through an `Isa`, which
// proves that the processor has the instruction set; the kernels vouch for pointers.
impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const CHANNELS: usize = 8;
    const VECTORS: usize = 3;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m512) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn load_4(from: *const f32) -> [__m512; 4] {
        // SAFETY: see above.
        unsafe {
            let load = |i: usize| _mm512_loadu_ps(from.add(16 * i));
            // Fours of values change places, then each quarter is transposed.
            transpose(exchange([load(0), load(1), load(2), load(3)]))
        }
    }
    #[inline(always)]
    unsafe fn store_4(to: *mut f32, v: [__m512; 4]) {
        // SAFETY: see above.
        unsafe {
            for (i, v) in exchange(transpose(v)).into_iter().enumerate() {
                _mm512_storeu_ps(to.add(16 * i), v);
            }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // The second operand is the result for not-a-number.
        // SAFETY: see above.
        unsafe { _mm512_max_ps(b, a) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_min_ps(b, a) }
    }
    #[inline(always)]
    unsafe fn shift_to_exponent(v: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(v))) }
    }
    #[inline(always)]
    unsafe fn shift_in(v: __m512, next: f32) -> __m512 {
        // SAFETY: see above.
        unsafe {
            let (v, next) = (
                _mm512_castps_si512(v),
                _mm512_set1_epi32(next.to_bits() as i32),
            );
            _mm512_castsi512_ps(_mm512_alignr_epi32::<1>(next, v))
        }
    }
    #[inline(always)]
    unsafe fn where_positive(v: __m512, then: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(v, _mm512_setzero_ps());
            _mm512_mask_blend_ps(positive, otherwise, then)
        }
    }
    #[cfg(feature = "train")]
    #[inline(always)]
    unsafe fn sum(v: __m512) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_add_ps(v) }
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
            let mut fours = [[_mm512_setzero_ps(); 4]; 4];
            for (i, four) in fours.iter_mut().enumerate() {
                for (j, row) in four.iter_mut().enumerate() {
                    if 4 * i + j < from_rows {
                        *row = _mm512_loadu_ps(from.add((4 * i + j) * from_row));
                    }
                }
                *four = transpose(*four);
            }
            let [a, b, c, d] = fours;
            for j in 0..4 {
                // Quarter i of each has column 4·i + j of four rows.
                let columns = exchange([a[j], b[j], c[j], d[j]]);
                for (i, column) in columns.into_iter().enumerate() {
                    if 4 * i + j < to_rows {
                        _mm512_storeu_ps(to.add((4 * i + j) * to_row), column);
                    }
                }
            }
        }
    }
}

/// The 4×4 values in each quarter of four vectors, transposed.
///
/// # Safety
/// The processor has AVX-512 F.
#[inline(always)]
unsafe fn transpose([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: as asked of the caller.
    unsafe {
        let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        [
            _mm512_shuffle_ps::<0x44>(ab_low, cd_low),
            _mm512_shuffle_ps::<0xee>(ab_low, cd_low),
            _mm512_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm512_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    }
}

/// Quarter j of vector i becomes quarter i of vector j.
///
/// # Safety
/// The processor has AVX-512 F.
#[inline(always)]
unsafe fn exchange([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: as asked of the caller.
    unsafe {
        let (ab_low, ab_high) = (
            _mm512_shuffle_f32x4::<0x44>(a, b),
            _mm512_shuffle_f32x4::<0xee>(a, b),
        );
        let (cd_low, cd_high) = (
            _mm512_shuffle_f32x4::<0x44>(c, d),
            _mm512_shuffle_f32x4::<0xee>(c, d),
        );
        [
            _mm512_shuffle_f32x4::<0x88>(ab_low, cd_low),
            _mm512_shuffle_f32x4::<0xdd>(ab_low, cd_low),
            _mm512_shuffle_f32x4::<0x88>(ab_high, cd_high),
            _mm512_shuffle_f32x4::<0xdd>(ab_high, cd_high),
        ]
    }
}

entry_points!(Avx512, "avx512f");
