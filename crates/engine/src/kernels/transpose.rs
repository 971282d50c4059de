//! Exchanging axes.

use super::Kernel;
use super::strided::{StridedCopy, dense_strides};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Transpose", transpose)];

/// Input x of any type, output y; ints: for each axis of y the axis of x that it is.
fn transpose(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y, permutation) = (call.input(0)?, call.output(0)?, call.ints());
    let rank = x.shape.rank();
    let mut seen = [false; crate::call::MAX_RANK];
    let valid = permutation.iter().all(|&axis| {
        let axis = usize::try_from(axis).unwrap_or(usize::MAX);
        axis < rank && !std::mem::replace(&mut seen[axis], true)
    });
    ensure!(valid && permutation.len() == rank, "expected a permutation of {rank} axes, got {permutation:?}");
    let fits = y.dtype() == x.dtype
        && y.shape().rank() == rank
        && std::iter::zip(permutation, y.dims()).all(|(&axis, &size)| x.dims()[axis as usize] == size);
    ensure!(fits, "expected {:?} with its axes in the order {permutation:?}, got {:?}", x.shape, y.shape());
    let (from, to) = (dense_strides(x.dims()), dense_strides(y.dims()));
    let mut copy = StridedCopy::new();
    for (axis, &source) in permutation.iter().enumerate() {
        copy = copy.axis(y.dims()[axis], from[source as usize], to[axis]);
    }
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    /// Element by element.
    fn reference(x: &Array, permutation: &[i32]) -> (Vec<usize>, Vec<u8>) {
        let rank = x.dims.len();
        let dims: Vec<usize> = permutation.iter().map(|&axis| x.dims[axis as usize]).collect();
        let size = x.dtype.size();
        let mut bytes = vec![];
        for index in 0..x.size() {
            let (mut rest, mut place) = (index, vec![0; rank]);
            for axis in (0..rank).rev() {
                place[permutation[axis] as usize] = rest % dims[axis];
                rest /= dims[axis];
            }
            let source = std::iter::zip(&place, &x.dims).fold(0, |sum, (index, size)| sum * size + index);
            bytes.extend_from_slice(&x.bytes[source * size..(source + 1) * size]);
        }
        (dims, bytes)
    }

    fn check(x: &Array, permutation: &[i32]) {
        let (dims, bytes) = reference(x, permutation);
        Run::new("Transpose").input(x).ints(permutation).output(x.dtype, &dims).everywhere(|isa, results| {
            assert!(results[0].bytes == bytes, "{:?} {:?} by {permutation:?} on {isa}", x.dtype, x.dims);
        });
    }

    #[test]
    fn matrices_around_every_edge() {
        for rows in [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 130] {
            for columns in [1, 3, 4, 8, 9, 16, 31, 64, 67, 129] {
                check(&Array::random(&[rows, columns], 1), &[1, 0]);
            }
        }
        check(&Array::random(&[1030, 515], 1), &[1, 0]);
        check(&Array::random(&[2, 100_001], 1), &[1, 0]);
        check(&Array::random(&[100_001, 3], 1), &[1, 0]);
    }

    #[test]
    fn any_permutation_of_any_type() {
        let mut random = Random::new(7);
        for case in 0..300 {
            let rank = 1 + random.below(6);
            let dims: Vec<usize> = (0..rank).map(|_| [1, 2, 3, 4, 5, 8, 17][random.below(if rank > 4 { 5 } else { 7 })]).collect();
            let mut permutation: Vec<i32> = (0..rank as i32).collect();
            (1..rank).for_each(|axis| permutation.swap(axis, random.below(axis + 1)));
            let size = dims.iter().product();
            let x = match case % 3 {
                0 => Array::random(&dims, case),
                1 => Array::bool(&dims, &(0..size).map(|_| random.next() as u8).collect::<Vec<u8>>()),
                _ => Array::bf16(&dims, &(0..size).map(|_| random.next() as u16).collect::<Vec<u16>>()),
            };
            check(&x, &permutation);
        }
    }

    #[test]
    fn heads_and_images() {
        check(&Array::random(&[2, 37, 4, 64], 1), &[0, 2, 1, 3]);
        check(&Array::random(&[2, 37, 4, 64], 1), &[0, 2, 3, 1]);
        check(&Array::random(&[3, 30, 31, 3], 1), &[0, 3, 1, 2]);
        check(&Array::random(&[3, 3, 30, 31], 1), &[0, 2, 3, 1]);
        check(&Array::random(&[], 1), &[]);
    }

    #[test]
    fn not_a_permutation_is_an_error() {
        let x = Array::random(&[2, 3], 1);
        let run = |ints: &[i32], dims: &[usize]| Run::new("Transpose").input(&x).ints(ints).output(DType::Float32, dims).fails();
        for ints in [&[0, 0][..], &[0], &[0, 2], &[-1, 0], &[0, 1, 2]] {
            assert!(run(ints, &[3, 2]).contains("permutation"));
        }
        assert!(run(&[1, 0], &[2, 3]).contains("axes in the order"));
    }
}
