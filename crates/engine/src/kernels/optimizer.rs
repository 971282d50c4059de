//! AdamW and SGD over all parameters of a model in one call, in place.

use super::Kernel;
use super::arrays::Arrays;
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch, vectors};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("AdamW", adamw), ("Sgd", sgd)];

/// AdamW (Loshchilov and Hutter 2019), equal to `torch.optim.AdamW` but for the rounding of float32: decay is decoupled, eps outside of the corrected root.
///
/// Inouts: n parameters, their first moments, their second moments; inputs: n gradients, in the same order, and optionally a factor [] for
/// all of them; floats: learning rate, beta1, beta2, eps, step (from 1), n weight decays.
/// Where the factor is NaN or infinite nothing changes.
fn adamw(context: &Context, call: &mut Call) -> Result<()> {
    let group = take(call, 3, 5)?;
    let [learning_rate, beta1, beta2, eps, step] = [call.float(0)?, call.float(1)?, call.float(2)?, call.float(3)?, call.float(4)?];
    ensure!((1.0..).contains(&step), "expected a step of 1 or more, got {step}");
    let Some(scale) = group.scale else { return Ok(()) };
    let attributes = AdamW {
        scale,
        first_rate: (1.0 - beta1) as f32,
        beta2: beta2 as f32,
        second_rate: (1.0 - beta2) as f32,
        inverse_correction: (1.0 / (1.0 - beta2.powf(step)).sqrt()) as f32,
        eps: eps as f32,
        step_size: (learning_rate / (1.0 - beta1.powf(step))) as f32,
    };
    group.arrays.run(context.pool, |_, index, range| {
        let decay = (1.0 - learning_rate * group.weight_decay[index]) as f32;
        // SAFETY: ranges do not overlap, and the arrays have one size.
        unsafe {
            let [parameter, first, second] = [0, 1, 2].map(|which| group.of(which, index).part(range.start, range.len()));
            adamw_each(context.isa, &attributes, decay, &group.gradients[index][range], parameter, first, second);
        }
    });
    Ok(())
}

/// Stochastic gradient descent, equal to `torch.optim.SGD` with dampening 0: weight decay is added to the gradient.
///
/// Inouts: n parameters and, with momentum, their momentum buffers; inputs: n gradients and optionally a factor [] for all of them; ints: 1 with momentum buffers, 1 for nesterov; floats: learning rate, momentum, n weight decays.
/// Where the factor is NaN or infinite nothing changes.
fn sgd(context: &Context, call: &mut Call) -> Result<()> {
    let (with_momentum, nesterov) = (call.flag(0)?, call.flag(1)?);
    ensure!(with_momentum || !nesterov, "expected momentum with nesterov");
    let group = take(call, if with_momentum { 2 } else { 1 }, 2)?;
    let (learning_rate, momentum) = (call.float(0)? as f32, call.float(1)? as f32);
    let Some(scale) = group.scale else { return Ok(()) };
    let attributes = Sgd { scale, learning_rate, momentum, nesterov };
    group.arrays.run(context.pool, |_, index, range| {
        let decay = group.weight_decay[index] as f32;
        let gradient = &group.gradients[index][range.clone()];
        // SAFETY: ranges do not overlap, and the arrays have one size.
        unsafe {
            let part = |which: usize| group.of(which, index).part(range.start, range.len());
            let buffer = with_momentum.then(|| part(1));
            sgd_each(context.isa, &attributes, decay, gradient, part(0), buffer);
        }
    });
    Ok(())
}

/// Operands that belong together.
struct Group<'a> {
    arrays: Arrays,
    gradients: Vec<&'a [f32]>,
    /// The parameters, then what else is kept of each, list by list.
    state: Vec<Shared<f32>>,
    weight_decay: &'a [f64],
    /// None where it is not finite.
    scale: Option<f32>,
}

impl Group<'_> {
    /// Of list `which`, that of parameter `index`.
    fn of(&self, which: usize, index: usize) -> &Shared<f32> {
        &self.state[which * self.gradients.len() + index]
    }
}

/// `states`: inouts of a parameter; `floats`: float attributes before the weight decays.
fn take<'a>(call: &mut Call<'a>, states: usize, floats: usize) -> Result<Group<'a>> {
    let inouts = call.inout_count();
    ensure!(inouts.is_multiple_of(states), "expected {states} inouts per parameter, got {inouts}");
    let count = inouts / states;
    let inputs = call.inputs();
    ensure!(
        inputs.len() == count || inputs.len() == count + 1,
        "expected {count} gradients and perhaps a factor, got {} inputs",
        inputs.len()
    );
    let weight_decay = call.floats().get(floats..).unwrap_or_default();
    ensure!(weight_decay.len() == count, "expected {count} weight decays, got {}", weight_decay.len());
    let mut state = Vec::with_capacity(inouts);
    for index in 0..inouts {
        let operand = call.inout(index)?;
        let gradient = &inputs[index % count];
        ensure!(
            operand.size() == gradient.size(),
            "expected parameter {} and its state like its gradient {:?}, got {:?}",
            index % count,
            gradient.shape,
            operand.shape()
        );
        state.push(Shared::new(operand.f32()?));
    }
    let gradients = inputs[..count].iter().map(|gradient| gradient.f32()).collect::<Result<Vec<_>>>()?;
    let scale = match inputs.get(count) {
        Some(factor) => {
            ensure!(factor.size() == 1, "expected one factor for the gradients, got {:?}", factor.shape);
            factor.f32()?[0]
        }
        None => 1.0,
    };
    let arrays = Arrays::new(gradients.iter().map(|gradient| gradient.len()));
    Ok(Group { arrays, gradients, state, weight_decay, scale: scale.is_finite().then_some(scale) })
}

struct AdamW {
    scale: f32,
    /// 1 - beta1.
    first_rate: f32,
    beta2: f32,
    /// 1 - beta2.
    second_rate: f32,
    /// 1 / sqrt(1 - beta2^step).
    inverse_correction: f32,
    eps: f32,
    /// learning rate / (1 - beta1^step).
    step_size: f32,
}

simd_dispatch! {
    unsafe fn adamw_each(
        attributes: &AdamW, decay: f32, gradient: &[f32], parameter: &mut [f32], first: &mut [f32], second: &mut [f32],
    ) = adamw_vectors;
}

#[inline(always)]
unsafe fn adamw_vectors<S: Simd>(
    attributes: &AdamW,
    decay: f32,
    gradient: &[f32],
    parameter: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let (gradient, length) = (gradient.as_ptr(), gradient.len());
    let (parameter, first, second) = (parameter.as_mut_ptr(), first.as_mut_ptr(), second.as_mut_ptr());
    // SAFETY: below the length of all.
    unsafe {
        let (scale, decay) = (S::splat(attributes.scale), S::splat(decay));
        let (first_rate, second_rate) = (S::splat(attributes.first_rate), S::splat(attributes.second_rate));
        let (beta2, eps) = (S::splat(attributes.beta2), S::splat(attributes.eps));
        let (inverse_correction, step_size) = (S::splat(attributes.inverse_correction), S::splat(attributes.step_size));
        vectors!(S, length, |at, count| {
            let g = S::mul(rows::load::<S>(gradient.add(at), count), scale);
            let m = rows::load::<S>(first.add(at), count);
            let m = S::mul_add(S::sub(g, m), first_rate, m);
            let v = S::mul_add(S::mul(g, g), second_rate, S::mul(rows::load::<S>(second.add(at), count), beta2));
            let denominator = S::mul_add(S::sqrt(v), inverse_correction, eps);
            let p = S::mul(rows::load::<S>(parameter.add(at), count), decay);
            rows::store::<S>(parameter.add(at), S::neg_mul_add(S::div(m, denominator), step_size, p), count);
            rows::store::<S>(first.add(at), m, count);
            rows::store::<S>(second.add(at), v, count);
        });
    }
}

struct Sgd {
    scale: f32,
    learning_rate: f32,
    momentum: f32,
    nesterov: bool,
}

simd_dispatch! {
    unsafe fn sgd_each(
        attributes: &Sgd, decay: f32, gradient: &[f32], parameter: &mut [f32], buffer: Option<&mut [f32]>,
    ) = sgd_vectors;
}

#[inline(always)]
unsafe fn sgd_vectors<S: Simd>(attributes: &Sgd, decay: f32, gradient: &[f32], parameter: &mut [f32], buffer: Option<&mut [f32]>) {
    let (gradient, length, parameter) = (gradient.as_ptr(), gradient.len(), parameter.as_mut_ptr());
    let buffer = buffer.map(|buffer| buffer.as_mut_ptr());
    // SAFETY: below the length of all.
    unsafe {
        let (scale, decay) = (S::splat(attributes.scale), S::splat(decay));
        let (learning_rate, momentum) = (S::splat(attributes.learning_rate), S::splat(attributes.momentum));
        vectors!(S, length, |at, count| {
            let p = rows::load::<S>(parameter.add(at), count);
            let mut direction = S::mul_add(p, decay, S::mul(rows::load::<S>(gradient.add(at), count), scale));
            if let Some(buffer) = buffer {
                let velocity = S::mul_add(rows::load::<S>(buffer.add(at), count), momentum, direction);
                rows::store::<S>(buffer.add(at), velocity, count);
                direction = if attributes.nesterov { S::mul_add(velocity, momentum, direction) } else { velocity };
            }
            rows::store::<S>(parameter.add(at), S::neg_mul_add(direction, learning_rate, p), count);
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Array, Run};

    const SIZES: [usize; 6] = [5, 0, 16_384, 33, 1, 20_000];
    const DECAYS: [f64; 6] = [0.1, 0.1, 0.0, 0.1, 0.0, 0.2];

    struct Case {
        gradients: Vec<Array>,
        /// List by list.
        state: Vec<Array>,
    }

    fn case(states: usize) -> Case {
        let mut case = Case { gradients: vec![], state: vec![] };
        for (i, size) in SIZES.into_iter().enumerate() {
            case.gradients.push(Array::random(&[size], i as u64));
        }
        for which in 0..states {
            for (i, size) in SIZES.into_iter().enumerate() {
                let values = Array::random(&[size], (100 + 10 * i + which) as u64).to_f32();
                // Second moments are not negative.
                let values: Vec<f32> = if which == 2 { values.iter().map(|x| x * x).collect() } else { values };
                case.state.push(Array::f32(&[size], &values));
            }
        }
        case
    }

    fn run(name: &'static str, case: &Case, scale: Option<f32>, ints: &[i32], floats: &[f64]) -> Run {
        let run = case.gradients.iter().fold(Run::new(name), Run::input);
        let run = if let Some(scale) = scale { run.input(&Array::f32(&[], &[scale])) } else { run };
        case.state.iter().fold(run, Run::inout).ints(ints).floats(&[floats, &DECAYS].concat())
    }

    fn values(arrays: &[Array]) -> Vec<Vec<f64>> {
        arrays.iter().map(|array| array.to_f32().into_iter().map(f64::from).collect()).collect()
    }

    fn expect_close(found: &[Array], expected: impl Fn(usize, usize) -> Vec<f64>, states: usize) {
        let found = values(found);
        for (parameter, size) in SIZES.into_iter().enumerate() {
            for i in 0..size {
                let expected = expected(parameter, i);
                for which in 0..states {
                    let found = found[which * SIZES.len() + parameter][i];
                    let close = (found - expected[which]).abs() <= 3e-7 * expected[which].abs().max(1.0);
                    assert!(close, "parameter {parameter}, state {which} at {i}: {found}, expected {}", expected[which]);
                }
            }
        }
    }

    #[test]
    fn adamw_is_that_of_the_paper() {
        let case = case(3);
        let (rate, beta1, beta2, eps, step) = (1e-2, 0.9, 0.95, 1e-8, 3.0);
        for scale in [None, Some(0.25f32)] {
            let (gradients, state) = (values(&case.gradients), values(&case.state));
            let run = run("AdamW", &case, scale, &[], &[rate, beta1, beta2, eps, step]);
            run.everywhere(|_, found| {
                let expected = |parameter: usize, i: usize| {
                    let at = |which: usize| state[which * SIZES.len() + parameter][i];
                    let g = gradients[parameter][i] * f64::from(scale.unwrap_or(1.0));
                    let m = beta1 * at(1) + (1.0 - beta1) * g;
                    let v = beta2 * at(2) + (1.0 - beta2) * g * g;
                    let (corrected_m, corrected_v) = (m / (1.0 - beta1.powf(step)), v / (1.0 - beta2.powf(step)));
                    vec![at(0) * (1.0 - rate * DECAYS[parameter]) - rate * corrected_m / (corrected_v.sqrt() + eps), m, v]
                };
                expect_close(found, expected, 3);
            });
        }
    }

    #[test]
    fn sgd_is_that_of_pytorch() {
        let rate = 0.1;
        for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
            let states = if momentum > 0.0 { 2 } else { 1 };
            let case = case(states);
            let (gradients, state) = (values(&case.gradients), values(&case.state));
            let run = run("Sgd", &case, Some(2.0), &[(states - 1) as i32, nesterov.into()], &[rate, momentum]);
            run.everywhere(|_, found| {
                let expected = |parameter: usize, i: usize| {
                    let at = |which: usize| state[which * SIZES.len() + parameter][i];
                    let mut direction = 2.0 * gradients[parameter][i] + DECAYS[parameter] * at(0);
                    let velocity = if states == 2 { momentum * at(1) + direction } else { direction };
                    direction = if nesterov { direction + momentum * velocity } else { velocity };
                    vec![at(0) - rate * direction, velocity]
                };
                expect_close(found, expected, states);
            });
        }
    }

    #[test]
    fn a_factor_that_is_not_finite_changes_nothing() {
        for scale in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let adamw = case(3);
            run("AdamW", &adamw, Some(scale), &[], &[1e-2, 0.9, 0.95, 1e-8, 1.0]).everywhere(|_, found| assert_eq!(found, adamw.state));
            let sgd = case(1);
            run("Sgd", &sgd, Some(scale), &[0, 0], &[1e-2, 0.0]).everywhere(|_, found| assert_eq!(found, sgd.state));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (x, other) = (Array::random(&[4], 1), Array::random(&[5], 1));
        let floats = [1e-2, 0.9, 0.95, 1e-8, 1.0, 0.0];
        let run = |gradient: &Array| Run::new("AdamW").input(gradient).inout(&x).inout(&x).inout(&x).floats(&floats);
        assert!(run(&other).fails().contains("like its gradient"));
        assert!(run(&x).inout(&x).fails().contains("3 inouts"));
        assert!(run(&x).input(&other).fails().contains("one factor"));
        assert!(run(&x).input(&x).input(&x).fails().contains("1 gradients"));
        assert!(run(&x).floats(&floats[..5]).fails().contains("weight decays"));
        assert!(run(&x).floats(&[1e-2, 0.9, 0.95, 1e-8, 0.0, 0.0]).fails().contains("step"));
        assert!(Run::new("Sgd").input(&x).inout(&x).ints(&[0, 1]).floats(&[1e-2, 0.9, 0.0]).fails().contains("nesterov"));
    }
}
