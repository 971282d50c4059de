//! Loops over a row: vectors of `LANES` elements and a last, shorter one. Sums and maxima have an order of their own that depends on the
//! length alone.

use super::Simd;

/// Accumulators that a sum is spread over, because each addition waits for the one before.
#[doc(hidden)]
pub const CHAINS: usize = 4;

/// `count` elements; the lanes behind them are 0.
#[inline(always)]
pub unsafe fn load<S: Simd>(from: *const f32, count: usize) -> S::F {
    // SAFETY: by the contract of the caller.
    unsafe { if count == S::LANES { S::load(from) } else { S::load_first(from, count) } }
}

/// The first `count` lanes.
#[inline(always)]
pub unsafe fn store<S: Simd>(to: *mut f32, x: S::F, count: usize) {
    // SAFETY: by the contract of the caller.
    unsafe { if count == S::LANES { S::store(to, x) } else { S::store_first(to, x, count) } }
}

/// `vectors!(S, length, |at, count| ...)` does the block for the vectors of `length` elements in ascending order: `count` elements from `at` on,
/// `LANES` of them but in the last. (A macro, because closures lose the instruction set, see `simd_dispatch!`.)
#[macro_export]
macro_rules! vectors {
    ($S:ident, $length:expr, |$at:ident, $count:ident| $body:expr) => {{
        let length: usize = $length;
        let mut start = 0;
        while start + $S::LANES <= length {
            let ($at, $count) = (start, $S::LANES);
            $body;
            start += $S::LANES;
        }
        if start < length {
            let ($at, $count) = (start, length - start);
            $body;
        }
    }};
}

/// `sums!(S, length, |at, count| [a, b])` gives the sums over `length` elements of the terms that the expression makes of `count` elements
/// from `at` on: one sum, float32, for each vector in its array. Lanes from `count` on do not count.
#[macro_export]
macro_rules! sums {
    ($S:ident, $length:expr, |$at:ident, $count:ident| $terms:expr) => {{
        let length: usize = $length;
        let mut sums = [[$S::splat(0.0); _]; $crate::simd::rows::CHAINS];
        let mut start = 0;
        while start + $crate::simd::rows::CHAINS * $S::LANES <= length {
            for sums in &mut sums {
                let ($at, $count) = (start, $S::LANES);
                $crate::simd::rows::add_terms::<$S, _>(sums, $terms);
                start += $S::LANES;
            }
        }
        // Fewer vectors are left than there are chains.
        let mut chain = 0;
        while start < length {
            let ($at, $count) = (start, $S::LANES.min(length - start));
            $crate::simd::rows::add_first_terms::<$S, _>(&mut sums[chain], $terms, $count);
            (chain, start) = (chain + 1, start + $count);
        }
        $crate::simd::rows::add_chains::<$S, _>(sums)
    }};
}

#[doc(hidden)]
#[inline(always)]
pub unsafe fn add_terms<S: Simd, const N: usize>(sums: &mut [S::F; N], terms: [S::F; N]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        // SAFETY: by the contract of the caller.
        *sum = unsafe { S::add(*sum, term) };
    }
}

#[doc(hidden)]
#[inline(always)]
pub unsafe fn add_first_terms<S: Simd, const N: usize>(sums: &mut [S::F; N], terms: [S::F; N], count: usize) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        // SAFETY: by the contract of the caller.
        *sum = unsafe { S::add(*sum, first_lanes::<S>(term, S::splat(0.0), count)) };
    }
}

#[doc(hidden)]
#[inline(always)]
pub unsafe fn add_chains<S: Simd, const N: usize>([a, b, c, d]: [[S::F; N]; CHAINS]) -> [f32; N] {
    let mut sums = [0.0; N];
    for i in 0..N {
        // SAFETY: by the contract of the caller.
        sums[i] = unsafe { S::reduce_add(S::add(S::add(a[i], b[i]), S::add(c[i], d[i]))) };
    }
    sums
}

/// The largest of `length` elements; -infinity of none. Which one it is where there are NaN is not said.
#[inline(always)]
pub unsafe fn maximum<S: Simd>(x: *const f32, length: usize) -> f32 {
    // SAFETY: by the contract of the caller.
    unsafe {
        let lowest = S::splat(f32::NEG_INFINITY);
        let mut most = [lowest; CHAINS];
        let mut at = 0;
        while at + CHAINS * S::LANES <= length {
            for most in &mut most {
                *most = S::max(*most, S::load(x.add(at)));
                at += S::LANES;
            }
        }
        while at < length {
            let count = S::LANES.min(length - at);
            most[0] = S::max(most[0], first_lanes::<S>(S::load_first(x.add(at), count), lowest, count));
            at += count;
        }
        let [a, b, c, d] = most;
        S::reduce_max(S::max(S::max(a, b), S::max(c, d)))
    }
}

/// The first `count` lanes of `x`, `other` in the rest.
#[inline(always)]
unsafe fn first_lanes<S: Simd>(x: S::F, other: S::F, count: usize) -> S::F {
    const LANES: [i32; 32] = {
        let mut lanes = [0; 32];
        let mut lane = 0;
        while lane < 32 {
            lanes[lane] = lane as i32;
            lane += 1;
        }
        lanes
    };
    const { assert!(S::LANES <= 32) };
    // SAFETY: the array holds more than a vector.
    unsafe { S::select(S::lt_i(S::load_i(LANES.as_ptr()), S::splat_i(count as i32)), x, other) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd_dispatch;

    #[inline(always)]
    unsafe fn sums_and_maximum<S: Simd>(x: &[f32]) -> ([f32; 2], f32) {
        let from = x.as_ptr();
        // SAFETY: within the slice.
        unsafe {
            let sums = sums!(S, x.len(), |at, count| {
                let x = load::<S>(from.add(at), count);
                [S::add(x, S::splat(1.0)), S::mul(x, x)]
            });
            (sums, maximum::<S>(from, x.len()))
        }
    }

    simd_dispatch! { unsafe fn both(x: &[f32]) -> ([f32; 2], f32) = sums_and_maximum; }

    #[test]
    fn sums_and_maxima_of_any_length() {
        for isa in Isa::available() {
            for length in (0..140).chain([1000]) {
                let x: Vec<f32> = (0..length).map(|i| -1.0 - (i * 7 % 11) as f32).collect();
                // SAFETY: plain arguments.
                let ([sum, squares], most) = unsafe { both(isa, &x) };
                assert_eq!(sum, x.iter().map(|x| x + 1.0).sum::<f32>(), "{isa} {length}");
                assert_eq!(squares, x.iter().map(|x| x * x).sum::<f32>(), "{isa} {length}");
                assert_eq!(most, x.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{isa} {length}");
            }
        }
    }
}
