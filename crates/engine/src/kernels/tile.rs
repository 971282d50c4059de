//! Repeating a tensor.

use super::Kernel;
use super::strided::{StridedCopy, dense_strides};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Tile", tile), ("BroadcastTo", broadcast_to)];

/// Input x of any type, output y with as many axes, each a multiple of that of x: `y[i, ...] = x[i mod size, ...]`.
fn tile(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let fits = x.shape.rank() == y.shape().rank()
        && std::iter::zip(x.dims(), y.dims()).all(|(&size, &whole)| whole == 0 || (size > 0 && whole % size == 0));
    ensure!(fits && x.dtype == y.dtype(), "expected an output of multiples of {:?}, got {:?}", x.shape, y.shape());
    let (from, to) = (dense_strides(x.dims()), dense_strides(y.dims()));
    let mut copy = StridedCopy::new();
    for (axis, &size) in x.dims().iter().enumerate() {
        let times = y.dims()[axis].checked_div(size).unwrap_or(0);
        copy = copy.axis(times, 0, to[axis] * size as isize).axis(size, from[axis], to[axis]);
    }
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

/// Input x of any type, output y, whose last axes are those of x, or where that of x is 1 anything.
fn broadcast_to(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let new = y.shape().rank().checked_sub(x.shape.rank());
    let fits = new.is_some_and(|new| std::iter::zip(x.dims(), &y.dims()[new..]).all(|(&size, &whole)| size == whole || size == 1));
    ensure!(fits && x.dtype == y.dtype(), "expected an output that {:?} can be broadcast to, got {:?}", x.shape, y.shape());
    let (from, to, new) = (dense_strides(x.dims()), dense_strides(y.dims()), new.unwrap_or(0));
    let mut copy = StridedCopy::new();
    for (axis, &size) in y.dims().iter().enumerate() {
        let repeats = axis < new || x.dims()[axis - new] == 1;
        copy = copy.axis(size, if repeats { 0 } else { from[axis - new] }, to[axis]);
    }
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    /// `y[i, ...] = x[i mod size, ...]`, which broadcasting is as well.
    fn reference(x: &Array, dims: &[usize]) -> Array {
        let new = dims.len() - x.dims.len();
        let values = x.to_f32();
        let of = |index: usize| {
            let (mut rest, mut source, mut stride) = (index, 0, 1);
            for axis in (0..dims.len()).rev() {
                if axis >= new {
                    source += rest % dims[axis] % x.dims[axis - new] * stride;
                    stride *= x.dims[axis - new];
                }
                rest /= dims[axis];
            }
            values[source]
        };
        Array::f32(dims, &(0..dims.iter().product()).map(of).collect::<Vec<f32>>())
    }

    #[test]
    fn tiles() {
        let mut random = Random::new(4);
        for case in 0..200 {
            let dims: Vec<usize> = (0..random.below(5)).map(|_| 1 + random.below(6)).collect();
            let x = Array::random(&dims, case);
            let out: Vec<usize> = dims.iter().map(|size| size * random.below(if case % 20 == 0 { 20 } else { 4 })).collect();
            let expected = reference(&x, &out);
            Run::new("Tile").input(&x).output(DType::Float32, &out).everywhere(|_, results| assert_eq!(results[0], expected));
        }
    }

    #[test]
    fn broadcasts() {
        let mut random = Random::new(5);
        for case in 0..200 {
            let out: Vec<usize> = (0..random.below(6)).map(|_| random.below(if case % 20 == 0 { 16 } else { 6 })).collect();
            let kept = &out[random.below(out.len() + 1)..];
            let dims: Vec<usize> = kept.iter().map(|&size| if random.below(2) == 0 { 1 } else { size }).collect();
            let x = Array::random(&dims, case);
            let expected = reference(&x, &out);
            Run::new("BroadcastTo").input(&x).output(DType::Float32, &out).everywhere(|_, results| assert_eq!(results[0], expected));
        }
        let x = Array::bool(&[1], &[7]);
        Run::new("BroadcastTo").input(&x).output(DType::Bool, &[300_001]).everywhere(|_, results| {
            assert!(results[0].bytes.iter().all(|&byte| byte == 7));
        });
    }

    #[test]
    fn other_shapes_are_an_error() {
        let x = Array::random(&[2, 3], 1);
        assert!(Run::new("Tile").input(&x).output(DType::Float32, &[4, 4]).fails().contains("multiples"));
        assert!(Run::new("Tile").input(&x).output(DType::Float32, &[1, 2, 3]).fails().contains("multiples"));
        assert!(Run::new("Tile").input(&Array::f32(&[0], &[])).output(DType::Float32, &[4]).fails().contains("multiples"));
        assert!(Run::new("BroadcastTo").input(&x).output(DType::Float32, &[4, 3]).fails().contains("broadcast"));
        assert!(Run::new("BroadcastTo").input(&x).output(DType::Float32, &[3]).fails().contains("broadcast"));
        assert!(Run::new("BroadcastTo").input(&x).output(DType::Int32, &[2, 3]).fails().contains("broadcast"));
    }
}
