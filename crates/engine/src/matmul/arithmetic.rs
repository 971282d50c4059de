//! What a product computes with: how operands are brought into words of 32 bits as they are packed, and how two words are multiplied and
//! added to a sum.

use super::Activation;
use super::epilogue::activate;
use crate::simd::Simd;

/// What happens to an element between memory and the arithmetic.
pub trait Reading<S: Simd>: Copy {
    /// SAFETY: as for `Simd`.
    unsafe fn read(self, x: S::F) -> S::F;
}

/// Nothing.
#[derive(Clone, Copy)]
pub struct AsItIs;

impl<S: Simd> Reading<S> for AsItIs {
    #[inline(always)]
    unsafe fn read(self, x: S::F) -> S::F {
        x
    }
}

/// Of zero it is zero, so that what stands for elements that are not there stays so.
impl<S: Simd> Reading<S> for Activation {
    #[inline(always)]
    unsafe fn read(self, x: S::F) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { activate::<S>(self, x) }
    }
}

/// A kind of arithmetic on the vectors of `S`.
///
/// SAFETY: as for `Simd`; what is loaded must be there.
pub trait Arithmetic<S: Simd>: 'static {
    /// Values of K in a word.
    const VALUES: usize;

    /// Words that `k` values take.
    fn words(k: usize) -> usize;

    /// The words of one line from `from` on, where `left >= 1` values of K are left; zeros behind them.
    unsafe fn along(from: *const f32, left: usize, reading: impl Reading<S>) -> S::F;

    /// Word `word` of several lines side by side. `from` is the first line at the first of `k` values; `lines` of them are there (or more
    /// than a vector holds).
    unsafe fn across(from: *const f32, k_stride: usize, k: usize, word: usize, lines: usize, reading: impl Reading<S>) -> S::F;

    /// One word in all lanes.
    unsafe fn broadcast(word: *const f32) -> S::F;

    /// `sum + a b`.
    unsafe fn multiply_add(a: S::F, b: S::F, sum: S::F) -> S::F;
}

#[inline(always)]
unsafe fn load_up_to<S: Simd>(from: *const f32, count: usize, reading: impl Reading<S>) -> S::F {
    // SAFETY: by the contract of the caller.
    unsafe { reading.read(if count >= S::LANES { S::load(from) } else { S::load_first(from, count) }) }
}

/// Float32 as it is.
pub struct Float32;

impl<S: Simd> Arithmetic<S> for Float32 {
    const VALUES: usize = 1;

    #[inline(always)]
    fn words(k: usize) -> usize {
        k
    }

    #[inline(always)]
    unsafe fn along(from: *const f32, left: usize, reading: impl Reading<S>) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { load_up_to::<S>(from, left, reading) }
    }

    #[inline(always)]
    unsafe fn across(from: *const f32, k_stride: usize, _k: usize, word: usize, lines: usize, reading: impl Reading<S>) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { load_up_to::<S>(from.add(word * k_stride), lines, reading) }
    }

    #[inline(always)]
    unsafe fn broadcast(word: *const f32) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { S::splat(*word) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: S::F, b: S::F, sum: S::F) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { S::mul_add(a, b, sum) }
    }
}

/// Float32 operands rounded to bfloat16 (nearest even, subnormals to zero), products and sums in float32: the bits of `Bfloat16Pairs`.
pub struct Rounded;

#[inline(always)]
unsafe fn round_to_bfloat16<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let bits = S::bits(x);
        let odd = S::and_i(S::shift_right::<16>(bits), S::splat_i(1));
        let rounded = S::add_i(bits, S::add_i(odd, S::splat_i(0x7fff)));
        // Adding to a NaN could make a number of it.
        let rounded = S::bits(S::select(S::eq(x, x), S::from_bits(rounded), S::from_bits(S::or_i(bits, S::splat_i(0x0040_0000)))));
        let rounded = S::from_bits(S::and_i(rounded, S::splat_i(0xffff_0000u32 as i32)));
        S::select(S::lt(S::abs(x), S::splat(f32::MIN_POSITIVE)), S::splat(0.0), rounded)
    }
}

impl<S: Simd> Arithmetic<S> for Rounded {
    const VALUES: usize = 1;

    #[inline(always)]
    fn words(k: usize) -> usize {
        k
    }

    #[inline(always)]
    unsafe fn along(from: *const f32, left: usize, reading: impl Reading<S>) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { round_to_bfloat16::<S>(load_up_to::<S>(from, left, reading)) }
    }

    #[inline(always)]
    unsafe fn across(from: *const f32, k_stride: usize, _k: usize, word: usize, lines: usize, reading: impl Reading<S>) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { round_to_bfloat16::<S>(load_up_to::<S>(from.add(word * k_stride), lines, reading)) }
    }

    #[inline(always)]
    unsafe fn broadcast(word: *const f32) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { S::splat(*word) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: S::F, b: S::F, sum: S::F) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { S::mul_add(a, b, sum) }
    }
}

#[cfg(target_arch = "x86_64")]
pub use pairs::Bfloat16Pairs;

#[cfg(target_arch = "x86_64")]
mod pairs {
    use super::{Arithmetic, Reading, load_up_to};
    use crate::simd::{Avx512, Simd};
    use std::arch::x86_64::*;

    /// Pairs of bfloat16 multiplied by `vdpbf16ps`, which takes the upper half of a word first: the first value of K is there.
    pub struct Bfloat16Pairs;

    impl Arithmetic<Avx512> for Bfloat16Pairs {
        const VALUES: usize = 2;

        #[inline(always)]
        fn words(k: usize) -> usize {
            k.div_ceil(2)
        }

        #[inline(always)]
        unsafe fn along(from: *const f32, left: usize, reading: impl Reading<Avx512>) -> __m512 {
            // SAFETY: by the contract of the trait; AVX512-BF16 is there.
            unsafe {
                let first = load_up_to::<Avx512>(from, left, reading);
                let second = if left > 16 { load_up_to::<Avx512>(from.add(16), left - 16, reading) } else { _mm512_setzero_ps() };
                let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(second, first));
                _mm512_castsi512_ps(_mm512_rol_epi32::<16>(rounded))
            }
        }

        #[inline(always)]
        unsafe fn across(from: *const f32, k_stride: usize, k: usize, word: usize, lines: usize, reading: impl Reading<Avx512>) -> __m512 {
            // SAFETY: by the contract of the trait; AVX512-BF16 is there.
            unsafe {
                let first = load_up_to::<Avx512>(from.add(2 * word * k_stride), lines, reading);
                let second = if 2 * word + 1 < k {
                    load_up_to::<Avx512>(from.add((2 * word + 1) * k_stride), lines, reading)
                } else {
                    _mm512_setzero_ps()
                };
                let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(first, second));
                // Lanes 0 to 15 hold `second`, 16 to 31 `first`.
                let interleaved = _mm512_permutexvar_epi16(INTERLEAVE, rounded);
                _mm512_castsi512_ps(interleaved)
            }
        }

        #[inline(always)]
        unsafe fn broadcast(word: *const f32) -> __m512 {
            // SAFETY: by the contract of the trait. As an integer: the halves may look like a signalling NaN.
            unsafe { Avx512::from_bits(Avx512::splat_i(*word.cast::<i32>())) }
        }

        #[inline(always)]
        unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
            // SAFETY: by the contract of the trait; AVX512-BF16 is there. The types are the same 64 bytes.
            unsafe { _mm512_dpbf16_ps(sum, std::mem::transmute::<__m512, __m512bh>(a), std::mem::transmute::<__m512, __m512bh>(b)) }
        }
    }

    /// 0, 16, 1, 17, ...
    const INTERLEAVE: __m512i = {
        let mut lanes = [0u16; 32];
        let mut i = 0;
        while i < 16 {
            lanes[2 * i] = i as u16;
            lanes[2 * i + 1] = i as u16 + 16;
            i += 1;
        }
        // SAFETY: both are 64 bytes.
        unsafe { std::mem::transmute(lanes) }
    };
}
