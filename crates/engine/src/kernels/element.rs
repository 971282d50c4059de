//! Types of elements that kernels are generic over.

use crate::call::{DType, Operand, OperandMut};
use crate::error::Result;

/// Float32, int32 and bool (as bytes), so that a kernel is written once for all that it takes.
pub trait Element: Copy + PartialOrd + Send + Sync + 'static {
    /// Its number on the wire.
    const DTYPE: DType;

    /// The elements of an operand of this type.
    fn read<'a>(operand: &Operand<'a>) -> Result<&'a [Self]>;

    /// The elements of an operand of this type, to write.
    fn write<'a>(operand: OperandMut<'a>) -> Result<&'a mut [Self]>;
}

macro_rules! elements {
    ($($type:ty, $dtype:ident, $accessor:ident;)+) => {$(
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;

            fn read<'a>(operand: &Operand<'a>) -> Result<&'a [Self]> {
                operand.$accessor()
            }

            fn write<'a>(operand: OperandMut<'a>) -> Result<&'a mut [Self]> {
                operand.$accessor()
            }
        }
    )+};
}

elements! {
    f32, Float32, f32;
    i32, Int32, i32;
    u8, Bool, bool;
}

/// A number as JavaScript stores it in an `Int32Array`: without its fraction, modulo 2^32; 0 for what is not finite.
#[inline(always)]
pub fn to_int32(value: f64) -> i32 {
    if value.abs() < 2_147_483_648.0 {
        // SAFETY: within the range of int32 after truncation.
        unsafe { value.to_int_unchecked() }
    } else if value.is_finite() {
        (value % 4_294_967_296.0) as i64 as i32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::to_int32;

    #[test]
    fn int32_wraps_as_in_javascript() {
        let cases = [
            (0.0, 0),
            (1.9, 1),
            (-1.9, -1),
            (2_147_483_647.5, 2_147_483_647),
            (2_147_483_648.0, -2_147_483_648),
            (-2_147_483_648.9, -2_147_483_648),
            (-2_147_483_649.0, 2_147_483_647),
            (4_294_967_301.0, 5),
            (1e20, 1_661_992_960),
            (f64::NAN, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 0),
        ];
        for (value, expected) in cases {
            assert_eq!(to_int32(value), expected, "{value}");
        }
    }
}
