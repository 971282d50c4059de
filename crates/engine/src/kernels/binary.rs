//! Elementwise operations of two operands, broadcast to each other as in NumPy.
//!
//! Each kernel: inputs a, b of one type; output y, of the broadcast shape. What TensorFlow.js' CPU backend gives, NaN included, except that
//! int32 wraps where JavaScript rounds to float64 first, and that maximum(0, -0) may be -0.

use super::Kernel;
use super::broadcast::Broadcast;
use super::element::{Element, to_int32};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;

/// Elements of a task of an operation that costs no more than its memory.
const CHEAP: usize = 1 << 15;
/// Of one that calls the mathematics library.
const SLOW: usize = 1 << 12;

/// Rows of both operands and of the result.
struct Rows<T, U> {
    a: *const T,
    b: *const T,
    y: *mut U,
    /// From a row to the next.
    row_strides: [usize; 2],
    /// 1, or 0 for an operand that stays along a row.
    steps: [usize; 2],
    rows: usize,
    columns: usize,
}

/// SAFETY: the pointers are good for the sizes, and `y` overlaps neither operand.
#[inline(always)]
unsafe fn each<T: Copy, U>(rows: &Rows<T, U>, operation: impl Fn(T, T) -> U) {
    let &Rows { a, b, y, row_strides, steps, columns, .. } = rows;
    for row in 0..rows.rows {
        // SAFETY: by the contract of the function.
        unsafe {
            let (a, b) = (a.add(row * row_strides[0]), b.add(row * row_strides[1]));
            let y = std::slice::from_raw_parts_mut(y.add(row * columns), columns);
            match steps {
                // Only where the result is larger than both: nothing that broadcasts two shapes asks for that, but a call can.
                [0, 0] => y.iter_mut().for_each(|y| *y = operation(*a, *b)),
                [1, 1] => zip(std::slice::from_raw_parts(a, columns), std::slice::from_raw_parts(b, columns), y, &operation),
                [0, _] => {
                    let a = *a;
                    map(std::slice::from_raw_parts(b, columns), y, |b| operation(a, b));
                }
                _ => {
                    let b = *b;
                    map(std::slice::from_raw_parts(a, columns), y, |a| operation(a, b));
                }
            }
        }
    }
}

// Apart, so that the compiler knows that the arguments do not overlap.
#[inline(always)]
fn zip<T: Copy, U>(a: &[T], b: &[T], y: &mut [U], operation: impl Fn(T, T) -> U) {
    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
        *y = operation(a, b);
    }
}

#[inline(always)]
fn map<T: Copy, U>(x: &[T], y: &mut [U], operation: impl Fn(T) -> U) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = operation(x);
    }
}

/// Checks the operands, cuts the result into tasks and runs `compute` on their rows.
fn broadcast<T: Element, U: Element>(
    context: &Context,
    call: &mut Call,
    grain: usize,
    compute: unsafe fn(crate::isa::Isa, &Rows<T, U>),
) -> Result<()> {
    let (a, b, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let mut walk = Broadcast::new(y.dims(), [a.dims(), b.dims()])?;
    let (mut a, mut b, y) = (T::read(&a)?, T::read(&b)?, U::write(y)?);
    if y.is_empty() {
        return Ok(());
    }
    let repeated: Vec<T>;
    let cycle = |row: &[T], length: usize| (0..length).map(|column| row[column % row.len()]).collect();
    if let Some(length) = walk.repeat(0) {
        repeated = cycle(a, length);
        a = &repeated;
    } else if let Some(length) = walk.repeat(1) {
        repeated = cycle(b, length);
        b = &repeated;
    }
    let size = y.len();
    let y = Shared::new(y);
    context.pool.run_ranges(size, grain, |range, _| {
        walk.walk(range, |piece| {
            // SAFETY: the walk stays within the shapes, which the slices hold; tasks have ranges of their own.
            unsafe {
                let rows = Rows {
                    a: a.as_ptr().add(piece.offsets[0]),
                    b: b.as_ptr().add(piece.offsets[1]),
                    y: y.get().add(piece.start),
                    row_strides: piece.row_strides,
                    steps: walk.steps(),
                    rows: piece.rows,
                    columns: piece.columns,
                };
                compute(context.isa, &rows);
            }
        });
    });
    Ok(())
}

/// `Name(grain) { T => U: |a, b| value; ... }`: a kernel, and what it computes for operands of each type.
macro_rules! operations {
    ($($name:ident($grain:ident) { $($in:ty => $out:ty: |$a:ident, $b:ident| $value:expr;)+ })+) => {
        /// Of this file.
        pub const KERNELS: &[(&str, Kernel)] = &[$((stringify!($name), |context, call| {
            let dtype = call.input(0)?.dtype;
            $(
                if dtype == <$in>::DTYPE {
                    // `S` only says for which instructions the compiler makes it.
                    #[allow(clippy::extra_unused_type_parameters)]
                    #[inline(always)]
                    unsafe fn generic<S: Simd>(rows: &Rows<$in, $out>) {
                        // SAFETY: by the contract of the caller.
                        unsafe { each(rows, |$a: $in, $b: $in| -> $out { $value }) }
                    }
                    simd_dispatch! { unsafe fn compute(rows: &Rows<$in, $out>) = generic; }
                    return broadcast(context, call, $grain, compute);
                }
            )+
            Err(Error::Invalid(format!("expected {}, got {dtype:?}", [$(stringify!($in)),+].join(" or "))))
        })),+, ("AddN", add_n)];
    };
}

operations! {
    Add(CHEAP) {
        f32 => f32: |a, b| a + b;
        i32 => i32: |a, b| a.wrapping_add(b);
    }
    Sub(CHEAP) {
        f32 => f32: |a, b| a - b;
        i32 => i32: |a, b| a.wrapping_sub(b);
    }
    Multiply(CHEAP) {
        f32 => f32: |a, b| a * b;
        i32 => i32: |a, b| a.wrapping_mul(b);
    }
    RealDiv(CHEAP) {
        f32 => f32: |a, b| a / b;
        i32 => i32: |a, b| if b == 0 { 0 } else { a.wrapping_div(b) };
    }
    FloorDiv(SLOW) {
        f32 => i32: |a, b| to_int32((f64::from(a) / f64::from(b)).floor());
        i32 => i32: |a, b| to_int32((f64::from(a) / f64::from(b)).floor());
    }
    Mod(SLOW) {
        f32 => f32: |a, b| floor_mod(f64::from(a), f64::from(b)) as f32;
        i32 => i32: |a, b| to_int32(floor_mod(f64::from(a), f64::from(b)));
    }
    Pow(SLOW) {
        f32 => f32: |a, b| pow(a, b);
        i32 => i32: |a, b| to_int32(f64::from(a).powf(f64::from(b)));
    }
    Maximum(CHEAP) {
        f32 => f32: |a, b| if a > b || a.is_nan() { a } else { b };
        i32 => i32: |a, b| if a > b { a } else { b };
    }
    Minimum(CHEAP) {
        f32 => f32: |a, b| if a < b || a.is_nan() { a } else { b };
        i32 => i32: |a, b| if a < b { a } else { b };
    }
    SquaredDifference(CHEAP) {
        f32 => f32: |a, b| (a - b) * (a - b);
        i32 => i32: |a, b| a.wrapping_sub(b).wrapping_mul(a.wrapping_sub(b));
    }
    Atan2(SLOW) {
        f32 => f32: |a, b| a.atan2(b);
    }
    // x and alpha.
    Prelu(CHEAP) {
        f32 => f32: |x, alpha| if x < 0.0 { alpha * x } else { x };
    }
    // dy and y.
    EluGrad(CHEAP) {
        f32 => f32: |dy, y| if y >= 0.0 { dy } else { dy * (y + 1.0) };
    }
    Equal(CHEAP) {
        f32 => u8: |a, b| u8::from(a == b);
        i32 => u8: |a, b| u8::from(a == b);
        u8 => u8: |a, b| u8::from(a == b);
    }
    NotEqual(CHEAP) {
        f32 => u8: |a, b| u8::from(a != b);
        i32 => u8: |a, b| u8::from(a != b);
        u8 => u8: |a, b| u8::from(a != b);
    }
    Less(CHEAP) {
        f32 => u8: |a, b| u8::from(a < b);
        i32 => u8: |a, b| u8::from(a < b);
        u8 => u8: |a, b| u8::from(a < b);
    }
    LessEqual(CHEAP) {
        f32 => u8: |a, b| u8::from(a <= b);
        i32 => u8: |a, b| u8::from(a <= b);
        u8 => u8: |a, b| u8::from(a <= b);
    }
    Greater(CHEAP) {
        f32 => u8: |a, b| u8::from(a > b);
        i32 => u8: |a, b| u8::from(a > b);
        u8 => u8: |a, b| u8::from(a > b);
    }
    GreaterEqual(CHEAP) {
        f32 => u8: |a, b| u8::from(a >= b);
        i32 => u8: |a, b| u8::from(a >= b);
        u8 => u8: |a, b| u8::from(a >= b);
    }
    LogicalAnd(CHEAP) {
        u8 => u8: |a, b| u8::from(a != 0) & u8::from(b != 0);
    }
    LogicalOr(CHEAP) {
        u8 => u8: |a, b| u8::from(a != 0) | u8::from(b != 0);
    }
}

/// The remainder with the sign of the divisor.
#[inline(always)]
fn floor_mod(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if (a < 0.0 && b < 0.0) || (a >= 0.0 && b >= 0.0) { remainder } else { (remainder + b) % b }
}

/// JavaScript's, which unlike C's says NaN to 1 ^ NaN and (+-1) ^ infinity. Exponents of small polynomials are spared the library.
#[inline(always)]
fn pow(base: f32, exponent: f32) -> f32 {
    if exponent == 2.0 {
        base * base
    } else if exponent == 3.0 {
        base * base * base
    } else if exponent == 1.0 {
        base
    } else if exponent.is_nan() || (exponent.is_infinite() && base.abs() == 1.0) {
        f32::NAN
    } else {
        base.powf(exponent)
    }
}

/// Inputs x0, x1, ... and output y, all of one shape and type (float32 or int32): y is their sum, added in this order.
fn add_n(context: &Context, call: &mut Call) -> Result<()> {
    fn sum<T: Element>(context: &Context, call: &mut Call, add: impl Fn(T, T) -> T + Sync) -> Result<()> {
        let y = call.output(0)?;
        ensure!(!call.inputs().is_empty(), "expected at least one input");
        for x in call.inputs() {
            ensure!(x.shape == y.shape(), "expected inputs of shape {:?}, got {:?}", y.shape(), x.shape);
        }
        let inputs = call.inputs().iter().map(T::read).collect::<Result<Vec<_>>>()?;
        let y = T::write(y)?;
        let size = y.len();
        let y = Shared::new(y);
        context.pool.run_ranges(size, CHEAP, |range, _| {
            // Small enough to stay in the first cache while all inputs are added.
            for start in range.clone().step_by(2048) {
                let end = range.end.min(start + 2048);
                // SAFETY: ranges do not overlap and lie within y.
                let y = unsafe { y.part(start, end - start) };
                y.copy_from_slice(&inputs[0][start..end]);
                for x in &inputs[1..] {
                    y.iter_mut().zip(&x[start..end]).for_each(|(y, &x)| *y = add(*y, x));
                }
            }
        });
        Ok(())
    }
    match call.input(0)?.dtype {
        crate::call::DType::Float32 => sum::<f32>(context, call, |a, b| a + b),
        _ => sum::<i32>(context, call, i32::wrapping_add),
    }
}

#[cfg(test)]
mod tests {
    use super::super::broadcast::Broadcast;
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    const NAN: f32 = f32::NAN;
    const INFINITY: f32 = f32::INFINITY;

    fn of_f32(name: &'static str, a: &[f32], b: &[f32]) -> Run {
        Run::new(name).input(&Array::f32(&[a.len()], a)).input(&Array::f32(&[b.len()], b))
    }

    fn of_i32(name: &'static str, a: &[i32], b: &[i32]) -> Run {
        Run::new(name).input(&Array::i32(&[a.len()], a)).input(&Array::i32(&[b.len()], b))
    }

    fn gives_f32(name: &'static str, a: &[f32], b: &[f32], expected: &[f32]) {
        of_f32(name, a, b).output(DType::Float32, &[a.len()]).everywhere(|isa, outputs| {
            for (y, expected) in outputs[0].to_f32().iter().zip(expected) {
                assert!(y == expected || (y.is_nan() && expected.is_nan()), "{name} on {isa}: {y}, expected {expected}");
            }
        });
    }

    fn gives_i32(run: Run, expected: &[i32]) {
        run.output(DType::Int32, &[expected.len()]).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), expected));
    }

    fn gives_bool(run: Run, expected: &[u8]) {
        run.output(DType::Bool, &[expected.len()]).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, expected));
    }

    #[test]
    fn arithmetic() {
        let (a, b) = ([1.0, -2.5, NAN, INFINITY, 0.0], [4.0, 2.0, 1.0, 1.0, 0.0]);
        gives_f32("Add", &a, &b, &[5.0, -0.5, NAN, INFINITY, 0.0]);
        gives_f32("Sub", &a, &b, &[-3.0, -4.5, NAN, INFINITY, 0.0]);
        gives_f32("Multiply", &a, &b, &[4.0, -5.0, NAN, INFINITY, 0.0]);
        gives_f32("RealDiv", &a, &b, &[0.25, -1.25, NAN, INFINITY, NAN]);
        gives_f32("SquaredDifference", &a, &b, &[9.0, 20.25, NAN, INFINITY, 0.0]);
        gives_f32("Maximum", &[1.0, NAN, 2.0, -INFINITY], &[2.0, 1.0, NAN, 0.0], &[2.0, NAN, NAN, 0.0]);
        gives_f32("Minimum", &[1.0, NAN, 2.0, -INFINITY], &[2.0, 1.0, NAN, 0.0], &[1.0, NAN, NAN, -INFINITY]);
        gives_f32("Atan2", &[1.0, 0.0, -1.0], &[0.0, -1.0, 0.0], &[1.570_796_4, std::f32::consts::PI, -1.570_796_4]);
        gives_f32("Prelu", &[-2.0, 3.0, NAN], &[0.5, 0.5, 0.5], &[-1.0, 3.0, NAN]);
        gives_f32("EluGrad", &[2.0, 2.0, 2.0], &[1.0, -0.5, 0.0], &[2.0, 1.0, 2.0]);
    }

    #[test]
    fn mod_and_floor_division_have_the_sign_of_the_divisor() {
        gives_f32("Mod", &[5.0, -5.0, 5.0, -5.0, 1.0], &[3.0, 3.0, -3.0, -3.0, 0.0], &[2.0, 1.0, -1.0, -2.0, NAN]);
        gives_i32(of_i32("Mod", &[5, -5, 5, -5, 1, i32::MIN], &[3, 3, -3, -3, 0, -1]), &[2, 1, -1, -2, 0, 0]);
        gives_i32(of_f32("FloorDiv", &[5.0, -5.0, 1.0, NAN, 6e9], &[3.0, 3.0, 0.0, 1.0, 1.0]), &[1, -2, 0, 0, 1_705_032_704]);
        gives_i32(of_i32("FloorDiv", &[5, -5, -6, 1, i32::MIN], &[3, 3, 3, 0, -1]), &[1, -2, -2, 0, i32::MIN]);
        gives_i32(of_i32("RealDiv", &[5, -5, 1, i32::MIN], &[3, 3, 0, -1]), &[1, -1, 0, i32::MIN]);
    }

    #[test]
    fn powers_are_those_of_javascript() {
        let a = [2.0, 1.0, -1.0, 3.0, 3.0, 3.0, -8.0, 2.0, 0.0, NAN, 4.0];
        let b = [10.0, NAN, INFINITY, 1.0, 2.0, 3.0, 1.0 / 3.0, -1.0, 0.0, 0.0, 0.5];
        gives_f32("Pow", &a, &b, &[1024.0, NAN, NAN, 3.0, 9.0, 27.0, NAN, 0.5, 1.0, 1.0, 2.0]);
        gives_i32(of_i32("Pow", &[2, -3, 2, 0, 10], &[10, 3, -1, 0, 9]), &[1024, -27, 0, 1, 1_000_000_000]);
    }

    #[test]
    fn integers_wrap() {
        let (a, b) = ([i32::MAX, i32::MIN, 65_536, -3], [1, -1, 65_537, 4]);
        gives_i32(of_i32("Add", &a, &b), &[i32::MIN, i32::MAX, 131_073, 1]);
        gives_i32(of_i32("Sub", &a, &b), &[i32::MAX - 1, i32::MIN + 1, -1, -7]);
        gives_i32(of_i32("Multiply", &a, &b), &[i32::MAX, i32::MIN, 65_536, -12]);
        gives_i32(of_i32("SquaredDifference", &a, &b), &[4, 1, 1, 49]);
        gives_i32(of_i32("Maximum", &a, &b), &[i32::MAX, -1, 65_537, 4]);
        gives_i32(of_i32("Minimum", &a, &b), &[1, i32::MIN, 65_536, -3]);
    }

    #[test]
    fn comparisons() {
        let (a, b) = ([1.0, 2.0, 3.0, NAN, NAN], [2.0, 2.0, 2.0, NAN, 1.0]);
        let (c, d, e, f) = ([1, 2, 3], [2, 2, 2], [0, 1, 1], [1, 1, 0]);
        let cases: [(_, [u8; 5], [u8; 3]); 6] = [
            ("Equal", [0, 1, 0, 0, 0], [0, 1, 0]),
            ("NotEqual", [1, 0, 1, 1, 1], [1, 0, 1]),
            ("Less", [1, 0, 0, 0, 0], [1, 0, 0]),
            ("LessEqual", [1, 1, 0, 0, 0], [1, 1, 0]),
            ("Greater", [0, 0, 1, 0, 0], [0, 0, 1]),
            ("GreaterEqual", [0, 1, 1, 0, 0], [0, 1, 1]),
        ];
        for (name, floats, integers) in cases {
            gives_bool(of_f32(name, &a, &b), &floats);
            gives_bool(of_i32(name, &c, &d), &integers);
            gives_bool(Run::new(name).input(&Array::bool(&[3], &e)).input(&Array::bool(&[3], &f)), &integers);
        }
    }

    #[test]
    fn logic_takes_any_byte() {
        let (a, b) = (Array::bool(&[4], &[0, 1, 0, 255]), Array::bool(&[4], &[0, 0, 7, 2]));
        for (name, expected) in [("LogicalAnd", [0, 0, 0, 1]), ("LogicalOr", [0, 1, 1, 1])] {
            gives_bool(Run::new(name).input(&a).input(&b), &expected);
        }
    }

    #[test]
    fn operands_are_broadcast() {
        let mut shapes: Vec<[Vec<usize>; 3]> = vec![
            [vec![300, 700], vec![300, 700], vec![700]],
            [vec![300, 700], vec![300, 1], vec![300, 700]],
            [vec![300, 700], vec![], vec![300, 700]],
            [vec![9000, 5], vec![9000, 5], vec![5]],
            [vec![9001, 5], vec![5], vec![9001, 5]],
            [vec![3, 255], vec![3, 255], vec![255]],
            [vec![30, 255, 11], vec![30, 1, 11], vec![255, 1]],
            [vec![70, 31, 33], vec![70, 31, 1], vec![70, 1, 33]],
            [vec![0, 3], vec![1, 3], vec![0, 1]],
            [vec![5, 0], vec![5, 1], vec![]],
            [vec![2, 0], vec![2, 0], vec![0]],
            [vec![2, 3, 2, 3, 2, 3], vec![2, 1, 2, 1, 2, 1], vec![3, 1, 3, 1, 3]],
        ];
        for size in [1, 2, 15, 16, 17, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 100_003] {
            shapes.push([vec![size], vec![size], vec![size]]);
        }
        for [result, a, b] in shapes {
            let mut random = Random::new(7);
            let mut values = |dims: &[usize]| -> Vec<f32> { (0..dims.iter().product()).map(|_| random.uniform() - 0.5).collect() };
            let (x, y) = (values(&a), values(&b));
            let mut expected = Vec::new();
            let walk = Broadcast::new(&result, [&a, &b]).unwrap();
            walk.walk(0..result.iter().product(), |piece| {
                let at = |operand: usize, row: usize, column: usize| {
                    piece.offsets[operand] + row * piece.row_strides[operand] + column * walk.steps()[operand]
                };
                for row in 0..piece.rows {
                    expected.extend((0..piece.columns).map(|column| x[at(0, row, column)] - y[at(1, row, column)]));
                }
            });
            let run = Run::new("Sub").input(&Array::f32(&a, &x)).input(&Array::f32(&b, &y)).output(DType::Float32, &result);
            run.everywhere(|isa, outputs| assert!(outputs[0].to_f32() == expected, "{isa} {result:?} {a:?} {b:?}"));
        }
    }

    #[test]
    fn sums_of_many() {
        for size in [0, 1, 2047, 2048, 2049, 40_000] {
            let inputs: Vec<Array> = (0..4).map(|seed| Array::random(&[size], seed)).collect();
            let mut run = Run::new("AddN").output(DType::Float32, &[size]);
            let mut expected = vec![0.0; size];
            for input in &inputs {
                run = run.input(input);
                expected.iter_mut().zip(input.to_f32()).for_each(|(sum, x)| *sum += x);
            }
            run.everywhere(|_, outputs| assert!(outputs[0].to_f32() == expected));
        }
        gives_i32(of_i32("AddN", &[1, i32::MAX], &[2, 1]), &[3, i32::MIN]);
        assert!(of_f32("AddN", &[1.0], &[1.0, 2.0]).output(DType::Float32, &[1]).fails().contains("of shape"));
    }

    #[test]
    fn bad_calls_are_errors() {
        let run = || of_f32("Add", &[1.0, 2.0], &[1.0, 2.0, 3.0]);
        assert!(run().output(DType::Float32, &[3]).fails().contains("broadcast"));
        assert!(of_f32("Add", &[1.0], &[1.0]).output(DType::Int32, &[1]).fails().contains("Int32"));
        let mixed = Run::new("Add").input(&Array::f32(&[1], &[1.0])).input(&Array::i32(&[1], &[1]));
        assert!(mixed.output(DType::Float32, &[1]).fails().contains("Float32"));
        let bools = Run::new("Add").input(&Array::bool(&[1], &[1])).input(&Array::bool(&[1], &[1]));
        assert!(bools.output(DType::Bool, &[1]).fails().contains("expected f32 or i32"));
    }
}
