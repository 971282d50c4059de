//! What training does with all gradients at once besides the optimizer: their norm, their sum over micro-batches, their scale.

use super::Kernel;
use super::arrays::Arrays;
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::{Simd, rows};
use crate::{ensure, simd_dispatch, vectors};

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[("GlobalNorm", global_norm), ("Accumulate", accumulate), ("Scale", scale)];

/// Inputs x0, x1, ... of any shapes; output [] = the L2 norm of all elements together. Squares are summed in float64.
fn global_norm(context: &Context, call: &mut Call) -> Result<()> {
    let norm = call.output(0)?;
    ensure!(norm.size() == 1, "expected a norm [], got {:?}", norm.shape());
    let inputs = call.inputs().iter().map(|input| input.f32()).collect::<Result<Vec<_>>>()?;
    let arrays = Arrays::new(inputs.iter().map(|input| input.len()));
    let mut sums = vec![0.0f64; arrays.chunks()];
    let shared = Shared::new(&mut sums);
    arrays.run(context.pool, |chunk, index, range| {
        // SAFETY: each chunk has its own sum, and its pieces come one after another.
        unsafe { shared.part(chunk, 1)[0] += sum_of_squares(context.isa, &inputs[index][range]) }
    });
    norm.f32()?[0] = sums.iter().sum::<f64>().sqrt() as f32;
    Ok(())
}

/// Inouts sum0, sum1, ...; inputs x0, x1, ... of the same sizes, added to them.
fn accumulate(context: &Context, call: &mut Call) -> Result<()> {
    let count = call.inout_count();
    let inputs = call.inputs();
    ensure!(inputs.len() == count, "expected as many inputs as inouts, got {} and {count}", inputs.len());
    let inputs = inputs.iter().map(|input| input.f32()).collect::<Result<Vec<_>>>()?;
    let mut sums = Vec::with_capacity(count);
    for (index, input) in inputs.iter().enumerate() {
        let sum = call.inout(index)?;
        ensure!(sum.size() == input.len(), "expected {} elements to be added to, got {:?}", input.len(), sum.shape());
        sums.push(Shared::new(sum.f32()?));
    }
    Arrays::new(inputs.iter().map(|input| input.len())).run(context.pool, |_, index, range| {
        // SAFETY: ranges do not overlap, and the arrays have one size.
        unsafe { add_each(context.isa, &inputs[index][range.clone()], sums[index].part(range.start, range.len())) }
    });
    Ok(())
}

/// Inouts x0, x1, ...; input factor [], by which they are multiplied.
fn scale(context: &Context, call: &mut Call) -> Result<()> {
    let factor = call.input(0)?;
    ensure!(factor.size() == 1, "expected one factor, got {:?}", factor.shape);
    let factor = factor.f32()?[0];
    let (mut sizes, mut targets) = (vec![], vec![]);
    for index in 0..call.inout_count() {
        let target = call.inout(index)?;
        sizes.push(target.size());
        targets.push(Shared::new(target.f32()?));
    }
    Arrays::new(sizes.into_iter()).run(context.pool, |_, index, range| {
        // SAFETY: ranges do not overlap and lie within the array.
        unsafe { scale_each(context.isa, factor, targets[index].part(range.start, range.len())) }
    });
    Ok(())
}

simd_dispatch! { unsafe fn sum_of_squares(x: &[f32]) -> f64 = sum_squares; }

/// In sixteen sums, whatever the instruction set. A square of a float32 is exact in float64.
#[inline(always)]
unsafe fn sum_squares<S: Simd>(x: &[f32]) -> f64 {
    const SUMS: usize = 16;
    // Which instructions it becomes is the compiler's affair here: `S` has no float64.
    let mut sums = [0.0f64; SUMS];
    let mut vectors = x.chunks_exact(SUMS);
    for vector in &mut vectors {
        for i in 0..SUMS {
            sums[i] += f64::from(vector[i]) * f64::from(vector[i]);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(vectors.remainder()) {
        *sum += f64::from(x) * f64::from(x);
    }
    sums.iter().sum()
}

simd_dispatch! { unsafe fn add_each(x: &[f32], sum: &mut [f32]) = add; }

#[inline(always)]
unsafe fn add<S: Simd>(x: &[f32], sum: &mut [f32]) {
    let (x, length, sum) = (x.as_ptr(), sum.len(), sum.as_mut_ptr());
    // SAFETY: below both lengths.
    unsafe {
        vectors!(S, length, |at, count| {
            let total = S::add(rows::load::<S>(sum.add(at), count), rows::load::<S>(x.add(at), count));
            rows::store::<S>(sum.add(at), total, count);
        });
    }
}

simd_dispatch! { unsafe fn scale_each(factor: f32, x: &mut [f32]) = multiply; }

#[inline(always)]
unsafe fn multiply<S: Simd>(factor: f32, x: &mut [f32]) {
    let (length, x) = (x.len(), x.as_mut_ptr());
    // SAFETY: below the length.
    unsafe {
        let factor = S::splat(factor);
        vectors!(S, length, |at, count| {
            rows::store::<S>(x.add(at), S::mul(rows::load::<S>(x.add(at), count), factor), count);
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::call::DType::Float32;
    use crate::testing::{Array, Run};

    const SIZES: [usize; 6] = [5, 0, 16_384, 33, 1, 50_000];

    fn arrays(seed: u64) -> Vec<Array> {
        SIZES.iter().zip(seed..).map(|(&size, seed)| Array::random(&[size], seed)).collect()
    }

    #[test]
    fn the_norm_is_that_of_float64() {
        let x = arrays(1);
        let exact = x.iter().flat_map(|x| x.to_f32()).map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let run = x.iter().fold(Run::new("GlobalNorm"), Run::input).output(Float32, &[]);
        let bits = run.on(crate::isa::Isa::Portable, 1).unwrap();
        run.everywhere(|isa, norm| {
            assert!((f64::from(norm[0].to_f32()[0]) - exact).abs() < 1e-7 * exact);
            assert!(norm == bits, "{isa}: other bits than portable");
        });
    }

    #[test]
    fn the_norm_of_large_small_and_no_numbers() {
        for (values, expected) in
            [(vec![3e30f32, 4e30], 5e30), (vec![3e-30, 4e-30], 5e-30), (vec![], 0.0), (vec![f32::INFINITY], f32::INFINITY)]
        {
            let x = Array::f32(&[values.len()], &values);
            Run::new("GlobalNorm").input(&x).output(Float32, &[]).everywhere(|_, norm| assert_eq!(norm[0].to_f32(), [expected]));
        }
        Run::new("GlobalNorm").output(Float32, &[]).everywhere(|_, norm| assert_eq!(norm[0].to_f32(), [0.0]));
        let x = Array::f32(&[3], &[1.0, f32::NAN, 2.0]);
        Run::new("GlobalNorm").input(&x).output(Float32, &[]).everywhere(|_, norm| assert!(norm[0].to_f32()[0].is_nan()));
    }

    #[test]
    fn accumulates_and_scales_in_place() {
        let (sums, x) = (arrays(1), arrays(50));
        let run = sums.iter().fold(x.iter().fold(Run::new("Accumulate"), Run::input), Run::inout);
        run.everywhere(|_, found| {
            for ((found, sum), x) in found.iter().zip(&sums).zip(&x) {
                let expected: Vec<f32> = sum.to_f32().iter().zip(x.to_f32()).map(|(sum, x)| sum + x).collect();
                assert_eq!(found.to_f32(), expected);
            }
        });
        let run = sums.iter().fold(Run::new("Scale").input(&Array::f32(&[], &[0.3])), Run::inout);
        run.everywhere(|_, found| {
            for (found, x) in found.iter().zip(&sums) {
                assert_eq!(found.to_f32(), x.to_f32().iter().map(|x| x * 0.3).collect::<Vec<_>>());
            }
        });
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (x, other) = (Array::random(&[4], 1), Array::random(&[5], 1));
        assert!(Run::new("Accumulate").input(&x).inout(&other).fails().contains("4 elements"));
        assert!(Run::new("Accumulate").inout(&other).fails().contains("as many"));
        assert!(Run::new("Scale").input(&x).inout(&other).fails().contains("one factor"));
        assert!(Run::new("GlobalNorm").input(&x).output(Float32, &[2]).fails().contains("norm []"));
    }
}
