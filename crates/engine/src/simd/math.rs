//! Transcendental functions on vectors, float32, each within 2 units in the last place unless it says otherwise.

use super::Simd;

/// e^x: 0 below -104, infinity above 88.7; NaN stays.
/// Cody-Waite reduction by ln 2 and a polynomial of degree 6 (Cephes `expf`).
#[inline(always)]
pub unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // Arguments in this order: min and max give the second where one is NaN.
        let clamped = S::max(S::splat(-104.0), S::min(S::splat(89.0), x));
        let n = S::to_i(S::mul(clamped, S::splat(std::f32::consts::LOG2_E)));
        let nf = S::to_f(n);
        let r = S::neg_mul_add(nf, S::splat(0.693_359_4), clamped);
        let r = S::neg_mul_add(nf, S::splat(-2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
            p = S::mul_add(p, r, S::splat(c));
        }
        let p = S::add(S::mul_add(p, S::mul(r, r), r), S::splat(1.0));
        // 2^n in two factors, because n reaches from -150 to 128.
        let half = S::sub_i(S::shift_right::<1>(S::add_i(n, S::splat_i(256))), S::splat_i(128));
        let rest = S::sub_i(n, half);
        let power = |k: S::I| S::from_bits(S::shift_left::<23>(S::add_i(k, S::splat_i(127))));
        let scaled = S::mul(S::mul(p, power(half)), power(rest));
        S::select(S::eq(x, x), scaled, x)
    }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd_dispatch;

    #[inline(always)]
    unsafe fn map_exp<S: Simd>(x: &[f32], y: &mut [f32]) {
        let mut i = 0;
        while i < x.len() {
            let count = S::LANES.min(x.len() - i);
            // SAFETY: within both slices.
            unsafe { S::store_first(y.as_mut_ptr().add(i), exp::<S>(S::load_first(x.as_ptr().add(i), count)), count) };
            i += count;
        }
    }

    simd_dispatch! { unsafe fn exp_all(x: &[f32], y: &mut [f32]) = map_exp; }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let x: Vec<f32> = (-10_300..8_870).map(|i| i as f32 / 100.0 + 0.0037).collect();
        for isa in Isa::available() {
            let mut y = vec![0.0; x.len()];
            // SAFETY: slices of equal length.
            unsafe { exp_all(isa, &x, &mut y) };
            for (&x, &y) in x.iter().zip(&y) {
                let exact = f64::from(x).exp();
                let unit = f64::from((exact as f32).next_up() - exact as f32);
                assert!((f64::from(y) - exact).abs() <= 2.0 * unit.max(1.5e-45), "{isa} exp({x}) = {y}, expected {exact}");
            }
            let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -200.0, 200.0];
            let mut y = [0.0f32; 6];
            // SAFETY: slices of equal length.
            unsafe { exp_all(isa, &special, &mut y) };
            assert!(y[0].is_nan(), "{isa}");
            assert_eq!(y[1..], [f32::INFINITY, 0.0, 1.0, 0.0, f32::INFINITY], "{isa}");
        }
    }
}
