//! AVX-512: sixteen lanes.

use super::{MAX_LANES, Simd};
use std::arch::x86_64::*;

/// AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub struct Avx512;

impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: __m512) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_storeu_ps(to, x) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_maskz_loadu_ps(first(count), from) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, x: __m512, count: usize) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_mask_storeu_ps(to, first(count), x) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(x: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_sqrt_ps(x) }
    }

    #[inline(always)]
    unsafe fn abs(x: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_abs_ps(x) }
    }

    #[inline(always)]
    unsafe fn lt(a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn le(a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn eq(a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }

    #[inline(always)]
    unsafe fn reduce_add(x: __m512) -> f32 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_reduce_add_ps(x) }
    }

    #[inline(always)]
    unsafe fn reduce_max(x: __m512) -> f32 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_reduce_max_ps(x) }
    }

    #[inline(always)]
    unsafe fn splat_i(x: i32) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_i(from: *const i32) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_i(to: *mut i32, x: __m512i) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_storeu_si512(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn add_i(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub_i(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_sub_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn and_i(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_and_si512(a, b) }
    }

    #[inline(always)]
    unsafe fn or_i(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    unsafe fn xor_i(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    unsafe fn eq_i(a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cmpeq_epi32_mask(a, b) }
    }

    #[inline(always)]
    unsafe fn lt_i(a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cmplt_epi32_mask(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_even(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_mul_epu32(a, b) }
    }

    #[inline(always)]
    unsafe fn odd_to_even(x: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_srli_epi64::<32>(x) }
    }

    #[inline(always)]
    unsafe fn merge_even(even: __m512i, odd: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64::<32>(odd)) }
    }

    #[inline(always)]
    unsafe fn transpose_fours([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: by the contract of the trait.
        unsafe {
            let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            [
                _mm512_unpacklo_epi64(ab_low, cd_low),
                _mm512_unpackhi_epi64(ab_low, cd_low),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn shift_left<const BITS: i32>(x: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_sll_epi32(x, _mm_cvtsi32_si128(BITS)) }
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: i32>(x: __m512i) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_srl_epi32(x, _mm_cvtsi32_si128(BITS)) }
    }

    #[inline(always)]
    unsafe fn to_i(x: __m512) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cvtps_epi32(x) }
    }

    #[inline(always)]
    unsafe fn to_f(x: __m512i) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_cvtepi32_ps(x) }
    }

    #[inline(always)]
    unsafe fn bits(x: __m512) -> __m512i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_castps_si512(x) }
    }

    #[inline(always)]
    unsafe fn from_bits(x: __m512i) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_castsi512_ps(x) }
    }

    #[inline(always)]
    unsafe fn mul_power_of_two(x: __m512, n: __m512) -> __m512 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm512_scalef_ps(x, n) }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m512; MAX_LANES]) {
        // SAFETY: by the contract of the trait.
        unsafe {
            // Pairs of numbers, then pairs of pairs, then quarters twice.
            let r = *rows;
            let mut pairs = r;
            for i in 0..8 {
                pairs[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
                pairs[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
            }
            let mut fours = pairs;
            for i in 0..4 {
                let p = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
                fours[4 * i] = _mm512_shuffle_ps::<0x44>(p[0], p[2]);
                fours[4 * i + 1] = _mm512_shuffle_ps::<0xee>(p[0], p[2]);
                fours[4 * i + 2] = _mm512_shuffle_ps::<0x44>(p[1], p[3]);
                fours[4 * i + 3] = _mm512_shuffle_ps::<0xee>(p[1], p[3]);
            }
            // `fours[4 i + j]` holds columns j, j + 4, j + 8 and j + 12 of rows 4 i to 4 i + 3.
            for j in 0..4 {
                let low = _mm512_shuffle_f32x4::<0x44>(fours[j], fours[j + 4]);
                let high = _mm512_shuffle_f32x4::<0xee>(fours[j], fours[j + 4]);
                let low_rest = _mm512_shuffle_f32x4::<0x44>(fours[j + 8], fours[j + 12]);
                let high_rest = _mm512_shuffle_f32x4::<0xee>(fours[j + 8], fours[j + 12]);
                rows[j] = _mm512_shuffle_f32x4::<0x88>(low, low_rest);
                rows[j + 4] = _mm512_shuffle_f32x4::<0xdd>(low, low_rest);
                rows[j + 8] = _mm512_shuffle_f32x4::<0x88>(high, high_rest);
                rows[j + 12] = _mm512_shuffle_f32x4::<0xdd>(high, high_rest);
            }
        }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: a prefetch of any address is allowed.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_second(address: *const f32) {
        // SAFETY: a prefetch of any address is allowed.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }
}

#[inline(always)]
fn first(count: usize) -> __mmask16 {
    debug_assert!(count <= 16);
    ((1u32 << count) - 1) as __mmask16
}
