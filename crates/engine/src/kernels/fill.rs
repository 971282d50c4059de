//! Tensors made from numbers: constants, ranges, one-hot rows.

use super::Kernel;
use super::element::{Element, to_int32};
use crate::call::{Call, Context, DType, OperandMut};
use crate::ensure;
use crate::error::{Error, Result};
use crate::pool::Shared;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Fill", fill), ("Range", range), ("OneHot", one_hot)];

/// Elements of a task.
const GRAIN: usize = 1 << 16;

/// Output y; float value.
fn fill(context: &Context, call: &mut Call) -> Result<()> {
    let (value, y) = (call.float(0)?, call.output(0)?);
    match y.dtype() {
        DType::Float32 => set(context, y, value as f32),
        DType::Int32 => set(context, y, to_int32(value)),
        DType::Bool => set(context, y, u8::from(value != 0.0)),
        DType::BFloat16 => Err(Error::Invalid("expected float32, int32 or bool, got bfloat16".to_string())),
    }
}

fn set<T: Element>(context: &Context, y: OperandMut, value: T) -> Result<()> {
    let y = T::write(y)?;
    let size = y.len();
    let y = Shared::new(y);
    // SAFETY: ranges do not overlap and lie within y.
    context.pool.run_ranges(size, GRAIN, |range, _| unsafe { y.part(range.start, range.len()) }.fill(value));
    Ok(())
}

/// Output y [n], float32 or int32; floats start, step: start, start + step, start + 2 step, ... As int32, the fraction is dropped in each step.
/// TensorFlow.js' CPU backend adds the step up in float32; here every element is rounded once.
fn range(_: &Context, call: &mut Call) -> Result<()> {
    let (start, step, y) = (call.float(0)?, call.float(1)?, call.output(0)?);
    if y.dtype() == DType::Int32 {
        let mut value = start;
        for y in y.i32()? {
            *y = to_int32(value);
            value = f64::from(*y) + step;
        }
    } else {
        for (index, y) in y.f32()?.iter_mut().enumerate() {
            *y = (start + index as f64 * step) as f32;
        }
    }
    Ok(())
}

/// Input indices (int32); output y [..., depth]; floats on, off: in each row the element of that index is `on`, all others are `off`. An index outside of
/// the row leaves it `off`.
fn one_hot(context: &Context, call: &mut Call) -> Result<()> {
    let (indices, on, off, y) = (call.input(0)?, call.float(0)?, call.float(1)?, call.output(0)?);
    let depth = y.dims().last().copied().unwrap_or(0);
    let rows = y.dims().split_last().map(|(_, rest)| rest.iter().product());
    ensure!(rows == Some(indices.size()), "expected indices {:?} and y with one more dimension, got {:?}", indices.shape, y.shape());
    let indices = indices.i32()?;
    fn of<T: Element>(context: &Context, indices: &[i32], y: OperandMut, depth: usize, on: T, off: T) -> Result<()> {
        let y = Shared::new(T::write(y)?);
        context.pool.run_ranges(indices.len(), GRAIN / depth.max(1), |range, _| {
            // SAFETY: ranges of rows do not overlap and lie within y.
            let y = unsafe { y.part(range.start * depth, range.len() * depth) };
            y.fill(off);
            for (row, &index) in indices[range].iter().enumerate() {
                if usize::try_from(index).is_ok_and(|index| index < depth) {
                    y[row * depth + index as usize] = on;
                }
            }
        });
        Ok(())
    }
    match y.dtype() {
        DType::Float32 => of(context, indices, y, depth, on as f32, off as f32),
        DType::Int32 => of(context, indices, y, depth, to_int32(on), to_int32(off)),
        _ => of(context, indices, y, depth, u8::from(on != 0.0), u8::from(off != 0.0)),
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    #[test]
    fn constants_of_each_type() {
        for size in [0, 1, 100, (1 << 16) + 1] {
            let run = |dtype| Run::new("Fill").floats(&[2.75]).output(dtype, &[size]);
            run(DType::Float32).everywhere(|_, outputs| assert!(outputs[0].to_f32().iter().all(|&y| y == 2.75)));
            run(DType::Int32).everywhere(|_, outputs| assert!(outputs[0].to_i32().iter().all(|&y| y == 2)));
            run(DType::Bool).everywhere(|_, outputs| assert!(outputs[0].bytes.iter().all(|&y| y == 1)));
        }
        assert!(Run::new("Fill").output(DType::Float32, &[1]).fails().contains("float attribute 0"));
    }

    #[test]
    fn ranges() {
        let run = |dtype, start, step| Run::new("Range").floats(&[start, step]).output(dtype, &[4]);
        run(DType::Float32, 1.0, -0.5).everywhere(|_, outputs| assert_eq!(outputs[0].to_f32(), [1.0, 0.5, 0.0, -0.5]));
        run(DType::Int32, 5.0, 3.0).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [5, 8, 11, 14]));
        run(DType::Int32, 0.0, 0.5).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), [0, 0, 0, 0]));
        assert!(run(DType::Bool, 0.0, 0.5).fails().contains("Bool"));
    }

    #[test]
    fn one_hot_rows() {
        let indices = Array::i32(&[2, 2], &[2, 0, -1, 3]);
        let run = |dtype| Run::new("OneHot").input(&indices).floats(&[1.0, 0.0]).output(dtype, &[2, 2, 3]);
        let expected = [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        run(DType::Int32).everywhere(|_, outputs| assert_eq!(outputs[0].to_i32(), expected));
        run(DType::Float32).everywhere(|_, outputs| assert_eq!(outputs[0].to_f32(), expected.map(|x| x as f32)));
        run(DType::Bool).everywhere(|_, outputs| assert_eq!(outputs[0].bytes, expected.map(|x| x as u8)));
        assert!(
            Run::new("OneHot").input(&indices).floats(&[1.0, 0.0]).output(DType::Int32, &[2, 3]).fails().contains("one more dimension")
        );
        assert!(Run::new("OneHot").input(&indices).floats(&[1.0, 0.0]).output(DType::Int32, &[]).fails().contains("one more dimension"));
    }

    #[test]
    fn one_hot_of_many() {
        let indices: Vec<i32> = (0..5000).map(|i| i * 7 % 101).collect();
        let run = Run::new("OneHot").input(&Array::i32(&[5000], &indices)).floats(&[2.0, -1.0]).output(DType::Float32, &[5000, 101]);
        run.everywhere(|_, outputs| {
            let y = outputs[0].to_f32();
            for (row, &index) in indices.iter().enumerate() {
                let expected = |column| if column == index as usize { 2.0 } else { -1.0 };
                assert!((0..101).all(|column| y[row * 101 + column] == expected(column)));
            }
        });
    }
}
