//! GELU (Hendrycks and Gimpel 2016) in both forms, and SwiGLU (Shazeer 2020, eq. 6, without its products), with their gradients.

use super::{GRAIN, Kernel};
use crate::call::{Call, Context, Operand};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, math, rows};
use crate::{ensure, simd_dispatch, vectors};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("Gelu", gelu_forward), ("GeluGradient", gelu_gradient), ("Swiglu", swiglu), ("SwigluGradient", swiglu_gradient)];

/// Input x [...]; output y [...]; ints: 1 for the form with the hyperbolic tangent, 0 for that with the error function.
fn gelu_forward(context: &Context, call: &mut Call) -> Result<()> {
    let (x, tanh) = (call.input(0)?, call.flag(0)?);
    let y = output(call, 0, x)?;
    let x = x.f32()?;
    context.pool.run_ranges(x.len(), GRAIN, |range, _| {
        // SAFETY: ranges do not overlap, and the arrays have the same length.
        unsafe {
            let (x, y) = (&x[range.clone()], y.part(range.start, range.len()));
            if tanh { gelu_tanh_each(context.isa, x, y) } else { gelu_each(context.isa, x, y) }
        }
    });
    Ok(())
}

/// Inputs dy [...], x [...]; output dx [...]; ints: as `Gelu`.
fn gelu_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, tanh) = (call.input(0)?, call.input(1)?, call.flag(0)?);
    let dx = output(call, 0, x)?;
    expect_same(dy, x)?;
    let (dy, x) = (dy.f32()?, x.f32()?);
    context.pool.run_ranges(x.len(), GRAIN, |range, _| {
        // SAFETY: ranges do not overlap, and the arrays have the same length.
        unsafe {
            let (dy, x, dx) = (&dy[range.clone()], &x[range.clone()], dx.part(range.start, range.len()));
            if tanh { gelu_tanh_gradient_each(context.isa, dy, x, dx) } else { gelu_gradient_each(context.isa, dy, x, dx) }
        }
    });
    Ok(())
}

/// Inputs gate [...], up [...]; output y [...] = silu(gate) up.
fn swiglu(context: &Context, call: &mut Call) -> Result<()> {
    let (gate, up) = (call.input(0)?, call.input(1)?);
    let y = output(call, 0, gate)?;
    expect_same(up, gate)?;
    let (gate, up) = (gate.f32()?, up.f32()?);
    context.pool.run_ranges(gate.len(), GRAIN, |range, _| {
        // SAFETY: ranges do not overlap, and the arrays have the same length.
        unsafe { swiglu_each(context.isa, &gate[range.clone()], &up[range.clone()], y.part(range.start, range.len())) }
    });
    Ok(())
}

/// Inputs dy [...], gate [...], up [...]; ints: whether the gradients of gate and of up are wanted; outputs: those, in this order.
fn swiglu_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, gate, up) = (call.input(0)?, call.input(1)?, call.input(2)?);
    expect_same(up, gate)?;
    expect_same(dy, gate)?;
    let (wants_gate, wants_up) = (call.flag(0)?, call.flag(1)?);
    let d_gate = if wants_gate { Some(output(call, 0, gate)?) } else { None };
    let d_up = if wants_up { Some(output(call, wants_gate.into(), gate)?) } else { None };
    let (dy, gate, up) = (dy.f32()?, gate.f32()?, up.f32()?);
    context.pool.run_ranges(gate.len(), GRAIN, |range, _| {
        // SAFETY: ranges do not overlap, and the arrays have the same length.
        unsafe {
            let part = |to: Option<Shared<f32>>| to.map(|to| to.part(range.start, range.len()));
            let (dy, gate, up) = (&dy[range.clone()], &gate[range.clone()], &up[range.clone()]);
            swiglu_gradient_each(context.isa, dy, gate, up, part(d_gate), part(d_up));
        }
    });
    Ok(())
}

fn output(call: &mut Call, index: usize, like: Operand) -> Result<Shared<f32>> {
    let output = call.output(index)?;
    ensure!(output.size() == like.size(), "expected an output like {:?}, got {:?}", like.shape, output.shape());
    Ok(Shared::new(output.f32()?))
}

fn expect_same(operand: Operand, like: Operand) -> Result<()> {
    ensure!(operand.size() == like.size(), "expected inputs of one size, got {:?} and {:?}", operand.shape, like.shape);
    Ok(())
}

/// `name(isa, x, y)`: `y = function(x)`; `gradient_name(isa, dy, x, dx)`: `dx = dy derivative(x)`.
macro_rules! activations {
    ($($name:ident = $function:ident, $gradient_name:ident = $derivative:ident;)*) => {$(
        simd_dispatch! { unsafe fn $name(x: &[f32], y: &mut [f32]) = $function; }
        simd_dispatch! { unsafe fn $gradient_name(dy: &[f32], x: &[f32], dx: &mut [f32]) = $derivative; }

        #[inline(always)]
        unsafe fn $function<S: Simd>(x: &[f32], y: &mut [f32]) {
            let (x, length, y) = (x.as_ptr(), y.len(), y.as_mut_ptr());
            // SAFETY: below the length of both.
            unsafe {
                vectors!(S, length, |at, count| {
                    rows::store::<S>(y.add(at), math::$function::<S>(rows::load::<S>(x.add(at), count)), count);
                });
            }
        }

        #[inline(always)]
        unsafe fn $derivative<S: Simd>(dy: &[f32], x: &[f32], dx: &mut [f32]) {
            let (dy, x, length, dx) = (dy.as_ptr(), x.as_ptr(), dx.len(), dx.as_mut_ptr());
            // SAFETY: below the length of all.
            unsafe {
                vectors!(S, length, |at, count| {
                    let slope = math::$derivative::<S>(rows::load::<S>(x.add(at), count));
                    rows::store::<S>(dx.add(at), S::mul(rows::load::<S>(dy.add(at), count), slope), count);
                });
            }
        }
    )*};
}

activations! {
    gelu_each = gelu, gelu_gradient_each = gelu_derivative;
    gelu_tanh_each = gelu_tanh, gelu_tanh_gradient_each = gelu_tanh_derivative;
}

simd_dispatch! { unsafe fn swiglu_each(gate: &[f32], up: &[f32], y: &mut [f32]) = swiglu_vectors; }

#[inline(always)]
unsafe fn swiglu_vectors<S: Simd>(gate: &[f32], up: &[f32], y: &mut [f32]) {
    let (gate, up, length, y) = (gate.as_ptr(), up.as_ptr(), y.len(), y.as_mut_ptr());
    // SAFETY: below the length of all.
    unsafe {
        vectors!(S, length, |at, count| {
            let silu = math::silu::<S>(rows::load::<S>(gate.add(at), count));
            rows::store::<S>(y.add(at), S::mul(silu, rows::load::<S>(up.add(at), count)), count);
        });
    }
}

simd_dispatch! {
    unsafe fn swiglu_gradient_each(
        dy: &[f32], gate: &[f32], up: &[f32], d_gate: Option<&mut [f32]>, d_up: Option<&mut [f32]>,
    ) = swiglu_gradient_vectors;
}

#[inline(always)]
unsafe fn swiglu_gradient_vectors<S: Simd>(dy: &[f32], gate: &[f32], up: &[f32], d_gate: Option<&mut [f32]>, d_up: Option<&mut [f32]>) {
    let (dy, length, gate, up) = (dy.as_ptr(), dy.len(), gate.as_ptr(), up.as_ptr());
    let (d_gate, d_up) = (d_gate.map(|to| to.as_mut_ptr()), d_up.map(|to| to.as_mut_ptr()));
    // SAFETY: below the length of all.
    unsafe {
        vectors!(S, length, |at, count| {
            let (dy, gate) = (rows::load::<S>(dy.add(at), count), rows::load::<S>(gate.add(at), count));
            if let Some(d_gate) = d_gate {
                let slope = math::silu_derivative::<S>(gate);
                rows::store::<S>(d_gate.add(at), S::mul(S::mul(dy, rows::load::<S>(up.add(at), count)), slope), count);
            }
            if let Some(d_up) = d_up {
                rows::store::<S>(d_up.add(at), S::mul(dy, math::silu::<S>(gate)), count);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType::Float32;
    use crate::testing::{Array, Run};

    const SIZES: [usize; 8] = [0, 1, 15, 16, 17, 100, 16_384, 40_001];

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn gelu_tanh(x: f64) -> f64 {
        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
    }

    /// x Phi(x), the integral of the density by Simpson's rule: another way than that of the kernel's own tests.
    fn gelu(x: f64) -> f64 {
        let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let (steps, width) = (200, x / 200.0);
        let inner: f64 = (1..steps).map(|i| density(f64::from(i) * width) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        x * (0.5 + width / 3.0 * (density(0.0) + inner + density(x)))
    }

    fn slope(f: impl Fn(f64) -> f64, x: f32) -> f64 {
        (f(f64::from(x) + 1e-5) - f(f64::from(x) - 1e-5)) / 2e-5
    }

    fn wide(size: usize, seed: u64) -> Array {
        Array::f32(&[size], &Array::random(&[size], seed).to_f32().iter().map(|x| x * 6.0).collect::<Vec<_>>())
    }

    fn expect_close(found: &Array, expected: impl Fn(usize) -> f64, tolerance: f64) {
        for (i, found) in found.to_f32().into_iter().enumerate().step_by(1 + found.size() / 500) {
            let expected = expected(i);
            assert!((f64::from(found) - expected).abs() <= tolerance * expected.abs().max(1.0), "{i}: {found}, expected {expected}");
        }
    }

    #[test]
    fn gelu_and_its_gradient() {
        for size in SIZES {
            let (x, dy) = (wide(size, 1), Array::random(&[size], 2));
            let (xs, dys) = (x.to_f32(), dy.to_f32());
            for (tanh, exact) in [(0, gelu as fn(f64) -> f64), (1, gelu_tanh)] {
                let forward = Run::new("Gelu").input(&x).output(Float32, &[size]).ints(&[tanh]);
                forward.everywhere(|_, y| expect_close(&y[0], |i| exact(xs[i].into()), 1e-6));
                let backward = Run::new("GeluGradient").input(&dy).input(&x).output(Float32, &[size]).ints(&[tanh]);
                backward.everywhere(|_, dx| expect_close(&dx[0], |i| f64::from(dys[i]) * slope(exact, xs[i]), 2e-6));
            }
        }
    }

    #[test]
    fn swiglu_and_its_gradients() {
        for size in SIZES {
            let (gate, up, dy) = (wide(size, 1), Array::random(&[size], 2), Array::random(&[size], 3));
            let (gates, ups, dys) = (gate.to_f32(), up.to_f32(), dy.to_f32());
            let silu = |x: f64| x * sigmoid(x);
            let forward = Run::new("Swiglu").input(&gate).input(&up).output(Float32, &[size]);
            forward.everywhere(|_, y| expect_close(&y[0], |i| silu(gates[i].into()) * f64::from(ups[i]), 1e-6));
            let d_gate = |i: usize| f64::from(dys[i]) * f64::from(ups[i]) * slope(silu, gates[i]);
            let d_up = |i: usize| f64::from(dys[i]) * silu(gates[i].into());
            let backward = Run::new("SwigluGradient").input(&dy).input(&gate).input(&up).output(Float32, &[size]);
            backward.clone().output(Float32, &[size]).ints(&[1, 1]).everywhere(|_, d| {
                expect_close(&d[0], d_gate, 2e-6);
                expect_close(&d[1], d_up, 2e-6);
            });
            backward.clone().ints(&[1, 0]).everywhere(|_, d| expect_close(&d[0], d_gate, 2e-6));
            backward.ints(&[0, 1]).everywhere(|_, d| expect_close(&d[0], d_up, 2e-6));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (x, other) = (Array::random(&[4], 1), Array::random(&[5], 1));
        assert!(Run::new("Gelu").input(&x).output(Float32, &[5]).ints(&[0]).fails().contains("like [4]"));
        assert!(Run::new("GeluGradient").input(&other).input(&x).output(Float32, &[4]).ints(&[0]).fails().contains("one size"));
        assert!(Run::new("Swiglu").input(&x).input(&other).output(Float32, &[4]).fails().contains("one size"));
        let ids = Array::i32(&[4], &[1; 4]);
        assert!(Run::new("Gelu").input(&ids).output(Float32, &[4]).ints(&[0]).fails().contains("Float32"));
    }
}
