//! Layer normalization (Ba et al. 2016) and root mean square normalization (Zhang and Sennrich 2019) of the last dimension.
//!
//! A row is read from memory once; its sums and its result are made while it is in the cache nearest to the core. Gradients of weight
//! and bias are summed over fixed blocks of rows, and the blocks' sums are added in their order.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context, Operand};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch, sums, vectors};
use std::ops::Range;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("LayerNorm", layer_norm), ("LayerNormGradient", layer_norm_gradient), ("RmsNorm", rms_norm), ("RmsNormGradient", rms_norm_gradient)];

/// Most blocks of rows that gradients of weight and bias are summed over.
const MAX_BLOCKS: usize = 64;

/// Inputs x [..., C], weight [C], bias [C] (optional); outputs y [..., C], mean [..., 1], 1/std [..., 1]; floats: eps, added to the variance.
/// `y = (x - mean) / std * weight + bias`, the variance without Bessel's correction.
fn layer_norm(context: &Context, call: &mut Call) -> Result<()> {
    let bias = if call.inputs().len() > 2 { Some(call.input(2)?) } else { None };
    let (y, mean, rstd) = (call.output(0)?, call.output(1)?, call.output(2)?);
    let x = call.input(0)?;
    let (row_count, columns) = x.shape.rows_and_columns();
    let weight = parameter(call.input(1)?, columns)?;
    let bias = bias.map(|bias| parameter(bias, columns)).transpose()?;
    ensure!(
        y.dims() == x.dims() && mean.size() == row_count && rstd.size() == row_count,
        "expected y like x {:?} and a mean and 1/std per row, got {:?}, {:?} and {:?}",
        x.shape,
        y.shape(),
        mean.shape(),
        rstd.shape()
    );
    let (mean, rstd) = (Shared::new(mean.f32()?), Shared::new(rstd.f32()?));
    let forward = Forward { x: x.f32()?, weight, bias, y: Shared::new(y.f32()?), mean, rstd, columns, eps: call.float(0)? };
    context.pool.run_ranges(row_count, rows_of_task(columns), |rows, _| {
        // SAFETY: rows are of one task each, and the sizes are checked.
        unsafe { layer_norm_rows(context.isa, &forward, rows) }
    });
    Ok(())
}

/// Inputs x [..., C], weight [C]; outputs y [..., C], 1/rms [..., 1]; floats: eps, added to the mean square. `y = x / rms * weight`.
fn rms_norm(context: &Context, call: &mut Call) -> Result<()> {
    let (y, rstd) = (call.output(0)?, call.output(1)?);
    let x = call.input(0)?;
    let (row_count, columns) = x.shape.rows_and_columns();
    let weight = parameter(call.input(1)?, columns)?;
    ensure!(
        y.dims() == x.dims() && rstd.size() == row_count,
        "expected y like x {:?} and a 1/rms per row, got {:?} and {:?}",
        x.shape,
        y.shape(),
        rstd.shape()
    );
    let rstd = Shared::new(rstd.f32()?);
    let forward = Forward { x: x.f32()?, weight, bias: None, y: Shared::new(y.f32()?), mean: rstd, rstd, columns, eps: call.float(0)? };
    context.pool.run_ranges(row_count, rows_of_task(columns), |rows, _| {
        // SAFETY: rows are of one task each, and the sizes are checked.
        unsafe { rms_norm_rows(context.isa, &forward, rows) }
    });
    Ok(())
}

/// Inputs dy [..., C], x [..., C], weight [C], mean [..., 1], 1/std [..., 1]; ints: whether the gradients of x, weight and bias are wanted;
/// outputs: those, [..., C], [C] and [C], in this order.
fn layer_norm_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let wanted = [call.flag(0)?, call.flag(1)?, call.flag(2)?];
    let (mean, rstd) = (call.input(3)?, call.input(4)?);
    gradient(context, call, Some(mean), rstd, wanted)
}

/// Inputs dy [..., C], x [..., C], weight [C], 1/rms [..., 1]; ints: whether the gradients of x and weight are wanted; outputs: those,
/// [..., C] and [C], in this order.
fn rms_norm_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let wanted = [call.flag(0)?, call.flag(1)?, false];
    let rstd = call.input(3)?;
    gradient(context, call, None, rstd, wanted)
}

fn gradient(context: &Context, call: &mut Call, mean: Option<Operand>, rstd: Operand, wanted: [bool; 3]) -> Result<()> {
    let (dy, x) = (call.input(0)?, call.input(1)?);
    let (row_count, columns) = x.shape.rows_and_columns();
    let weight = parameter(call.input(2)?, columns)?;
    ensure!(
        dy.dims() == x.dims() && rstd.size() == row_count && mean.is_none_or(|mean| mean.size() == row_count),
        "expected dy like x {:?} and statistics per row, got {:?} and {:?}",
        x.shape,
        dy.shape,
        rstd.shape
    );
    let mut outputs = [None, None, None];
    let sizes = [x.size(), columns, columns].into_iter().enumerate();
    for (index, (which, size)) in sizes.filter(|&(which, _)| wanted[which]).enumerate() {
        let output = call.output(index)?;
        ensure!(output.size() == size, "expected gradient {index} of {size} elements, got {:?}", output.shape());
        outputs[which] = Some(output.f32()?);
    }
    let [dx, d_weight, d_bias] = outputs;
    let backward = Backward {
        dy: dy.f32()?,
        x: x.f32()?,
        weight,
        mean: mean.map_or(Ok(&[][..]), |mean| mean.f32())?,
        rstd: rstd.f32()?,
        dx: dx.map(Shared::new),
        columns,
    };
    let centered = mean.is_some();
    let block = row_count.div_ceil(MAX_BLOCKS).max(rows_of_task(columns));
    let blocks = row_count.div_ceil(block);
    let scratch = context.allocator.scratch(blocks * 2 * columns * size_of::<f32>())?;
    // SAFETY: the memory is that long, lives to the end of the function, and each part is written before it is read.
    let partials = unsafe { std::slice::from_raw_parts_mut(scratch.data().cast::<f32>(), blocks * 2 * columns) };
    let shared = Shared::new(partials);
    context.pool.run(blocks, |index, _| {
        let rows = index * block..row_count.min((index + 1) * block);
        // SAFETY: rows and partial sums are of one task each, and the sizes are checked.
        unsafe {
            let sums = shared.part(index * 2 * columns, 2 * columns);
            sums.fill(0.0);
            let (d_weight_part, d_bias_part) = sums.split_at_mut(columns);
            let d_weight_part = d_weight.is_some().then_some(d_weight_part);
            let d_bias_part = d_bias.is_some().then_some(d_bias_part);
            match centered {
                true => layer_norm_gradient_rows(context.isa, &backward, rows, d_weight_part, d_bias_part),
                false => rms_norm_gradient_rows(context.isa, &backward, rows, d_weight_part, d_bias_part),
            }
        }
    });
    for (total, place) in [(d_weight, 0), (d_bias, columns)] {
        let Some(total) = total else { continue };
        let total = Shared::new(total);
        context.pool.run_ranges(columns, (GRAIN / blocks.max(1)).max(64), |range, _| {
            // SAFETY: ranges do not overlap and lie within the output; nobody writes to the partial sums any more.
            unsafe {
                let total = total.part(range.start, range.len());
                total.fill(0.0);
                for block in 0..blocks {
                    add_to(context.isa, shared.part(block * 2 * columns + place + range.start, range.len()), total);
                }
            }
        });
    }
    Ok(())
}

/// A weight or bias, which has an element per column.
fn parameter(parameter: Operand<'_>, columns: usize) -> Result<&[f32]> {
    ensure!(parameter.dims() == [columns], "expected weight and bias [{columns}], got {:?}", parameter.shape);
    parameter.f32()
}

fn rows_of_task(columns: usize) -> usize {
    (GRAIN / columns.max(1)).max(1)
}

struct Forward<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    y: Shared<f32>,
    /// Not written without centering.
    mean: Shared<f32>,
    rstd: Shared<f32>,
    columns: usize,
    eps: f64,
}

simd_dispatch! { unsafe fn layer_norm_rows(forward: &Forward, rows: Range<usize>) = forward_rows::<true>; }
simd_dispatch! { unsafe fn rms_norm_rows(forward: &Forward, rows: Range<usize>) = forward_rows::<false>; }

#[inline(always)]
unsafe fn forward_rows<S: Simd, const CENTERED: bool>(forward: &Forward, rows: Range<usize>) {
    let columns = forward.columns;
    let weight = forward.weight.as_ptr();
    for row in rows {
        // SAFETY: by the contract of the caller.
        unsafe {
            let x = forward.x.as_ptr().add(row * columns);
            let y = forward.y.get().add(row * columns);
            let mut mean = 0.0;
            if CENTERED {
                let [sum] = sums!(S, columns, |at, count| [rows::load::<S>(x.add(at), count)]);
                mean = sum / columns as f32;
                *forward.mean.get().add(row) = mean;
            }
            let mean = S::splat(mean);
            let [squares] = sums!(S, columns, |at, count| {
                let x = S::sub(rows::load::<S>(x.add(at), count), mean);
                [S::mul(x, x)]
            });
            let rstd = (1.0 / (f64::from(squares) / columns as f64 + forward.eps).sqrt()) as f32;
            *forward.rstd.get().add(row) = rstd;
            let rstd = S::splat(rstd);
            vectors!(S, columns, |at, count| {
                let normalized = S::mul(S::sub(rows::load::<S>(x.add(at), count), mean), rstd);
                let mut y_here = S::mul(normalized, rows::load::<S>(weight.add(at), count));
                if let Some(bias) = forward.bias {
                    y_here = S::add(y_here, rows::load::<S>(bias.as_ptr().add(at), count));
                }
                rows::store::<S>(y.add(at), y_here, count);
            });
        }
    }
}

struct Backward<'a> {
    dy: &'a [f32],
    x: &'a [f32],
    weight: &'a [f32],
    /// Empty without centering.
    mean: &'a [f32],
    rstd: &'a [f32],
    dx: Option<Shared<f32>>,
    columns: usize,
}

simd_dispatch! {
    unsafe fn layer_norm_gradient_rows(
        backward: &Backward, rows: Range<usize>, d_weight: Option<&mut [f32]>, d_bias: Option<&mut [f32]>,
    ) = backward_rows::<true>;
}
simd_dispatch! {
    unsafe fn rms_norm_gradient_rows(
        backward: &Backward, rows: Range<usize>, d_weight: Option<&mut [f32]>, d_bias: Option<&mut [f32]>,
    ) = backward_rows::<false>;
}

/// With n the normalized row and g = dy weight: `dx = (g - mean(g) - n mean(g n)) / std`, the first mean only with centering;
/// the weight's gradient is the sum of `dy n` over the rows, the bias' that of dy. The last two are added to what is there.
#[inline(always)]
unsafe fn backward_rows<S: Simd, const CENTERED: bool>(
    backward: &Backward,
    rows: Range<usize>,
    d_weight: Option<&mut [f32]>,
    d_bias: Option<&mut [f32]>,
) {
    let columns = backward.columns;
    let weight = backward.weight.as_ptr();
    let d_weight = d_weight.map(|sums| sums.as_mut_ptr());
    let d_bias = d_bias.map(|sums| sums.as_mut_ptr());
    for row in rows {
        // SAFETY: by the contract of the caller.
        unsafe {
            let (dy, x) = (backward.dy.as_ptr().add(row * columns), backward.x.as_ptr().add(row * columns));
            let rstd = S::splat(backward.rstd[row]);
            let mean = S::splat(if CENTERED { backward.mean[row] } else { 0.0 });
            if let Some(dx) = backward.dx {
                let dx = dx.get().add(row * columns);
                let [g_sum, gn_sum] = sums!(S, columns, |at, count| {
                    let g = S::mul(rows::load::<S>(dy.add(at), count), rows::load::<S>(weight.add(at), count));
                    let n = S::mul(S::sub(rows::load::<S>(x.add(at), count), mean), rstd);
                    [g, S::mul(g, n)]
                });
                let along_ones = S::splat(if CENTERED { g_sum / columns as f32 } else { 0.0 });
                let along_x = S::splat(gn_sum / columns as f32);
                vectors!(S, columns, |at, count| {
                    let g = S::mul(rows::load::<S>(dy.add(at), count), rows::load::<S>(weight.add(at), count));
                    let n = S::mul(S::sub(rows::load::<S>(x.add(at), count), mean), rstd);
                    rows::store::<S>(dx.add(at), S::mul(rstd, S::neg_mul_add(n, along_x, S::sub(g, along_ones))), count);
                });
            }
            if let Some(sums) = d_weight {
                vectors!(S, columns, |at, count| {
                    let n = S::mul(S::sub(rows::load::<S>(x.add(at), count), mean), rstd);
                    let sum = S::mul_add(rows::load::<S>(dy.add(at), count), n, rows::load::<S>(sums.add(at), count));
                    rows::store::<S>(sums.add(at), sum, count);
                });
            }
            if let Some(sums) = d_bias {
                vectors!(S, columns, |at, count| {
                    let sum = S::add(rows::load::<S>(sums.add(at), count), rows::load::<S>(dy.add(at), count));
                    rows::store::<S>(sums.add(at), sum, count);
                });
            }
        }
    }
}

simd_dispatch! { unsafe fn add_to(x: &[f32], sum: &mut [f32]) = add_elements; }

#[inline(always)]
unsafe fn add_elements<S: Simd>(x: &[f32], sum: &mut [f32]) {
    let (x, length, sum) = (x.as_ptr(), sum.len().min(x.len()), sum.as_mut_ptr());
    // SAFETY: below both lengths.
    unsafe {
        vectors!(S, length, |at, count| {
            let total = S::add(rows::load::<S>(sum.add(at), count), rows::load::<S>(x.add(at), count));
            rows::store::<S>(sum.add(at), total, count);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::MAX_BLOCKS;
    use crate::call::DType::Float32;
    use crate::testing::{Array, Run};

    /// y, mean and 1/std of each row in float64; without centering the mean counts as 0.
    fn reference(x: &[f32], weight: &[f32], bias: &[f32], eps: f64, centered: bool) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let columns = weight.len();
        let (mut y, mut means, mut rstds) = (vec![], vec![], vec![]);
        for row in x.chunks(columns.max(1)) {
            let mean = if centered { row.iter().map(|&x| f64::from(x)).sum::<f64>() / columns as f64 } else { 0.0 };
            let variance = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / columns as f64;
            let rstd = 1.0 / (variance + eps).sqrt();
            y.extend((0..columns).map(|c| {
                let bias = bias.get(c).map_or(0.0, |&bias| f64::from(bias));
                (f64::from(row[c]) - mean) * rstd * f64::from(weight[c]) + bias
            }));
            means.push(mean);
            rstds.push(rstd);
        }
        (y, means, rstds)
    }

    fn expect_close(what: &str, found: &Array, expected: &[f64], tolerance: f64) {
        assert_eq!(found.size(), expected.len(), "{what}");
        for (i, (found, expected)) in found.to_f32().into_iter().zip(expected).enumerate() {
            assert!((f64::from(found) - expected).abs() <= tolerance * expected.abs().max(1.0), "{what} {i}: {found}, expected {expected}");
        }
    }

    const SIZES: [(usize, usize); 12] =
        [(0, 5), (1, 1), (3, 1), (2, 3), (1, 15), (5, 16), (7, 17), (4, 63), (3, 64), (130, 67), (200, 768), (3, 16_500)];

    fn arrays(rows: usize, columns: usize) -> (Array, Array, Array) {
        let x = Array::random(&[rows, columns], 1).to_f32().iter().map(|x| x * 3.0 + 0.5).collect::<Vec<_>>();
        (Array::f32(&[rows, columns], &x), Array::random(&[columns], 2), Array::random(&[columns], 3))
    }

    #[test]
    fn forward_is_that_of_float64() {
        for (rows, columns) in SIZES {
            let (x, weight, bias) = arrays(rows, columns);
            for with_bias in [true, false] {
                let bias_values = if with_bias { bias.to_f32() } else { vec![] };
                let (y, mean, rstd) = reference(&x.to_f32(), &weight.to_f32(), &bias_values, 1e-5, true);
                let run = Run::new("LayerNorm").input(&x).input(&weight);
                let run = if with_bias { run.input(&bias) } else { run };
                let run = run.output(Float32, &x.dims).output(Float32, &[rows, 1]).output(Float32, &[rows, 1]).floats(&[1e-5]);
                run.everywhere(|isa, outputs| {
                    expect_close(&format!("{isa} y {rows}x{columns}"), &outputs[0], &y, 1e-5);
                    expect_close("mean", &outputs[1], &mean, 1e-6);
                    expect_close("1/std", &outputs[2], &rstd, 1e-5);
                });
            }
            let (y, _, rstd) = reference(&x.to_f32(), &weight.to_f32(), &[], 1e-6, false);
            let run = Run::new("RmsNorm").input(&x).input(&weight);
            run.output(Float32, &x.dims).output(Float32, &[rows, 1]).floats(&[1e-6]).everywhere(|isa, outputs| {
                expect_close(&format!("{isa} y {rows}x{columns}"), &outputs[0], &y, 1e-5);
                expect_close("1/rms", &outputs[1], &rstd, 1e-5);
            });
        }
    }

    /// Finite differences of `sum(dy y)` in float64, at some places of each operand.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        for (rows, columns) in SIZES.into_iter().filter(|&(rows, _)| rows > 0) {
            for centered in [true, false] {
                let (x, weight, bias) = arrays(rows, columns);
                let dy = Array::random(&[rows, columns], 4);
                let operands = [x.to_f32(), weight.to_f32(), bias.to_f32()].map(|x| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
                let (eps, step) = (1e-3, 1e-5);
                let loss_of_row = |row: usize, operands: &[Vec<f64>; 3]| {
                    let x = &operands[0][row * columns..(row + 1) * columns];
                    let mean = if centered { x.iter().sum::<f64>() / columns as f64 } else { 0.0 };
                    let rstd = 1.0 / (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / columns as f64 + eps).sqrt();
                    let dy = &dy.to_f32()[row * columns..(row + 1) * columns];
                    let y = |c: usize| (x[c] - mean) * rstd * operands[1][c] + if centered { operands[2][c] } else { 0.0 };
                    (0..columns).map(|c| f64::from(dy[c]) * y(c)).sum::<f64>()
                };
                let slope = |which: usize, place: usize| {
                    let rows = if which == 0 { place / columns..place / columns + 1 } else { 0..rows };
                    let moved = |by: f64| {
                        let mut operands = operands.clone();
                        operands[which][place] += by;
                        rows.clone().map(|row| loss_of_row(row, &operands)).sum::<f64>()
                    };
                    (moved(step) - moved(-step)) / (2.0 * step)
                };
                let (_, mean, rstd) = reference(&x.to_f32(), &weight.to_f32(), &[], eps, centered);
                let statistics = |values: &[f64]| Array::f32(&[rows, 1], &values.iter().map(|&x| x as f32).collect::<Vec<_>>());
                let run = Run::new(if centered { "LayerNormGradient" } else { "RmsNormGradient" }).input(&dy).input(&x).input(&weight);
                let run = if centered { run.input(&statistics(&mean)) } else { run };
                let run = run.input(&statistics(&rstd)).output(Float32, &x.dims).output(Float32, &[columns]);
                let run = if centered { run.output(Float32, &[columns]).ints(&[1, 1, 1]) } else { run.ints(&[1, 1]) };
                run.everywhere(|isa, outputs| {
                    for (which, output) in outputs.iter().enumerate() {
                        let values = output.to_f32();
                        for place in (0..values.len()).step_by(values.len().div_ceil(3)) {
                            let (found, expected) = (f64::from(values[place]), slope(which, place));
                            let tolerance = 2e-5 * expected.abs().max(1.0) * (rows as f64).sqrt();
                            let what = format!("{isa} {rows}x{columns} centered {centered}: gradient {which} at {place}");
                            assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected}");
                        }
                    }
                });
            }
        }
    }

    #[test]
    fn every_row_of_every_block_counts_and_only_what_is_wanted_is_computed() {
        let (rows, columns) = (MAX_BLOCKS * 5 + 3, 4096);
        let (x, weight, _) = arrays(rows, columns);
        let ones = Array::f32(&[rows, columns], &vec![1.0; rows * columns]);
        let statistics = Array::f32(&[rows], &vec![1.0; rows]);
        let run = Run::new("LayerNormGradient").input(&ones).input(&x).input(&weight).input(&statistics).input(&statistics);
        run.clone().output(Float32, &[columns]).ints(&[0, 0, 1]).everywhere(|_, outputs| {
            assert_eq!(outputs[0].to_f32(), vec![rows as f32; columns]);
        });
        let all = run.clone().output(Float32, &x.dims).output(Float32, &[columns]).output(Float32, &[columns]).ints(&[1, 1, 1]);
        run.clone().output(Float32, &[columns]).ints(&[0, 1, 0]).everywhere(|isa, outputs| {
            assert!(all.on(isa, 2).unwrap()[1] == outputs[0]);
        });
        run.output(Float32, &x.dims).ints(&[1, 0, 0]).everywhere(|isa, outputs| assert!(all.on(isa, 2).unwrap()[0] == outputs[0]));
    }

    #[test]
    fn a_row_with_nan_does_not_touch_the_others() {
        let (x, weight, bias) = arrays(3, 20);
        let mut values = x.to_f32();
        values[25] = f32::NAN;
        let x = Array::f32(&[3, 20], &values);
        let run = Run::new("LayerNorm").input(&x).input(&weight).input(&bias);
        run.output(Float32, &x.dims).output(Float32, &[3, 1]).output(Float32, &[3, 1]).floats(&[1e-5]).everywhere(|_, outputs| {
            for (row, y) in outputs[0].to_f32().chunks(20).enumerate() {
                assert!(y.iter().all(|y| y.is_nan() == (row == 1)));
            }
        });
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (x, weight, bias) = arrays(3, 20);
        let short = Array::random(&[19], 1);
        let run = |weight: &Array, bias: &Array| {
            let run = Run::new("LayerNorm").input(&x).input(weight).input(bias).floats(&[1e-5]);
            run.output(Float32, &x.dims).output(Float32, &[3, 1]).output(Float32, &[3, 1])
        };
        assert!(run(&short, &bias).fails().contains("[20]"));
        assert!(run(&weight, &short).fails().contains("[20]"));
        let gradient = Run::new("RmsNormGradient").input(&x).input(&x).input(&weight).ints(&[1, 1]);
        assert!(gradient.clone().input(&short).output(Float32, &x.dims).output(Float32, &[20]).fails().contains("per row"));
        let rstd = Array::random(&[3, 1], 1);
        assert!(gradient.clone().input(&rstd).output(Float32, &x.dims).output(Float32, &[19]).fails().contains("20 elements"));
        assert!(gradient.input(&rstd).output(Float32, &x.dims).fails().contains("output 1"));
    }
}
