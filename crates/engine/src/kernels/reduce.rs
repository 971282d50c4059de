//! Reductions over any dimensions, without a transpose.
//!
//! Each kernel: input x; output y with an element for each combination of the dimensions that stay; ints: the dimensions to reduce, ascending.
//! Neighbouring dimensions that are treated alike are merged first. What remains ends either in a dimension that is reduced (then each result is
//! the sum of contiguous rows) or in one that stays (then rows are added to each other).
//!
//! A sum in float32 is taken over blocks in float32, in lanes that are then added pairwise, and over blocks in float64; where the blocks are
//! cut depends on the shape alone. The bits are the same on every instruction set.
//!
//! A reduction over nothing gives what TensorFlow.js' CPU backend gives: 0 for sums, means, All and Any, 1 for products, NaN (as int32, 0) for Max and Min.

use super::Kernel;
use super::element::Element;
use crate::call::{Call, Context, Shape};
use crate::ensure;
use crate::error::{Error, Result};
use crate::isa::Isa;
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;
use std::ops::Range;

/// Independent sums along a row, so that additions need not wait for each other.
const LANES: usize = 32;
/// Elements of a row whose sum is taken in the narrow type.
const BLOCK: usize = 64 * LANES;
/// Columns that are added together.
const TILE: usize = 256;
/// Rows that are added pairwise before they go to the sum of their columns.
const GROUP: usize = 8;
/// Rows whose sum is taken in the narrow type.
const NARROW_ROWS: usize = 64 * GROUP;
/// Results that are finished together.
const BATCH: usize = 64;
/// Elements of a task.
const GRAIN: usize = 1 << 15;

/// What a reduction does with two elements.
trait Fold: 'static {
    type In: Element;
    /// Within a block.
    type Narrow: Copy;
    /// Between blocks.
    type Wide: Copy + Send + Sync;
    type Out: Element;
    /// Neutral.
    const START: Self::Narrow;
    /// The result where there is nothing to reduce.
    const EMPTY: Self::Out;
    fn lift(x: Self::In) -> Self::Narrow;
    fn combine(a: Self::Narrow, b: Self::Narrow) -> Self::Narrow;
    fn widen(narrow: Self::Narrow) -> Self::Wide;
    fn join(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn finish(wide: Self::Wide, count: usize) -> Self::Out;
}

/// Merged dimensions of one kind, outermost first, with the distance of their elements.
#[derive(Default)]
struct Axes(Vec<(usize, usize)>);

impl Axes {
    fn size(&self) -> usize {
        self.0.iter().map(|&(size, _)| size).product()
    }

    /// Of the combination of coordinates with this number.
    #[inline(always)]
    fn offset(&self, index: usize) -> usize {
        if let [(_, stride)] = self.0[..] {
            return index * stride;
        }
        let (mut index, mut offset) = (index, 0);
        for &(size, stride) in self.0.iter().rev() {
            offset += index % size * stride;
            index /= size;
        }
        offset
    }
}

/// Dimensions that stay, dimensions that are reduced, and the innermost one.
struct Plan {
    kept: Axes,
    reduced: Axes,
    inner: usize,
    inner_is_reduced: bool,
}

impl Plan {
    fn new(shape: Shape, axes: &[i32]) -> Result<Plan> {
        let dims = shape.dims();
        let mut is_reduced = vec![false; dims.len()];
        for &axis in axes {
            let known = usize::try_from(axis).ok().and_then(|axis| is_reduced.get_mut(axis));
            let Some(known) = known else { return Err(Error::Invalid(format!("expected axes of {shape:?}, got {axes:?}"))) };
            *known = true;
        }
        // Innermost first.
        let mut merged: Vec<(usize, usize, bool)> = Vec::new();
        let mut stride = 1;
        for (&size, &reduced) in dims.iter().zip(&is_reduced).rev() {
            match merged.last_mut() {
                _ if size == 1 => {}
                Some(last) if last.2 == reduced => last.0 *= size,
                _ => merged.push((size, stride, reduced)),
            }
            stride *= size;
        }
        let (inner, inner_is_reduced) = merged.first().map_or((1, true), |&(size, _, reduced)| (size, reduced));
        let of = |reduced| Axes(merged.iter().skip(1).rev().filter(|axis| axis.2 == reduced).map(|axis| (axis.0, axis.1)).collect());
        Ok(Plan { kept: of(false), reduced: of(true), inner, inner_is_reduced })
    }
}

/// Everything contiguous, in lanes.
#[inline(always)]
fn fold_row<F: Fold>(x: &[F::In]) -> F::Wide {
    if x.len() < LANES {
        return F::widen(x.iter().fold(F::START, |sum, &x| F::combine(sum, F::lift(x))));
    }
    let mut total = F::widen(F::START);
    for block in x.chunks(BLOCK) {
        let mut lanes = [F::START; LANES];
        let mut steps = block.chunks_exact(LANES);
        for step in &mut steps {
            for lane in 0..LANES {
                lanes[lane] = F::combine(lanes[lane], F::lift(step[lane]));
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(steps.remainder()) {
            *lane = F::combine(*lane, F::lift(x));
        }
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                lanes[lane] = F::combine(lanes[lane], lanes[lane + width]);
            }
            width /= 2;
        }
        total = F::join(total, F::widen(lanes[0]));
    }
    total
}

/// The results from `first` on, as far as they are sums over these rows of the reduced dimensions and these columns of the innermost.
/// `S` only says for which instructions the compiler makes it.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
unsafe fn fold_rows<S: Simd, F: Fold>(
    x: &[F::In],
    plan: &Plan,
    first: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    totals: &mut [F::Wide],
) {
    for (index, total) in totals.iter_mut().enumerate() {
        let base = plan.kept.offset(first + index);
        let mut sum = F::widen(F::START);
        for row in rows.clone() {
            let start = base + plan.reduced.offset(row);
            sum = F::join(sum, fold_row::<F>(&x[start + columns.start..start + columns.end]));
        }
        *total = sum;
    }
}

/// Of `columns <= TILE` columns from `base` on, the rows of `range`.
#[allow(clippy::extra_unused_type_parameters)]
#[inline(always)]
unsafe fn fold_columns<S: Simd, F: Fold>(x: &[F::In], base: usize, rows: &Axes, range: Range<usize>, totals: &mut [F::Wide]) {
    let columns = totals.len();
    let row = |index: usize| {
        let start = base + rows.offset(index);
        &x[start..start + columns]
    };
    totals.fill(F::widen(F::START));
    for start in range.clone().step_by(NARROW_ROWS) {
        let end = range.end.min(start + NARROW_ROWS);
        let mut sums = [F::START; TILE];
        let sums = &mut sums[..columns];
        let mut index = start;
        while index + GROUP <= end {
            let rows: [&[F::In]; GROUP] = std::array::from_fn(|member| row(index + member));
            for (column, sum) in sums.iter_mut().enumerate() {
                // SAFETY: rows have as many columns as there are sums.
                let at = |member: usize| F::lift(unsafe { *rows[member].get_unchecked(column) });
                let low = F::combine(F::combine(at(0), at(1)), F::combine(at(2), at(3)));
                let high = F::combine(F::combine(at(4), at(5)), F::combine(at(6), at(7)));
                *sum = F::combine(*sum, F::combine(low, high));
            }
            index += GROUP;
        }
        for index in index..end {
            sums.iter_mut().zip(row(index)).for_each(|(sum, &x)| *sum = F::combine(*sum, F::lift(x)));
        }
        totals.iter_mut().zip(sums).for_each(|(total, &mut sum)| *total = F::join(*total, F::widen(sum)));
    }
}

/// `fold_rows` compiled for the instruction set that is its first argument.
type FoldRows<T, W> = unsafe fn(Isa, &[T], &Plan, usize, Range<usize>, Range<usize>, &mut [W]);
/// `fold_columns`, likewise.
type FoldColumns<T, W> = unsafe fn(Isa, &[T], usize, &Axes, Range<usize>, &mut [W]);

struct Loops<T, W> {
    rows: FoldRows<T, W>,
    columns: FoldColumns<T, W>,
}

fn reduce<F: Fold>(context: &Context, call: &mut Call, loops: &Loops<F::In, F::Wide>) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let plan = Plan::new(x.shape, call.ints())?;
    let kept = plan.kept.size() * if plan.inner_is_reduced { 1 } else { plan.inner };
    ensure!(y.size() == kept, "expected {kept} elements from {:?} without axes {:?}, got {:?}", x.shape, call.ints(), y.shape());
    let (x, y) = (F::In::read(&x)?, F::Out::write(y)?);
    if x.is_empty() {
        y.fill(F::EMPTY);
    } else if plan.inner_is_reduced {
        reduce_rows::<F>(context, &plan, x, y, loops)?;
    } else {
        reduce_columns::<F>(context, &plan, x, y, loops)?;
    }
    Ok(())
}

/// Results of pieces: `of(result, piece)` for each, then each result's pieces joined in order.
fn join_pieces<F: Fold>(
    context: &Context,
    pieces: usize,
    count: usize,
    y: &mut [F::Out],
    compute: impl FnOnce(&Shared<F::Wide>),
) -> Result<()> {
    let scratch = context.allocator.scratch(y.len() * pieces * size_of::<F::Wide>())?;
    // SAFETY: the scratch memory holds this many, and is aligned for all of them.
    let totals = unsafe { std::slice::from_raw_parts_mut(scratch.data().cast::<F::Wide>(), y.len() * pieces) };
    totals.fill(F::widen(F::START));
    compute(&Shared::new(totals));
    let length = y.len();
    let y = Shared::new(y);
    context.pool.run_ranges(length, GRAIN / pieces, |range, _| {
        // SAFETY: ranges do not overlap and lie within y.
        let part = unsafe { y.part(range.start, range.len()) };
        for (y, index) in part.iter_mut().zip(range) {
            let total = (1..pieces).fold(totals[index], |total, piece| F::join(total, totals[piece * length + index]));
            *y = F::finish(total, count);
        }
    });
    Ok(())
}

/// The innermost dimension is reduced.
fn reduce_rows<F: Fold>(context: &Context, plan: &Plan, x: &[F::In], y: &mut [F::Out], loops: &Loops<F::In, F::Wide>) -> Result<()> {
    let Plan { reduced, inner, .. } = plan;
    let (results, rows) = (y.len(), reduced.size());
    let count = rows * inner;
    if count <= 2 * GRAIN {
        let y = Shared::new(y);
        context.pool.run_ranges(results, GRAIN / count, |range, _| {
            // SAFETY: ranges do not overlap and lie within y.
            let part = unsafe { y.part(range.start, range.len()) };
            for (y, start) in part.chunks_mut(BATCH).zip(range.step_by(BATCH)) {
                let totals = &mut [F::widen(F::START); BATCH][..y.len()];
                // SAFETY: the instruction set is this processor's.
                unsafe { (loops.rows)(context.isa, x, plan, start, 0..rows, 0..*inner, totals) };
                y.iter_mut().zip(totals).for_each(|(y, &mut total)| *y = F::finish(total, count));
            }
        });
        return Ok(());
    }
    let (rows_each, columns_each) = ((GRAIN / inner).max(1), GRAIN.min(*inner));
    let (row_pieces, column_pieces) = (rows.div_ceil(rows_each), inner.div_ceil(columns_each));
    let pieces = row_pieces * column_pieces;
    join_pieces::<F>(context, pieces, count, y, |totals| {
        context.pool.run(results * pieces, |task, _| {
            let (piece, result) = (task / results, task % results);
            let (row, column) = (piece / column_pieces * rows_each, piece % column_pieces * columns_each);
            let (rows, columns) = (row..rows.min(row + rows_each), column..(*inner).min(column + columns_each));
            // SAFETY: each task writes its own element; the instruction set is this processor's.
            unsafe { (loops.rows)(context.isa, x, plan, result, rows, columns, totals.part(task, 1)) };
        });
    })
}

/// The innermost dimension stays.
fn reduce_columns<F: Fold>(context: &Context, plan: &Plan, x: &[F::In], y: &mut [F::Out], loops: &Loops<F::In, F::Wide>) -> Result<()> {
    let Plan { kept, reduced, inner, .. } = plan;
    let (groups, rows, results) = (kept.size(), reduced.size(), y.len());
    let tiles = inner.div_ceil(TILE);
    let rows_each = if rows <= 2 * GRAIN / TILE.min(*inner) { rows } else { GRAIN / TILE.min(*inner) };
    let pieces = rows.div_ceil(rows_each);
    join_pieces::<F>(context, pieces, rows, y, |totals| {
        let work = rows_each * TILE.min(*inner);
        context.pool.run_ranges(pieces * groups * tiles, GRAIN / work, |tasks, _| {
            for task in tasks {
                let (tile, group, piece) = (task % tiles, task / tiles % groups, task / tiles / groups);
                let start = tile * TILE;
                let columns = TILE.min(inner - start);
                // SAFETY: tasks write to columns of their own, within the totals; the instruction set is this processor's.
                unsafe {
                    let totals = totals.part(piece * results + group * inner + start, columns);
                    let range = piece * rows_each..rows.min((piece + 1) * rows_each);
                    (loops.columns)(context.isa, x, kept.offset(group) + start, reduced, range, totals);
                }
            }
        });
    })
}

/// A reduction of elements of one type.
macro_rules! fold {
    ($name:ident: $in:ty => $narrow:ty => $wide:ty => $out:ty, $start:expr, $empty:expr,
     lift |$x:ident| $lift:expr, combine |$a:ident, $b:ident| $combine:expr, finish |$total:ident, $count:ident| $finish:expr) => {
        struct $name;

        impl Fold for $name {
            type In = $in;
            type Narrow = $narrow;
            type Wide = $wide;
            type Out = $out;
            const START: $narrow = $start;
            const EMPTY: $out = $empty;

            #[inline(always)]
            fn lift($x: $in) -> $narrow {
                $lift
            }

            #[inline(always)]
            fn combine($a: $narrow, $b: $narrow) -> $narrow {
                $combine
            }

            #[inline(always)]
            fn widen(narrow: $narrow) -> $wide {
                <$wide>::from(narrow)
            }

            #[inline(always)]
            fn join($a: $wide, $b: $wide) -> $wide {
                $combine
            }

            #[inline(always)]
            fn finish($total: $wide, $count: usize) -> $out {
                $finish
            }
        }
    };
}

fold! { SumF32: f32 => f32 => f64 => f32, 0.0, 0.0, lift |x| x, combine |a, b| a + b, finish |total, _count| total as f32 }
fold! { SumI32: i32 => i32 => i32 => i32, 0, 0, lift |x| x, combine |a, b| a.wrapping_add(b), finish |total, _count| total }
fold! { SumBool: u8 => i32 => i32 => i32, 0, 0, lift |x| i32::from(x), combine |a, b| a.wrapping_add(b), finish |total, _count| total }
fold! { MeanF32: f32 => f32 => f64 => f32, 0.0, 0.0, lift |x| x, combine |a, b| a + b, finish |total, count| (total / count as f64) as f32 }
fold! { ProdF32: f32 => f64 => f64 => f32, 1.0, 1.0, lift |x| f64::from(x), combine |a, b| a * b, finish |total, _count| total as f32 }
fold! { ProdI32: i32 => i32 => i32 => i32, 1, 1, lift |x| x, combine |a, b| a.wrapping_mul(b), finish |total, _count| total }
fold! {
    MaxF32: f32 => f32 => f32 => f32, f32::NEG_INFINITY, f32::NAN,
    lift |x| x, combine |a, b| if b > a || b.is_nan() { b } else { a }, finish |total, _count| total
}
fold! { MaxI32: i32 => i32 => i32 => i32, i32::MIN, 0, lift |x| x, combine |a, b| if b > a { b } else { a }, finish |total, _count| total }
fold! {
    MinF32: f32 => f32 => f32 => f32, f32::INFINITY, f32::NAN,
    lift |x| x, combine |a, b| if b < a || b.is_nan() { b } else { a }, finish |total, _count| total
}
fold! { MinI32: i32 => i32 => i32 => i32, i32::MAX, 0, lift |x| x, combine |a, b| if b < a { b } else { a }, finish |total, _count| total }
fold! { AllBool: u8 => u8 => u8 => u8, 1, 0, lift |x| u8::from(x != 0), combine |a, b| a & b, finish |total, _count| total }
fold! { AnyBool: u8 => u8 => u8 => u8, 0, 0, lift |x| u8::from(x != 0), combine |a, b| a | b, finish |total, _count| total }

macro_rules! reductions {
    ($($name:ident: $($fold:ident),+;)+) => {
        /// Of this file.
        pub const KERNELS: &[(&str, Kernel)] = &[$((stringify!($name), |context, call| {
            let dtype = call.input(0)?.dtype;
            $(
                if dtype == <$fold as Fold>::In::DTYPE {
                    simd_dispatch! {
                        unsafe fn rows(
                            x: &[<$fold as Fold>::In],
                            plan: &Plan,
                            first: usize,
                            rows: Range<usize>,
                            columns: Range<usize>,
                            totals: &mut [<$fold as Fold>::Wide],
                        ) = fold_rows::<$fold>;
                    }
                    simd_dispatch! {
                        unsafe fn columns(x: &[<$fold as Fold>::In], base: usize, rows: &Axes, range: Range<usize>, totals: &mut [<$fold as Fold>::Wide]) = fold_columns::<$fold>;
                    }
                    return reduce::<$fold>(context, call, &Loops { rows, columns });
                }
            )+
            Err(Error::Invalid(format!("expected a type that {} takes, got {dtype:?}", stringify!($name))))
        })),+];
    };
}

reductions! {
    Sum: SumF32, SumI32, SumBool;
    Mean: MeanF32;
    Prod: ProdF32, ProdI32;
    Max: MaxF32, MaxI32;
    Min: MinF32, MinI32;
    All: AllBool;
    Any: AnyBool;
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::isa::Isa;
    use crate::testing::{Array, Random, Run};

    /// The plain definition, in float64.
    fn reference(dims: &[usize], axes: &[i32], x: &[f64], start: f64, combine: impl Fn(f64, f64) -> f64) -> (Vec<usize>, Vec<f64>) {
        let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(&(*axis as i32))).collect();
        let result: Vec<usize> = kept.iter().map(|&axis| dims[axis]).collect();
        let mut y = vec![start; result.iter().product()];
        for (position, &x) in x.iter().enumerate() {
            let (mut rest, mut index, mut stride) = (position, 0, 1);
            for axis in (0..dims.len()).rev() {
                if kept.contains(&axis) {
                    index += rest % dims[axis] * stride;
                    stride *= dims[axis];
                }
                rest /= dims[axis];
            }
            y[index] = combine(y[index], x);
        }
        (result, y)
    }

    fn shapes() -> Vec<(Vec<usize>, Vec<i32>)> {
        let mut shapes: Vec<(Vec<usize>, Vec<i32>)> = vec![
            (vec![], vec![]),
            (vec![5], vec![]),
            (vec![5], vec![0]),
            (vec![1, 1], vec![0, 1]),
            (vec![70, 31], vec![0]),
            (vec![70, 31], vec![1]),
            (vec![1, 31], vec![0]),
            (vec![513, 257], vec![0]),
            (vec![513, 257], vec![1]),
            (vec![1025, 600], vec![0]),
            (vec![30_000, 3], vec![0]),
            (vec![30_000, 3], vec![1]),
            (vec![3, 70_001], vec![1]),
            (vec![3, 70_001], vec![0]),
            (vec![300_001], vec![0]),
            (vec![5, 6, 7], vec![0, 2]),
            (vec![5, 6, 7], vec![1]),
            (vec![700, 2, 200], vec![0, 2]),
            (vec![700, 2, 2, 60], vec![0, 2]),
            (vec![9, 8, 7, 6, 5], vec![1, 3]),
            (vec![9, 8, 7, 6, 5], vec![0, 2, 4]),
            (vec![2, 1, 40_000, 1, 2], vec![1, 2]),
        ];
        for size in [15, 31, 32, 33, 2047, 2048, 2049, 65_535, 65_536, 65_537] {
            shapes.push((vec![2, size], vec![1]));
        }
        for rows in [7, 8, 9, 127, 128, 129, 255, 256, 257, 511, 512, 513] {
            for columns in [1, 255, 256, 257] {
                shapes.push((vec![rows, columns], vec![0]));
            }
        }
        shapes
    }

    #[test]
    fn sums_means_and_extrema_of_any_dimensions() {
        for (dims, axes) in shapes() {
            let x = Array::random(&dims, dims.len() as u64 + 17);
            let values: Vec<f64> = x.to_f32().iter().map(|&x| f64::from(x)).collect();
            let (result, sum) = reference(&dims, &axes, &values, 0.0, |a, b| a + b);
            let count = (values.len() / sum.len()) as f64;
            let run = |name| Run::new(name).input(&x).output(DType::Float32, &result).ints(&axes);
            let close = |name: &str, isa: Isa, y: &Array, expected: &mut dyn Iterator<Item = f64>, tolerance: f64| {
                for (y, expected) in y.to_f32().into_iter().zip(expected) {
                    assert!((f64::from(y) - expected).abs() <= tolerance, "{name} {dims:?} {axes:?} on {isa}: {y}, expected {expected}");
                }
            };
            // Of numbers between -1 and 1: a few units in the last place of a sum of their root mean square.
            let tolerance = 4e-7 * count.sqrt() + 1e-7;
            run("Sum").everywhere(|isa, outputs| close("Sum", isa, &outputs[0], &mut sum.iter().copied(), tolerance));
            run("Mean").everywhere(|isa, outputs| close("Mean", isa, &outputs[0], &mut sum.iter().map(|x| x / count), tolerance / count));
            let (_, max) = reference(&dims, &axes, &values, f64::NEG_INFINITY, f64::max);
            run("Max").everywhere(|isa, outputs| close("Max", isa, &outputs[0], &mut max.iter().copied(), 0.0));
            let (_, min) = reference(&dims, &axes, &values, f64::INFINITY, f64::min);
            run("Min").everywhere(|isa, outputs| close("Min", isa, &outputs[0], &mut min.iter().copied(), 0.0));
        }
    }

    #[test]
    fn integers_products_and_truth() {
        for (dims, axes) in shapes() {
            let mut random = Random::new(5);
            let values: Vec<i32> = (0..dims.iter().product()).map(|_| random.below(5) as i32 - 2).collect();
            let wide: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
            let x = Array::i32(&dims, &values);
            let is = |name: &'static str, x: &Array, dtype: DType, start: f64, combine: &dyn Fn(f64, f64) -> f64| {
                let (result, expected) = reference(&dims, &axes, &wide, start, combine);
                Run::new(name).input(x).output(dtype, &result).ints(&axes).everywhere(|isa, outputs| {
                    let y: Vec<f64> = match dtype {
                        DType::Int32 => outputs[0].to_i32().into_iter().map(f64::from).collect(),
                        _ => outputs[0].bytes.iter().map(|&y| f64::from(y)).collect(),
                    };
                    assert!(y == expected, "{name} {dims:?} {axes:?} on {isa}");
                });
            };
            is("Sum", &x, DType::Int32, 0.0, &|a, b| a + b);
            is("Max", &x, DType::Int32, f64::from(i32::MIN), &f64::max);
            is("Min", &x, DType::Int32, f64::from(i32::MAX), &f64::min);
            let bools = Array::bool(&dims, &values.iter().map(|&x| x.unsigned_abs() as u8).collect::<Vec<_>>());
            is("Sum", &bools, DType::Int32, 0.0, &|a, b| a + b.abs());
            is("All", &bools, DType::Bool, 1.0, &|a, b| f64::from(a != 0.0 && b != 0.0));
            is("Any", &bools, DType::Bool, 0.0, &|a, b| f64::from(a != 0.0 || b != 0.0));
        }
        let x = Array::i32(&[2, 3], &[1, 2, 3, 65_536, 65_536, 5]);
        let run = Run::new("Prod").input(&x).output(DType::Int32, &[2]).ints(&[1]);
        run.everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [6, 0]));
        // Float32 would overflow on the way.
        let x = Array::f32(&[4], &[1e30, 1e30, -1e-30, 1e-28]);
        let run = Run::new("Prod").input(&x).output(DType::Float32, &[]).ints(&[0]);
        run.everywhere(|_, outputs| assert!((outputs[0].to_f32()[0] + 100.0).abs() < 1e-3));
    }

    #[test]
    fn nan_and_infinity_come_through() {
        for place in [0, 1, 40, 99] {
            for axis in [0, 1] {
                let dims = if axis == 0 { [100, 2] } else { [2, 100] };
                let mut values = vec![1.0; 200];
                values[if axis == 0 { place * 2 } else { place }] = f32::NAN;
                let x = Array::f32(&dims, &values);
                for name in ["Sum", "Mean", "Max", "Min", "Prod"] {
                    Run::new(name).input(&x).output(DType::Float32, &[2]).ints(&[axis]).everywhere(|isa, outputs| {
                        let y = outputs[0].to_f32();
                        assert!(y[0].is_nan() && !y[1].is_nan(), "{name} on {isa}: {y:?}");
                    });
                }
            }
        }
        let x = Array::f32(&[3], &[f32::INFINITY, 1.0, 1.0]);
        Run::new("Sum").input(&x).output(DType::Float32, &[]).ints(&[0]).everywhere(|_, y| assert_eq!(y[0].to_f32(), [f32::INFINITY]));
    }

    #[test]
    fn long_sums_keep_their_digits() {
        let x = Array::f32(&[1_000_003], &vec![0.1; 1_000_003]);
        let expected = f64::from(0.1f32) * 1_000_003.0;
        let run = Run::new("Sum").input(&x).output(DType::Float32, &[]).ints(&[0]);
        run.everywhere(|_, y| assert!((f64::from(y[0].to_f32()[0]) / expected - 1.0).abs() < 1e-6));
    }

    #[test]
    fn reductions_over_nothing() {
        let x = Array::f32(&[2, 0], &[]);
        for (name, expected) in [("Sum", 0.0), ("Mean", 0.0), ("Prod", 1.0)] {
            Run::new(name).input(&x).output(DType::Float32, &[2]).ints(&[1]).everywhere(|_, y| assert_eq!(y[0].to_f32(), [expected; 2]));
            Run::new(name).input(&x).output(DType::Float32, &[0]).ints(&[0]).everywhere(|_, y| assert!(y[0].bytes.is_empty()));
        }
        Run::new("Max")
            .input(&x)
            .output(DType::Float32, &[2])
            .ints(&[1])
            .everywhere(|_, y| assert!(y[0].to_f32().iter().all(|y| y.is_nan())));
        let x = Array::bool(&[0], &[]);
        Run::new("All").input(&x).output(DType::Bool, &[]).ints(&[0]).everywhere(|_, y| assert_eq!(y[0].bytes, [0]));
    }

    #[test]
    fn bad_calls_are_errors() {
        let x = Array::random(&[2, 3], 1);
        let run = |axes: &[i32]| Run::new("Sum").input(&x).output(DType::Float32, &[2]).ints(axes);
        assert!(run(&[2]).fails().contains("expected axes"));
        assert!(run(&[-1]).fails().contains("expected axes"));
        assert!(run(&[0]).fails().contains("expected 3 elements"));
        assert!(Run::new("Mean").input(&Array::i32(&[1], &[1])).output(DType::Float32, &[1]).fails().contains("Mean takes"));
        assert!(Run::new("Sum").input(&x).output(DType::Int32, &[2]).ints(&[1]).fails().contains("Int32"));
    }
}
