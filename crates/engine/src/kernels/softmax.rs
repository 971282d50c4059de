//! Softmax and its logarithm over the last dimension, with their gradients.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, math, rows};
use crate::{ensure, simd_dispatch, sums, vectors};
use std::ops::Range;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[
    ("Softmax", softmax),
    ("LogSoftmax", log_softmax),
    ("SoftmaxGradient", softmax_gradient),
    ("LogSoftmaxGradient", log_softmax_gradient),
];

/// Input x [..., C]; output y [..., C] = exp(x) / sum(exp(x)), the sum over each row.
fn softmax(context: &Context, call: &mut Call) -> Result<()> {
    each_row(context, call, 1, |rows, [x, _], y, columns| {
        // SAFETY: by the contract of `each_row`.
        unsafe { softmax_rows(context.isa, rows, x, y, columns) }
    })
}

/// Input x [..., C]; output y [..., C] = x - log(sum(exp(x))), the sum over each row.
fn log_softmax(context: &Context, call: &mut Call) -> Result<()> {
    each_row(context, call, 1, |rows, [x, _], y, columns| {
        // SAFETY: by the contract of `each_row`.
        unsafe { log_softmax_rows(context.isa, rows, x, y, columns) }
    })
}

/// Inputs dy [..., C], y [..., C]; output dx [..., C] = (dy - sum(dy y)) y, the sum over each row.
fn softmax_gradient(context: &Context, call: &mut Call) -> Result<()> {
    each_row(context, call, 2, |rows, [dy, y], dx, columns| {
        // SAFETY: by the contract of `each_row`.
        unsafe { softmax_gradient_rows(context.isa, rows, dy, y, dx, columns) }
    })
}

/// Inputs dy [..., C], y [..., C]; output dx [..., C] = dy - sum(dy) exp(y), the sum over each row.
fn log_softmax_gradient(context: &Context, call: &mut Call) -> Result<()> {
    each_row(context, call, 2, |rows, [dy, y], dx, columns| {
        // SAFETY: by the contract of `each_row`.
        unsafe { log_softmax_gradient_rows(context.isa, rows, dy, y, dx, columns) }
    })
}

/// Checks that one or two inputs and the output have one size, and shares out the rows: each is of one task. Where there is one input, the
/// task gets it twice.
fn each_row(
    context: &Context,
    call: &mut Call,
    inputs: usize,
    task: impl Fn(Range<usize>, [&[f32]; 2], Shared<f32>, usize) + Sync,
) -> Result<()> {
    let (first, last) = (call.input(0)?, call.input(inputs - 1)?);
    let output = call.output(0)?;
    ensure!(
        first.size() == last.size() && first.size() == output.size(),
        "expected operands of one size, got {:?}, {:?} and {:?}",
        first.shape,
        last.shape,
        output.shape()
    );
    let (row_count, columns) = first.shape.rows_and_columns();
    let (operands, output) = ([first.f32()?, last.f32()?], Shared::new(output.f32()?));
    context.pool.run_ranges(row_count, (GRAIN / columns.max(1)).max(1), |rows, _| task(rows, operands, output, columns));
    Ok(())
}

simd_dispatch! {
    unsafe fn softmax_rows(rows: Range<usize>, x: &[f32], y: Shared<f32>, columns: usize) = softmax_vectors;
}

#[inline(always)]
unsafe fn softmax_vectors<S: Simd>(rows: Range<usize>, x: &[f32], y: Shared<f32>, columns: usize) {
    for row in rows {
        // SAFETY: by the contract of the caller.
        unsafe {
            let (x, y) = (x.as_ptr().add(row * columns), y.get().add(row * columns));
            let most = S::splat(rows::maximum::<S>(x, columns));
            let [total] = sums!(S, columns, |at, count| {
                let e = math::exp::<S>(S::sub(rows::load::<S>(x.add(at), count), most));
                rows::store::<S>(y.add(at), e, count);
                [e]
            });
            let factor = S::splat(1.0 / total);
            vectors!(S, columns, |at, count| {
                rows::store::<S>(y.add(at), S::mul(rows::load::<S>(y.add(at), count), factor), count);
            });
        }
    }
}

simd_dispatch! {
    unsafe fn log_softmax_rows(rows: Range<usize>, x: &[f32], y: Shared<f32>, columns: usize) = log_softmax_vectors;
}

#[inline(always)]
unsafe fn log_softmax_vectors<S: Simd>(rows: Range<usize>, x: &[f32], y: Shared<f32>, columns: usize) {
    for row in rows {
        // SAFETY: by the contract of the caller.
        unsafe {
            let (x, y) = (x.as_ptr().add(row * columns), y.get().add(row * columns));
            let most = S::splat(rows::maximum::<S>(x, columns));
            let [total] = sums!(S, columns, |at, count| [math::exp::<S>(S::sub(rows::load::<S>(x.add(at), count), most))]);
            let log = S::splat(f64::from(total).ln() as f32);
            vectors!(S, columns, |at, count| {
                rows::store::<S>(y.add(at), S::sub(S::sub(rows::load::<S>(x.add(at), count), most), log), count);
            });
        }
    }
}

simd_dispatch! {
    unsafe fn softmax_gradient_rows(
        rows: Range<usize>, dy: &[f32], y: &[f32], dx: Shared<f32>, columns: usize,
    ) = softmax_gradient_vectors;
}

#[inline(always)]
unsafe fn softmax_gradient_vectors<S: Simd>(rows: Range<usize>, dy: &[f32], y: &[f32], dx: Shared<f32>, columns: usize) {
    for row in rows {
        let from = row * columns;
        // SAFETY: by the contract of the caller.
        unsafe {
            let (dy, y, dx) = (dy.as_ptr().add(from), y.as_ptr().add(from), dx.get().add(from));
            let [along] = sums!(S, columns, |at, count| [S::mul(rows::load::<S>(dy.add(at), count), rows::load::<S>(y.add(at), count))]);
            let along = S::splat(along);
            vectors!(S, columns, |at, count| {
                let slope = S::sub(rows::load::<S>(dy.add(at), count), along);
                rows::store::<S>(dx.add(at), S::mul(slope, rows::load::<S>(y.add(at), count)), count);
            });
        }
    }
}

simd_dispatch! {
    unsafe fn log_softmax_gradient_rows(
        rows: Range<usize>, dy: &[f32], y: &[f32], dx: Shared<f32>, columns: usize,
    ) = log_softmax_gradient_vectors;
}

#[inline(always)]
unsafe fn log_softmax_gradient_vectors<S: Simd>(rows: Range<usize>, dy: &[f32], y: &[f32], dx: Shared<f32>, columns: usize) {
    for row in rows {
        let from = row * columns;
        // SAFETY: by the contract of the caller.
        unsafe {
            let (dy, y, dx) = (dy.as_ptr().add(from), y.as_ptr().add(from), dx.get().add(from));
            let [total] = sums!(S, columns, |at, count| [rows::load::<S>(dy.add(at), count)]);
            let total = S::splat(total);
            vectors!(S, columns, |at, count| {
                let probability = math::exp::<S>(rows::load::<S>(y.add(at), count));
                rows::store::<S>(dx.add(at), S::neg_mul_add(total, probability, rows::load::<S>(dy.add(at), count)), count);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType::Float32;
    use crate::testing::{Array, Run};

    const SIZES: [(usize, usize); 11] =
        [(0, 5), (3, 0), (1, 1), (2, 3), (5, 15), (5, 16), (7, 17), (4, 65), (300, 64), (200, 768), (2, 50_257)];

    fn wide(rows: usize, columns: usize) -> Array {
        Array::f32(&[rows, columns], &Array::random(&[rows, columns], 1).to_f32().iter().map(|x| x * 20.0).collect::<Vec<_>>())
    }

    fn log_probabilities(x: &[f32]) -> Vec<f64> {
        let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = x.iter().map(|&x| (f64::from(x) - f64::from(most)).exp()).sum();
        x.iter().map(|&x| f64::from(x) - f64::from(most) - total.ln()).collect()
    }

    fn expect_rows(found: &Array, columns: usize, tolerance: f64, expected: impl Fn(usize) -> Vec<f64>) {
        for (row, found) in found.to_f32().chunks(columns.max(1)).enumerate() {
            for (i, (&found, expected)) in found.iter().zip(expected(row)).enumerate() {
                let close = (f64::from(found) - expected).abs() <= tolerance * expected.abs().max(1.0);
                assert!(close, "row {row} of {columns} at {i}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn probabilities_and_their_logarithms() {
        for (rows, columns) in SIZES {
            let x = wide(rows, columns);
            let values = x.to_f32();
            let log = |row: usize| log_probabilities(&values[row * columns..(row + 1) * columns]);
            let run = |name| Run::new(name).input(&x).output(Float32, &x.dims);
            run("Softmax").everywhere(|_, y| expect_rows(&y[0], columns, 1e-6, |row| log(row).iter().map(|x| x.exp()).collect()));
            run("LogSoftmax").everywhere(|_, y| expect_rows(&y[0], columns, 1e-6, log));
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for (rows, columns) in SIZES.into_iter().filter(|&(rows, columns)| rows * columns > 0 && columns < 1000) {
            let (x, dy) = (Array::random(&[rows, columns], 1), Array::random(&[rows, columns], 2));
            let (xs, dys) = (x.to_f32(), dy.to_f32());
            for log in [false, true] {
                let name = if log { "LogSoftmax" } else { "Softmax" };
                let y = Run::new(name).input(&x).output(Float32, &x.dims).on(crate::isa::Isa::Portable, 1).unwrap().remove(0);
                let gradient = if log { "LogSoftmaxGradient" } else { "SoftmaxGradient" };
                Run::new(gradient).input(&dy).input(&y).output(Float32, &x.dims).everywhere(|_, dx| {
                    let dx = dx[0].to_f32();
                    for place in (0..dx.len()).step_by(dx.len().div_ceil(40)) {
                        let row = place / columns * columns..(place / columns + 1) * columns;
                        let loss = |by: f64| -> f64 {
                            let x: Vec<f64> = row.clone().map(|i| f64::from(xs[i]) + if i == place { by } else { 0.0 }).collect();
                            let total = x.iter().map(|x| x.exp()).sum::<f64>().ln();
                            x.iter()
                                .zip(&dys[row.clone()])
                                .map(|(x, &dy)| f64::from(dy) * if log { x - total } else { (x - total).exp() })
                                .sum()
                        };
                        let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                        assert!(
                            (f64::from(dx[place]) - slope).abs() < 1e-5,
                            "{gradient} {rows}x{columns}: {}, expected {slope}",
                            dx[place]
                        );
                    }
                });
            }
        }
    }

    #[test]
    fn infinities_and_nan_stay_in_their_row() {
        let hidden = f32::NEG_INFINITY;
        let x = Array::f32(&[4, 3], &[hidden, 0.0, 0.0, hidden, hidden, hidden, f32::NAN, 1.0, 2.0, f32::INFINITY, 1.0, 2.0]);
        Run::new("Softmax").input(&x).output(Float32, &x.dims).everywhere(|isa, y| {
            let y = y[0].to_f32();
            assert_eq!(y[..3], [0.0, 0.5, 0.5]);
            assert!(y[3..9].iter().all(|y| y.is_nan()) && y[9].is_nan(), "{isa}: {y:?}");
        });
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (x, other) = (Array::random(&[4], 1), Array::random(&[5], 1));
        assert!(Run::new("Softmax").input(&x).output(Float32, &[5]).fails().contains("one size"));
        assert!(Run::new("SoftmaxGradient").input(&x).input(&other).output(Float32, &[4]).fails().contains("one size"));
    }
}
