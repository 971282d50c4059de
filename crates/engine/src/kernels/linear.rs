//! The linear layer with the activation before it and the residual after it, and its gradient.

use super::Kernel;
use crate::call::{Call, Context, Operand};
use crate::ensure;
use crate::error::Result;
use crate::matmul::{Activation, Epilogue, Precision, Product, View, multiply};
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::simd_dispatch;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("Linear", linear), ("LinearGradient", linear_gradient)];

/// Rows of which a task sums the gradient of the bias, and columns.
const ROWS: usize = 64;
const COLUMNS: usize = 1024;

/// The weight as `[I, O]`, and I and O.
struct Weight {
    view: View,
    inputs: usize,
    outputs: usize,
}

impl Weight {
    fn new(weight: Operand, in_out: bool) -> Result<Weight> {
        let dims = weight.dims();
        ensure!(dims.len() == 2, "expected a matrix of weights, got {:?}", weight.shape);
        let view = View::rows(weight.f32()?.as_ptr(), dims[1]);
        Ok(if in_out {
            Weight { view, inputs: dims[0], outputs: dims[1] }
        } else {
            Weight { view: view.transposed(), inputs: dims[1], outputs: dims[0] }
        })
    }
}

/// `y = activation(x) W + bias + residual`. The activation is applied as x is read, here and in the gradient, and stored nowhere.
/// Inputs x [..., I], weight [O, I] (out-in) or [I, O] (in-out), bias [O] if given, residual [..., O] if given.
/// Output y [..., O].
/// Ints: whether the weight is in-out, activation (0 none, 1 relu, 2 gelu, 3 gelu with tanh, 4 silu), has bias, has residual, precision.
fn linear(context: &Context, call: &mut Call) -> Result<()> {
    let (x, weight) = (call.input(0)?, Weight::new(call.input(1)?, call.flag(0)?)?);
    let activation = Activation::from_number(call.int(1)?)?;
    let (has_bias, has_residual) = (call.flag(2)?, call.flag(3)?);
    let precision = Precision::from_number(call.int(4)?)?;
    let Weight { view, inputs, outputs } = weight;
    let (rows, columns) = x.shape.rows_and_columns();
    ensure!(columns == inputs && !x.dims().is_empty(), "expected x [..., {inputs}], got {:?}", x.shape);
    let y = call.output(0)?;
    ensure!(y.shape().rows_and_columns() == (rows, outputs), "expected y [..., {outputs}] of {rows} rows, got {:?}", y.shape());
    let mut epilogue = Epilogue::default();
    if has_bias {
        let bias = call.input(2)?;
        ensure!(bias.size() == outputs, "expected a bias of {outputs} values, got {:?}", bias.shape);
        epilogue.bias = bias.f32()?.as_ptr();
    }
    if has_residual {
        let residual = call.input(2 + usize::from(has_bias))?;
        ensure!(residual.size() == y.size(), "expected a residual like y {:?}, got {:?}", y.shape(), residual.shape);
        epilogue.residual = residual.f32()?.as_ptr();
    }
    let product = Product {
        m: rows,
        k: inputs,
        n: outputs,
        a: View::rows(x.f32()?.as_ptr(), inputs).activated(activation),
        b: view,
        c: y.f32()?.as_mut_ptr(),
        c_stride: outputs,
        epilogue,
        precision,
    };
    // SAFETY: shapes are checked above, and the outputs are ours.
    unsafe { multiply(context, &product) }
}

/// Gradient of `Linear`. Inputs dy [..., O], x [..., I], weight.
/// Outputs those wanted of dx [..., I], dWeight (like the weight), dBias [O], in this order.
/// Ints: whether the weight is in-out, activation, wants dx, wants dWeight, wants dBias, precision.
/// The sum of the bias goes over pieces of 64 rows, then over the pieces, whatever the threads.
fn linear_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, weight) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let in_out = call.flag(0)?;
    let activation = Activation::from_number(call.int(1)?)?;
    let (wants_dx, wants_weight, wants_bias) = (call.flag(2)?, call.flag(3)?, call.flag(4)?);
    let precision = Precision::from_number(call.int(5)?)?;
    let Weight { view, inputs, outputs } = Weight::new(weight, in_out)?;
    let rows = dy.shape.rows_and_columns().0;
    ensure!(dy.shape.rows_and_columns() == (rows, outputs), "expected dy [..., {outputs}], got {:?}", dy.shape);
    ensure!(x.shape.rows_and_columns() == (rows, inputs), "expected x [..., {inputs}] of {rows} rows, got {:?}", x.shape);
    let mut taken = 0;
    let mut next_output = |wanted: bool, size: usize| {
        if !wanted {
            return Ok(None);
        }
        let output = call.output(taken)?;
        taken += 1;
        ensure!(output.size() == size, "expected a gradient of {size} values, got {:?}", output.shape());
        Ok(Some(output.f32()?))
    };
    let dx = next_output(wants_dx, rows * inputs)?;
    let dweight = next_output(wants_weight, inputs * outputs)?;
    let dbias = next_output(wants_bias, outputs)?;

    if let Some(dbias) = dbias {
        sum_rows(context, dy.f32()?, outputs, dbias)?;
    }
    let dz = View::rows(dy.f32()?.as_ptr(), outputs);
    let read = View::rows(x.f32()?.as_ptr(), inputs).activated(activation);
    let product = |m: usize, k: usize, n: usize, a: View, b: View, c: &mut [f32]| Product {
        m,
        k,
        n,
        a,
        b,
        c: c.as_mut_ptr(),
        c_stride: n,
        epilogue: Epilogue::default(),
        precision,
    };
    // SAFETY: shapes are checked above, and the outputs are ours.
    unsafe {
        if let Some(dx) = dx {
            multiply(context, &product(rows, outputs, inputs, dz, view.transposed(), dx))?;
            if activation != Activation::None {
                through_activation(context, activation, x.f32()?, dx);
            }
        }
        match dweight {
            Some(dweight) if in_out => multiply(context, &product(inputs, rows, outputs, read.transposed(), dz, dweight)),
            Some(dweight) => multiply(context, &product(outputs, rows, inputs, dz.transposed(), read, dweight)),
            None => Ok(()),
        }
    }
}

/// Sums of the columns of `x [rows, columns]`: first of pieces of rows, then of the pieces in order.
fn sum_rows(context: &Context, x: &[f32], columns: usize, sums: &mut [f32]) -> Result<()> {
    let rows = x.len() / columns.max(1);
    let (row_pieces, column_pieces) = (rows.div_ceil(ROWS), columns.div_ceil(COLUMNS));
    let partial = context.allocator.scratch(row_pieces.max(1) * columns * 4)?;
    // SAFETY: the scratch memory holds that many.
    let partial = unsafe { std::slice::from_raw_parts_mut(partial.data().cast::<f32>(), row_pieces * columns) };
    let shared = Shared::new(partial);
    let run = |task: usize, _: usize| {
        let (row, column) = (task / column_pieces * ROWS, task % column_pieces * COLUMNS);
        let (row_end, column_end) = (rows.min(row + ROWS), columns.min(column + COLUMNS));
        // SAFETY: each task has its own part; `Context` has a set of this processor.
        unsafe {
            let to = shared.part(row / ROWS * columns + column, column_end - column);
            to.fill(0.0);
            add_rows(context.isa, &x[row * columns..row_end * columns], columns, column, to);
        }
    };
    let tasks = row_pieces * column_pieces;
    if rows * columns <= super::GRAIN {
        (0..tasks).for_each(|task| run(task, 0))
    } else {
        context.pool.run(tasks, run)
    }
    sums.fill(0.0);
    for part in partial.chunks_exact(columns.max(1)) {
        sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    Ok(())
}

/// Adds columns `first ..` of each row to `to`.
#[inline(always)]
unsafe fn add_rows_generic<S: Simd>(x: &[f32], columns: usize, first: usize, to: &mut [f32]) {
    for row in x.chunks_exact(columns) {
        to.iter_mut().zip(&row[first..]).for_each(|(sum, x)| *sum += x);
    }
}

simd_dispatch! { unsafe fn add_rows(x: &[f32], columns: usize, first: usize, to: &mut [f32]) = add_rows_generic; }

/// `dx = dx activation'(x)`.
fn through_activation(context: &Context, activation: Activation, x: &[f32], dx: &mut [f32]) {
    let size = x.len();
    let dx = Shared::new(dx);
    context.pool.run_ranges(size, super::GRAIN, |range, _| {
        // SAFETY: ranges do not overlap; `Context` has a set of this processor.
        unsafe { times_derivative(context.isa, activation, &x[range.clone()], dx.part(range.start, range.len())) };
    });
}

#[inline(always)]
unsafe fn times_derivative_generic<S: Simd>(activation: Activation, x: &[f32], dx: &mut [f32]) {
    let count = x.len();
    let (x, dx) = (x.as_ptr(), dx.as_mut_ptr());
    let mut i = 0;
    // SAFETY: both have `count` elements.
    unsafe {
        while i + S::LANES <= count {
            let at = dx.add(i);
            S::store(at, S::mul(S::load(at), derivative::<S>(activation, S::load(x.add(i)))));
            i += S::LANES;
        }
        if i < count {
            let (at, rest) = (dx.add(i), count - i);
            let product = S::mul(S::load_first(at, rest), derivative::<S>(activation, S::load_first(x.add(i), rest)));
            S::store_first(at, product, rest);
        }
    }
}

/// SAFETY: as for `Simd`.
#[inline(always)]
unsafe fn derivative<S: Simd>(activation: Activation, x: S::F) -> S::F {
    // SAFETY: by the contract of the function.
    unsafe {
        match activation {
            Activation::None => S::splat(1.0),
            Activation::Relu => S::select(S::lt(S::splat(0.0), x), S::splat(1.0), S::splat(0.0)),
            Activation::Gelu => math::gelu_derivative::<S>(x),
            Activation::GeluTanh => math::gelu_tanh_derivative::<S>(x),
            Activation::Silu => math::silu_derivative::<S>(x),
        }
    }
}

simd_dispatch! { unsafe fn times_derivative(activation: Activation, x: &[f32], dx: &mut [f32]) = times_derivative_generic; }

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    /// The layer in float64.
    struct Layer {
        x: Vec<f64>,
        weight: Vec<f64>,
        bias: Vec<f64>,
        residual: Vec<f64>,
        rows: usize,
        inputs: usize,
        outputs: usize,
        in_out: bool,
        activation: i32,
    }

    fn erf(x: f64) -> f64 {
        // The series of Abramowitz and Stegun 7.1.6, which has positive terms only.
        let mut term = 2.0 * x / std::f64::consts::PI.sqrt() * (-x * x).exp();
        let mut sum = term;
        for n in 1..200 {
            term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
            sum += term;
        }
        sum
    }

    fn activate(activation: i32, x: f64) -> f64 {
        match activation {
            0 => x,
            1 => x.max(0.0),
            2 => 0.5 * x * (1.0 + erf(x / 2.0f64.sqrt())),
            3 => 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).tanh()),
            _ => x / (1.0 + (-x).exp()),
        }
    }

    impl Layer {
        fn value(&self, row: usize, output: usize) -> f64 {
            let weight = |input: usize| if self.in_out { input * self.outputs + output } else { output * self.inputs + input };
            let read = |input: usize| activate(self.activation, self.x[row * self.inputs + input]);
            let sum: f64 = (0..self.inputs).map(|input| read(input) * self.weight[weight(input)]).sum();
            sum + self.bias.get(output).unwrap_or(&0.0) + self.residual.get(row * self.outputs + output).unwrap_or(&0.0)
        }

        /// Sum of `dy y`.
        fn loss(&self, dy: &[f64]) -> f64 {
            (0..self.rows * self.outputs).map(|i| dy[i] * self.value(i / self.outputs, i % self.outputs)).sum()
        }
    }

    fn wide(array: &Array) -> Vec<f64> {
        array.to_f32().into_iter().map(f64::from).collect()
    }

    fn expect_close(name: &str, got: f32, expected: f64) {
        assert!((f64::from(got) - expected).abs() <= 2e-5 * (1.0 + expected.abs()), "{name}: expected {expected}, got {got}");
    }

    #[test]
    fn forward_with_activation_bias_and_residual() {
        for (index, (dims, inputs, outputs)) in
            [(vec![2, 3], 5, 7), (vec![33], 40, 50), (vec![1], 20, 33), (vec![0], 4, 4)].into_iter().enumerate()
        {
            for variant in 0..20 {
                let (in_out, activation) = (variant % 2 == 1, variant as i32 / 4);
                let (has_bias, has_residual) = (variant & 2 != 0, (variant + index) % 3 != 0);
                let rows: usize = dims.iter().product();
                let of = |last: usize| [&dims[..], &[last]].concat();
                let x = Array::random(&of(inputs), 1);
                let weight = Array::random(&if in_out { [inputs, outputs] } else { [outputs, inputs] }, 2);
                let (bias, residual) = (Array::random(&[outputs], 3), Array::random(&of(outputs), 4));
                let layer = Layer {
                    x: wide(&x),
                    weight: wide(&weight),
                    bias: if has_bias { wide(&bias) } else { vec![] },
                    residual: if has_residual { wide(&residual) } else { vec![] },
                    rows,
                    inputs,
                    outputs,
                    in_out,
                    activation,
                };
                let mut run = Run::new("Linear").input(&x).input(&weight).output(DType::Float32, &of(outputs));
                run = if has_bias { run.input(&bias) } else { run };
                run = if has_residual { run.input(&residual) } else { run };
                run = run.ints(&[in_out.into(), activation, has_bias.into(), has_residual.into(), 0]);
                run.everywhere(|isa, arrays| {
                    for (i, got) in arrays[0].to_f32().into_iter().enumerate() {
                        expect_close(&format!("{isa} y"), got, layer.value(i / outputs, i % outputs));
                    }
                });
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for variant in 0..10 {
            let (in_out, activation) = (variant % 2 == 1, variant / 2);
            let (rows, inputs, outputs) = [(4, 3, 5), (70, 6, 18), (40, 19, 9)][variant as usize % 3];
            let x = Array::random(&[rows, inputs], 10);
            let weight = Array::random(&if in_out { [inputs, outputs] } else { [outputs, inputs] }, 11);
            let (bias, dy) = (Array::random(&[outputs], 12), Array::random(&[rows, outputs], 13));
            let mut layer = Layer {
                x: wide(&x),
                weight: wide(&weight),
                bias: wide(&bias),
                residual: vec![],
                rows,
                inputs,
                outputs,
                in_out,
                activation,
            };
            let dy_wide = wide(&dy);
            let mut differences = |field: fn(&mut Layer) -> &mut Vec<f64>| -> Vec<f64> {
                (0..field(&mut layer).len())
                    .map(|i| {
                        const STEP: f64 = 1e-5;
                        field(&mut layer)[i] += STEP;
                        let above = layer.loss(&dy_wide);
                        field(&mut layer)[i] -= 2.0 * STEP;
                        let below = layer.loss(&dy_wide);
                        field(&mut layer)[i] += STEP;
                        (above - below) / (2.0 * STEP)
                    })
                    .collect()
            };
            let expected =
                [differences(|layer| &mut layer.x), differences(|layer| &mut layer.weight), differences(|layer| &mut layer.bias)];
            for wanted in 1..8 {
                let wants = [wanted & 1, wanted >> 1 & 1, wanted >> 2 & 1];
                let mut run = Run::new("LinearGradient").input(&dy).input(&x).input(&weight);
                let dims = [&x.dims, &weight.dims, &bias.dims];
                let which: Vec<usize> = (0..3).filter(|&i| wants[i] == 1).collect();
                run = which.iter().fold(run, |run, &i| run.output(DType::Float32, dims[i]));
                run = run.ints(&[in_out.into(), activation, wants[0], wants[1], wants[2], 0]);
                run.everywhere(|isa, arrays| {
                    for (array, &i) in arrays.iter().zip(&which) {
                        let name = format!("{isa} gradient {i} of activation {activation}");
                        array.to_f32().iter().zip(&expected[i]).for_each(|(&got, &expected)| expect_close(&name, got, expected));
                    }
                });
            }
        }
    }

    #[test]
    fn the_bias_of_many_rows_and_columns() {
        let (rows, outputs) = (200, 1030);
        let (dy, x) = (Array::random(&[rows, outputs], 20), Array::random(&[rows, 2], 21));
        let weight = Array::random(&[outputs, 2], 22);
        let values = wide(&dy);
        let run =
            Run::new("LinearGradient").input(&dy).input(&x).input(&weight).output(DType::Float32, &[outputs]).ints(&[0, 0, 0, 0, 1, 0]);
        run.everywhere(|isa, arrays| {
            for (i, got) in arrays[0].to_f32().into_iter().enumerate() {
                expect_close(&format!("{isa} bias"), got, (0..rows).map(|row| values[row * outputs + i]).sum());
            }
        });
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let (x, weight) = (Array::random(&[3, 4], 1), Array::random(&[5, 4], 2));
        let run = Run::new("Linear").input(&x).input(&weight);
        let y = |dims: &[usize]| run.clone().output(DType::Float32, dims);
        assert!(y(&[3, 5]).ints(&[1, 0, 0, 0, 0]).fails().contains("expected x"));
        assert!(y(&[3, 4]).ints(&[0, 0, 0, 0, 0]).fails().contains("expected y"));
        assert!(y(&[3, 5]).ints(&[0, 0, 1, 0, 0]).fails().contains("expected input 2"));
        assert!(y(&[3, 5]).input(&x).ints(&[0, 0, 1, 0, 0]).fails().contains("bias"));
        assert!(y(&[3, 5]).input(&x).ints(&[0, 0, 0, 1, 0]).fails().contains("residual"));
        let gradient = Run::new("LinearGradient").input(&Array::random(&[3, 5], 3)).input(&x).input(&weight);
        assert!(gradient.clone().output(DType::Float32, &[3, 5]).ints(&[0, 0, 1, 0, 0, 0]).fails().contains("gradient of 12 values"));
        assert!(gradient.output(DType::Float32, &[3, 4]).ints(&[0, 9, 1, 0, 0, 0]).fails().contains("activation"));
    }
}
