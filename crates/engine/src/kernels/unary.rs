//! Elementwise functions of one operand.
//!
//! Each kernel: input x; output y with as many elements; floats as named in the table. What TensorFlow.js' CPU backend gives, NaN included;
//! for int32 it computes in float64 and drops the fraction, which leaves nothing of most functions, so that only those that make sense are
//! here. What networks use comes from `simd::math`, what is rare from the mathematics library of the platform, element by element.

use super::Kernel;
use super::element::{Element, to_int32};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::{Error, Result};
use crate::isa::Isa;
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::simd_dispatch;

/// Elements of a task of a function that costs no more than its memory.
const CHEAP: usize = 1 << 15;
/// Of a function of `simd::math`.
const VECTOR: usize = 1 << 14;
/// Of one of the mathematics library.
const SLOW: usize = 1 << 12;

/// The float attributes; 0 where there is none.
type Attributes = [f64; 2];

/// SELU's factor, and the product of it with its alpha (Klambauer et al. 2017).
const SELU_SCALE: f32 = 1.050_701;
const SELU_SCALE_ALPHA: f32 = 1.758_099_4;

/// Checks the operands, cuts them into tasks and runs `compute` on them.
fn apply<T: Element, U: Element>(
    context: &Context,
    call: &mut Call,
    grain: usize,
    attribute_count: usize,
    compute: unsafe fn(Isa, &[T], &mut [U], Attributes),
) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(x.size() == y.size(), "expected as many elements, got {:?} and {:?}", x.shape, y.shape());
    let floats = call.floats();
    ensure!(floats.len() == attribute_count, "expected {attribute_count} float attributes, got {}", floats.len());
    let mut attributes = [0.0; 2];
    attributes[..attribute_count].copy_from_slice(floats);
    let (x, y) = (T::read(&x)?, U::write(y)?);
    let y = Shared::new(y);
    context.pool.run_ranges(x.len(), grain, |range, _| {
        // SAFETY: ranges do not overlap and lie within both slices, which have the same length; the instruction set is this processor's.
        unsafe { compute(context.isa, &x[range.clone()], y.part(range.start, range.len()), attributes) };
    });
    Ok(())
}

/// A function of single elements, for the compiler to vectorize.
#[inline(always)]
fn scalars<T: Copy, U>(x: &[T], y: &mut [U], function: impl Fn(T) -> U) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = function(x);
    }
}

/// A function of vectors. A trait and not a closure, which the compiler would make without the instruction set's instructions.
trait VectorFunction {
    /// SAFETY: as of `Simd`.
    unsafe fn of<S: Simd>(x: S::F) -> S::F;
}

/// SAFETY: the slices have the same length; the processor has the instruction set.
#[inline(always)]
unsafe fn vectors<S: Simd, V: VectorFunction>(x: &[f32], y: &mut [f32]) {
    let whole = x.len() / S::LANES * S::LANES;
    // SAFETY: by the contract of the function.
    unsafe {
        let (x, y, count) = (x.as_ptr(), y.as_mut_ptr(), x.len() - whole);
        for start in (0..whole).step_by(S::LANES) {
            S::store(y.add(start), V::of::<S>(S::load(x.add(start))));
        }
        S::store_first(y.add(whole), V::of::<S>(S::load_first(x.add(whole), count)), count);
    }
}

/// `Name(grain, float attributes) { T => U: how |x, attributes| value; ... }`: a kernel, and what it computes for operands of each type. `how` is
/// `scalar`, or `vector` with the instruction set in front.
macro_rules! functions {
    ($($name:ident($grain:ident, $count:literal) { $($in:ty => $out:ty: $how:ident |$($arg:ident),+| $value:expr;)+ })+) => {
        /// Of this file.
        pub const KERNELS: &[(&str, Kernel)] = &[$((stringify!($name), |context, call| {
            let dtype = call.input(0)?.dtype;
            $(
                if dtype == <$in>::DTYPE {
                    functions! { @generic $how $in, $out, |$($arg),+| $value }
                    simd_dispatch! { unsafe fn compute(x: &[$in], y: &mut [$out], attributes: Attributes) = generic; }
                    return apply(context, call, $grain, $count, compute);
                }
            )+
            Err(Error::Invalid(format!("expected {}, got {dtype:?}", [$(stringify!($in)),+].join(" or "))))
        })),+];
    };
    (@generic scalar $in:ty, $out:ty, |$x:ident, $attributes:ident| $value:expr) => {
        // `S` only says for which instructions the compiler makes it.
        #[allow(clippy::extra_unused_type_parameters)]
        #[inline(always)]
        unsafe fn generic<S: Simd>(x: &[$in], y: &mut [$out], $attributes: Attributes) {
            scalars(x, y, |$x: $in| -> $out { $value });
        }
    };
    (@generic vector $in:ty, $out:ty, |$set:ident, $x:ident| $value:expr) => {
        struct Function;
        impl VectorFunction for Function {
            #[inline(always)]
            unsafe fn of<$set: Simd>($x: $set::F) -> $set::F {
                // SAFETY: by the contract of the function.
                unsafe { $value }
            }
        }
        #[inline(always)]
        unsafe fn generic<S: Simd>(x: &[f32], y: &mut [f32], _: Attributes) {
            // SAFETY: `apply` gives slices of one length, on a processor with the instruction set.
            unsafe { vectors::<S, Function>(x, y) }
        }
    };
}

functions! {
    Abs(CHEAP, 0) {
        f32 => f32: scalar |x, _p| x.abs();
        i32 => i32: scalar |x, _p| x.wrapping_abs();
    }
    Neg(CHEAP, 0) {
        f32 => f32: scalar |x, _p| -x;
        i32 => i32: scalar |x, _p| x.wrapping_neg();
    }
    Square(CHEAP, 0) {
        f32 => f32: scalar |x, _p| x * x;
        i32 => i32: scalar |x, _p| x.wrapping_mul(x);
    }
    Sign(CHEAP, 0) {
        f32 => f32: scalar |x, _p| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 };
        i32 => i32: scalar |x, _p| x.signum();
    }
    Sqrt(CHEAP, 0) { f32 => f32: scalar |x, _p| x.sqrt(); }
    Rsqrt(CHEAP, 0) { f32 => f32: scalar |x, _p| 1.0 / x.sqrt(); }
    Reciprocal(CHEAP, 0) { f32 => f32: scalar |x, _p| 1.0 / x; }
    Floor(CHEAP, 0) { f32 => f32: scalar |x, _p| x.floor(); }
    Ceil(CHEAP, 0) { f32 => f32: scalar |x, _p| x.ceil(); }
    // Half to even.
    Round(CHEAP, 0) { f32 => f32: scalar |x, _p| x.round_ties_even(); }
    Relu(CHEAP, 0) {
        f32 => f32: scalar |x, _p| if x < 0.0 { 0.0 } else { x };
        i32 => i32: scalar |x, _p| if x < 0 { 0 } else { x };
    }
    Relu6(CHEAP, 0) {
        f32 => f32: scalar |x, _p| x.clamp(0.0, 6.0);
        i32 => i32: scalar |x, _p| x.clamp(0, 6);
    }
    // alpha.
    LeakyRelu(CHEAP, 1) { f32 => f32: scalar |x, p| if x < 0.0 { p[0] as f32 * x } else { x }; }
    // alpha, the value below 0 and at 0.
    Step(CHEAP, 1) {
        f32 => f32: scalar |x, p| if x > 0.0 { 1.0 } else if x.is_nan() { x } else { p[0] as f32 };
        i32 => i32: scalar |x, p| if x > 0 { 1 } else { to_int32(p[0]) };
    }
    // Smallest and largest value.
    ClipByValue(CHEAP, 2) {
        f32 => f32: scalar |x, p| if x > p[1] as f32 { p[1] as f32 } else if x < p[0] as f32 { p[0] as f32 } else { x };
        i32 => i32: scalar |x, p| if f64::from(x) > p[1] { to_int32(p[1]) } else if f64::from(x) < p[0] { to_int32(p[0]) } else { x };
    }
    IsNan(CHEAP, 0) { f32 => u8: scalar |x, _p| u8::from(x.is_nan()); }
    IsInf(CHEAP, 0) { f32 => u8: scalar |x, _p| u8::from(x.is_infinite()); }
    IsFinite(CHEAP, 0) { f32 => u8: scalar |x, _p| u8::from(x.is_finite()); }
    LogicalNot(CHEAP, 0) { u8 => u8: scalar |x, _p| u8::from(x == 0); }

    Exp(VECTOR, 0) { f32 => f32: vector |S, x| math::exp::<S>(x); }
    Log(VECTOR, 0) { f32 => f32: vector |S, x| math::log::<S>(x); }
    Tanh(VECTOR, 0) { f32 => f32: vector |S, x| math::tanh::<S>(x); }
    Sigmoid(VECTOR, 0) { f32 => f32: vector |S, x| math::sigmoid::<S>(x); }
    Erf(VECTOR, 0) { f32 => f32: vector |S, x| math::erf::<S>(x); }
    Expm1(VECTOR, 0) { f32 => f32: vector |S, x| math::exp_m1::<S>(x); }
    Log1p(VECTOR, 0) { f32 => f32: vector |S, x| math::log_1p::<S>(x); }
    Softplus(VECTOR, 0) { f32 => f32: vector |S, x| math::softplus::<S>(x); }
    Elu(VECTOR, 0) { f32 => f32: vector |S, x| S::select(S::lt(x, S::splat(0.0)), math::exp_m1::<S>(x), x); }
    Selu(VECTOR, 0) {
        f32 => f32: vector |S, x| S::select(
            S::lt(x, S::splat(0.0)),
            S::mul(S::splat(SELU_SCALE_ALPHA), math::exp_m1::<S>(x)),
            S::mul(S::splat(SELU_SCALE), x)
        );
    }

    Sin(SLOW, 0) { f32 => f32: scalar |x, _p| x.sin(); }
    Cos(SLOW, 0) { f32 => f32: scalar |x, _p| x.cos(); }
    Asin(SLOW, 0) { f32 => f32: scalar |x, _p| x.asin(); }
    Acos(SLOW, 0) { f32 => f32: scalar |x, _p| x.acos(); }
    Atan(SLOW, 0) { f32 => f32: scalar |x, _p| x.atan(); }
    Sinh(SLOW, 0) { f32 => f32: scalar |x, _p| x.sinh(); }
    Cosh(SLOW, 0) { f32 => f32: scalar |x, _p| x.cosh(); }
    // In float64: the first where it is steep, the others because they are composed of other functions.
    Tan(SLOW, 0) { f32 => f32: scalar |x, _p| f64::from(x).tan() as f32; }
    Asinh(SLOW, 0) { f32 => f32: scalar |x, _p| f64::from(x).asinh() as f32; }
    Acosh(SLOW, 0) { f32 => f32: scalar |x, _p| f64::from(x).acosh() as f32; }
    Atanh(SLOW, 0) { f32 => f32: scalar |x, _p| f64::from(x).atanh() as f32; }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    /// Error in units of the last place of the exact value.
    fn units(found: f32, exact: f64) -> f64 {
        let rounded = exact as f32;
        if found == rounded || (found.is_nan() && exact.is_nan()) {
            return 0.0;
        }
        (f64::from(found) - exact).abs() / f64::from((rounded.abs().next_up() - rounded.abs()).max(f32::MIN_POSITIVE))
    }

    fn check(name: &'static str, floats: &[f64], low: f32, high: f32, tolerance: f64, exact: impl Fn(f64) -> f64) {
        for size in [0, 1, 3, 15, 16, 17, 100, (1 << 15) + 7] {
            let mut random = Random::new(size as u64);
            let mut values: Vec<f32> = (0..size).map(|_| low + (high - low) * random.uniform()).collect();
            let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1.0, -1.0, 1e-30, 3e38];
            values.iter_mut().zip(special).for_each(|(value, special)| *value = special);
            let x = Array::f32(&[size], &values);
            Run::new(name).input(&x).output(DType::Float32, &[size]).floats(floats).everywhere(|isa, outputs| {
                for (&x, y) in values.iter().zip(outputs[0].to_f32()) {
                    let expected = exact(f64::from(x));
                    assert!(units(y, expected) <= tolerance, "{name}({x}) on {isa}: {y}, expected {expected}");
                }
            });
        }
    }

    #[test]
    fn simple_functions_are_exact() {
        check("Abs", &[], -10.0, 10.0, 0.0, f64::abs);
        check("Neg", &[], -10.0, 10.0, 0.0, |x| -x);
        check("Square", &[], -10.0, 10.0, 0.0, |x| f64::from((x * x) as f32));
        check("Sign", &[], -10.0, 10.0, 0.0, |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                0.0
            }
        });
        check("Sqrt", &[], -1.0, 10.0, 0.0, |x| f64::from(x.sqrt() as f32));
        check("Rsqrt", &[], 0.0, 10.0, 2.0, |x| 1.0 / x.sqrt());
        check("Reciprocal", &[], -10.0, 10.0, 0.5, |x| 1.0 / x);
        check("Floor", &[], -10.0, 10.0, 0.0, f64::floor);
        check("Ceil", &[], -10.0, 10.0, 0.0, f64::ceil);
        check("Round", &[], -10.0, 10.0, 0.0, f64::round_ties_even);
        let clip = |low: f64, high: f64| move |x: f64| if x.is_nan() { x } else { x.clamp(low, high) };
        check("Relu", &[], -10.0, 10.0, 0.0, clip(0.0, f64::INFINITY));
        check("Relu6", &[], -10.0, 10.0, 0.0, clip(0.0, 6.0));
        check("ClipByValue", &[-1.5, 2.0], -10.0, 10.0, 0.0, clip(-1.5, 2.0));
        check("LeakyRelu", &[0.25], -10.0, 10.0, 0.0, |x| if x < 0.0 { 0.25 * x } else { x });
        check("Step", &[-0.5], -10.0, 10.0, 0.0, |x| {
            if x > 0.0 {
                1.0
            } else if x.is_nan() {
                x
            } else {
                -0.5
            }
        });
    }

    #[test]
    fn transcendental_functions_are_within_a_few_units_in_the_last_place() {
        check("Exp", &[], -90.0, 88.0, 2.0, f64::exp);
        check("Log", &[], 0.0, 100.0, 2.0, f64::ln);
        check("Tanh", &[], -9.0, 9.0, 2.0, f64::tanh);
        check("Sigmoid", &[], -20.0, 20.0, 2.5, |x| 1.0 / (1.0 + (-x).exp()));
        check("Elu", &[], -20.0, 5.0, 4.0, |x| if x >= 0.0 { x } else { x.exp_m1() });
        check("Selu", &[], -20.0, 5.0, 5.0, |x| {
            let scaled = if x >= 0.0 { x } else { 1.673_263_242_354_377_2 * x.exp_m1() };
            1.050_700_987_355_480_5 * scaled
        });
        check("Softplus", &[], -20.0, 20.0, 5.0, |x| if x > 700.0 { x } else { x.exp().ln_1p() });
        check("Expm1", &[], -20.0, 20.0, 4.0, f64::exp_m1);
        check("Log1p", &[], -1.0, 20.0, 4.0, f64::ln_1p);
        check("Sin", &[], -20.0, 20.0, 2.0, f64::sin);
        check("Cos", &[], -20.0, 20.0, 2.0, f64::cos);
        check("Tan", &[], -20.0, 20.0, 1.0, f64::tan);
        check("Asin", &[], -1.0, 1.0, 2.0, f64::asin);
        check("Acos", &[], -1.0, 1.0, 2.0, f64::acos);
        check("Atan", &[], -20.0, 20.0, 2.0, f64::atan);
        check("Sinh", &[], -20.0, 20.0, 3.0, f64::sinh);
        check("Cosh", &[], -20.0, 20.0, 3.0, f64::cosh);
        check("Asinh", &[], -20.0, 20.0, 1.0, f64::asinh);
        check("Acosh", &[], 1.0, 20.0, 1.0, f64::acosh);
        check("Atanh", &[], -1.0, 1.0, 1.0, f64::atanh);
    }

    #[test]
    fn the_error_function_at_known_places() {
        let x = Array::f32(&[6], &[0.0, 0.5, -1.0, 2.0, f32::INFINITY, f32::NAN]);
        Run::new("Erf").input(&x).output(DType::Float32, &[6]).everywhere(|_, outputs| {
            let y = outputs[0].to_f32();
            for (y, expected) in y.iter().zip([0.0, 0.520_499_9, -0.842_700_8, 0.995_322_3, 1.0]) {
                assert!((y - expected).abs() < 1e-6, "{y} {expected}");
            }
            assert!(y[5].is_nan());
        });
    }

    #[test]
    fn tests_give_bool() {
        let x = Array::f32(&[5], &[1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0]);
        for (name, expected) in [("IsNan", [0, 1, 0, 0, 0]), ("IsInf", [0, 0, 1, 1, 0]), ("IsFinite", [1, 0, 0, 0, 1])] {
            Run::new(name).input(&x).output(DType::Bool, &[5]).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, expected, "{name}"));
        }
        let x = Array::bool(&[4], &[0, 1, 2, 255]);
        Run::new("LogicalNot").input(&x).output(DType::Bool, &[4]).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, [1, 0, 0, 0]));
    }

    #[test]
    fn integers() {
        let x = Array::i32(&[6], &[0, 5, -5, 7, i32::MIN, i32::MAX]);
        let run = |name| Run::new(name).input(&x).output(DType::Int32, &[6]);
        let is = |run: Run, expected: [i32; 6]| run.everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), expected));
        is(run("Abs"), [0, 5, 5, 7, i32::MIN, i32::MAX]);
        is(run("Neg"), [0, -5, 5, -7, i32::MIN, -i32::MAX]);
        is(run("Square"), [0, 25, 25, 49, 0, 1]);
        is(run("Sign"), [0, 1, -1, 1, -1, 1]);
        is(run("Relu"), [0, 5, 0, 7, 0, i32::MAX]);
        is(run("Relu6"), [0, 5, 0, 6, 0, 6]);
        is(run("Step").floats(&[-3.5]), [-3, 1, -3, 1, -3, 1]);
        is(run("ClipByValue").floats(&[-2.5, f64::INFINITY]), [0, 5, -2, 7, -2, i32::MAX]);
    }

    #[test]
    fn bad_calls_are_errors() {
        let x = Array::f32(&[3], &[1.0; 3]);
        assert!(Run::new("Exp").input(&x).output(DType::Float32, &[4]).fails().contains("as many elements"));
        assert!(Run::new("Exp").input(&x).output(DType::Int32, &[3]).fails().contains("Int32"));
        assert!(Run::new("Exp").output(DType::Float32, &[3]).fails().contains("input 0"));
        assert!(Run::new("ClipByValue").input(&x).output(DType::Float32, &[3]).floats(&[1.0]).fails().contains("2 float attributes"));
        let x = Array::i32(&[3], &[1; 3]);
        assert!(Run::new("Exp").input(&x).output(DType::Int32, &[3]).fails().contains("expected f32"));
    }
}
