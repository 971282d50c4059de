//! Joining tensors along an axis, and taking them apart again.

use super::Kernel;
use super::strided::StridedCopy;
use crate::call::{Call, Context, DType, Shape};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Concat", concat), ("SplitV", split)];

/// Inputs of one type and of equal sizes but for one axis, output y with the sum of theirs there; ints: that axis.
fn concat(context: &Context, call: &mut Call) -> Result<()> {
    let (y, axis) = (call.output(0)?, call.size(0)?);
    let whole = (y.dtype(), y.shape());
    let parts: Vec<_> = call.inputs().iter().map(|x| (x.dtype, x.shape)).collect();
    let (rows, widths) = widths(whole, &parts, axis)?;
    let (total, element, to) = (widths.iter().sum::<usize>(), whole.0.size(), y.bytes());
    let mut start = 0;
    for (x, width) in std::iter::zip(call.inputs(), widths) {
        let copy = StridedCopy::new().starting_at(0, start as isize).axis(rows, width as isize, total as isize).axis(width, 1, 1);
        copy.run(context, element, x.bytes(), to)?;
        start += width;
    }
    Ok(())
}

/// Input x, outputs of its type and of its sizes but for one axis, where theirs add up to its own; ints: that axis.
fn split(context: &Context, call: &mut Call) -> Result<()> {
    let (x, axis) = (call.input(0)?, call.size(0)?);
    let outputs = (0..call.output_count()).map(|index| call.output(index)).collect::<Result<Vec<_>>>()?;
    let parts: Vec<_> = outputs.iter().map(|y| (y.dtype(), y.shape())).collect();
    let (rows, widths) = widths((x.dtype, x.shape), &parts, axis)?;
    let (total, element) = (widths.iter().sum::<usize>(), x.dtype.size());
    let mut start = 0;
    for (y, width) in std::iter::zip(outputs, widths) {
        let copy = StridedCopy::new().starting_at(start as isize, 0).axis(rows, total as isize, width as isize).axis(width, 1, 1);
        copy.run(context, element, x.bytes(), y.bytes())?;
        start += width;
    }
    Ok(())
}

/// Rows of the whole and the parts (the axes before the one along which they lie), and elements of each part in a row.
fn widths(whole: (DType, Shape), parts: &[(DType, Shape)], axis: usize) -> Result<(usize, Vec<usize>)> {
    let dims = whole.1.dims();
    ensure!(axis < dims.len(), "expected an axis of {dims:?}, got {axis}");
    let fits = parts.iter().all(|(dtype, part)| {
        let part = part.dims();
        *dtype == whole.0 && part.len() == dims.len() && part[..axis] == dims[..axis] && part[axis + 1..] == dims[axis + 1..]
    });
    let length = parts.iter().try_fold(0usize, |sum, (_, part)| sum.checked_add(*part.dims().get(axis)?));
    ensure!(fits && length == Some(dims[axis]), "expected parts of {dims:?} that lie along axis {axis}, got {parts:?}");
    let inner: usize = dims[axis + 1..].iter().product();
    Ok((dims[..axis].iter().product(), parts.iter().map(|(_, part)| part.dims()[axis] * inner).collect()))
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    #[test]
    fn joins_and_splits_along_any_axis() {
        let mut random = Random::new(9);
        for case in 0..200 {
            let rank = 1 + random.below(4);
            let axis = random.below(rank);
            let dims: Vec<usize> = (0..rank).map(|_| 1 + random.below(if case % 20 == 0 { 60 } else { 7 })).collect();
            let parts: Vec<Array> = (0..1 + random.below(5))
                .map(|part| {
                    let mut dims = dims.clone();
                    dims[axis] = random.below(6);
                    Array::random(&dims, part as u64)
                })
                .collect();
            let mut whole = dims.clone();
            whole[axis] = parts.iter().map(|part| part.dims[axis]).sum();
            let rows: usize = dims[..axis].iter().product();
            let mut bytes = vec![];
            for row in 0..rows {
                for part in &parts {
                    let width = part.bytes.len() / rows;
                    bytes.extend_from_slice(&part.bytes[row * width..(row + 1) * width]);
                }
            }
            let ints = [axis as i32];
            let concat = parts.iter().fold(Run::new("Concat").ints(&ints), Run::input).output(DType::Float32, &whole);
            concat.everywhere(|_, results| assert_eq!(results[0].bytes, bytes));
            let joined = Array { dtype: DType::Float32, dims: whole, bytes };
            let split = Run::new("SplitV").input(&joined).ints(&ints);
            let split = parts.iter().fold(split, |run, part| run.output(DType::Float32, &part.dims));
            split.everywhere(|_, results| assert_eq!(results, parts));
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_an_error() {
        let (a, b) = (Array::random(&[2, 3], 1), Array::random(&[2, 2], 2));
        let fails = |axis, dims: &[usize], dtype| Run::new("Concat").input(&a).input(&b).ints(&[axis]).output(dtype, dims).fails();
        assert!(fails(1, &[2, 6], DType::Float32).contains("along axis 1"));
        assert!(fails(0, &[4, 3], DType::Float32).contains("along axis 0"));
        assert!(fails(1, &[2, 5], DType::Int32).contains("along axis 1"));
        assert!(fails(2, &[2, 5], DType::Float32).contains("an axis of"));
        assert!(fails(-1, &[2, 5], DType::Float32).contains("a size"));
        let split = Run::new("SplitV").input(&a).ints(&[1]).output(DType::Float32, &[2, 1]);
        assert!(split.clone().output(DType::Float32, &[2, 1]).fails().contains("along axis 1"));
        assert!(split.output(DType::Float32, &[3, 2]).fails().contains("along axis 1"));
    }
}
