//! Where the largest or smallest element is.

use super::Kernel;
use super::element::Element;
use crate::call::{Call, Context, DType};
use crate::ensure;
use crate::error::Result;
use crate::isa::Isa;
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("ArgMax", arg_max), ("ArgMin", arg_min)];

/// Elements of a task.
const GRAIN: usize = 1 << 15;
/// Independent comparisons along a row.
const LANES: usize = 32;
/// Columns that are compared together.
const TILE: usize = 256;

/// Input x; output y (int32) with an element for each combination of the other dimensions; ints: axis. The index of the first largest element; NaN is
/// passed over, except that it stays where it is first, as in TensorFlow.js' CPU backend.
fn arg_max(context: &Context, call: &mut Call) -> Result<()> {
    by_type(context, call, false)
}

/// As ArgMax, of the smallest.
fn arg_min(context: &Context, call: &mut Call) -> Result<()> {
    by_type(context, call, true)
}

fn by_type(context: &Context, call: &mut Call, smallest: bool) -> Result<()> {
    macro_rules! of {
        ($type:ident) => {{
            simd_dispatch! { unsafe fn row(x: &[$type], smallest: bool) -> usize = best_of_row::<$type>; }
            simd_dispatch! { unsafe fn columns(x: &[$type], stride: usize, y: &mut [i32], smallest: bool) = best_of_columns::<$type>; }
            arg(context, call, smallest, row, columns)
        }};
    }
    match call.input(0)?.dtype {
        DType::Float32 => of!(f32),
        DType::Int32 => of!(i32),
        _ => of!(u8),
    }
}

fn arg<T: Element>(
    context: &Context,
    call: &mut Call,
    smallest: bool,
    row: unsafe fn(Isa, &[T], bool) -> usize,
    columns: unsafe fn(Isa, &[T], usize, &mut [i32], bool),
) -> Result<()> {
    let (x, axis, y) = (call.input(0)?, call.size(0)?, call.output(0)?);
    let dims = x.dims();
    ensure!(axis < dims.len() && dims[axis] <= i32::MAX as usize, "expected an axis of {dims:?}, got {axis}");
    let (outer, length, inner) = (dims[..axis].iter().product::<usize>(), dims[axis], dims[axis + 1..].iter().product::<usize>());
    ensure!(y.size() == outer * inner, "expected {} elements from {dims:?} without axis {axis}, got {:?}", outer * inner, y.shape());
    let (x, y) = (T::read(&x)?, y.i32()?);
    if length == 0 {
        y.fill(0);
        return Ok(());
    }
    let y = Shared::new(y);
    let tiles = inner.div_ceil(TILE);
    context.pool.run_ranges(outer * tiles, GRAIN / (length * TILE.min(inner).max(1)), |tasks, _| {
        for task in tasks {
            let (group, start) = (task / tiles, task % tiles * TILE);
            let width = TILE.min(inner - start);
            // SAFETY: tasks write to columns of their own, within y; the instruction set is this processor's.
            unsafe {
                let y = y.part(group * inner + start, width);
                let x = &x[group * length * inner..(group + 1) * length * inner];
                if inner == 1 {
                    y[0] = row(context.isa, x, smallest) as i32;
                } else {
                    columns(context.isa, &x[start..], inner, y, smallest);
                }
            }
        }
    });
    Ok(())
}

#[inline(always)]
fn is_better<T: Element>(x: T, than: T, smallest: bool) -> bool {
    if smallest { x < than } else { x > than }
}

/// Finds the best value first, which vectorizes, and then its place.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
unsafe fn best_of_row<S: Simd, T: Element>(x: &[T], smallest: bool) -> usize {
    let mut lanes = [x[0]; LANES];
    let mut steps = x.chunks_exact(LANES);
    for step in &mut steps {
        for lane in 0..LANES {
            lanes[lane] = if is_better(step[lane], lanes[lane], smallest) { step[lane] } else { lanes[lane] };
        }
    }
    let best = lanes.iter().chain(steps.remainder()).fold(x[0], |best, &x| if is_better(x, best, smallest) { x } else { best });
    let found = |&x: &T| x == best;
    let block = x.chunks(8 * LANES).position(|block| block.iter().fold(false, |any, x| any | found(x)));
    // Not found at all: the first is NaN, and nothing is better than that.
    block.map_or(0, |block| 8 * LANES * block + x[8 * LANES * block..].iter().position(found).unwrap_or(0))
}

#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
unsafe fn best_of_columns<S: Simd, T: Element>(x: &[T], stride: usize, y: &mut [i32], smallest: bool) {
    let mut best = [x[0]; TILE];
    let best = &mut best[..y.len()];
    best.copy_from_slice(&x[..y.len()]);
    y.fill(0);
    for (index, row) in x.chunks(stride).enumerate().skip(1) {
        for ((y, best), &x) in y.iter_mut().zip(best.iter_mut()).zip(row) {
            let better = is_better(x, *best, smallest);
            *best = if better { x } else { *best };
            *y = if better { index as i32 } else { *y };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    fn reference<T: Copy + PartialOrd>(x: &[T], dims: [usize; 3], smallest: bool) -> Vec<i32> {
        let [outer, length, inner] = dims;
        let mut y = Vec::new();
        for group in 0..outer {
            for column in 0..inner {
                let at = |index: usize| x[(group * length + index) * inner + column];
                let mut best = 0;
                for index in 1..length {
                    if (smallest && at(index) < at(best)) || (!smallest && at(index) > at(best)) {
                        best = index;
                    }
                }
                y.push(best as i32);
            }
        }
        y
    }

    #[test]
    fn finds_the_first_best_along_any_axis() {
        for length in [1, 2, 31, 32, 33, 255, 256, 257, 1000] {
            for (outer, inner) in [(1, 1), (37, 1), (3, 2), (2, 255), (1, 256), (1, 600), (0, 3), (3, 0)] {
                let mut random = Random::new(length as u64);
                let dims = [outer, length, inner];
                let values: Vec<i32> = (0..outer * length * inner).map(|_| random.below(50) as i32 - 25).collect();
                let mut floats: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                floats.iter_mut().filter(|_| random.below(7) == 0).for_each(|x| *x = f32::NAN);
                let bytes: Vec<u8> = values.iter().map(|&x| u8::from(x > 10)).collect();
                for (name, smallest) in [("ArgMax", false), ("ArgMin", true)] {
                    let run = |x: &Array, expected: Vec<i32>| {
                        Run::new(name).input(x).output(DType::Int32, &[outer, inner]).ints(&[1]).everywhere(|isa, outputs| {
                            assert_eq!(outputs[0].to_i32(), expected, "{name} {dims:?} on {isa}");
                        });
                    };
                    run(&Array::i32(&dims, &values), reference(&values, dims, smallest));
                    run(&Array::f32(&dims, &floats), reference(&floats, dims, smallest));
                    run(&Array::bool(&dims, &bytes), reference(&bytes, dims, smallest));
                }
            }
        }
    }

    #[test]
    fn a_row_larger_than_a_task() {
        let mut values = vec![0.0; 200_001];
        values[150_003] = 1.0;
        values[199_999] = 1.0;
        let run = Run::new("ArgMax").input(&Array::f32(&[200_001], &values)).output(DType::Int32, &[]).ints(&[0]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [150_003]));
    }

    #[test]
    fn bad_calls_are_errors() {
        let x = Array::random(&[2, 3], 1);
        let run = |axis: i32| Run::new("ArgMax").input(&x).output(DType::Int32, &[2]).ints(&[axis]);
        assert!(run(2).fails().contains("an axis"));
        assert!(run(-1).fails().contains("size"));
        assert!(run(0).fails().contains("expected 3 elements"));
        assert!(Run::new("ArgMax").input(&x).output(DType::Float32, &[2]).ints(&[1]).fails().contains("Float32"));
    }
}
