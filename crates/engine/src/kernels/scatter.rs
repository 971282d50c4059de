//! Adding or putting rows where their numbers say.

use super::Kernel;
use super::gather::{places_and_axes, row_numbers};
use super::strided::PARALLEL_BYTES;
use crate::call::{Call, Context, DType, Operand};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("ScatterNd", scatter_nd), ("TensorScatterUpdate", scatter_update), ("UnsortedSegmentSum", segment_sum)];

/// Inputs indices int32 [n.., k] and updates [n.., rest..] of float32, int32 or bool, output y [A.., rest..] where A has k axes: zeros, and
/// each row of the updates added where its index says, in their order.
fn scatter_nd(context: &Context, call: &mut Call) -> Result<()> {
    let (indices, updates, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let columns = columns(&indices, &updates, y.dims())?;
    ensure!(updates.dtype == y.dtype(), "expected an output of {:?}, got {:?}", updates.dtype, y.dtype());
    if y.size() == 0 {
        return Ok(());
    }
    let rows = row_numbers(y.dims(), indices.dims(), indices.i32()?)?;
    match updates.dtype {
        DType::Float32 => {
            scatter(context, &rows, Updates { values: updates.f32()?, step: columns }, y.f32()?, columns, None, |y, x| *y += x)
        }
        DType::Int32 => scatter(context, &rows, Updates { values: updates.i32()?, step: columns }, y.i32()?, columns, None, |y, x| {
            *y = y.wrapping_add(x)
        }),
        DType::Bool => scatter(context, &rows, Updates { values: updates.bool()?, step: columns }, y.bool()?, columns, None, |y, x| {
            *y = y.wrapping_add(x)
        }),
        DType::BFloat16 => ensure!(false, "expected float32, int32 or bool, got {:?}", updates.dtype),
    }
    Ok(())
}

/// Inputs x [A.., rest..] of any type, indices int32 [n.., k] where A has k axes, updates [n.., rest..] or a scalar, output y: x with the rows
/// of the updates where the indices say; of several for one place the last counts.
fn scatter_update(context: &Context, call: &mut Call) -> Result<()> {
    let (x, indices, updates, y) = (call.input(0)?, call.input(1)?, call.input(2)?, call.output(0)?);
    ensure!(
        y.dtype() == x.dtype && updates.dtype == x.dtype && y.shape() == x.shape,
        "expected updates and an output of {:?} {:?}, got {:?} and {:?} {:?}",
        x.dtype,
        x.shape,
        updates.dtype,
        y.dtype(),
        y.shape()
    );
    if y.size() == 0 {
        return Ok(());
    }
    let element = x.dtype.size();
    let (columns, one_row) = if updates.shape.rank() == 0 {
        let (_, axes) = places_and_axes(x.dims(), indices.dims())?;
        ensure!(axes > 0, "expected indices [.., k] with a k above 0 for a scalar, got {:?}", indices.shape);
        let columns = x.dims()[axes..].iter().product();
        (columns, Some(updates.bytes().repeat(columns)))
    } else {
        (columns(&indices, &updates, x.dims())?, None)
    };
    let rows = row_numbers(x.dims(), indices.dims(), indices.i32()?)?;
    let values = match &one_row {
        Some(row) => Updates { values: row, step: 0 },
        None => Updates { values: updates.bytes(), step: columns * element },
    };
    // Elements are put and not computed with, so that their bytes will do.
    scatter(context, &rows, values, y.bytes(), columns * element, Some(x.bytes()), |y, x| *y = x);
    Ok(())
}

/// Inputs x [n, rest..] of float32 and segment ids int32 [n], output y [segments, rest..]: row `s` is the sum of the rows of x whose id is
/// `s`, added in their order. A row whose id is no segment is left out, as in TensorFlow.
fn segment_sum(context: &Context, call: &mut Call) -> Result<()> {
    let (x, ids, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let fits = ids.shape.rank() == 1
        && x.dims().first() == ids.dims().first()
        && y.shape().rank() == x.shape.rank()
        && y.dims()[1..] == x.dims()[1..];
    ensure!(fits, "expected {:?} with as many segment ids and an output of its rows, got {:?} and {:?}", x.shape, ids.shape, y.shape());
    let segments = y.dims()[0];
    let row = |&id: &i32| usize::try_from(id).ok().filter(|&id| id < segments).unwrap_or(usize::MAX);
    let rows: Vec<usize> = ids.i32()?.iter().map(row).collect();
    let columns = x.dims()[1..].iter().product();
    scatter(context, &rows, Updates { values: x.f32()?, step: columns }, y.f32()?, columns, None, |y, x| *y += x);
    Ok(())
}

/// Elements of a row, if the updates have one for each index.
fn columns(indices: &Operand, updates: &Operand, dims: &[usize]) -> Result<usize> {
    let (places, axes) = places_and_axes(dims, indices.dims())?;
    let expected = [places, &dims[axes..]].concat();
    ensure!(updates.dims() == expected, "expected updates of {expected:?}, got {:?}", updates.shape);
    Ok(dims[axes..].iter().product())
}

/// Rows `step` elements apart; 0 if one stands for all.
#[derive(Clone, Copy)]
struct Updates<'a, T> {
    values: &'a [T],
    step: usize,
}

/// `y` is `start` or zeros; then each row of `updates` is combined with the row of `y` that `rows` names, in their order. Tasks have their
/// own part of `y`, so that each sum is one task's, and look through all the rows for those that fall into it.
fn scatter<T: Copy + Default + Send + Sync>(
    context: &Context,
    rows: &[usize],
    updates: Updates<T>,
    y: &mut [T],
    columns: usize,
    start: Option<&[T]>,
    combine: impl Fn(&mut T, T) + Sync,
) {
    if y.is_empty() || columns == 0 {
        return;
    }
    let height = y.len() / columns;
    let bytes = y.len().max(rows.len() * updates.step) * size_of::<T>();
    // To look at a row's number costs as much as to add a few of its columns.
    let bands = if bytes < PARALLEL_BYTES { 1 } else { (bytes >> 18).clamp(1, 32).min(columns.div_ceil(16)).min(height) };
    let block = if bytes < PARALLEL_BYTES { columns } else { columns.min(512) };
    let (band, blocks) = (height.div_ceil(bands), columns.div_ceil(block));
    let y = Shared::new(y);
    context.pool.run(height.div_ceil(band) * blocks, |task, _| {
        let (first, end) = (task / blocks * band, height.min((task / blocks + 1) * band));
        let (from, width) = (task % blocks * block, block.min(columns - task % blocks * block));
        // SAFETY: no other task has these columns of these rows.
        let part = |row: usize| unsafe { y.part(row * columns + from, width) };
        for row in first..end {
            match start {
                Some(start) => part(row).copy_from_slice(&start[row * columns + from..][..width]),
                None => part(row).fill(T::default()),
            }
        }
        for (number, &row) in rows.iter().enumerate() {
            if (first..end).contains(&row) {
                let update = &updates.values[number * updates.step + from..][..width];
                std::iter::zip(part(row), update).for_each(|(y, &x)| combine(y, x));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    #[test]
    fn sums_segments_in_order() {
        let mut random = Random::new(21);
        for (count, segments, columns) in
            [(0, 3, 2), (5, 0, 2), (1, 1, 1), (100, 7, 3), (1000, 3, 700), (300, 900, 96), (40_000, 10, 1), (2000, 4000, 17), (5, 4, 0)]
        {
            let x = Array::random(&[count, columns], 3);
            let ids: Vec<i32> = (0..count).map(|_| random.below(segments + 2) as i32 - 1).collect();
            let mut expected = vec![0f32; segments * columns];
            for (row, &id) in x.to_f32().chunks(columns.max(1)).zip(&ids) {
                if (0..segments as i32).contains(&id) {
                    let sum = &mut expected[id as usize * columns..][..columns];
                    std::iter::zip(sum, row).for_each(|(sum, value)| *sum += value);
                }
            }
            let run =
                Run::new("UnsortedSegmentSum").input(&x).input(&Array::i32(&[count], &ids)).output(DType::Float32, &[segments, columns]);
            // The order of the additions is part of the contract, so that the bits are equal.
            run.everywhere(|_, results| assert!(results[0].to_f32() == expected, "{count} {segments} {columns}"));
        }
    }

    #[test]
    fn scatters_and_adds_what_falls_together() {
        let mut random = Random::new(22);
        for case in 0..60 {
            let dims: Vec<usize> = (0..1 + random.below(3)).map(|_| 1 + random.below(if case % 10 == 0 { 50 } else { 5 })).collect();
            let axes = 1 + random.below(dims.len());
            let count = random.below(if case % 10 == 0 { 3000 } else { 8 });
            let columns: usize = dims[axes..].iter().product();
            let places: Vec<Vec<usize>> = (0..count).map(|_| dims[..axes].iter().map(|&size| random.below(size)).collect()).collect();
            let indices: Vec<i32> = places.iter().flatten().map(|&index| index as i32).collect();
            let indices = Array::i32(&[count, axes], &indices);
            let values: Vec<i32> = (0..count * columns).map(|_| random.next() as i32).collect();
            let update_dims = [&[count], &dims[axes..]].concat();
            let start: Vec<i32> = (0..dims.iter().product()).map(|_| random.next() as i32).collect();
            let (mut sums, mut last) = (vec![0i32; start.len()], start.clone());
            for (number, place) in places.iter().enumerate() {
                let row = std::iter::zip(place, &dims).fold(0, |sum, (index, size)| sum * size + index);
                for column in 0..columns {
                    let (to, value) = (row * columns + column, values[number * columns + column]);
                    sums[to] = sums[to].wrapping_add(value);
                    last[to] = value;
                }
            }
            let updates = Array::i32(&update_dims, &values);
            Run::new("ScatterNd").input(&indices).input(&updates).output(DType::Int32, &dims).everywhere(|_, results| {
                assert_eq!(results[0].to_i32(), sums);
            });
            let update = Run::new("TensorScatterUpdate").input(&Array::i32(&dims, &start)).input(&indices).input(&updates);
            update.output(DType::Int32, &dims).everywhere(|_, results| assert_eq!(results[0].to_i32(), last));
        }
    }

    #[test]
    fn other_types_and_a_scalar_for_all() {
        let indices = Array::i32(&[3, 1], &[1, 3, 1]);
        let floats = Run::new("ScatterNd").input(&indices).input(&Array::f32(&[3], &[1.5, 2.0, 4.0])).output(DType::Float32, &[4]);
        floats.everywhere(|_, results| assert_eq!(results[0].to_f32(), [0.0, 5.5, 0.0, 2.0]));
        let bools = Run::new("ScatterNd").input(&indices).input(&Array::bool(&[3], &[1, 1, 0])).output(DType::Bool, &[4]);
        bools.everywhere(|_, results| assert_eq!(results[0].bytes, [0, 1, 0, 1]));
        let x = Array::f32(&[4, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let scalar = Run::new("TensorScatterUpdate").input(&x).input(&indices).input(&Array::f32(&[], &[9.0]));
        scalar.output(DType::Float32, &[4, 2]).everywhere(|_, results| {
            assert_eq!(results[0].to_f32(), [0.0, 1.0, 9.0, 9.0, 4.0, 5.0, 9.0, 9.0]);
        });
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (indices, updates) = (Array::i32(&[2, 1], &[0, 4]), Array::random(&[2, 3], 1));
        let fails = |indices: &Array, updates: &Array, dims: &[usize], dtype| {
            Run::new("ScatterNd").input(indices).input(updates).output(dtype, dims).fails()
        };
        assert!(fails(&indices, &updates, &[4, 3], DType::Float32).contains("got [4] at position 1"));
        assert!(fails(&indices, &updates, &[5, 2], DType::Float32).contains("updates of [2, 2]"));
        assert!(fails(&indices, &updates, &[5, 3], DType::Int32).contains("an output of"));
        assert!(fails(&Array::i32(&[], &[1]), &updates, &[5, 3], DType::Float32).contains("k axes"));
        let x = Array::random(&[5, 3], 1);
        let update = |updates: &Array| Run::new("TensorScatterUpdate").input(&x).input(&indices).input(updates);
        assert!(update(&Array::random(&[3], 1)).output(DType::Float32, &[5, 3]).fails().contains("updates of"));
        assert!(update(&updates).output(DType::Float32, &[3, 5]).fails().contains("an output of"));
        let none = Array::i32(&[2, 0], &[]);
        let scalar = Run::new("TensorScatterUpdate").input(&x).input(&none).input(&Array::f32(&[], &[1.0]));
        assert!(scalar.output(DType::Float32, &[5, 3]).fails().contains("for a scalar"));
        assert!(update(&Array::i32(&[2, 3], &[0; 6])).output(DType::Float32, &[5, 3]).fails().contains("expected updates"));
        let sum = |ids: &[i32], dims: &[usize]| {
            Run::new("UnsortedSegmentSum").input(&x).input(&Array::i32(&[ids.len()], ids)).output(DType::Float32, dims).fails()
        };
        assert!(sum(&[0; 4], &[2, 3]).contains("segment ids"));
        assert!(sum(&[0; 5], &[2, 4]).contains("segment ids"));
        assert!(sum(&[0; 5], &[2]).contains("segment ids"));
    }
}
