//! AVX2 and FMA: eight lanes.

use super::{MAX_LANES, Simd};
use std::arch::x86_64::*;

/// AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx2;

impl Simd for Avx2 {
    type F = __m256;
    type I = __m256i;
    type M = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: __m256) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_storeu_ps(to, x) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_maskload_ps(from, first(count)) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, x: __m256, count: usize) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_maskstore_ps(to, first(count), x) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(x: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_sqrt_ps(x) }
    }

    #[inline(always)]
    unsafe fn abs(x: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), x) }
    }

    #[inline(always)]
    unsafe fn lt(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn le(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn eq(a: __m256, b: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn select(mask: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_blendv_ps(no, yes, mask) }
    }

    #[inline(always)]
    unsafe fn reduce_add(x: __m256) -> f32 {
        // SAFETY: by the contract of the trait.
        unsafe {
            let h = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let h = _mm_add_ps(h, _mm_movehl_ps(h, h));
            _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps::<1>(h, h)))
        }
    }

    #[inline(always)]
    unsafe fn reduce_max(x: __m256) -> f32 {
        // SAFETY: by the contract of the trait.
        unsafe {
            let h = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let h = _mm_max_ps(h, _mm_movehl_ps(h, h));
            _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps::<1>(h, h)))
        }
    }

    #[inline(always)]
    unsafe fn splat_i(x: i32) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_i(from: *const i32) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_i(to: *mut i32, x: __m256i) {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_storeu_si256(to.cast(), x) }
    }

    #[inline(always)]
    unsafe fn add_i(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub_i(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_sub_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn and_i(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_and_si256(a, b) }
    }

    #[inline(always)]
    unsafe fn or_i(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_or_si256(a, b) }
    }

    #[inline(always)]
    unsafe fn xor_i(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    unsafe fn eq_i(a: __m256i, b: __m256i) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)) }
    }

    #[inline(always)]
    unsafe fn lt_i(a: __m256i, b: __m256i) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a)) }
    }

    #[inline(always)]
    unsafe fn mul_even(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_mul_epu32(a, b) }
    }

    #[inline(always)]
    unsafe fn odd_to_even(x: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_srli_epi64::<32>(x) }
    }

    #[inline(always)]
    unsafe fn merge_even(even: __m256i, odd: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd)) }
    }

    #[inline(always)]
    unsafe fn transpose_fours([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: by the contract of the trait.
        unsafe {
            let (ab_low, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
            [
                _mm256_unpacklo_epi64(ab_low, cd_low),
                _mm256_unpackhi_epi64(ab_low, cd_low),
                _mm256_unpacklo_epi64(ab_high, cd_high),
                _mm256_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn shift_left<const BITS: i32>(x: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_sll_epi32(x, _mm_cvtsi32_si128(BITS)) }
    }

    #[inline(always)]
    unsafe fn shift_right<const BITS: i32>(x: __m256i) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_srl_epi32(x, _mm_cvtsi32_si128(BITS)) }
    }

    #[inline(always)]
    unsafe fn to_i(x: __m256) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_cvtps_epi32(x) }
    }

    #[inline(always)]
    unsafe fn to_f(x: __m256i) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_cvtepi32_ps(x) }
    }

    #[inline(always)]
    unsafe fn bits(x: __m256) -> __m256i {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_castps_si256(x) }
    }

    #[inline(always)]
    unsafe fn from_bits(x: __m256i) -> __m256 {
        // SAFETY: by the contract of the trait.
        unsafe { _mm256_castsi256_ps(x) }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m256; MAX_LANES]) {
        // SAFETY: by the contract of the trait.
        unsafe {
            // Pairs of numbers, then pairs of pairs, then halves.
            let r = *rows;
            let mut pairs = r;
            for i in 0..4 {
                pairs[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
                pairs[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
            }
            let mut fours = pairs;
            for i in 0..2 {
                let p = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
                fours[4 * i] = _mm256_shuffle_ps::<0x44>(p[0], p[2]);
                fours[4 * i + 1] = _mm256_shuffle_ps::<0xee>(p[0], p[2]);
                fours[4 * i + 2] = _mm256_shuffle_ps::<0x44>(p[1], p[3]);
                fours[4 * i + 3] = _mm256_shuffle_ps::<0xee>(p[1], p[3]);
            }
            for i in 0..4 {
                rows[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
                rows[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
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

/// The sign bit set in the first `count` lanes.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    debug_assert!(count <= 8);
    // SAFETY: AVX2 is there, by the contract of the trait.
    unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
}
