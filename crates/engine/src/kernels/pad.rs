//! Making a tensor larger on its edges.

use super::Kernel;
use super::strided::{StridedCopy, dense_strides};
use crate::call::{Call, Context, DType, Operand, OperandMut};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("PadV2", pad), ("MirrorPad", mirror_pad)];

/// Input x of any type, output y with as many axes, none shorter; ints: how much comes before x on each axis; floats: what is put there
/// and behind, as JavaScript converts it to the type.
fn pad(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let before = edges(&x, &y, call.ints())?;
    let constant = element(x.dtype, call.float(0)?);
    let (rank, size) = (x.shape.rank(), x.dtype.size());
    let (whole, to) = (y.shape(), y.bytes());
    let strides = dense_strides(whole.dims());
    // The edges of an axis are as long as x on the axes before it, and as long as y on those behind it.
    let fill = |axis: usize, start: usize, length: usize, to: &mut [u8]| {
        let mut copy = StridedCopy::new().starting_at(0, start as isize * strides[axis]);
        for other in 0..rank {
            let (start, size) = match other.cmp(&axis) {
                std::cmp::Ordering::Less => (before[other], x.dims()[other]),
                std::cmp::Ordering::Equal => (0, length),
                std::cmp::Ordering::Greater => (0, whole.dims()[other]),
            };
            copy = copy.starting_at(0, start as isize * strides[other]).axis(size, 0, strides[other]);
        }
        copy.run(context, size, &constant[..size], to)
    };
    for axis in 0..rank {
        let end = before[axis] + x.dims()[axis];
        fill(axis, 0, before[axis], to)?;
        fill(axis, end, whole.dims()[axis] - end, to)?;
    }
    let from = dense_strides(x.dims());
    let mut copy = StridedCopy::new();
    for axis in 0..rank {
        copy = copy.starting_at(0, before[axis] as isize * strides[axis]).axis(x.dims()[axis], from[axis], strides[axis]);
    }
    copy.run(context, size, x.bytes(), to)
}

/// Input x of any type, output y with as many axes, none shorter; ints: how much comes before x on each axis, then 0 to mirror around the
/// elements on the edge (`reflect`) or 1 to repeat them (`symmetric`).
fn mirror_pad(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let rank = x.shape.rank();
    let (before, repeats) = (edges(&x, &y, call.ints().get(..rank).unwrap_or_default())?, call.flag(rank)? as usize);
    let (whole, to) = (y.shape(), y.bytes());
    if whole.size() == 0 {
        return Ok(());
    }
    for axis in 0..rank {
        let length = x.dims()[axis];
        let longest = before[axis].max(whole.dims()[axis] - before[axis] - length);
        ensure!(
            length > 0 && longest < length + repeats,
            "expected edges that {:?} can be mirrored on, got {longest} on axis {axis}",
            x.shape
        );
    }
    let (from_strides, to_strides) = (dense_strides(x.dims()), dense_strides(whole.dims()));
    // Every axis has three parts: its start mirrored, x, and its end mirrored. The parts of y are all their combinations.
    for combination in 0..3usize.pow(rank as u32) {
        let mut copy = StridedCopy::new();
        for axis in 0..rank {
            let (length, end) = (x.dims()[axis], before[axis] + x.dims()[axis]);
            let (size, from, to, step) = match combination / 3usize.pow(axis as u32) % 3 {
                0 => (before[axis], before[axis].saturating_sub(repeats), 0, -1),
                1 => (length, 0, before[axis], 1),
                _ => (whole.dims()[axis] - end, (length + repeats).saturating_sub(2), end, -1),
            };
            copy = copy.starting_at(from as isize * from_strides[axis], to as isize * to_strides[axis]).axis(
                size,
                step * from_strides[axis],
                to_strides[axis],
            );
        }
        copy.run(context, x.dtype.size(), x.bytes(), to)?;
    }
    Ok(())
}

/// How much comes before x on each axis, if y has room for it.
fn edges(x: &Operand, y: &OperandMut, before: &[i32]) -> Result<Vec<usize>> {
    let fits = y.dtype() == x.dtype
        && y.shape().rank() == x.shape.rank()
        && before.len() == x.shape.rank()
        && before.iter().enumerate().all(|(axis, &before)| before >= 0 && before as usize + x.dims()[axis] <= y.dims()[axis]);
    ensure!(fits, "expected an output with room for {:?} behind {before:?}, got {:?}", x.shape, y.shape());
    Ok(before.iter().map(|&before| before as usize).collect())
}

/// The bytes of a number as JavaScript stores it in a typed array.
fn element(dtype: DType, value: f64) -> [u8; 4] {
    // Modulo 2^32, and 0 where there is no integer.
    let integer = (value.trunc() % (1u64 << 32) as f64) as i64 as i32;
    match dtype {
        DType::Float32 => (value as f32).to_ne_bytes(),
        DType::Int32 => integer.to_ne_bytes(),
        DType::Bool => [integer as u8, 0, 0, 0],
        DType::BFloat16 => {
            let bits = (value as f32).to_bits();
            let rounded = if value.is_nan() { bits } else { bits + 0x7fff + (bits >> 16 & 1) };
            let [low, high] = ((rounded >> 16) as u16).to_ne_bytes();
            [low, high, 0, 0]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Array, Random, Run};

    /// Element by element: `source` says which of an axis stands at a place, if any does.
    fn reference(x: &Array, out: &[usize], constant: f32, source: impl Fn(usize, isize) -> Option<usize>, before: &[i32]) -> Vec<f32> {
        let values = x.to_f32();
        let of = |index: usize| {
            let (mut rest, mut found, mut stride) = (index, 0, 1);
            for axis in (0..out.len()).rev() {
                let place = (rest % out[axis]) as isize - before[axis] as isize;
                match source(x.dims[axis], place) {
                    Some(place) => found += place * stride,
                    None => return constant,
                }
                stride *= x.dims[axis];
                rest /= out[axis];
            }
            values[found]
        };
        (0..out.iter().product()).map(of).collect()
    }

    fn inside(size: usize, place: isize) -> Option<usize> {
        usize::try_from(place).ok().filter(|&place| place < size)
    }

    #[test]
    fn pads_with_a_constant() {
        let mut random = Random::new(6);
        for case in 0..200 {
            let rank = random.below(5);
            let most = if case % 20 == 0 { 24 } else { 5 };
            let dims: Vec<usize> = (0..rank).map(|_| random.below(most)).collect();
            let before: Vec<i32> = (0..rank).map(|_| random.below(4) as i32).collect();
            let out: Vec<usize> = (0..rank).map(|axis| dims[axis] + before[axis] as usize + random.below(4)).collect();
            let x = Array::random(&dims, case);
            let expected = Array::f32(&out, &reference(&x, &out, 2.5, inside, &before));
            Run::new("PadV2").input(&x).ints(&before).floats(&[2.5]).output(DType::Float32, &out).everywhere(|_, results| {
                assert_eq!(results[0], expected);
            });
        }
    }

    #[test]
    fn mirrors() {
        let mut random = Random::new(8);
        for case in 0..200 {
            let symmetric = case % 2;
            let rank = 1 + random.below(4);
            let dims: Vec<usize> = (0..rank).map(|_| 2 + random.below(if case % 20 == 0 { 24 } else { 5 })).collect();
            let edge = |random: &mut Random, axis: usize| random.below(dims[axis] + symmetric);
            let before: Vec<i32> = (0..rank).map(|axis| edge(&mut random, axis) as i32).collect();
            let out: Vec<usize> = (0..rank).map(|axis| dims[axis] + before[axis] as usize + edge(&mut random, axis)).collect();
            let x = Array::random(&dims, case as u64);
            // The formula of TensorFlow.js with its offset.
            let mirror = |size: usize, place: isize| {
                let (size, offset) = (size as isize, symmetric as isize);
                let source = if place < 0 {
                    -place - offset
                } else if place >= size {
                    (size - 1) * 2 - place + offset
                } else {
                    place
                };
                Some(usize::try_from(source).unwrap())
            };
            let expected = Array::f32(&out, &reference(&x, &out, 0.0, mirror, &before));
            let ints = [&before[..], &[symmetric as i32]].concat();
            Run::new("MirrorPad").input(&x).ints(&ints).output(DType::Float32, &out).everywhere(|_, results| {
                assert_eq!(results[0], expected);
            });
        }
    }

    #[test]
    fn constants_are_converted_as_in_javascript() {
        for (value, expected) in
            [(1.9, 1), (-1.9, -1), (f64::NAN, 0), (f64::INFINITY, 0), (4294967297.0, 1), (3e9, 3_000_000_000u32 as i32), (1e300, 0)]
        {
            assert_eq!(element(DType::Int32, value), i32::to_ne_bytes(expected), "{value}");
        }
        assert_eq!(element(DType::Bool, 1.0)[0], 1);
        assert_eq!(element(DType::BFloat16, 1.0)[..2], 0x3f80u16.to_ne_bytes());
        assert_eq!(element(DType::BFloat16, 1.003)[..2], 0x3f80u16.to_ne_bytes());
        let x = Array::bool(&[2], &[0, 1]);
        let padded = Run::new("PadV2").input(&x).ints(&[1]).floats(&[1.0]).output(DType::Bool, &[4]);
        padded.everywhere(|_, results| assert_eq!(results[0].bytes, [1, 0, 1, 1]));
    }

    #[test]
    fn edges_that_do_not_fit_are_an_error() {
        let x = Array::random(&[3, 4], 1);
        let pad = |ints: &[i32], dims: &[usize]| Run::new("PadV2").input(&x).ints(ints).floats(&[0.0]).output(DType::Float32, dims).fails();
        for (ints, dims) in [(&[0, 1][..], &[3, 4][..]), (&[-1, 0], &[3, 4]), (&[0], &[3, 4]), (&[0, 0], &[3, 4, 1]), (&[0, 0], &[2, 9])] {
            assert!(pad(ints, dims).contains("room for"));
        }
        let mirror = |ints: &[i32], dims: &[usize]| Run::new("MirrorPad").input(&x).ints(ints).output(DType::Float32, dims).fails();
        assert!(mirror(&[3, 0, 0], &[6, 4]).contains("mirrored on"));
        assert!(mirror(&[0, 0, 1], &[7, 4]).contains("mirrored on"));
        assert!(mirror(&[0, 0], &[3, 4]).contains("integer attribute"));
        assert!(mirror(&[0], &[3, 4]).contains("room for"));
    }
}
