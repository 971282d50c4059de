//! Transcendental functions on vectors, float32. Each says how far it is from the exact value at most, over all float32 (tested on a
//! grid of their bit patterns); "ulp" is a unit in the last place. NaN stays NaN. On a processor without fused multiply-add it may be
//! one ulp more. The activations and their derivatives serve the kernels and the epilogue of the matrix product alike.
//!
//! Coefficients without a source are minimax fits of our own (Lawson's algorithm on Chebyshev nodes, weighted to the error stated).

use super::Simd;

/// `c[0] + c[1] x + c[2] x^2 ...`
#[inline(always)]
unsafe fn polynomial<S: Simd, const N: usize>(x: S::F, c: [f32; N]) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let mut sum = S::splat(c[N - 1]);
        for &c in c[..N - 1].iter().rev() {
            sum = S::mul_add(sum, x, S::splat(c));
        }
        sum
    }
}

/// `magnitude`, which is not negative, with the sign of `sign`.
#[inline(always)]
unsafe fn with_sign<S: Simd>(magnitude: S::F, sign: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe { S::from_bits(S::or_i(S::bits(magnitude), S::and_i(S::bits(sign), S::splat_i(i32::MIN)))) }
}

/// x, but not beyond `-limit` and `limit`.
#[inline(always)]
unsafe fn clamp<S: Simd>(x: S::F, limit: f32) -> S::F {
    // SAFETY: by the contract of `Simd`. Arguments in this order: min and max give the second where one is NaN.
    unsafe { S::max(S::splat(-limit), S::min(S::splat(limit), x)) }
}

/// e^x within 1 ulp: 0 below -104, infinity above 88.7.
/// Cody-Waite reduction by ln 2 and a polynomial of degree 6 (Cephes `expf`).
#[inline(always)]
pub unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // Arguments in this order: min and max give the second where one is NaN.
        let clamped = S::max(S::splat(-104.0), S::min(S::splat(89.0), x));
        let n = S::to_f(S::to_i(S::mul(clamped, S::splat(std::f32::consts::LOG2_E))));
        let r = S::neg_mul_add(n, S::splat(0.693_359_4), clamped);
        let r = S::neg_mul_add(n, S::splat(-2.121_944_4e-4), r);
        let p = polynomial::<S, 6>(r, [5e-1, 1.666_666_5e-1, 4.166_579_6e-2, 8.333_452e-3, 1.398_199_9e-3, 1.987_569_1e-4]);
        let p = S::add(S::mul_add(p, S::mul(r, r), r), S::splat(1.0));
        S::select(S::eq(x, x), S::mul_power_of_two(p, n), x)
    }
}

/// 2^x within 2.5 ulp where -126 <= x <= 127; exactly 0 from -127 down, below the smallest normal number between; not for x above 127.
/// Half the instructions of `exp`: for a softmax, whose arguments are at most 0.
// The fit's first coefficient is near ln 2, not ln 2.
#[allow(clippy::approx_constant)]
#[inline(always)]
pub unsafe fn exp2<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let x = S::max(S::splat(-127.0), x);
        // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
        let magic = S::splat(12_582_912.0);
        let shifted = S::add(x, magic);
        let r = S::sub(x, S::sub(shifted, magic));
        let p = polynomial::<S, 6>(r, [1.0, 6.931_47e-1, 2.402_224_2e-1, 5.550_733_6e-2, 9.671_513e-3, 1.326_472_8e-3]);
        // At -127 the polynomial is exactly 1, whose exponent becomes that of 0.
        S::from_bits(S::add_i(S::bits(p), S::shift_left::<23>(S::bits(shifted))))
    }
}

/// ln x within 1 ulp; -infinity at 0, NaN below.
#[inline(always)]
pub unsafe fn log<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let zero = S::splat(0.0);
        // Denormal numbers are made normal first.
        let tiny = S::lt(x, S::splat(f32::MIN_POSITIVE));
        let scaled = S::select(tiny, S::mul(x, S::splat(8_388_608.0)), x);
        // x = 2^n (1 + r) with 1 + r from sqrt(1/2) to sqrt(2).
        let offset = S::splat_i(std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32);
        let above = S::sub_i(S::bits(scaled), offset);
        let fraction = S::from_bits(S::add_i(S::and_i(above, S::splat_i(0x007f_ffff)), offset));
        // An arithmetic shift, made of the logical one: 128 is added to the exponent before and taken away after.
        let biased = S::shift_right::<23>(S::add_i(above, S::splat_i(1 << 30)));
        let n = S::sub(S::to_f(biased), S::select(tiny, S::splat(128.0 + 23.0), S::splat(128.0)));
        let r = S::sub(fraction, S::splat(1.0));
        let p = polynomial::<S, 8>(
            r,
            [3.333_333e-1, -2.500_082e-1, 2.000_122_7e-1, -1.662_335_7e-1, 1.420_175_9e-1, -1.316_018_4e-1, 1.276_157_3e-1, -7.634_486e-2],
        );
        // r - r^2 / 2 + r^3 p, and n ln 2 in two parts, the small ones first.
        let square = S::mul(r, r);
        let small = S::mul_add(n, S::splat(-2.121_944_4e-4), S::mul(S::mul(square, r), p));
        let y = S::add(r, S::mul_add(square, S::splat(-0.5), small));
        let y = S::mul_add(n, S::splat(0.693_359_4), y);
        let y = S::select(S::eq(x, zero), S::splat(f32::NEG_INFINITY), y);
        let y = S::select(S::lt(x, zero), S::splat(f32::NAN), y);
        // Infinity and NaN stay.
        S::select(S::lt(x, S::splat(f32::INFINITY)), y, x)
    }
}

/// ln(1 + x) within 3 ulp; -infinity at -1, NaN below. What 1 + x loses is made up for by x / ((1 + x) - 1), as in W. Kahan's `log1p`.
#[inline(always)]
pub unsafe fn log_1p<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let one = S::splat(1.0);
        let shifted = S::add(one, x);
        let y = S::mul(log::<S>(shifted), S::div(x, S::sub(shifted, one)));
        // Where nothing is left of x, it is its own logarithm; so is infinity.
        let y = S::select(S::eq(shifted, one), x, y);
        S::select(S::eq(x, S::splat(f32::INFINITY)), x, y)
    }
}

/// e^x - 1 within 3 ulp. What e^x loses is made up for by x / ln(e^x), as in W. Kahan's `expm1`.
#[inline(always)]
pub unsafe fn exp_m1<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let one = S::splat(1.0);
        let power = exp::<S>(x);
        let y = S::mul(S::sub(power, one), S::div(x, log::<S>(power)));
        let y = S::select(S::eq(power, one), x, y);
        let y = S::select(S::lt(power, S::splat(1e-9)), S::splat(-1.0), y);
        S::select(S::eq(power, S::splat(f32::INFINITY)), power, y)
    }
}

/// ln(1 + e^x) within 4 ulp.
#[inline(always)]
pub unsafe fn softplus<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`. Arguments in this order: max gives the second where one is NaN.
    unsafe {
        let zero = S::splat(0.0);
        S::add(S::max(zero, x), log_1p::<S>(exp::<S>(S::sub(zero, S::abs(x)))))
    }
}

/// 1 / (1 + e^-x) within 2 ulp; 0 below -88.7, where it is denormal.
#[inline(always)]
pub unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, exp::<S>(S::sub(S::splat(0.0), x))))
    }
}

/// The hyperbolic tangent within 1.5 ulp.
#[inline(always)]
pub unsafe fn tanh<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let magnitude = S::abs(x);
        let square = S::mul(x, x);
        let p = polynomial::<S, 5>(square, [-3.333_328_4e-1, 1.333_149_1e-1, -5.374_35e-2, 2.065_058_8e-2, -5.717_046e-3]);
        let near = S::mul_add(S::mul(p, square), x, x);
        let one = S::splat(1.0);
        let power = exp::<S>(S::add(magnitude, magnitude));
        let far = S::sub(one, S::div(S::splat(2.0), S::add(power, one)));
        S::select(S::lt(magnitude, S::splat(0.625)), near, with_sign::<S>(far, x))
    }
}

/// The error function within 1 ulp. The far part is 1 - e^-g with g = -ln erfc fitted, so that it needs no division
/// (the form is that of N. Juffa's single-precision `erff`).
#[inline(always)]
pub unsafe fn erf<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let magnitude = S::abs(x);
        let square = S::mul(x, x);
        let p = polynomial::<S, 6>(square, [1.283_791_5e-1, -3.761_252_3e-1, 1.128_214_1e-1, -2.677_892e-2, 5.011_975e-3, -6.090_416e-4]);
        let near = S::mul_add(p, x, x);
        // From 4 on the result is 1.
        let t = S::min(S::splat(4.0), magnitude);
        let p = polynomial::<S, 6>(t, [1.285_166e-1, 6.357_112_5e-1, 1.052_705_1e-1, -2.289_512_8e-2, 3.216_452_3e-3, -2.141_539_6e-4]);
        let g = S::mul_add(p, t, t);
        let far = S::sub(S::splat(1.0), exp::<S>(S::sub(S::splat(0.0), g)));
        S::select(S::lt(magnitude, S::splat(0.9)), near, with_sign::<S>(far, x))
    }
}

/// The distribution function of the standard normal and its density without the factor 1 / sqrt(2 pi), which share one exponential.
#[inline(always)]
unsafe fn normal<S: Simd>(x: S::F) -> (S::F, S::F) {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        let one = S::splat(1.0);
        let density = exp::<S>(S::mul(S::mul(x, x), S::splat(-0.5)));
        // The upper tail is density times a smooth function of |x|: a polynomial in 1 / (1 + 0.3 |x|) without constant.
        let t = S::div(one, S::mul_add(S::abs(x), S::splat(0.3), one));
        let p = polynomial::<S, 8>(
            t,
            [1.196_189e-1, 1.209_390_8e-1, 9.863_987e-2, 1.330_559_8e-1, -6.259_859e-2, 2.163_961_7e-1, -1.631_981e-1, 3.714_673e-2],
        );
        let tail = S::mul(S::mul(density, t), p);
        (S::select(S::lt(x, S::splat(0.0)), tail, S::sub(one, tail)), density)
    }
}

/// x Phi(x) with the distribution function of the standard normal, by its error function: GELU (Hendrycks and Gimpel 2016).
/// Within 3e-7 of |x|; unlike the usual form it keeps its digits for negative x (8e-6 relative down to -12).
#[inline(always)]
pub unsafe fn gelu<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe { S::mul(x, normal::<S>(x).0) }
}

/// The derivative of `gelu`: Phi(x) + x phi(x), within 3e-7.
#[inline(always)]
pub unsafe fn gelu_derivative<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // Beyond 14 it is 0 or 1; infinity times a density of 0 would be NaN.
        let x = clamp::<S>(x, 14.0);
        let (distribution, density) = normal::<S>(x);
        S::mul_add(S::mul(x, S::splat(INV_SQRT_TAU)), density, distribution)
    }
}

/// 1 / sqrt(2 pi).
const INV_SQRT_TAU: f32 = 0.398_942_3;
/// 0.5 (1 + tanh(u)) is sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3): these are the factors of x and x^3 in 2 u.
const GELU_LINEAR: f32 = 1.595_769_2;
const GELU_CUBIC: f32 = 0.071_354_814;

/// GELU's approximation with a hyperbolic tangent (Hendrycks and Gimpel 2016, section 2; GPT-2's `gelu_new`), as x sigmoid(2 u).
/// Within 4e-7 of |x|.
#[inline(always)]
pub unsafe fn gelu_tanh<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe { S::mul(x, gelu_tanh_gate::<S>(x)) }
}

/// The derivative of `gelu_tanh`, within 4e-7.
#[inline(always)]
pub unsafe fn gelu_tanh_derivative<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // Beyond 12 it is 0 or 1; infinity times 0 would be NaN.
        let x = clamp::<S>(x, 12.0);
        let one = S::splat(1.0);
        let gate = gelu_tanh_gate::<S>(x);
        let slope = S::mul_add(S::mul(x, x), S::splat(3.0 * GELU_CUBIC), S::splat(GELU_LINEAR));
        S::mul(gate, S::mul_add(S::mul(x, slope), S::sub(one, gate), one))
    }
}

#[inline(always)]
unsafe fn gelu_tanh_gate<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe { sigmoid::<S>(S::mul(x, S::mul_add(S::mul(x, x), S::splat(GELU_CUBIC), S::splat(GELU_LINEAR)))) }
}

/// x sigmoid(x) (Elfwing et al. 2018) within 2.5 ulp; NaN at -infinity, as PyTorch's.
#[inline(always)]
pub unsafe fn silu<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe { S::mul(x, sigmoid::<S>(x)) }
}

/// The derivative of `silu`, within 4e-7.
#[inline(always)]
pub unsafe fn silu_derivative<S: Simd>(x: S::F) -> S::F {
    // SAFETY: by the contract of `Simd`.
    unsafe {
        // Beyond 100 it is 0 or 1; infinity times 0 would be NaN.
        let x = clamp::<S>(x, 100.0);
        let one = S::splat(1.0);
        let gate = sigmoid::<S>(x);
        S::mul(gate, S::mul_add(x, S::sub(one, gate), one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd_dispatch;

    /// `name(isa, x)`: the function on every element.
    macro_rules! on_slices {
        ($($name:ident = $function:ident),* $(,)?) => {$(
            fn $name(isa: Isa, x: &[f32]) -> Vec<f32> {
                #[inline(always)]
                unsafe fn map<S: Simd>(x: &[f32], y: &mut [f32]) {
                    let mut i = 0;
                    while i < x.len() {
                        let count = S::LANES.min(x.len() - i);
                        // SAFETY: within both slices.
                        unsafe { S::store_first(y.as_mut_ptr().add(i), $function::<S>(S::load_first(x.as_ptr().add(i), count)), count) };
                        i += count;
                    }
                }
                simd_dispatch! { unsafe fn all(x: &[f32], y: &mut [f32]) = map; }
                let mut y = vec![0.0; x.len()];
                // SAFETY: slices of equal length.
                unsafe { all(isa, x, &mut y) };
                y
            }
        )*};
    }

    on_slices! {
        exps = exp, exp2s = exp2, logs = log, sigmoids = sigmoid, tanhs = tanh, erfs = erf, gelus = gelu, gelu_derivatives = gelu_derivative,
        gelu_tanhs = gelu_tanh, gelu_tanh_derivatives = gelu_tanh_derivative, silus = silu, silu_derivatives = silu_derivative, log_1ps = log_1p, exp_m1s = exp_m1, softpluses = softplus,
    }

    /// Bit patterns from one end of float32 to the other, 1.2 million of them, infinities and zeros included.
    fn whole_range() -> Vec<f32> {
        let magnitudes = (0..=0x7f80_0000u32).step_by(3581).chain([0x7f80_0000, 0x7f7f_ffff, 1, 0x0080_0000]);
        magnitudes.flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)]).collect()
    }

    /// Most units in the last place between `f` and `exact`, over inputs that `wanted` takes. Infinities, zeros and NaN must match.
    fn worst(isa: Isa, f: fn(Isa, &[f32]) -> Vec<f32>, exact: fn(f64) -> f64, wanted: impl Fn(f32) -> bool) -> f64 {
        let x: Vec<f32> = whole_range().into_iter().filter(|&x| wanted(x)).collect();
        let mut most = 0.0f64;
        for (&x, y) in x.iter().zip(f(isa, &x)) {
            let exact = exact(f64::from(x));
            if !(exact as f32).is_finite() || !y.is_finite() {
                assert!(y == exact as f32 || y.is_nan() && exact.is_nan(), "{isa}: f({x}) = {y}, expected {exact}");
                continue;
            }
            let unit = f64::from((exact.abs() as f32).next_up() - exact.abs() as f32);
            most = most.max((f64::from(y) - exact).abs() / unit);
        }
        assert!(f(isa, &[f32::NAN])[0].is_nan(), "{isa}");
        most
    }

    /// Largest difference between `f` and `exact` over `|x| <= limit`, divided by `max(1, |x|)`.
    fn farthest(isa: Isa, f: fn(Isa, &[f32]) -> Vec<f32>, exact: fn(f64) -> f64, limit: f32) -> f64 {
        let x: Vec<f32> =
            whole_range().into_iter().filter(|x| x.abs() <= limit).chain((-20_000..20_000).map(|i| i as f32 * 1e-3)).collect();
        let errors = x.iter().zip(f(isa, &x)).map(|(&x, y)| (f64::from(y) - exact(x.into())).abs() / f64::from(x.abs().max(1.0)));
        assert!(f(isa, &[f32::NAN])[0].is_nan(), "{isa}");
        errors.fold(0.0, |most, error| if error >= most || error.is_nan() { error } else { most })
    }

    // By series and continued fraction: the standard library has neither.
    fn exact_erfc(x: f64) -> f64 {
        if x < 0.0 {
            return 2.0 - exact_erfc(-x);
        }
        if x < 2.5 {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return 1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI;
        }
        let fraction = (1..300).rev().fold(x, |rest, k| x + f64::from(k) / 2.0 / rest);
        (-x * x).exp() / fraction / std::f64::consts::PI.sqrt()
    }

    fn exact_erf(x: f64) -> f64 {
        if x.abs() > 6.0 {
            return x.signum();
        }
        if x.abs() < 2.5 {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return sum * std::f64::consts::FRAC_2_SQRT_PI;
        }
        x.signum() * (1.0 - exact_erfc(x.abs()))
    }

    fn exact_phi(x: f64) -> f64 {
        exact_erfc(-x * std::f64::consts::FRAC_1_SQRT_2) / 2.0
    }

    fn exact_gelu_derivative(x: f64) -> f64 {
        exact_phi(x) + x * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
    }

    fn exact_sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn exact_gelu_tanh(x: f64) -> f64 {
        x * exact_sigmoid(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x))
    }

    fn exact_gelu_tanh_derivative(x: f64) -> f64 {
        let scale = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
        let gate = exact_sigmoid(scale * (x + 0.044715 * x * x * x));
        gate * (1.0 + x * scale * (1.0 + 3.0 * 0.044715 * x * x) * (1.0 - gate))
    }

    /// One ulp more where there is no fused multiply-add.
    fn allowed(isa: Isa, ulp: f64) -> f64 {
        if isa == Isa::Portable && !cfg!(target_arch = "aarch64") { ulp + 1.0 } else { ulp }
    }

    #[test]
    fn functions_are_within_the_units_stated_over_all_numbers() {
        let normal = f32::MIN_POSITIVE;
        for isa in Isa::available() {
            let check = |name: &str, ulp: f64, error: f64| assert!(error <= allowed(isa, ulp), "{isa} {name}: {error} ulp");
            check("exp", 1.0, worst(isa, exps, f64::exp, |_| true));
            check("exp2", 2.5, worst(isa, exp2s, f64::exp2, |x| (-126.0..=127.0).contains(&x)));
            check("log", 1.0, worst(isa, logs, f64::ln, |_| true));
            check("sigmoid", 2.0, worst(isa, sigmoids, exact_sigmoid, |x| x > -88.0));
            check("tanh", 1.5, worst(isa, tanhs, f64::tanh, |_| true));
            check("erf", 1.0, worst(isa, erfs, exact_erf, |_| true));
            check("log_1p", 3.0, worst(isa, log_1ps, f64::ln_1p, |_| true));
            check("exp_m1", 3.0, worst(isa, exp_m1s, f64::exp_m1, |_| true));
            // Where e^x is normal.
            check("softplus", 4.0, worst(isa, softpluses, |x| if x > 700.0 { x } else { x.exp().ln_1p() }, |x| x > -87.0));
            check("silu", 2.5, worst(isa, silus, |x| x * exact_sigmoid(x), |x| x > -83.0 && x.abs() > normal));
        }
    }

    #[test]
    fn activations_and_their_derivatives_are_within_the_distance_stated() {
        for isa in Isa::available() {
            let check = |name: &str, most: f64, error: f64| assert!(error <= most, "{isa} {name}: {error}");
            check("gelu", 3e-7, farthest(isa, gelus, |x| x * exact_phi(x), 1e30));
            check("gelu'", 3e-7, farthest(isa, gelu_derivatives, exact_gelu_derivative, 1e3));
            check("gelu tanh", 4e-7, farthest(isa, gelu_tanhs, exact_gelu_tanh, 1e10));
            check("gelu tanh'", 4e-7, farthest(isa, gelu_tanh_derivatives, exact_gelu_tanh_derivative, 1e3));
            let silu_derivative = |x: f64| exact_sigmoid(x) * (1.0 + x * (1.0 - exact_sigmoid(x)));
            check("silu'", 4e-7, farthest(isa, silu_derivatives, silu_derivative, 1e3));
            for (function, at_infinity) in [(gelus as fn(Isa, &[f32]) -> Vec<f32>, f32::INFINITY), (gelu_tanhs, f32::INFINITY)] {
                assert_eq!(function(isa, &[f32::INFINITY]), [at_infinity], "{isa}");
            }
            for derivative in [gelu_derivatives as fn(Isa, &[f32]) -> Vec<f32>, gelu_tanh_derivatives, silu_derivatives] {
                let y = derivative(isa, &[f32::INFINITY, f32::NEG_INFINITY]);
                assert!(y[0] == 1.0 && y[1].abs() < 1e-37, "{isa}: {y:?}");
            }
        }
    }

    #[test]
    fn gelu_keeps_its_digits_for_negative_numbers() {
        let x: Vec<f32> = (0..12_000).map(|i| -1e-3 * i as f32).collect();
        for isa in Isa::available() {
            for (&x, y) in x.iter().zip(gelus(isa, &x)) {
                let exact = f64::from(x) * exact_phi(x.into());
                let most = if isa == Isa::Portable { 1.2e-5 } else { 8e-6 };
                assert!((f64::from(y) - exact).abs() <= most * exact.abs(), "{isa} gelu({x}) = {y}, expected {exact}");
            }
        }
    }

    #[test]
    fn special_values_of_exp_and_log() {
        for isa in Isa::available() {
            let y = exps(isa, &[f32::INFINITY, f32::NEG_INFINITY, 0.0, -200.0, 200.0]);
            assert_eq!(y, [f32::INFINITY, 0.0, 1.0, 0.0, f32::INFINITY], "{isa}");
            let y = exp2s(isa, &[f32::NEG_INFINITY, -1e30, -127.0, -0.0, 0.0, 1.0, 127.0, -126.0]);
            assert_eq!(y, [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2f32.powi(127), f32::MIN_POSITIVE], "{isa}");
            let denormal = exp2s(isa, &[-126.2, -126.5, -126.9]);
            assert!(denormal.iter().all(|&y| (0.0..=f32::MIN_POSITIVE).contains(&y)), "{isa}: {denormal:?}");
            let y = logs(isa, &[1.0, 0.0, -0.0, f32::INFINITY, -1.0]);
            assert_eq!(y[..4], [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY], "{isa}");
            assert!(y[4].is_nan(), "{isa}");
        }
    }
}
