//! What a product computes with: how operands are brought into words of 32 bits as they are packed, and how two words are multiplied and
//! added to a sum.

use crate::simd::Simd;

/// A kind of arithmetic on the vectors of `S`.
///
/// SAFETY: as for `Simd`; what is loaded must be there.
pub trait Arithmetic<S: Simd>: 'static {
    /// Values of K in a word.
    const VALUES: usize;

    /// Words that `k` values take.
    fn words(k: usize) -> usize;

    /// The words of one line from `from` on, where `left >= 1` values of K are left; zeros behind them.
    unsafe fn along(from: *const f32, left: usize) -> S::F;

    /// Word `word` of several lines side by side. `from` is the first line at the first of `k` values; `lines` of them are there (or more
    /// than a vector holds).
    unsafe fn across(from: *const f32, k_stride: usize, k: usize, word: usize, lines: usize) -> S::F;

    /// One word in all lanes.
    unsafe fn broadcast(word: *const f32) -> S::F;

    /// `sum + a b`.
    unsafe fn multiply_add(a: S::F, b: S::F, sum: S::F) -> S::F;
}

#[inline(always)]
unsafe fn load_up_to<S: Simd>(from: *const f32, count: usize) -> S::F {
    // SAFETY: by the contract of the caller.
    unsafe { if count >= S::LANES { S::load(from) } else { S::load_first(from, count) } }
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
    unsafe fn along(from: *const f32, left: usize) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { load_up_to::<S>(from, left) }
    }

    #[inline(always)]
    unsafe fn across(from: *const f32, k_stride: usize, _k: usize, word: usize, lines: usize) -> S::F {
        // SAFETY: by the contract of the trait.
        unsafe { load_up_to::<S>(from.add(word * k_stride), lines) }
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
