//! Vectors of float32 and int32, one implementation per instruction set. A kernel is written once, generic over `Simd`, marked
//! `#[inline(always)]`, and compiled for each set by `simd_dispatch!`, which also chooses at run time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod math;
mod portable;
pub mod rows;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use portable::Portable;

/// Most lanes of any instruction set.
pub const MAX_LANES: usize = 16;

/// Operations on `LANES` numbers at a time.
///
/// SAFETY: each function may only run on a processor with the instruction set (inside of a function that `simd_dispatch!` made); loads and
/// stores want `LANES` (or the first `count`) elements behind the pointer, aligned as the element is.
#[allow(missing_docs)]
pub trait Simd: Copy + Send + Sync + 'static {
    /// Vector of float32.
    type F: Copy;
    /// Vector of int32.
    type I: Copy;
    /// One truth value per lane.
    type M: Copy;
    /// Numbers in a vector.
    const LANES: usize;

    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(to: *mut f32, x: Self::F);
    /// The first `count` lanes, `count <= LANES`; the others are 0.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::F;
    unsafe fn store_first(to: *mut f32, x: Self::F, count: usize);
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a b + c`, rounded once where the set has it.
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a b`.
    unsafe fn neg_mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The second where either is NaN.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The second where either is NaN.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sqrt(x: Self::F) -> Self::F;
    unsafe fn abs(x: Self::F) -> Self::F;
    unsafe fn lt(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn le(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn eq(a: Self::F, b: Self::F) -> Self::M;
    /// `yes` where the mask holds, else `no`.
    unsafe fn select(mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;
    /// Sum of all lanes, in the order of a binary tree.
    unsafe fn reduce_add(x: Self::F) -> f32;
    unsafe fn reduce_max(x: Self::F) -> f32;

    unsafe fn splat_i(x: i32) -> Self::I;
    unsafe fn load_i(from: *const i32) -> Self::I;
    unsafe fn store_i(to: *mut i32, x: Self::I);
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn sub_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn and_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn or_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn xor_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn eq_i(a: Self::I, b: Self::I) -> Self::M;
    unsafe fn lt_i(a: Self::I, b: Self::I) -> Self::M;
    /// The products of the even lanes as unsigned numbers, 64 bits: the lower half in the even lane, the upper half in the odd one behind it.
    unsafe fn mul_even(a: Self::I, b: Self::I) -> Self::I;
    /// Each odd lane in the place of the even one before it; what is in the odd lanes then is not said.
    unsafe fn odd_to_even(x: Self::I) -> Self::I;
    /// The even lanes of the first, and behind each that of the second.
    unsafe fn merge_even(even: Self::I, odd: Self::I) -> Self::I;
    /// Each group of four lanes of the four vectors is transposed as a matrix of four by four.
    unsafe fn transpose_fours(x: [Self::I; 4]) -> [Self::I; 4];
    unsafe fn shift_left<const BITS: i32>(x: Self::I) -> Self::I;
    /// Zeros come in.
    unsafe fn shift_right<const BITS: i32>(x: Self::I) -> Self::I;
    /// To the nearest integer, ties to even.
    unsafe fn to_i(x: Self::F) -> Self::I;
    unsafe fn to_f(x: Self::I) -> Self::F;
    unsafe fn bits(x: Self::F) -> Self::I;
    unsafe fn from_bits(x: Self::I) -> Self::F;
    /// Of the first `LANES` vectors, each a row: row `i` becomes column `i`.
    unsafe fn transpose(rows: &mut [Self::F; MAX_LANES]);
    /// Brings the cache line of an address near; any address may be given.
    unsafe fn prefetch(address: *const f32);
    /// The same, but no nearer than the second cache.
    unsafe fn prefetch_second(address: *const f32);

    /// `x 2^n` for a whole n from -150 to 130 and a normal x from 1/2 to 2, rounded once.
    #[inline(always)]
    unsafe fn mul_power_of_two(x: Self::F, n: Self::F) -> Self::F {
        // SAFETY: by the contract of the trait.
        unsafe {
            // In two factors: one alone would leave the range of the exponent.
            let n = Self::to_i(n);
            let half = Self::sub_i(Self::shift_right::<1>(Self::add_i(n, Self::splat_i(256))), Self::splat_i(128));
            let power = |k: Self::I| Self::from_bits(Self::shift_left::<23>(Self::add_i(k, Self::splat_i(127))));
            Self::mul(Self::mul(x, power(half)), power(Self::sub_i(n, half)))
        }
    }
}

/// `simd_dispatch! { pub unsafe fn name(a: A, b: B) -> R = generic; }` makes `name(isa, a, b)`, which runs `generic::<S>(a, b)` compiled for
/// the instruction set. `generic` must be `#[inline(always)]`, and so must everything that it calls. So no closure may hold vector
/// operations, not even one given to `map` or `array::from_fn`: closures cannot be marked, the compiler often leaves them as functions
/// without the instruction set, and then every single operation is a call. Write a loop, a function or a macro (`rows`).
#[macro_export]
macro_rules! simd_dispatch {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $generic:ident $(::<$($param:tt),*>)?;) => {
        $(#[$meta])*
        $vis unsafe fn $name(isa: $crate::isa::Isa, $($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512($($arg: $type),*) $(-> $ret)? {
                // SAFETY: by the contract of the caller.
                unsafe { $generic::<$crate::simd::Avx512 $($(, $param)*)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) $(-> $ret)? {
                // SAFETY: by the contract of the caller.
                unsafe { $generic::<$crate::simd::Avx2 $($(, $param)*)?>($($arg),*) }
            }
            // SAFETY: the arguments are the caller's affair; that the processor has the set is checked when an `Isa` is chosen.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Isa::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Isa::Avx2 => avx2($($arg),*),
                    _ => $generic::<$crate::simd::Portable $($(, $param)*)?>($($arg),*),
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    #[inline(always)]
    unsafe fn transpose_square<S: Simd>(x: &mut [f32]) -> usize {
        // SAFETY: the slice holds a square of `LANES` rows.
        unsafe {
            let mut rows = [S::splat(0.0); MAX_LANES];
            for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                *row = S::load(x.as_ptr().add(i * S::LANES));
            }
            S::transpose(&mut rows);
            for (i, row) in rows.iter().enumerate().take(S::LANES) {
                S::store(x.as_mut_ptr().add(i * S::LANES), *row);
            }
        }
        S::LANES
    }

    simd_dispatch! { unsafe fn transpose_any(x: &mut [f32]) -> usize = transpose_square; }

    #[test]
    fn a_square_is_transposed() {
        for isa in Isa::available() {
            let mut x: Vec<f32> = (0..MAX_LANES * MAX_LANES).map(|i| i as f32).collect();
            // SAFETY: large enough for every set.
            let lanes = unsafe { transpose_any(isa, &mut x) };
            for (i, &value) in x[..lanes * lanes].iter().enumerate() {
                assert_eq!(value, ((i % lanes) * lanes + i / lanes) as f32, "{isa}");
            }
        }
    }
}
