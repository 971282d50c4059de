//! Products of matrices, one or many.

use super::Kernel;
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::{Error, Result};
use crate::matmul::{Activation, Epilogue, Precision, Product, View, multiply, multiply_batch};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("MatMul", matmul)];

impl Activation {
    /// 0 none, 1 relu, 2 gelu, 3 gelu with tanh, 4 silu.
    pub fn from_number(number: i32) -> Result<Activation> {
        let all = [Activation::None, Activation::Relu, Activation::Gelu, Activation::GeluTanh, Activation::Silu];
        let found = usize::try_from(number).ok().and_then(|number| all.get(number).copied());
        found.ok_or_else(|| Error::Invalid(format!("expected an activation of 0 .. 4, got {number}")))
    }
}

impl Precision {
    /// 0 float32, 1 bfloat16.
    pub fn from_number(number: i32) -> Result<Precision> {
        match number {
            0 => Ok(Precision::Float32),
            1 => Ok(Precision::BFloat16),
            other => Err(Error::Invalid(format!("expected a precision of 0 or 1, got {other}"))),
        }
    }
}

/// A matrix of a batch stored row after row, read as its transpose or not: rows, columns, view.
fn matrix(data: *const f32, dims: &[usize], transpose: bool) -> (usize, usize, View) {
    let (rows, columns) = (dims[dims.len() - 2], dims[dims.len() - 1]);
    let view = View::rows(data, columns);
    if transpose { (columns, rows, view.transposed()) } else { (rows, columns, view) }
}

/// For each matrix of a batch of `dims` the number of the matrix of `operand` that belongs to it (dimensions of 1 repeat).
fn batch_indices(dims: &[usize], operand: &[usize]) -> Result<Vec<usize>> {
    ensure!(operand.len() <= dims.len(), "expected a batch of {dims:?}, got {operand:?}");
    let missing = dims.len() - operand.len();
    let mut indices = vec![0];
    for (axis, &dim) in dims.iter().enumerate() {
        let own = if axis < missing { 1 } else { operand[axis - missing] };
        ensure!(own == dim || own == 1, "expected a batch that repeats to {dims:?}, got {operand:?}");
        indices = indices.iter().flat_map(|&index| (0..dim).map(move |i| index * own + if own == 1 { 0 } else { i })).collect();
    }
    Ok(indices)
}

/// `y = activation(a b + bias)`.
/// Inputs a [..., M, K] ([..., K, M] if transposed), b [..., K, N] ([..., N, K]), bias [N] if given; batches repeat along dimensions of 1.
/// Output y [..., M, N]. Ints: transpose a, transpose b, activation (0 none, 1 relu, 2 gelu, 3 gelu with tanh, 4 silu),
/// precision (0 float32, 1 bfloat16).
fn matmul(context: &Context, call: &mut Call) -> Result<()> {
    let (a, b, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let (transpose_a, transpose_b) = (call.flag(0)?, call.flag(1)?);
    let (activation, precision) = (Activation::from_number(call.int(2)?)?, Precision::from_number(call.int(3)?)?);
    ensure!(
        a.dims().len() >= 2 && b.dims().len() >= 2 && y.dims().len() >= 2,
        "expected matrices, got {:?}, {:?} and {:?}",
        a.shape,
        b.shape,
        y.shape()
    );
    let (m, k, a_view) = matrix(a.f32()?.as_ptr(), a.dims(), transpose_a);
    let (k_of_b, n, b_view) = matrix(b.f32()?.as_ptr(), b.dims(), transpose_b);
    let batch = |dims: &[usize]| dims[..dims.len() - 2].to_vec();
    let y_shape = y.shape();
    let y_batch = batch(y_shape.dims());
    let y_matrix = &y_shape.dims()[y_batch.len()..];
    ensure!(
        k == k_of_b && y_matrix == [m, n],
        "expected [M, K] times [K, N] to give [M, N], got {:?}, {:?} and {y_shape:?}",
        a.shape,
        b.shape
    );
    let (a_of, b_of) = (batch_indices(&y_batch, &batch(a.dims()))?, batch_indices(&y_batch, &batch(b.dims()))?);
    let bias = match call.inputs().get(2) {
        Some(bias) => {
            ensure!(bias.size() == n, "expected a bias of {n} values, got {:?}", bias.shape);
            bias.f32()?.as_ptr()
        }
        None => std::ptr::null(),
    };
    let c = y.f32()?.as_mut_ptr();
    let product = Product {
        m,
        k,
        n,
        a: a_view,
        b: b_view,
        c,
        c_stride: n,
        epilogue: Epilogue { bias, activation, ..Epilogue::default() },
        precision,
    };
    let count = a_of.len();
    let one_after_another = a_of.iter().enumerate().all(|(i, &index)| i == index);
    if !transpose_a && one_after_another && b_of.iter().all(|&index| index == 0) {
        // The same right operand for all: one product of more rows.
        // SAFETY: shapes are checked above, and the output is ours.
        return unsafe { multiply(context, &Product { m: m * count, ..product }) };
    }
    // SAFETY: the indices lie within the batches.
    let of_batch = |index: usize| unsafe { product.offset(a_of[index] * m * k, b_of[index] * k * n, index * m * n) };
    // SAFETY: as above.
    unsafe { multiply_batch(context, count, of_batch) }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    fn transposed(x: &Array) -> Array {
        let (values, rank) = (x.to_f32(), x.dims.len());
        let (rows, columns) = (x.dims[rank - 2], x.dims[rank - 1]);
        let mut dims = x.dims.clone();
        dims.swap(rank - 2, rank - 1);
        let matrix = (rows * columns).max(1);
        let flipped: Vec<f32> = (0..values.len())
            .map(|i| values[i / matrix * matrix + i % matrix % rows.max(1) * columns + i % matrix / rows.max(1)])
            .collect();
        Array::f32(&dims, &flipped)
    }

    /// Of each batch of `a [batch, m, k]` and `b [batch, k, n]`, repeated where there is only one.
    fn reference(a: &[f32], b: &[f32], batch: usize, m: usize, k: usize, n: usize) -> Vec<f64> {
        let at = |x: &[f32], size: usize, i: usize| if x.len() == size { 0 } else { i * size };
        let mut y = vec![];
        for i in 0..batch {
            let (a, b) = (&a[at(a, m * k, i)..], &b[at(b, k * n, i)..]);
            for row in 0..m {
                for column in 0..n {
                    y.push((0..k).map(|p| f64::from(a[row * k + p]) * f64::from(b[p * n + column])).sum());
                }
            }
        }
        y
    }

    fn expect_close(got: &Array, expected: &[f64]) {
        for (i, (x, expected)) in got.to_f32().iter().zip(expected).enumerate() {
            assert!((f64::from(*x) - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "at {i}: expected {expected}, got {x}");
        }
    }

    #[test]
    fn batches_repeat_and_transposes_are_read() {
        for (a_batch, b_batch, m, k, n) in
            [(1, 1, 5, 3, 4), (6, 1, 3, 5, 2), (1, 6, 7, 2, 3), (6, 6, 33, 40, 35), (6, 6, 1, 8, 1), (2, 2, 0, 3, 2)]
        {
            let batch = a_batch.max(b_batch);
            let (a, b) = (Array::random(&[a_batch, m, k], 1), Array::random(&[b_batch, k, n], 2));
            let expected = reference(&a.to_f32(), &b.to_f32(), batch, m, k, n);
            for (flip_a, flip_b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                Run::new("MatMul")
                    .input(&if flip_a == 1 { transposed(&a) } else { a.clone() })
                    .input(&if flip_b == 1 { transposed(&b) } else { b.clone() })
                    .output(DType::Float32, &[batch, m, n])
                    .ints(&[flip_a, flip_b, 0, 0])
                    .everywhere(|_, arrays| expect_close(&arrays[0], &expected));
            }
        }
    }

    #[test]
    fn inner_dimensions_of_a_batch_repeat() {
        let (a, b) = (Array::random(&[2, 1, 3, 4], 3), Array::random(&[5, 4, 6], 4));
        let mut expected = vec![];
        for outer in 0..2 {
            let a = a.to_f32()[outer * 12..(outer + 1) * 12].to_vec();
            expected.extend(reference(&a, &b.to_f32(), 5, 3, 4, 6));
        }
        let run = Run::new("MatMul").input(&a).input(&b).output(DType::Float32, &[2, 5, 3, 6]).ints(&[0, 0, 0, 0]);
        run.everywhere(|_, arrays| expect_close(&arrays[0], &expected));
    }

    #[test]
    fn bias_and_activation() {
        let (a, b, bias) = (Array::random(&[3, 4], 5), Array::random(&[4, 5], 6), Array::random(&[5], 7));
        let bias_values = bias.to_f32();
        let sums = reference(&a.to_f32(), &b.to_f32(), 1, 3, 4, 5);
        let expected: Vec<f64> = sums.iter().enumerate().map(|(i, sum)| (sum + f64::from(bias_values[i % 5])).max(0.0)).collect();
        let run = Run::new("MatMul").input(&a).input(&b).input(&bias).output(DType::Float32, &[3, 5]).ints(&[0, 0, 1, 0]);
        run.everywhere(|_, arrays| expect_close(&arrays[0], &expected));
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let (a, b) = (Array::random(&[2, 3, 4], 8), Array::random(&[3, 4, 5], 9));
        let run =
            |a: &Array, b: &Array, dims: &[usize]| Run::new("MatMul").input(a).input(b).output(DType::Float32, dims).ints(&[0, 0, 0, 0]);
        assert!(run(&a, &b, &[2, 3, 5]).fails().contains("repeats"));
        assert!(run(&a, &a, &[2, 3, 4]).fails().contains("[M, K]"));
        assert!(run(&Array::random(&[4], 1), &b, &[3, 5]).fails().contains("matrices"));
        assert!(run(&a, &b, &[2, 3, 5]).ints(&[0, 0, 9, 0]).fails().contains("activation"));
        assert!(run(&a, &b, &[2, 3, 5]).ints(&[0, 0, 0, 7]).fails().contains("precision"));
        assert!(run(&a, &b, &[2, 3, 5]).ints(&[0]).fails().contains("attribute"));
    }
}
