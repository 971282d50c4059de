//! Running sums and products.

use super::Kernel;
use super::element::Element;
use crate::call::{Call, Context, DType};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Cumsum", cumsum), ("Cumprod", cumprod)];

/// Elements of a task.
const GRAIN: usize = 1 << 14;
/// Columns that run together.
const TILE: usize = 64;

/// Input x; output y of its shape and type (float32 or int32); ints: axis, exclusive (each element is left out of its own sum), reverse (from the end).
/// Float32 is summed in float64.
fn cumsum(context: &Context, call: &mut Call) -> Result<()> {
    match call.input(0)?.dtype {
        DType::Float32 => cumulate::<f32, f64>(context, call, 0.0, |sum, x| sum + f64::from(x), |sum| sum as f32),
        DType::Int32 => cumulate::<i32, i32>(context, call, 0, i32::wrapping_add, |sum| sum),
        other => Err(Error::Invalid(format!("expected float32 or int32, got {other:?}"))),
    }
}

/// As Cumsum, of products.
fn cumprod(context: &Context, call: &mut Call) -> Result<()> {
    match call.input(0)?.dtype {
        DType::Float32 => cumulate::<f32, f64>(context, call, 1.0, |product, x| product * f64::from(x), |product| product as f32),
        DType::Int32 => cumulate::<i32, i32>(context, call, 1, i32::wrapping_mul, |product| product),
        other => Err(Error::Invalid(format!("expected float32 or int32, got {other:?}"))),
    }
}

fn cumulate<T: Element, A: Copy + Sync>(
    context: &Context,
    call: &mut Call,
    start: A,
    step: impl Fn(A, T) -> A + Sync,
    round: impl Fn(A) -> T + Sync,
) -> Result<()> {
    let (x, axis, exclusive, reverse, y) = (call.input(0)?, call.size(0)?, call.flag(1)?, call.flag(2)?, call.output(0)?);
    let dims = x.dims();
    ensure!(axis < dims.len(), "expected an axis of {dims:?}, got {axis}");
    ensure!(x.shape == y.shape(), "expected y of shape {dims:?}, got {:?}", y.shape());
    let (outer, length, inner) = (dims[..axis].iter().product::<usize>(), dims[axis], dims[axis + 1..].iter().product::<usize>());
    let (x, y) = (T::read(&x)?, Shared::new(T::write(y)?));
    let tiles = inner.div_ceil(TILE);
    context.pool.run_ranges(outer * tiles, GRAIN / (length * TILE.min(inner)).max(1), |tasks, _| {
        for task in tasks {
            let (group, first) = (task / tiles, task % tiles * TILE);
            let columns = TILE.min(inner - first);
            if inner == 1 {
                // SAFETY: each row belongs to one task.
                let y = unsafe { y.part(group * length, length) };
                along_row(&x[group * length..(group + 1) * length], y, exclusive, reverse, start, &step, &round);
                continue;
            }
            let mut totals = [start; TILE];
            for index in 0..length {
                let index = if reverse { length - 1 - index } else { index };
                let row = (group * length + index) * inner + first;
                // SAFETY: tasks write to columns of their own, within y.
                let y = unsafe { y.part(row, columns) };
                for ((y, &x), total) in y.iter_mut().zip(&x[row..row + columns]).zip(&mut totals) {
                    let before = *total;
                    *total = step(before, x);
                    *y = round(if exclusive { before } else { *total });
                }
            }
        }
    });
    Ok(())
}

/// The innermost dimension, without a detour through memory between an element and the next.
fn along_row<T: Copy, A: Copy>(
    x: &[T],
    y: &mut [T],
    exclusive: bool,
    reverse: bool,
    start: A,
    step: impl Fn(A, T) -> A,
    round: impl Fn(A) -> T,
) {
    let mut total = start;
    let mut each = |(y, &x): (&mut T, &T)| {
        let before = total;
        total = step(before, x);
        *y = round(if exclusive { before } else { total });
    };
    if reverse { y.iter_mut().zip(x).rev().for_each(&mut each) } else { y.iter_mut().zip(x).for_each(&mut each) }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    #[test]
    fn along_any_axis_both_ways() {
        for [outer, length, inner] in
            [[1, 1, 1], [2, 7, 1], [3, 5, 63], [3, 5, 64], [2, 4, 65], [1, 0, 3], [2, 3, 0], [1, 40_000, 1], [1, 300, 200]]
        {
            let x = Array::random(&[outer, length, inner], 3);
            let values = x.to_f32();
            for (exclusive, reverse) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let mut expected = vec![0.0f64; values.len()];
                for group in 0..outer {
                    for column in 0..inner {
                        let mut sum = 0.0;
                        for index in 0..length {
                            let index = if reverse == 1 { length - 1 - index } else { index };
                            let at = (group * length + index) * inner + column;
                            let before = sum;
                            sum += f64::from(values[at]);
                            expected[at] = if exclusive == 1 { before } else { sum };
                        }
                    }
                }
                let run = Run::new("Cumsum").input(&x).output(DType::Float32, &[outer, length, inner]).ints(&[1, exclusive, reverse]);
                run.everywhere(|_, outputs| assert!(outputs[0].to_f32().iter().zip(&expected).all(|(&y, &expected)| y == expected as f32)));
            }
        }
    }

    #[test]
    fn products_and_integers() {
        let floats = Array::f32(&[2, 2], &[1.5, 2.0, 3.0, 4.0]);
        let run = |name: &'static str, x: &Array, ints| Run::new(name).input(x).output(x.dtype, &[2, 2]).ints(ints);
        run("Cumprod", &floats, &[0, 0, 0]).everywhere(|_, y| assert_eq!(y[0].to_f32(), [1.5, 2.0, 4.5, 8.0]));
        run("Cumprod", &floats, &[1, 1, 0]).everywhere(|_, y| assert_eq!(y[0].to_f32(), [1.0, 1.5, 1.0, 3.0]));
        let ints = Array::i32(&[2, 2], &[1, 2, 3, i32::MAX]);
        run("Cumsum", &ints, &[1, 0, 0]).everywhere(|_, y| assert_eq!(y[0].to_i32(), [1, 3, 3, i32::MIN + 2]));
        run("Cumprod", &ints, &[1, 0, 1]).everywhere(|_, y| assert_eq!(y[0].to_i32(), [2, 2, 3_i32.wrapping_mul(i32::MAX), i32::MAX]));
    }

    #[test]
    fn bad_calls_are_errors() {
        let x = Array::random(&[2, 3], 1);
        let run = |axis| Run::new("Cumsum").input(&x).output(DType::Float32, &[2, 3]).ints(&[axis, 0, 0]);
        assert!(run(2).fails().contains("an axis"));
        assert!(run(-1).fails().contains("size"));
        assert!(Run::new("Cumsum").input(&x).output(DType::Float32, &[3, 2]).ints(&[0, 0, 0]).fails().contains("of shape"));
        assert!(Run::new("Cumsum").input(&x).output(DType::Float32, &[2, 3]).ints(&[0]).fails().contains("integer attribute"));
        assert!(Run::new("Cumprod").input(&Array::bool(&[1], &[1])).output(DType::Bool, &[1]).ints(&[0, 0, 0]).fails().contains("Bool"));
    }
}
