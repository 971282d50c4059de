//! Rows of a tensor by their numbers.

use super::Kernel;
use super::strided::{copy_row, dense_strides, for_pieces};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("GatherV2", gather), ("GatherNd", gather_nd)];

/// Inputs x [batch.., outer.., L, rest..] of any type and indices int32 [batch.., n..], output y [batch.., outer.., n.., rest..]; ints: which
/// axis of x is L, and how many axes batch has. `y[b, o, i, r] = x[b, o, indices[b, i], r]`. An index outside of L is an error.
fn gather(context: &Context, call: &mut Call) -> Result<()> {
    let (x, indices, y, axis, batch_axes) = (call.input(0)?, call.input(1)?, call.output(0)?, call.size(0)?, call.size(1)?);
    let (x_dims, index_dims) = (x.dims(), indices.dims());
    ensure!(
        axis < x_dims.len() && batch_axes <= axis && batch_axes <= index_dims.len() && x_dims[..batch_axes] == index_dims[..batch_axes],
        "expected {batch_axes} common axes before axis {axis} of {x_dims:?}, got indices of {index_dims:?}"
    );
    let expected = [&x_dims[..axis], &index_dims[batch_axes..], &x_dims[axis + 1..]].concat();
    ensure!(y.dtype() == x.dtype && y.dims() == expected, "expected an output of {expected:?}, got {:?}", y.shape());
    let (length, element) = (x_dims[axis], x.dtype.size());
    let outer: usize = x_dims[batch_axes..axis].iter().product();
    let count: usize = index_dims[batch_axes..].iter().product();
    let row = x_dims[axis + 1..].iter().product::<usize>() * element;
    let indices = indices.i32()?;
    check(indices, length)?;
    let from = x.bytes();
    let source = |number: usize| {
        let (outer_index, place) = (number / count, number % count);
        let index = indices[outer_index / outer * count + place] as usize;
        (outer_index * length + index) * row
    };
    copy_rows(context, from, y.bytes(), row, source);
    Ok(())
}

/// Inputs x [A.., rest..] of any type and indices int32 [n.., k] where k is the number of axes A, output y [n.., rest..].
fn gather_nd(context: &Context, call: &mut Call) -> Result<()> {
    let (x, indices, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let (places, axes) = places_and_axes(x.dims(), indices.dims())?;
    let expected = [places, &x.dims()[axes..]].concat();
    ensure!(y.dtype() == x.dtype && y.dims() == expected, "expected an output of {expected:?}, got {:?}", y.shape());
    if y.size() == 0 {
        return Ok(());
    }
    let rows = row_numbers(x.dims(), indices.dims(), indices.i32()?)?;
    let row = x.dims()[axes..].iter().product::<usize>() * x.dtype.size();
    copy_rows(context, x.bytes(), y.bytes(), row, |number| rows[number] * row);
    Ok(())
}

/// Of indices [n.., k] into `dims`: n.. and k, if there are as many axes.
pub fn places_and_axes<'a>(dims: &[usize], index_dims: &'a [usize]) -> Result<(&'a [usize], usize)> {
    let (&axes, places) = index_dims.split_last().unwrap_or((&usize::MAX, &[]));
    ensure!(axes <= dims.len(), "expected indices [.., k] of k axes of {dims:?}, got {index_dims:?}");
    Ok((places, axes))
}

/// For indices [n.., k] the numbers of the rows that they name, where the first k axes of `dims` are one. An index outside is an error. There
/// may be any number of places without axes: the caller makes sure that there is something for each.
pub fn row_numbers(dims: &[usize], index_dims: &[usize], indices: &[i32]) -> Result<Vec<usize>> {
    let (places, axes) = places_and_axes(dims, index_dims)?;
    let strides = dense_strides(&dims[..axes]);
    let count = places.iter().product();
    if axes == 0 {
        return Ok(vec![0; count]);
    }
    let mut rows = Vec::with_capacity(count);
    for (number, indices) in indices.chunks_exact(axes).enumerate() {
        let inside = std::iter::zip(indices, dims).all(|(&index, &size)| index >= 0 && (index as usize) < size);
        ensure!(inside, "expected indices inside of {dims:?}, got {indices:?} at position {number}");
        rows.push(std::iter::zip(indices, &strides).map(|(&index, &stride)| index as usize * stride as usize).sum());
    }
    Ok(rows)
}

fn check(indices: &[i32], length: usize) -> Result<()> {
    let wrong = indices.iter().position(|&index| index < 0 || index as usize >= length);
    let Some(position) = wrong else { return Ok(()) };
    ensure!(false, "expected indices from 0 to {length} (not included), got {} at position {position}", indices[position]);
    Ok(())
}

/// Fills `to` with rows of `row` bytes, each from where `source` says.
fn copy_rows(context: &Context, from: &[u8], to: &mut [u8], row: usize, source: impl Fn(usize) -> usize + Sync) {
    let count = to.len().checked_div(row).unwrap_or(0);
    let to = Shared::new(to);
    // Few rows may be long, and many short.
    for_pieces(context, count, row, 1, |rows, range| {
        for number in rows {
            let start = source(number) + range.start;
            // SAFETY: rows and pieces do not overlap, and each lies within both sides.
            let to = unsafe { to.part(number * row + range.start, range.len()) };
            copy_row(&from[start..start + range.len()], to);
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    #[test]
    fn gathers_along_any_axis_with_any_batch() {
        let mut random = Random::new(11);
        for case in 0..300 {
            let most = if case % 25 == 0 { 40 } else { 5 };
            let pick = |random: &mut Random, count: usize| -> Vec<usize> { (0..count).map(|_| random.below(most) + 1).collect() };
            let axes = random.below(2);
            let batch = pick(&mut random, axes);
            let axes = random.below(2);
            let outer = pick(&mut random, axes);
            let axes = random.below(3);
            let rest = pick(&mut random, axes);
            let axes = random.below(3);
            let places = pick(&mut random, axes);
            let length = 1 + random.below(9);
            let x = Array::random(&[&batch[..], &outer, &[length], &rest].concat(), case);
            let index_dims = [&batch[..], &places].concat();
            let indices: Vec<i32> = (0..index_dims.iter().product()).map(|_| random.below(length) as i32).collect();
            let (batch_size, outer_size) = (batch.iter().product::<usize>(), outer.iter().product::<usize>());
            let (count, row) = (places.iter().product::<usize>(), rest.iter().product::<usize>());
            let values = x.to_f32();
            let mut expected = vec![];
            for b in 0..batch_size {
                for o in 0..outer_size {
                    for i in 0..count {
                        let start = ((b * outer_size + o) * length + indices[b * count + i] as usize) * row;
                        expected.extend_from_slice(&values[start..start + row]);
                    }
                }
            }
            let dims = [&batch[..], &outer, &places, &rest].concat();
            let ints = [(batch.len() + outer.len()) as i32, batch.len() as i32];
            let run = Run::new("GatherV2").input(&x).input(&Array::i32(&index_dims, &indices)).ints(&ints);
            run.output(DType::Float32, &dims).everywhere(|_, results| assert_eq!(results[0].to_f32(), expected));
        }
    }

    #[test]
    fn other_types_and_nothing_at_all() {
        let x = Array::bool(&[3, 7], &(0..21).collect::<Vec<u8>>());
        let run = Run::new("GatherV2").input(&x).ints(&[0, 0]);
        run.clone().input(&Array::i32(&[2], &[2, 0])).output(DType::Bool, &[2, 7]).everywhere(|_, results| {
            assert_eq!(results[0].bytes, [14, 15, 16, 17, 18, 19, 20, 0, 1, 2, 3, 4, 5, 6]);
        });
        run.input(&Array::i32(&[0], &[])).output(DType::Bool, &[0, 7]).everywhere(|_, _| {});
    }

    #[test]
    fn gathers_by_several_axes() {
        let mut random = Random::new(12);
        for case in 0..100 {
            let dims: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(6)).collect();
            let axes = random.below(dims.len() + 1);
            let count = random.below(if case % 10 == 0 { 9000 } else { 6 });
            let x = Array::random(&dims, case);
            let row: usize = dims[axes..].iter().product();
            let (mut indices, mut expected) = (vec![], vec![]);
            for _ in 0..count {
                let place: Vec<usize> = dims[..axes].iter().map(|&size| random.below(size)).collect();
                let start = std::iter::zip(&place, &dims).fold(0, |sum, (index, size)| sum * size + index) * row;
                indices.extend(place.iter().map(|&index| index as i32));
                expected.extend_from_slice(&x.to_f32()[start..start + row]);
            }
            let out = [&[count], &dims[axes..]].concat();
            let run = Run::new("GatherNd").input(&x).input(&Array::i32(&[count, axes], &indices));
            run.output(DType::Float32, &out).everywhere(|_, results| assert_eq!(results[0].to_f32(), expected));
        }
    }

    #[test]
    fn an_index_outside_is_an_error_that_names_it() {
        let x = Array::random(&[4, 3], 1);
        for wrong in [4, -1, i32::MAX, i32::MIN] {
            let indices = Array::i32(&[3], &[0, wrong, 1]);
            let error = Run::new("GatherV2").input(&x).input(&indices).ints(&[0, 0]).output(DType::Float32, &[3, 3]).fails();
            assert!(error.contains(&format!("got {wrong} at position 1")), "{error}");
            let indices = Array::i32(&[2, 2], &[0, 0, wrong, 1]);
            let error = Run::new("GatherNd").input(&x).input(&indices).output(DType::Float32, &[2]).fails();
            assert!(error.contains(&format!("got [{wrong}, 1] at position 1")), "{error}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_an_error() {
        let (x, indices) = (Array::random(&[4, 3], 1), Array::i32(&[2, 2], &[0; 4]));
        let fails =
            |name, ints: &[i32], dims: &[usize]| Run::new(name).input(&x).input(&indices).ints(ints).output(DType::Float32, dims).fails();
        assert!(fails("GatherV2", &[2, 0], &[4, 3, 2, 2]).contains("axis 2"));
        assert!(fails("GatherV2", &[0, 1], &[2, 3]).contains("common axes"));
        assert!(fails("GatherV2", &[1, 1], &[4, 2]).contains("common axes"));
        assert!(fails("GatherV2", &[0, 0], &[2, 3]).contains("output of [2, 2, 3]"));
        assert!(fails("GatherNd", &[], &[2, 3]).contains("output of [2]"));
        let scalar = Run::new("GatherNd").input(&x).input(&Array::i32(&[], &[0])).output(DType::Float32, &[3]);
        assert!(scalar.fails().contains("k axes"));
        let three = Run::new("GatherNd").input(&x).input(&Array::i32(&[1, 3], &[0; 3])).output(DType::Float32, &[1]);
        assert!(three.fails().contains("k axes"));
        let float = Run::new("GatherV2").input(&x).input(&x).ints(&[0, 0]).output(DType::Float32, &[4, 3, 3]);
        assert!(float.fails().contains("expected Int32"));
    }
}
