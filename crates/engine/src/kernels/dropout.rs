//! Inverted dropout (Srivastava et al. 2014). The mask is never stored: the gradient draws it again.

use super::philox::DropoutMask;
use super::{GRAIN, Kernel};
use crate::call::{Call, Context};
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::Simd;
use crate::{ensure, simd_dispatch};

/// Of this file. The gradient is the same product with dy in the place of x.
pub const KERNELS: &[(&str, Kernel)] = &[("Dropout", dropout), ("DropoutGradient", dropout)];

/// Input x [...]; output y [...]; ints: the two words of the key; floats: rate, offset. `y[i] = x[i] * factor`, where the factor is 0 if draw
/// `offset + i` of the key's stream is below the rate, else `1 / (1 - rate)`.
fn dropout(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(x.size() == y.size(), "expected x and y of one size, got {:?} and {:?}", x.shape, y.shape());
    let mask = DropoutMask::new([call.int(0)?, call.int(1)?], call.float(1)?, call.float(0)?, x.size())?;
    let (x, y) = (x.f32()?, y.f32()?);
    let y = Shared::new(y);
    context.pool.run_ranges(x.len(), GRAIN, |range, _| {
        // SAFETY: ranges do not overlap, and both slices have the same length.
        unsafe { multiply(context.isa, &mask, range.start, &x[range.clone()], y.part(range.start, range.len())) }
    });
    Ok(())
}

simd_dispatch! {
    unsafe fn multiply(mask: &DropoutMask, start: usize, x: &[f32], y: &mut [f32]) = multiply_by_mask;
}

#[inline(always)]
unsafe fn multiply_by_mask<S: Simd>(mask: &DropoutMask, start: usize, x: &[f32], y: &mut [f32]) {
    // SAFETY: by the contract of the caller.
    unsafe { mask.multiply::<S>(start, x, y) }
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    fn run(name: &'static str, x: &Array, offset: f64, rate: f64) -> Run {
        Run::new(name).input(x).output(DType::Float32, &x.dims).ints(&[-790_726_993, -1_651_614_651]).floats(&[rate, offset])
    }

    #[test]
    fn keeps_the_elements_of_the_stream() {
        // createStream(42, "dropout").fillUniform(new Float32Array(9), 3).map((uniform) => uniform < 0.4 ? 0 : 1)
        let kept = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let x = Array::f32(&[3, 3], &[1.0; 9]);
        run("Dropout", &x, 3.0, 0.4).everywhere(|_, y| assert_eq!(y[0].to_f32(), kept.map(|kept| kept * (1.0f64 / 0.6) as f32)));
    }

    #[test]
    fn has_the_same_bits_with_any_number_of_threads_and_as_its_gradient() {
        for size in [0, 1, 63, 16_384, 16_385, 100_003] {
            let x = Array::random(&[size], 1);
            run("Dropout", &x, 7.0, 0.1).everywhere(|isa, y| {
                let kept = y[0].to_f32().iter().filter(|&&y| y != 0.0).count();
                assert!(size < 10_000 || (0.89..0.91).contains(&(kept as f64 / size as f64)), "{kept} of {size}");
                assert!(run("DropoutGradient", &x, 7.0, 0.1).on(isa, 2).unwrap() == y);
            });
        }
    }

    #[test]
    fn a_rate_of_zero_changes_nothing() {
        let x = Array::random(&[1001], 2);
        run("Dropout", &x, 0.0, 0.0).everywhere(|_, y| assert_eq!(y[0], x));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let x = Array::random(&[4], 2);
        assert!(run("Dropout", &x, 0.0, 1.0).fails().contains("rate"));
        assert!(run("Dropout", &x, -1.0, 0.5).fails().contains("draws"));
        assert!(Run::new("Dropout").input(&x).output(DType::Float32, &[5]).ints(&[0, 0]).floats(&[0.5, 0.0]).fails().contains("one size"));
    }
}
