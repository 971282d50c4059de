//! From one element type to another.

use super::Kernel;
use super::element::to_int32;
use crate::call::{Call, Context, DType};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Cast", cast)];

/// Elements of a task.
const GRAIN: usize = 1 << 15;

/// Input x, output y with as many elements of another type. Float to int drops the fraction and wraps as JavaScript does (NaN and infinities give 0);
/// to bool, everything but 0 is true, NaN too; to bfloat16 rounds to the nearest, ties to even.
fn cast(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(x.size() == y.size(), "expected as many elements, got {:?} and {:?}", x.shape, y.shape());
    macro_rules! convert {
        ($from:ident, $to:ident, |$value:ident: $in:ty| -> $out:ty { $result:expr }) => {{
            #[allow(clippy::extra_unused_type_parameters)]
            #[inline(always)]
            unsafe fn generic<S: Simd>(x: &[$in], y: &mut [$out]) {
                for (y, &$value) in y.iter_mut().zip(x) {
                    *y = $result;
                }
            }
            simd_dispatch! { unsafe fn compute(x: &[$in], y: &mut [$out]) = generic; }
            let (x, y) = (x.$from()?, y.$to()?);
            let y = Shared::new(y);
            context.pool.run_ranges(x.len(), GRAIN, |range, _| {
                // SAFETY: ranges do not overlap and lie within both slices; the instruction set is this processor's.
                unsafe { compute(context.isa, &x[range.clone()], y.part(range.start, range.len())) };
            });
            Ok(())
        }};
    }
    use DType::{BFloat16, Bool, Float32, Int32};
    match (x.dtype, y.dtype()) {
        (Float32, Int32) => {
            let (x, y) = (x.f32()?, Shared::new(y.i32()?));
            context.pool.run_ranges(x.len(), GRAIN, |range, _| {
                // SAFETY: ranges do not overlap and lie within both slices; the instruction set is this processor's.
                unsafe { floats_to_ints(context.isa, &x[range.clone()], y.part(range.start, range.len())) };
            });
            Ok(())
        }
        (Float32, Bool) => convert!(f32, bool, |x: f32| -> u8 { u8::from(x != 0.0) }),
        (Float32, BFloat16) => convert!(f32, bf16, |x: f32| -> u16 { to_bfloat16(x) }),
        (Int32, Float32) => convert!(i32, f32, |x: i32| -> f32 { x as f32 }),
        (Int32, Bool) => convert!(i32, bool, |x: i32| -> u8 { u8::from(x != 0) }),
        (Bool, Float32) => convert!(bool, f32, |x: u8| -> f32 { f32::from(x) }),
        (Bool, Int32) => convert!(bool, i32, |x: u8| -> i32 { i32::from(x) }),
        (BFloat16, Float32) => convert!(bf16, f32, |x: u16| -> f32 { f32::from_bits(u32::from(x) << 16) }),
        (from, to) => Err(Error::Invalid(format!("expected types that can be cast, got {from:?} to {to:?}"))),
    }
}

/// Blocks without anything that wraps, which are nearly all, are left to the vectors.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
unsafe fn truncate<S: Simd>(x: &[f32], y: &mut [i32]) {
    for (y, x) in y.chunks_mut(256).zip(x.chunks(256)) {
        if x.iter().fold(true, |fits, x| fits & (x.abs() < 2_147_483_648.0)) {
            for (y, x) in y.iter_mut().zip(x) {
                // SAFETY: within the range of int32 after truncation.
                *y = unsafe { x.to_int_unchecked() };
            }
        } else {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = to_int32(f64::from(x)));
        }
    }
}

simd_dispatch! { unsafe fn floats_to_ints(x: &[f32], y: &mut [i32]) = truncate; }

/// The nearest bfloat16, ties to even; NaN stays NaN.
#[inline(always)]
fn to_bfloat16(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16;
    if x.is_nan() { (bits >> 16) as u16 | 0x40 } else { rounded }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    #[test]
    fn floats_become_integers_as_in_javascript() {
        let x = [0.0, 1.9, -1.9, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2_147_483_648.0, -2_147_483_648.0, 6e9, -0.5];
        let expected = [0, 1, -1, 0, 0, 0, i32::MIN, i32::MIN, 1_705_032_704, 0];
        let run = Run::new("Cast").input(&Array::f32(&[10], &x)).output(DType::Int32, &[10]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), expected));
        let x: Vec<f32> = (0..40_001).map(|i| i as f32 * 1.5 - 30_000.0).collect();
        let run = Run::new("Cast").input(&Array::f32(&[40_001], &x)).output(DType::Int32, &[40_001]);
        run.everywhere(|_, outputs| assert!(outputs[0].to_i32().iter().zip(&x).all(|(&y, &x)| y == x as i32)));
    }

    #[test]
    fn all_but_zero_is_true() {
        let x = Array::f32(&[5], &[0.0, -0.0, 0.1, f32::NAN, -3.0]);
        Run::new("Cast").input(&x).output(DType::Bool, &[5]).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, [0, 0, 1, 1, 1]));
        let x = Array::i32(&[3], &[0, 256, -1]);
        Run::new("Cast").input(&x).output(DType::Bool, &[3]).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, [0, 1, 1]));
    }

    #[test]
    fn to_wider_types() {
        let x = Array::i32(&[3], &[0, 16_777_217, -5]);
        let run = Run::new("Cast").input(&x).output(DType::Float32, &[3]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0].to_f32(), [0.0, 16_777_216.0, -5.0]));
        let x = Array::bool(&[2], &[0, 1]);
        Run::new("Cast").input(&x).output(DType::Float32, &[2]).everywhere(|_, outputs| assert_eq!(outputs[0].to_f32(), [0.0, 1.0]));
        Run::new("Cast").input(&x).output(DType::Int32, &[2]).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [0, 1]));
    }

    #[test]
    fn bfloat16_rounds_to_even() {
        let x = [1.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, -3.140_6, f32::INFINITY, f32::MAX, f32::from_bits(0x7f80_0001)];
        let expected = [0x3f80, 0x3f80, 0x3f82, 0xc049, 0x7f80, 0x7f80, 0x7fc0];
        let run = Run::new("Cast").input(&Array::f32(&[7], &x)).output(DType::BFloat16, &[7]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0], Array::bf16(&[7], &expected)));
        let run = Run::new("Cast").input(&Array::bf16(&[3], &[0x3f80, 0xc049, 0x7f80])).output(DType::Float32, &[3]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0].to_f32(), [1.0, -3.140_625, f32::INFINITY]));
    }

    #[test]
    fn bad_calls_are_errors() {
        let x = Array::f32(&[2], &[0.0; 2]);
        assert!(Run::new("Cast").input(&x).output(DType::Int32, &[3]).fails().contains("as many elements"));
        assert!(Run::new("Cast").input(&x).output(DType::Float32, &[2]).fails().contains("can be cast"));
    }
}
