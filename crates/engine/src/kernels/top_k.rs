//! The largest elements of rows.

use super::Kernel;
use super::element::Element;
use crate::call::{Call, Context, DType};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("TopK", top_k)];

/// Elements of a task.
const GRAIN: usize = 1 << 13;

/// Input x [..., n] (float32 or int32); outputs values [..., k] of its type and indices [..., k] (int32): the k largest of each row, the largest first,
/// equal ones in the order of their indices. NaN comes after everything else.
fn top_k(context: &Context, call: &mut Call) -> Result<()> {
    match call.input(0)?.dtype {
        // Numbers that are ordered as the floats are, NaN below all.
        DType::Float32 => largest::<f32>(context, call, |x| {
            let bits = (x + 0.0).to_bits() as i32;
            if x.is_nan() { i32::MIN } else { bits ^ ((bits >> 31) & i32::MAX) }
        }),
        DType::Int32 => largest::<i32>(context, call, |x| x),
        other => Err(Error::Invalid(format!("expected float32 or int32, got {other:?}"))),
    }
}

fn largest<T: Element>(context: &Context, call: &mut Call, rank: impl Fn(T) -> i32 + Sync) -> Result<()> {
    let (x, values, indices) = (call.input(0)?, call.output(0)?, call.output(1)?);
    let (rows, length) = x.shape.rows_and_columns();
    let (rows_of_values, k) = values.shape().rows_and_columns();
    ensure!(
        x.shape.rank() > 0 && rows == rows_of_values && values.shape() == indices.shape() && k <= length && length <= i32::MAX as usize,
        "expected the k largest of rows of {:?}, got {:?} and {:?}",
        x.shape,
        values.shape(),
        indices.shape()
    );
    let (x, values, indices) = (T::read(&x)?, T::write(values)?, indices.i32()?);
    if k == 0 {
        return Ok(());
    }
    let (values, indices) = (Shared::new(values), Shared::new(indices));
    context.pool.run_ranges(rows, GRAIN / length, |range, _| {
        let mut keys: Vec<u64> = Vec::with_capacity(length);
        for row in range {
            let x = &x[row * length..(row + 1) * length];
            keys.clear();
            // Descending by value, then ascending by index.
            keys.extend(x.iter().enumerate().map(|(index, &x)| (u64::from(!(rank(x) as u32 ^ 0x8000_0000)) << 32) | index as u64));
            if k < length {
                keys.select_nth_unstable(k - 1);
            }
            keys[..k].sort_unstable();
            // SAFETY: each row belongs to one task.
            let (values, indices) = unsafe { (values.part(row * k, k), indices.part(row * k, k)) };
            for ((value, index), &key) in values.iter_mut().zip(indices).zip(&keys[..k]) {
                *index = key as u32 as i32;
                *value = x[key as u32 as usize];
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    #[test]
    fn the_largest_in_order() {
        for (rows, length) in [(1, 1), (3, 7), (2, 1000), (40, 300), (0, 5), (1, 50_257)] {
            for k in [0, 1, 2, 5, length] {
                if k > length {
                    continue;
                }
                let mut random = Random::new(1);
                let x: Vec<f32> = (0..rows * length).map(|_| random.below(300) as f32 - 150.0).collect();
                let run = Run::new("TopK").input(&Array::f32(&[rows, length], &x));
                run.output(DType::Float32, &[rows, k]).output(DType::Int32, &[rows, k]).everywhere(|_, outputs| {
                    let (values, indices) = (outputs[0].to_f32(), outputs[1].to_i32());
                    for row in 0..rows {
                        let x = &x[row * length..(row + 1) * length];
                        let mut order: Vec<usize> = (0..length).collect();
                        order.sort_by(|&a, &b| x[b].total_cmp(&x[a]).then(a.cmp(&b)));
                        for place in 0..k {
                            assert_eq!(indices[row * k + place], order[place] as i32);
                            assert_eq!(values[row * k + place], x[order[place]]);
                        }
                    }
                });
            }
        }
    }

    #[test]
    fn signs_infinities_and_nan() {
        let x = Array::f32(&[8], &[-0.0, f32::NAN, 1.0, f32::NEG_INFINITY, 0.0, f32::INFINITY, -1.0, 2.0]);
        let run = Run::new("TopK").input(&x).output(DType::Float32, &[8]).output(DType::Int32, &[8]);
        run.everywhere(|_, outputs| assert_eq!(outputs[1].to_i32(), [5, 7, 2, 0, 4, 6, 3, 1]));
        let x = Array::i32(&[4], &[i32::MIN, 5, i32::MAX, -5]);
        let run = Run::new("TopK").input(&x).output(DType::Int32, &[3]).output(DType::Int32, &[3]);
        run.everywhere(|_, outputs| {
            assert_eq!(outputs[0].to_i32(), [i32::MAX, 5, -5]);
            assert_eq!(outputs[1].to_i32(), [2, 1, 3]);
        });
    }

    #[test]
    fn bad_calls_are_errors() {
        let run = |dims: &[usize], k: &[usize]| {
            let x = Array::random(dims, 1);
            Run::new("TopK").input(&x).output(DType::Float32, k).output(DType::Int32, k)
        };
        assert!(run(&[2, 3], &[2, 4]).fails().contains("k largest"));
        assert!(run(&[2, 3], &[3, 2]).fails().contains("k largest"));
        assert!(run(&[], &[]).fails().contains("k largest"));
    }
}
