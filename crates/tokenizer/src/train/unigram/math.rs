//! Logarithm and exponential of float64 as V8 has them (fdlibm, Sun Microsystems 1993: e_log.c, e_exp.c), so that a vocabulary does not
//! depend on the platform's mathematics library, nor on which of the two trainers made it.

// The digits as they stand there.
#![allow(clippy::excessive_precision)]

const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-01;
const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;

/// Natural logarithm of a positive normal number.
pub fn ln(x: f64) -> f64 {
    const L1: f64 = 6.666_666_666_666_735_130e-01;
    const L2: f64 = 3.999_999_999_940_941_908e-01;
    const L3: f64 = 2.857_142_874_366_239_149e-01;
    const L4: f64 = 2.222_219_843_214_978_396e-01;
    const L5: f64 = 1.818_357_216_161_805_012e-01;
    const L6: f64 = 1.531_383_769_920_937_332e-01;
    const L7: f64 = 1.479_819_860_511_658_591e-01;
    debug_assert!(x.is_normal() && x > 0.0);
    let bits = x.to_bits();
    let mut high = (bits >> 32) as i32;
    let mut k = (high >> 20) - 1023;
    high &= 0x000f_ffff;
    let mut i = (high + 0x9_5f64) & 0x10_0000;
    // x or x / 2, from sqrt(2) / 2 to sqrt(2).
    let x = f64::from_bits((((high | (i ^ 0x3ff0_0000)) as u64) << 32) | (bits & 0xffff_ffff));
    k += i >> 20;
    let f = x - 1.0;
    let dk = f64::from(k);
    if (0x000f_ffff & (2 + high)) < 3 {
        if f == 0.0 {
            return if k == 0 { 0.0 } else { dk * LN2_HIGH + dk * LN2_LOW };
        }
        let r = f * f * (0.5 - 0.333_333_333_333_333_33 * f);
        return if k == 0 { f - r } else { dk * LN2_HIGH - ((r - dk * LN2_LOW) - f) };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    i = high - 0x6_147a;
    let w = z * z;
    let j = 0x6_b851 - high;
    let t1 = w * (L2 + w * (L4 + w * L6));
    let t2 = z * (L1 + w * (L3 + w * (L5 + w * L7)));
    i |= j;
    let r = t2 + t1;
    if i > 0 {
        let half = 0.5 * f * f;
        if k == 0 { f - (half - s * (half + r)) } else { dk * LN2_HIGH - ((half - (s * (half + r) + dk * LN2_LOW)) - f) }
    } else if k == 0 {
        f - s * (f - r)
    } else {
        dk * LN2_HIGH - ((s * (f - r) - dk * LN2_LOW) - f)
    }
}

/// e to the power of x, from -700 to 700.
pub fn exp(x: f64) -> f64 {
    const P1: f64 = 1.666_666_666_666_660_190_37e-01;
    const P2: f64 = -2.777_777_777_701_559_338_42e-03;
    const P3: f64 = 6.613_756_321_437_934_361_17e-05;
    const P4: f64 = -1.653_390_220_546_525_153_90e-06;
    const P5: f64 = 4.138_136_797_057_238_460_39e-08;
    const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
    const E: f64 = std::f64::consts::E;
    debug_assert!((-700.0..=700.0).contains(&x));
    let high = (x.to_bits() >> 32) as u32 & 0x7fff_ffff;
    let negative = x.is_sign_negative();
    let (mut hi, mut lo, mut k, mut x) = (0.0, 0.0, 0i32, x);
    if high > 0x3fd6_2e42 {
        // |x| > ln(2) / 2
        if high < 0x3ff0_a2b2 {
            // |x| < 1.5 ln(2)
            if x == 1.0 {
                return E;
            }
            (hi, lo) = if negative { (x + LN2_HIGH, -LN2_LOW) } else { (x - LN2_HIGH, LN2_LOW) };
            k = if negative { -1 } else { 1 };
        } else {
            k = (INVERSE_LN2 * x + if negative { -0.5 } else { 0.5 }) as i32;
            let t = f64::from(k);
            hi = x - t * LN2_HIGH;
            lo = t * LN2_LOW;
        }
        x = hi - lo;
    } else if high < 0x3e30_0000 {
        return 1.0 + x;
    }
    let t = x * x;
    let two_to_k = f64::from_bits(((1023 + if k >= -1021 { k } else { k + 1000 }) as u64) << 52);
    let c = x - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))));
    if k == 0 {
        return 1.0 - ((x * c) / (c - 2.0) - x);
    }
    let y = 1.0 - ((lo - (x * c) / (2.0 - c)) - hi);
    if k >= -1021 { y * two_to_k } else { y * two_to_k * 2f64.powi(-1000) }
}

/// Derivative of the logarithm of the gamma function (Abramowitz and Stegun 6.3.18), for x above 0.
pub fn digamma(x: f64) -> f64 {
    let (mut shift, mut at) = (0.0, x);
    while at < 7.0 {
        shift -= 1.0 / at;
        at += 1.0;
    }
    at -= 0.5;
    let inverse = 1.0 / at;
    let square = inverse * inverse;
    let fourth = square * square;
    shift + ln(at) + (1.0 / 24.0) * square - (7.0 / 960.0) * fourth + (31.0 / 8064.0) * fourth * square
        - (127.0 / 30720.0) * fourth * fourth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_unit_of_the_platform() {
        let mut state = 1u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let x = f64::from_bits((state >> 12) | 0x3ff0_0000_0000_0000) - 1.0;
            for at in [x + 1e-300, x * 1e-9 + 1e-12, x * 1e12 + 1.0, 0.5 + x] {
                assert!((ln(at) - at.ln()).abs() <= 3e-16 * at.ln().abs().max(0.1), "{at}");
            }
            for at in [x, -x, 40.0 * x, -40.0 * x, -600.0 * x] {
                assert!((exp(at) - at.exp()).abs() <= 3e-16 * at.exp(), "{at}");
            }
        }
        assert_eq!((ln(1.0), exp(0.0), exp(1.0)), (0.0, 1.0, std::f64::consts::E));
    }

    #[test]
    fn digamma_of_known_arguments() {
        for (x, expected) in [(1.0, -0.577_215_664_901_532_9), (0.5, -1.963_510_026_021_423_5), (10.0, 2.251_752_589_066_721)] {
            assert!((digamma(x) - expected).abs() < 1e-10, "{x}");
        }
    }
}
