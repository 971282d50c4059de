//! Choosing between two tensors element by element, or row by row.

use super::Kernel;
use super::element::Element;
use crate::call::{Call, Context, DType};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Select", select)];

/// Elements of a task.
const GRAIN: usize = 1 << 15;

/// Inputs condition (bool), t, e; output y of their shape and type: t where the condition holds, e where not. The condition has the shape of the
/// others, or their leading dimensions: then it chooses rows.
fn select(context: &Context, call: &mut Call) -> Result<()> {
    match call.input(1)?.dtype {
        DType::Float32 => of::<f32>(context, call),
        DType::Int32 => of::<i32>(context, call),
        _ => of::<u8>(context, call),
    }
}

fn of<T: Element>(context: &Context, call: &mut Call) -> Result<()> {
    let (condition, t, e, y) = (call.input(0)?, call.input(1)?, call.input(2)?, call.output(0)?);
    ensure!(
        t.shape == e.shape && t.shape == y.shape() && t.dims().starts_with(condition.dims()),
        "expected a condition of the leading dimensions of t, e and y, got {:?}, {:?}, {:?}, {:?}",
        condition.shape,
        t.shape,
        e.shape,
        y.shape()
    );
    let row: usize = t.dims()[condition.dims().len()..].iter().product();
    let (condition, t, e, y) = (condition.bool()?, T::read(&t)?, T::read(&e)?, T::write(y)?);
    let y = Shared::new(y);
    context.pool.run_ranges(condition.len(), GRAIN / row.max(1), |range, _| {
        // SAFETY: ranges of the condition do not overlap, and neither do their rows.
        let y = unsafe { y.part(range.start * row, range.len() * row) };
        let (t, e) = (&t[range.start * row..range.end * row], &e[range.start * row..range.end * row]);
        if row == 1 {
            for (((y, &condition), &t), &e) in y.iter_mut().zip(&condition[range]).zip(t).zip(e) {
                *y = if condition != 0 { t } else { e };
            }
        } else if row > 0 {
            for (((y, &condition), t), e) in
                y.chunks_exact_mut(row).zip(&condition[range]).zip(t.chunks_exact(row)).zip(e.chunks_exact(row))
            {
                y.copy_from_slice(if condition != 0 { t } else { e });
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    #[test]
    fn chooses_elements() {
        for size in [0, 1, 17, (1 << 15) + 3] {
            let condition: Vec<u8> = (0..size).map(|i| [0, 1, 0, 255][i * 7 % 4]).collect();
            let (t, e) = (Array::random(&[size], 1), Array::random(&[size], 2));
            let (tv, ev) = (t.to_f32(), e.to_f32());
            let run = Run::new("Select").input(&Array::bool(&[size], &condition)).input(&t).input(&e).output(DType::Float32, &[size]);
            run.everywhere(|_, outputs| {
                for (i, y) in outputs[0].to_f32().into_iter().enumerate() {
                    assert_eq!(y, if condition[i] != 0 { tv[i] } else { ev[i] });
                }
            });
        }
    }

    #[test]
    fn chooses_rows_and_whole_tensors() {
        let (t, e) = (Array::i32(&[2, 3], &[1, 2, 3, 4, 5, 6]), Array::i32(&[2, 3], &[-1, -2, -3, -4, -5, -6]));
        let run = |condition: &Array| Run::new("Select").input(condition).input(&t).input(&e).output(DType::Int32, &[2, 3]);
        run(&Array::bool(&[2], &[0, 1])).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [-1, -2, -3, 4, 5, 6]));
        run(&Array::bool(&[], &[1])).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), t.to_i32()));
        let empty = Array::bool(&[2, 0], &[]);
        let run = Run::new("Select").input(&Array::bool(&[2], &[0, 1])).input(&empty).input(&empty);
        run.output(DType::Bool, &[2, 0]).everywhere(|_, outputs| assert!(outputs[0].bytes.is_empty()));
    }

    #[test]
    fn bad_calls_are_errors() {
        let (t, e) = (Array::random(&[2, 3], 1), Array::i32(&[2, 3], &[0; 6]));
        let run =
            |condition: &Array, t: &Array, e: &Array| Run::new("Select").input(condition).input(t).input(e).output(DType::Float32, &[2, 3]);
        assert!(run(&Array::bool(&[3], &[0; 3]), &t, &t).fails().contains("leading dimensions"));
        assert!(run(&Array::bool(&[2, 3, 1], &[0; 6]), &t, &t).fails().contains("leading dimensions"));
        assert!(run(&Array::bool(&[2], &[0; 2]), &t, &e).fails().contains("Float32"));
        assert!(run(&e, &t, &t).fails().contains("Bool"));
    }
}
