//! Convolutions with filters of their own for each channel, and their gradients, in plain loops: there is nothing to pack, each value is used
//! for a few others only.

use super::Kernel;
use super::conv::{Geometry, run_rows};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[
    ("DepthwiseConv2dNative", depthwise),
    ("DepthwiseConv2dNativeBackpropInput", depthwise_input_gradient),
    ("DepthwiseConv2dNativeBackpropFilter", depthwise_filter_gradient),
];

/// Most pieces of which the gradient of a filter is summed. The sums of each piece, and then the pieces, have a fixed order.
const PIECES: usize = 64;

/// Checks that a filter is [P, Q, C, M] with M outputs for each channel, and gives M.
fn multiplier(geometry: &Geometry, filter: &[usize]) -> Result<usize> {
    let fits = filter[2] == geometry.channels && filter[2].checked_mul(filter[3]) == Some(geometry.outputs);
    ensure!(
        fits,
        "expected a filter [P, Q, C, M] and C M = {} outputs of {} channels, got {filter:?}",
        geometry.outputs,
        geometry.channels
    );
    Ok(filter[3])
}

/// Each channel convolved with M filters of its own. Inputs x [B, H, W, C], filter [P, Q, C, M]. Output y [B, Y, X, C M].
/// Ints: strides (vertical, horizontal), dilations, padding above and left.
fn depthwise(context: &Context, call: &mut Call) -> Result<()> {
    let (x, filter, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), filter.dims(), y.dims(), call.ints())?;
    let multiplier = multiplier(&geometry, filter.dims())?;
    let (x, filter, y) = (x.f32()?, filter.f32()?, y.f32()?);
    if y.is_empty() {
        return Ok(());
    }
    let row_size = geometry.columns.count * geometry.outputs;
    let y = Shared::new(y);
    let work = row_size.saturating_mul(geometry.rows.size * geometry.columns.size);
    run_rows(context, 0..geometry.batch * geometry.rows.count, work, |row| {
        // SAFETY: each row of the output has its own part; `Context` has a set of this processor.
        unsafe { depthwise_row(context.isa, &geometry, multiplier, row, x, filter, y.part(row * row_size, row_size)) };
    });
    Ok(())
}

/// One row of the output.
#[inline(always)]
unsafe fn depthwise_row_generic<S: Simd>(geometry: &Geometry, multiplier: usize, row: usize, x: &[f32], filter: &[f32], y: &mut [f32]) {
    let &Geometry { rows, columns, channels, outputs, .. } = geometry;
    let (batch, output_row) = (row / rows.count, row % rows.count);
    y.fill(0.0);
    for tap_row in 0..rows.size {
        let Some(image_row) = rows.element(output_row, tap_row) else { continue };
        let image = &x[geometry.image_row(batch, image_row)..][..columns.image * channels];
        for tap in 0..columns.size {
            let weights = &filter[(tap_row * columns.size + tap) * outputs..][..outputs];
            for output in 0..columns.count {
                let Some(element) = columns.element(output, tap) else { continue };
                let image = &image[element * channels..][..channels];
                let sums = &mut y[output * outputs..][..outputs];
                if multiplier == 1 {
                    sums.iter_mut().zip(image).zip(weights).for_each(|((sum, x), weight)| *sum += x * weight);
                    continue;
                }
                for ((sums, x), weights) in sums.chunks_exact_mut(multiplier).zip(image).zip(weights.chunks_exact(multiplier)) {
                    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
                }
            }
        }
    }
}

simd_dispatch! {
    unsafe fn depthwise_row(geometry: &Geometry, multiplier: usize, row: usize, x: &[f32], filter: &[f32], y: &mut [f32]) = depthwise_row_generic;
}

/// Gradient of `DepthwiseConv2dNative` for x. Inputs dy [B, Y, X, C M], filter [P, Q, C, M]. Output dx [B, H, W, C].
/// Ints: strides, dilations, padding above and left.
fn depthwise_input_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, filter, dx) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(dx.dims(), filter.dims(), dy.dims(), call.ints())?;
    let multiplier = multiplier(&geometry, filter.dims())?;
    let (dy, filter, dx) = (dy.f32()?, filter.f32()?, dx.f32()?);
    if dx.is_empty() || dy.is_empty() {
        dx.fill(0.0);
        return Ok(());
    }
    let row_size = geometry.columns.image * geometry.channels;
    let dx = Shared::new(dx);
    let work = row_size.saturating_mul(multiplier).saturating_mul(geometry.rows.size * geometry.columns.size);
    run_rows(context, 0..geometry.batch * geometry.rows.image, work, |row| {
        // SAFETY: each row of the images has its own part; `Context` has a set of this processor.
        unsafe { input_gradient_row(context.isa, &geometry, multiplier, row, dy, filter, dx.part(row * row_size, row_size)) };
    });
    Ok(())
}

/// One row of the images.
#[inline(always)]
unsafe fn input_gradient_row_generic<S: Simd>(
    geometry: &Geometry,
    multiplier: usize,
    row: usize,
    dy: &[f32],
    filter: &[f32],
    dx: &mut [f32],
) {
    let &Geometry { rows, columns, channels, outputs, .. } = geometry;
    let (batch, image_row) = (row / rows.image, row % rows.image);
    dx.fill(0.0);
    for tap_row in 0..rows.size {
        let Some(output_row) = rows.output(image_row, tap_row) else { continue };
        let gradients = &dy[geometry.output_row(batch, output_row)..][..columns.count * outputs];
        for tap in 0..columns.size {
            let weights = &filter[(tap_row * columns.size + tap) * outputs..][..outputs];
            for element in 0..columns.image {
                let Some(output) = columns.output(element, tap) else { continue };
                let gradients = &gradients[output * outputs..][..outputs];
                let sums = &mut dx[element * channels..][..channels];
                if multiplier == 1 {
                    sums.iter_mut().zip(gradients).zip(weights).for_each(|((sum, gradient), weight)| *sum += gradient * weight);
                    continue;
                }
                for ((sum, gradients), weights) in
                    sums.iter_mut().zip(gradients.chunks_exact(multiplier)).zip(weights.chunks_exact(multiplier))
                {
                    gradients.iter().zip(weights).for_each(|(gradient, weight)| *sum += gradient * weight);
                }
            }
        }
    }
}

simd_dispatch! {
    unsafe fn input_gradient_row(geometry: &Geometry, multiplier: usize, row: usize, dy: &[f32], filter: &[f32], dx: &mut [f32]) =
        input_gradient_row_generic;
}

/// Gradient of `DepthwiseConv2dNative` for the filter. Inputs x [B, H, W, C], dy [B, Y, X, C M]. Output dfilter [P, Q, C, M].
/// Ints: strides, dilations, padding above and left.
fn depthwise_filter_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (x, dy, dfilter) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), dfilter.dims(), dy.dims(), call.ints())?;
    let multiplier = multiplier(&geometry, dfilter.dims())?;
    let (x, dy, dfilter) = (x.f32()?, dy.f32()?, dfilter.f32()?);
    dfilter.fill(0.0);
    if x.is_empty() || dy.is_empty() || dfilter.is_empty() {
        return Ok(());
    }
    let size = dfilter.len();
    let rows = geometry.batch * geometry.rows.count;
    let piece = rows.div_ceil(PIECES).max(super::GRAIN / geometry.columns.count.saturating_mul(size)).max(1);
    let pieces = rows.div_ceil(piece);
    let memory = context.allocator.scratch(pieces * size * 4)?;
    // SAFETY: the memory holds that many.
    let sums = unsafe { std::slice::from_raw_parts_mut(memory.data().cast::<f32>(), pieces * size) };
    let shared = Shared::new(sums);
    context.pool.run(pieces, |index, _| {
        // SAFETY: each piece has its own sums.
        let sums = unsafe { shared.part(index * size, size) };
        sums.fill(0.0);
        for row in index * piece..rows.min((index + 1) * piece) {
            // SAFETY: `Context` has a set of this processor.
            unsafe { filter_gradient_row(context.isa, &geometry, multiplier, row, x, dy, sums) };
        }
    });
    for sums in sums.chunks_exact(size) {
        dfilter.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
    }
    Ok(())
}

/// Adds what one row of the output gives.
#[inline(always)]
unsafe fn filter_gradient_row_generic<S: Simd>(
    geometry: &Geometry,
    multiplier: usize,
    row: usize,
    x: &[f32],
    dy: &[f32],
    sums: &mut [f32],
) {
    let &Geometry { rows, columns, channels, outputs, .. } = geometry;
    let (batch, output_row) = (row / rows.count, row % rows.count);
    let gradients = &dy[geometry.output_row(batch, output_row)..][..columns.count * outputs];
    for tap_row in 0..rows.size {
        let Some(image_row) = rows.element(output_row, tap_row) else { continue };
        let image = &x[geometry.image_row(batch, image_row)..][..columns.image * channels];
        for tap in 0..columns.size {
            let sums = &mut sums[(tap_row * columns.size + tap) * outputs..][..outputs];
            for output in 0..columns.count {
                let Some(element) = columns.element(output, tap) else { continue };
                let image = &image[element * channels..][..channels];
                let gradients = &gradients[output * outputs..][..outputs];
                if multiplier == 1 {
                    sums.iter_mut().zip(image).zip(gradients).for_each(|((sum, x), gradient)| *sum += x * gradient);
                    continue;
                }
                for ((sums, x), gradients) in sums.chunks_exact_mut(multiplier).zip(image).zip(gradients.chunks_exact(multiplier)) {
                    sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += x * gradient);
                }
            }
        }
    }
}

simd_dispatch! {
    unsafe fn filter_gradient_row(geometry: &Geometry, multiplier: usize, row: usize, x: &[f32], dy: &[f32], sums: &mut [f32]) =
        filter_gradient_row_generic;
}

#[cfg(test)]
mod tests {
    use super::super::conv::tests::{Case, expect_case};
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    const NAMES: [&str; 3] = ["DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter"];

    #[test]
    fn convolutions_of_all_kinds() {
        let mut random = Random::new(8);
        (0..60).for_each(|_| expect_case(NAMES, &Case::random(&mut random, true), true, &[&[], &[]]));
    }

    #[test]
    fn large_and_empty() {
        for (x, filter, y) in [
            ([4, 40, 30, 33], [3, 3, 33, 1], [4, 40, 30, 33]),
            ([0, 5, 6, 7], [3, 3, 7, 2], [0, 5, 6, 14]),
            ([2, 5, 6, 0], [3, 3, 0, 3], [2, 5, 6, 0]),
            ([2, 5, 6, 2], [3, 3, 2, 0], [2, 5, 6, 0]),
        ] {
            let case = Case { x: x.to_vec(), filter: filter.to_vec(), y: y.to_vec(), ints: vec![1, 1, 1, 1, 1, 1] };
            expect_case(NAMES, &case, true, &[&[], &[]]);
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let (x, filter) = (Array::random(&[1, 4, 4, 3], 1), Array::random(&[3, 3, 3, 2], 2));
        let run = Run::new(NAMES[0]).input(&x).input(&filter).ints(&[1, 1, 1, 1, 0, 0]);
        assert!(run.output(DType::Float32, &[1, 2, 2, 5]).fails().contains("outputs of 3 channels"));
    }
}
