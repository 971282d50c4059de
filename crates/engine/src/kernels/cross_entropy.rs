//! Output layer and cross-entropy in one, over chunks of rows: the logits of a chunk become their own gradients in place, and the products
//! that carry those on follow at once, so that logits of the whole batch never exist (Hsu et al. 2024, Liger Kernel).
//!
//! N rows, C hiddenSize, V vocabulary.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::{Error, Result};
use crate::matmul::{Epilogue, Precision, Product, View, multiply};
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::{ensure, simd_dispatch};
use std::f32::consts::LOG2_E;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("LinearCrossEntropy", linear_cross_entropy), ("LinearCrossEntropyGradient", linear_cross_entropy_gradient)];

/// Logits that exist at a time, in bytes. Each chunk costs one more pass over the gradient of the weight.
const LOGITS_BYTES: usize = 100 << 20;

/// Rows of a chunk at least, however large the vocabulary: with fewer the products wait for memory.
const MIN_ROWS: usize = 64;

/// Inputs hidden `[N, C]`, weight `[V, C]`, labels int32 `[N]`; outputs the sum of the losses in nats `[]` and, if there are three, dHidden and
/// dWeight for dy = 1. Ints: ignoreIndex (the label of rows that count for nothing), precision (0 float32, 1 bfloat16).
fn linear_cross_entropy(context: &Context, call: &mut Call) -> Result<()> {
    let (hidden, weight, labels) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (&[rows, columns], &[vocab, width]) = (hidden.dims(), weight.dims()) else {
        return Err(Error::Invalid(format!("expected hidden and weight of rank 2, got {:?} and {:?}", hidden.shape, weight.shape)));
    };
    ensure!(
        columns == width && labels.dims() == [rows],
        "expected hidden [N, C], weight [V, C], labels [N], got {:?}, {:?} and {:?}",
        hidden.shape,
        weight.shape,
        labels.shape
    );
    let (ignore_index, precision) = (call.int(0)?, call.int(1)?);
    ensure!((0..=1).contains(&precision), "expected a precision of 0 or 1, got {precision}");
    let precision = if precision == 0 { Precision::Float32 } else { Precision::BFloat16 };
    let loss = call.output(0)?;
    ensure!(loss.size() == 1, "expected one loss, got {:?}", loss.shape());
    let gradients = match call.output_count() {
        1 => None,
        3 => Some((call.output(1)?, call.output(2)?)),
        other => return Err(Error::Invalid(format!("expected 1 or 3 outputs, got {other}"))),
    };
    if let Some((d_hidden, d_weight)) = &gradients {
        ensure!(
            d_hidden.dims() == hidden.dims() && d_weight.dims() == weight.dims(),
            "expected gradients like {:?} and {:?}, got {:?} and {:?}",
            hidden.shape,
            weight.shape,
            d_hidden.shape(),
            d_weight.shape()
        );
    }
    let (hidden, weight, labels, loss) = (hidden.f32()?, weight.f32()?, labels.i32()?, loss.f32()?);
    for (row, &label) in labels.iter().enumerate() {
        let counts = usize::try_from(label).is_ok_and(|label| label < vocab);
        ensure!(
            counts || label == ignore_index,
            "labels: expected 0 .. {} or ignoreIndex {ignore_index} in row {row}, got {label}",
            vocab as i64 - 1
        );
    }
    let gradients = match gradients {
        None => None,
        Some((d_hidden, d_weight)) => Some((d_hidden.f32()?, d_weight.f32()?)),
    };
    loss[0] = 0.0;
    if rows == 0 || vocab == 0 {
        if let Some((d_hidden, d_weight)) = gradients {
            d_hidden.fill(0.0);
            d_weight.fill(0.0);
        }
        return Ok(());
    }
    let stride = logits_stride(vocab);
    let chunk = chunk_rows(rows, stride);
    let logits = context.allocator.scratch(chunk * stride * size_of::<f32>())?;
    let logits = logits.data().cast::<f32>();
    let mut losses = vec![0.0f64; rows];
    let gradients = gradients.map(|(d_hidden, d_weight)| (d_hidden.as_mut_ptr(), d_weight.as_mut_ptr()));
    for first in (0..rows).step_by(chunk) {
        let count = (rows - first).min(chunk);
        // SAFETY: the chunk lies within the operands, and the scratch memory holds `chunk` rows of logits.
        unsafe {
            let hidden = View::rows(hidden.as_ptr().add(first * columns), columns);
            let weight = View::rows(weight.as_ptr(), columns);
            let gradient = View::rows(logits, stride);
            let product = |m, k, n, a, b, c, c_stride, accumulate| {
                let epilogue = Epilogue { accumulate, ..Epilogue::default() };
                multiply(context, &Product { m, k, n, a, b, c, c_stride, epilogue, precision })
            };
            product(count, columns, vocab, hidden, weight.transposed(), logits, stride, false)?;
            let rows = Rows { logits, stride, vocab, labels: &labels[first..first + count], ignore_index, gradients: gradients.is_some() };
            cross_entropy_of_rows(context, &rows, &mut losses[first..first + count]);
            if let Some((d_hidden, d_weight)) = gradients {
                product(count, vocab, columns, gradient, weight, d_hidden.add(first * columns), columns, false)?;
                product(vocab, count, columns, gradient.transposed(), hidden, d_weight, columns, first > 0)?;
            }
        }
    }
    loss[0] = losses.iter().sum::<f64>() as f32;
    Ok(())
}

/// Logits and labels of a chunk.
struct Rows<'a> {
    logits: *mut f32,
    stride: usize,
    vocab: usize,
    labels: &'a [i32],
    ignore_index: i32,
    /// Whether the logits become their gradients.
    gradients: bool,
}

/// SAFETY: the logits are good for the other sizes, and the labels below `vocab` or ignored.
unsafe fn cross_entropy_of_rows(context: &Context, rows: &Rows, losses: &mut [f64]) {
    let &Rows { logits, stride, vocab, labels, ignore_index, gradients } = rows;
    // SAFETY: by the contract of the function; a task has rows of its own.
    let (logits, losses) = unsafe { (Shared::new(std::slice::from_raw_parts_mut(logits, labels.len() * stride)), Shared::new(losses)) };
    context.pool.run_ranges(labels.len(), GRAIN / vocab, |range, _| {
        for row in range {
            // SAFETY: as above.
            unsafe {
                let (logits, loss) = (logits.part(row * stride, vocab), losses.part(row, 1));
                if labels[row] != ignore_index {
                    loss[0] = cross_entropy(context.isa, logits, labels[row] as usize, gradients);
                } else if gradients {
                    logits.fill(0.0);
                }
            }
        }
    });
}

/// Elements from a row of logits to the next: whole cache lines, and no power of two, whose rows would meet in the same part of a cache.
fn logits_stride(vocab: usize) -> usize {
    let padded = vocab.next_multiple_of(16);
    if padded.is_multiple_of(1024) { padded + 16 } else { padded }
}

/// Chunks of equal size, as few as the budget allows.
fn chunk_rows(rows: usize, stride: usize) -> usize {
    let most = (LOGITS_BYTES / size_of::<f32>() / stride).max(MIN_ROWS);
    rows.div_ceil(rows.div_ceil(most))
}

simd_dispatch! {
    /// The loss of a row of logits in nats. With `gradient` they become softmax minus one-hot.
    ///
    /// SAFETY: the label lies within the row.
    unsafe fn cross_entropy(logits: &mut [f32], label: usize, gradient: bool) -> f64 = cross_entropy_of_row;
}

#[inline(always)]
unsafe fn cross_entropy_of_row<S: Simd>(logits: &mut [f32], label: usize, gradient: bool) -> f64 {
    /// Vectors at a time, so that sums do not wait for each other.
    const VECTORS: usize = 4;
    /// Columns whose sums are float32; those of the blocks are added in float64.
    const BLOCK: usize = 4096;
    let row = logits.as_mut_ptr();
    let full = logits.len() / (VECTORS * S::LANES) * (VECTORS * S::LANES);
    // SAFETY: all within the row.
    unsafe {
        let target = f64::from(*row.add(label));
        let hidden = S::splat(f32::NEG_INFINITY);
        let mut largest = [hidden; VECTORS];
        for column in (0..full).step_by(VECTORS * S::LANES) {
            for (j, largest) in largest.iter_mut().enumerate() {
                *largest = S::max(S::load(row.add(column + j * S::LANES)), *largest);
            }
        }
        let mut maximum = S::reduce_max(S::max(S::max(largest[0], largest[1]), S::max(largest[2], largest[3])));
        for &logit in &logits[full..] {
            maximum = if logit > maximum { logit } else { maximum };
        }
        let (offset, factor) = (S::splat(maximum), S::splat(LOG2_E));
        let power = |x: S::F| math::exp2::<S>(S::mul(S::sub(x, offset), factor));
        let mut sum = 0.0f64;
        for block in (0..full).step_by(BLOCK) {
            let mut sums = [S::splat(0.0); VECTORS];
            for column in (block..full.min(block + BLOCK)).step_by(VECTORS * S::LANES) {
                for (j, sum) in sums.iter_mut().enumerate() {
                    let at = row.add(column + j * S::LANES);
                    let power = power(S::load(at));
                    *sum = S::add(*sum, power);
                    if gradient {
                        S::store(at, power);
                    }
                }
            }
            sum += f64::from(S::reduce_add(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]))));
        }
        for column in (full..logits.len()).step_by(S::LANES) {
            let count = (logits.len() - column).min(S::LANES);
            let mut powers = [0.0f32; 16];
            S::store(powers.as_mut_ptr(), power(S::load_first(row.add(column), count)));
            sum += powers[..count].iter().copied().map(f64::from).sum::<f64>();
            if gradient {
                logits[column..column + count].copy_from_slice(&powers[..count]);
            }
        }
        if gradient {
            let scale = S::splat((1.0 / sum) as f32);
            for column in (0..full).step_by(S::LANES) {
                S::store(row.add(column), S::mul(S::load(row.add(column)), scale));
            }
            for column in (full..logits.len()).step_by(S::LANES) {
                let count = (logits.len() - column).min(S::LANES);
                S::store_first(row.add(column), S::mul(S::load_first(row.add(column), count), scale), count);
            }
            logits[label] -= 1.0;
        }
        sum.ln() + f64::from(maximum) - target
    }
}

/// Input dy `[]`; inouts gradients for dy = 1, which are multiplied by dy. Nothing is touched if dy is 1.
fn linear_cross_entropy_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let dy = call.input(0)?;
    ensure!(dy.size() == 1, "expected one dy, got {:?}", dy.shape);
    let dy = dy.f32()?[0];
    for index in 0..call.inout_count() {
        let gradient = call.inout(index)?.f32()?;
        if dy == 1.0 {
            continue;
        }
        let length = gradient.len();
        let gradient = Shared::new(gradient);
        context.pool.run_ranges(length, GRAIN, |range, _| {
            // SAFETY: ranges do not overlap.
            unsafe { multiply_by(context.isa, gradient.part(range.start, range.len()), dy) };
        });
    }
    Ok(())
}

simd_dispatch! {
    unsafe fn multiply_by(x: &mut [f32], factor: f32) = multiply_slice_by;
}

#[inline(always)]
unsafe fn multiply_slice_by<S: Simd>(x: &mut [f32], factor: f32) {
    for column in (0..x.len()).step_by(S::LANES) {
        let count = (x.len() - column).min(S::LANES);
        // SAFETY: within the slice.
        unsafe {
            let at = x.as_mut_ptr().add(column);
            if count == S::LANES {
                S::store(at, S::mul(S::load(at), S::splat(factor)));
            } else {
                S::store_first(at, S::mul(S::load_first(at, count), S::splat(factor)), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::DType::Float32;
    use crate::isa::Isa;
    use crate::testing::{Array, Random, Run};

    const IGNORE: i32 = -100;

    struct Case {
        hidden: Array,
        weight: Array,
        labels: Array,
    }

    impl Case {
        /// Every fifth row is ignored.
        fn new(rows: usize, columns: usize, vocab: usize) -> Case {
            let mut random = Random::new((rows + vocab) as u64);
            let labels: Vec<i32> = (0..rows).map(|row| if row % 5 == 3 { IGNORE } else { random.below(vocab) as i32 }).collect();
            let scaled = |array: Array| Array::f32(&array.dims, &array.to_f32().iter().map(|x| 3.0 * x).collect::<Vec<_>>());
            Case {
                hidden: scaled(Array::random(&[rows, columns], 1)),
                weight: scaled(Array::random(&[vocab, columns], 2)),
                labels: Array::i32(&[rows], &labels),
            }
        }

        fn run(&self, with_gradients: bool) -> Run {
            let run = Run::new("LinearCrossEntropy").input(&self.hidden).input(&self.weight).input(&self.labels).output(Float32, &[]);
            let run = run.ints(&[IGNORE, 0]);
            if with_gradients { run.output(Float32, &self.hidden.dims).output(Float32, &self.weight.dims) } else { run }
        }
    }

    /// Loss and gradients.
    fn reference(hidden: &[f64], weight: &[f64], labels: &[i32], columns: usize) -> (f64, Vec<f64>, Vec<f64>) {
        let (mut loss, mut d_hidden, mut d_weight) = (0.0, vec![0.0; hidden.len()], vec![0.0; weight.len()]);
        for (row, &label) in labels.iter().enumerate().filter(|(_, label)| **label != IGNORE) {
            let x = &hidden[row * columns..][..columns];
            let logits: Vec<f64> = weight.chunks(columns).map(|w| x.iter().zip(w).map(|(x, w)| x * w).sum()).collect();
            let largest = logits.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            loss += largest + sum.ln() - logits[label as usize];
            for (j, logit) in logits.iter().enumerate() {
                let gradient = (logit - largest).exp() / sum - f64::from(j == label as usize);
                for c in 0..columns {
                    d_hidden[row * columns + c] += gradient * weight[j * columns + c];
                    d_weight[j * columns + c] += gradient * x[c];
                }
            }
        }
        (loss, d_hidden, d_weight)
    }

    fn to_f64(array: &Array) -> Vec<f64> {
        array.to_f32().into_iter().map(f64::from).collect()
    }

    #[test]
    fn the_reference_has_the_gradient_of_finite_differences() {
        let case = Case::new(4, 3, 6);
        let (hidden, weight, labels) = (to_f64(&case.hidden), to_f64(&case.weight), case.labels.to_i32());
        let (_, d_hidden, d_weight) = reference(&hidden, &weight, &labels, 3);
        for (which, gradient) in [d_hidden, d_weight].iter().enumerate() {
            for (i, expected) in gradient.iter().enumerate() {
                let at = |step: f64| {
                    let mut operands = [hidden.clone(), weight.clone()];
                    operands[which][i] += step;
                    reference(&operands[0], &operands[1], &labels, 3).0
                };
                let found = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((found - expected).abs() < 1e-8, "operand {which} element {i}: {found}, expected {expected}");
            }
        }
    }

    fn check(rows: usize, columns: usize, vocab: usize) {
        let case = Case::new(rows, columns, vocab);
        let (loss, d_hidden, d_weight) = reference(&to_f64(&case.hidden), &to_f64(&case.weight), &case.labels.to_i32(), columns);
        case.run(true).everywhere(|isa, outputs| {
            let place = format!("{isa} {rows} x {columns}, vocabulary {vocab}");
            let found = f64::from(outputs[0].to_f32()[0]);
            assert!((found - loss).abs() <= 2e-6 * loss.abs(), "{place}: loss {found}, expected {loss}");
            for (found, expected) in [(&outputs[1], &d_hidden), (&outputs[2], &d_weight)] {
                let largest = expected.iter().fold(1.0f64, |a, b| a.max(b.abs()));
                for (i, (found, expected)) in to_f64(found).iter().zip(expected).enumerate() {
                    assert!((found - expected).abs() <= 3e-6 * largest, "{place}: [{i}] = {found}, expected {expected}");
                }
            }
            let without = case.run(false).on(isa, 2).unwrap();
            assert!(without[0] == outputs[0], "{place}: another loss without gradients");
        });
    }

    #[test]
    fn small_sizes() {
        for (rows, columns, vocab) in [(1, 1, 1), (1, 1, 2), (3, 5, 7), (5, 16, 63), (7, 8, 64), (4, 9, 65), (10, 33, 130), (70, 20, 300)] {
            check(rows, columns, vocab);
        }
    }

    /// More rows than the budget holds at a time; too large to run everywhere. Two chunks give what one gives for each half.
    #[test]
    fn several_chunks() {
        let (rows, vocab) = (66, 400_009);
        assert_eq!(chunk_rows(rows, logits_stride(vocab)), 33);
        let case = Case::new(rows, 2, vocab);
        let half = |from: usize| Case {
            hidden: Array::f32(&[33, 2], &case.hidden.to_f32()[from * 2..][..66]),
            weight: case.weight.clone(),
            labels: Array::i32(&[33], &case.labels.to_i32()[from..][..33]),
        };
        let isa = *Isa::available().last().unwrap();
        let whole = case.run(true).on(isa, 2).unwrap();
        let [first, second] = [0, 33].map(|from| half(from).run(true).on(isa, 3).unwrap());
        let sum = |i: usize| first[i].to_f32().into_iter().zip(second[i].to_f32()).map(|(a, b)| a + b).collect::<Vec<_>>();
        assert!((whole[0].to_f32()[0] - sum(0)[0]).abs() <= 1e-6 * sum(0)[0]);
        assert_eq!(whole[1].to_f32(), [first[1].to_f32(), second[1].to_f32()].concat());
        for (found, expected) in whole[2].to_f32().into_iter().zip(sum(2)) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
    }

    #[test]
    fn chunks_are_equal_and_within_the_budget() {
        for (rows, vocab, expected) in [(1024, 50257, 512), (2048, 50257, 512), (600, 50257, 300), (768, 512, 768), (1, 50257, 1)] {
            assert_eq!(chunk_rows(rows, logits_stride(vocab)), expected, "{rows} {vocab}");
        }
        // A vocabulary so large that the budget gives way.
        assert_eq!(chunk_rows(1000, 1 << 20), 63);
    }

    #[test]
    fn no_rows_and_rows_that_count_for_nothing() {
        for rows in [0, 4] {
            let mut case = Case::new(rows, 3, 5);
            case.labels = Array::i32(&[rows], &vec![IGNORE; rows]);
            case.run(true).everywhere(|isa, outputs| {
                assert!(outputs.iter().all(|output| output.to_f32().iter().all(|&x| x == 0.0)), "{isa}");
            });
        }
        let none =
            Case { hidden: Array::f32(&[2, 3], &[0.0; 6]), weight: Array::f32(&[0, 3], &[]), labels: Array::i32(&[2], &[IGNORE; 2]) };
        none.run(true).everywhere(|_, outputs| assert_eq!(outputs[1].to_f32(), [0.0; 6]));
    }

    #[test]
    fn logits_far_apart_and_what_is_no_number() {
        let labels = Array::i32(&[3], &[0, 1, 2]);
        let hidden = Array::f32(&[3, 1], &[1.0, -1.0, 0.5]);
        let case = Case { hidden, weight: Array::f32(&[3, 1], &[1e5, -1e5, 0.0]), labels: labels.clone() };
        case.run(true).everywhere(|_, outputs| {
            assert_eq!(outputs[0].to_f32(), [5e4]);
            // The third row's softmax is all on the first class.
            assert_eq!(outputs[2].to_f32(), [0.5, 0.0, -0.5]);
        });
        for bad in [f32::NAN, f32::INFINITY] {
            let case =
                Case { hidden: Array::f32(&[3, 1], &[1.0, bad, 0.5]), weight: Array::f32(&[3, 1], &[1.0; 3]), labels: labels.clone() };
            case.run(true).everywhere(|isa, outputs| {
                assert!(outputs[0].to_f32()[0].is_nan(), "{isa}");
                let d_hidden = outputs[1].to_f32();
                assert!(d_hidden[0].is_finite() && d_hidden[1].is_nan() && d_hidden[2].is_finite(), "{isa}");
            });
        }
    }

    #[test]
    fn the_gradient_multiplies_in_place() {
        let (a, b) = (Array::random(&[37, 5], 1), Array::random(&[100, 333], 2));
        for dy in [1.0, -0.25, f32::NAN] {
            let run = Run::new("LinearCrossEntropyGradient").input(&Array::f32(&[], &[dy])).inout(&a).inout(&b);
            run.everywhere(|isa, arrays| {
                for (found, before) in arrays.iter().zip([&a, &b]) {
                    for (found, before) in found.to_f32().into_iter().zip(before.to_f32()) {
                        assert!(found == before * dy || found.is_nan() && dy.is_nan(), "{isa}");
                    }
                }
            });
        }
    }

    #[test]
    fn bad_operands_are_errors() {
        let case = || Case::new(6, 3, 5);
        for (row, label) in [(0, 5), (2, -1), (5, i32::MAX), (1, i32::MIN)] {
            let mut labels = case().labels.to_i32();
            labels[row] = label;
            let error = Case { labels: Array::i32(&[6], &labels), ..case() }.run(true).fails();
            assert!(error.contains(&format!("expected 0 .. 4 or ignoreIndex -100 in row {row}, got {label}")), "{error}");
        }
        assert!(Case { labels: Array::i32(&[5], &[0; 5]), ..case() }.run(true).fails().contains("labels [N]"));
        assert!(Case { labels: Array::f32(&[6], &[0.0; 6]), ..case() }.run(true).fails().contains("Int32"));
        assert!(Case { weight: Array::random(&[5, 4], 1), ..case() }.run(true).fails().contains("weight [V, C]"));
        assert!(Case { weight: Array::random(&[15], 1), ..case() }.run(true).fails().contains("rank 2"));
        assert!(case().run(true).ints(&[IGNORE, 2]).fails().contains("precision"));
        assert!(case().run(false).output(Float32, &[6, 3]).fails().contains("1 or 3 outputs"));
        assert!(case().run(false).output(Float32, &[6, 3]).output(Float32, &[5, 4]).fails().contains("gradients"));
        assert!(Run::new("LinearCrossEntropyGradient").input(&Array::random(&[2], 1)).inout(&case().hidden).fails().contains("one dy"));
    }
}
