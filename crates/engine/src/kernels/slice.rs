//! Parts of a tensor.

use super::Kernel;
use super::strided::{StridedCopy, dense_strides};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Slice", slice), ("StridedSlice", strided_slice), ("Reverse", reverse)];

/// Input x of any type, output y with as many axes, none longer; ints: where y begins on each axis of x.
fn slice(context: &Context, call: &mut Call) -> Result<()> {
    let begin = call.ints();
    take(context, call, begin, &vec![1; begin.len()])
}

/// Input x of any type, output y with as many axes; ints: where y begins on each axis of x, then the step on each, which may be negative.
fn strided_slice(context: &Context, call: &mut Call) -> Result<()> {
    let (begin, steps) = call.ints().split_at(call.ints().len() / 2);
    take(context, call, begin, steps)
}

fn take(context: &Context, call: &mut Call, begin: &[i32], steps: &[i32]) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let rank = x.shape.rank();
    ensure!(
        y.dtype() == x.dtype && y.shape().rank() == rank && begin.len() == rank && steps.len() == rank,
        "expected a begin and a step for each axis of {:?}, got {begin:?}, {steps:?} and an output of {:?}",
        x.shape,
        y.shape()
    );
    let (from, to) = (dense_strides(x.dims()), dense_strides(y.dims()));
    let mut copy = StridedCopy::new();
    if y.size() == 0 {
        return Ok(());
    }
    for axis in 0..rank {
        let (begin, step, size) = (begin[axis] as i128, steps[axis] as i128, y.dims()[axis]);
        let end = begin + step * (size as i128 - 1);
        let length = x.dims()[axis] as i128;
        ensure!(
            (0..length).contains(&begin) && (0..length).contains(&end),
            "expected elements inside of {:?}, got {begin} .. {end} on axis {axis}",
            x.shape
        );
        copy = copy.starting_at(begin as isize * from[axis], 0).axis(size, step as isize * from[axis], to[axis]);
    }
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

/// Input x of any type, output y of the same shape; ints: the axes that run the other way.
fn reverse(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y, axes) = (call.input(0)?, call.output(0)?, call.ints());
    ensure!(y.dtype() == x.dtype && y.shape() == x.shape, "expected an output of {:?}, got {:?}", x.shape, y.shape());
    let known = axes.iter().all(|&axis| (axis as usize) < x.shape.rank());
    ensure!(known, "expected axes of {:?}, got {axes:?}", x.shape);
    let strides = dense_strides(x.dims());
    let mut copy = StridedCopy::new();
    for (axis, (&size, &stride)) in std::iter::zip(x.dims(), &strides).enumerate() {
        copy = if axes.contains(&(axis as i32)) {
            copy.starting_at((size as isize - 1) * stride, 0).axis(size, -stride, stride)
        } else {
            copy.axis(size, stride, stride)
        };
    }
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    /// Element `begin + index * step` on each axis.
    fn reference(x: &Array, begin: &[i32], steps: &[i32], dims: &[usize]) -> Vec<f32> {
        let values = x.to_f32();
        let of = |index: usize| {
            let (mut rest, mut source, mut stride) = (index, 0, 1);
            for axis in (0..dims.len()).rev() {
                let place = begin[axis] + (rest % dims[axis]) as i32 * steps[axis];
                source += place as usize * stride;
                stride *= x.dims[axis];
                rest /= dims[axis];
            }
            values[source]
        };
        (0..dims.iter().product()).map(of).collect()
    }

    #[test]
    fn any_slice_with_any_step() {
        let mut random = Random::new(3);
        for case in 0..400 {
            let rank = 1 + random.below(5);
            let dims: Vec<usize> = (0..rank).map(|_| 1 + random.below(if rank > 3 { 6 } else { 40 })).collect();
            let x = Array::random(&dims, case);
            let (mut begin, mut steps, mut out) = (vec![], vec![], vec![]);
            for &size in &dims {
                let step = if case % 2 == 0 { 1 } else { random.below(7) as i32 - 3 };
                let step = if step == 0 { 1 } else { step };
                let start = random.below(size);
                let room = if step > 0 { size - 1 - start } else { start } / step.unsigned_abs() as usize;
                begin.push(start as i32);
                steps.push(step);
                out.push(random.below(room + 2));
            }
            let expected = Array::f32(&out, &reference(&x, &begin, &steps, &out));
            let check = |run: Run| run.input(&x).output(DType::Float32, &out).everywhere(|_, results| assert_eq!(results[0], expected));
            check(Run::new("StridedSlice").ints(&[&begin[..], &steps].concat()));
            if case % 2 == 0 {
                check(Run::new("Slice").ints(&begin));
            }
        }
    }

    #[test]
    fn large_slices() {
        for (dims, begin, out) in [
            ([700, 900], [3, 5], [600, 800]),
            ([700, 900], [3, 0], [600, 900]),
            ([2, 400_000], [1, 1], [1, 399_990]),
            ([200_000, 3], [7, 1], [150_000, 2]),
        ] {
            let x = Array::random(&dims, 5);
            let expected = reference(&x, &begin, &[1, 1], &out);
            Run::new("Slice").input(&x).ints(&begin).output(DType::Float32, &out).everywhere(|_, results| {
                assert!(results[0].to_f32() == expected, "{dims:?} {begin:?} {out:?}");
            });
        }
    }

    #[test]
    fn reverses_any_axes() {
        let dims = [3, 4, 1, 5, 3];
        let x = Array::random(&dims, 1);
        for axes in [&[][..], &[0], &[4], &[3], &[1, 3], &[0, 1, 2, 3, 4]] {
            let reversed = |axis: usize| axes.contains(&(axis as i32));
            let begin: Vec<i32> = (0..5).map(|axis| if reversed(axis) { dims[axis] as i32 - 1 } else { 0 }).collect();
            let steps: Vec<i32> = (0..5).map(|axis| if reversed(axis) { -1 } else { 1 }).collect();
            let expected = Array::f32(&dims, &reference(&x, &begin, &steps, &dims));
            Run::new("Reverse")
                .input(&x)
                .ints(axes)
                .output(DType::Float32, &dims)
                .everywhere(|_, results| assert_eq!(results[0], expected));
        }
        Run::new("Reverse").input(&Array::f32(&[0], &[])).ints(&[0]).output(DType::Float32, &[0]).everywhere(|_, _| {});
    }

    #[test]
    fn outside_is_an_error() {
        let x = Array::random(&[4, 5], 1);
        let fails = |name, ints: &[i32], dims: &[usize]| Run::new(name).input(&x).ints(ints).output(DType::Float32, dims).fails();
        for (ints, dims) in [([0, 0], [4, 6]), ([-1, 0], [1, 1]), ([4, 0], [1, 1]), ([1, 0], [4, 5]), ([i32::MAX, 0], [1, 1])] {
            assert!(fails("Slice", &ints, &dims).contains("inside of"));
        }
        for ints in [[0, 0, 2, 1], [0, 0, -1, 1], [3, 4, i32::MAX, i32::MIN], [0, 0, 4, 1]] {
            assert!(fails("StridedSlice", &ints, &[3, 2]).contains("inside of"));
        }
        assert!(fails("Slice", &[0], &[1, 1]).contains("a begin and a step"));
        assert!(fails("StridedSlice", &[0, 0, 1], &[1, 1]).contains("a begin and a step"));
        assert!(fails("Reverse", &[2], &[4, 5]).contains("axes of"));
        assert!(fails("Reverse", &[-1], &[4, 5]).contains("axes of"));
        assert!(fails("Reverse", &[], &[5, 4]).contains("an output of"));
    }
}
