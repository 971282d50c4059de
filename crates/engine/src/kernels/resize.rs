//! Images [B, H, W, C] of another size, with the arithmetic of TensorFlow.js: places in float64, whether corners are aligned or centers.

use super::Kernel;
use super::strided::{copy_row, for_pieces};
use crate::call::{Call, Context, Operand, OperandMut};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;
use std::ops::Range;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] = &[
    ("ResizeBilinear", bilinear),
    ("ResizeBilinearGrad", bilinear_gradient),
    ("ResizeNearestNeighbor", nearest),
    ("ResizeNearestNeighborGrad", nearest_gradient),
];

/// Which elements of an axis one of the new axis comes from.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    low: usize,
    high: usize,
    /// Of the way from low to high.
    fraction: f64,
}

/// How far elements of the old axis are apart on the new one.
fn ratio(old: usize, new: usize, align_corners: bool) -> f64 {
    let shorter = (align_corners && new > 1) as usize;
    (old - shorter) as f64 / (new - shorter) as f64
}

/// SAFETY of the casts: a negative place becomes 0, and one too far is cut.
fn bilinear_sources(old: usize, new: usize, align_corners: bool, half_pixel_centers: bool) -> Vec<Source> {
    let ratio = ratio(old, new, align_corners);
    let source = |index: usize| {
        let place = if half_pixel_centers { ratio * (index as f64 + 0.5) - 0.5 } else { ratio * index as f64 };
        let low = (place.floor().max(0.0) as usize).min(old - 1);
        Source { low, high: (place.ceil() as usize).min(old - 1), fraction: place - low as f64 }
    };
    (0..new).map(source).collect()
}

fn nearest_sources(old: usize, new: usize, align_corners: bool, half_pixel_centers: bool) -> Vec<usize> {
    let ratio = ratio(old, new, align_corners);
    let source = |index: usize| {
        let place = ratio * if half_pixel_centers { index as f64 + 0.5 } else { index as f64 };
        // Halves go up, as Math.round does it.
        let nearest = if align_corners { (place + 0.5).floor() } else { place.floor() };
        (nearest.max(0.0) as usize).min(old - 1)
    };
    (0..new).map(source).collect()
}

/// Batch, old and new sizes of rows and columns, and channels.
#[derive(Clone, Copy)]
struct Geometry {
    batch: usize,
    old: [usize; 2],
    new: [usize; 2],
    channels: usize,
}

impl Geometry {
    fn new(old: &[usize], new: &[usize]) -> Result<Geometry> {
        let fits = old.len() == 4 && new.len() == 4 && old[0] == new[0] && old[3] == new[3];
        let whole = old.iter().product::<usize>() == 0 && new.iter().product::<usize>() != 0;
        ensure!(fits && !whole, "expected images [B, H, W, C] and as many of another size, got {old:?} and {new:?}");
        Ok(Geometry { batch: old[0], old: [old[1], old[2]], new: [new[1], new[2]], channels: old[3] })
    }

    fn is_empty(&self) -> bool {
        self.batch * self.channels * self.old[0] * self.old[1] * self.new[0] * self.new[1] == 0
    }
}

/// Input x [B, H, W, C] of float32, output y [B, P, Q, C]; ints: whether corners are aligned, whether centers of pixels are.
fn bilinear(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y, align_corners, half_pixel_centers) = (call.input(0)?, call.output(0)?, call.flag(0)?, call.flag(1)?);
    let geometry = Geometry::new(x.dims(), y.dims())?;
    let (x, y) = (x.f32()?, y.f32()?);
    if geometry.is_empty() {
        return Ok(());
    }
    let Geometry { batch, old: [height, width], new: [new_height, new_width], channels } = geometry;
    let rows = bilinear_sources(height, new_height, align_corners, half_pixel_centers);
    let columns = bilinear_sources(width, new_width, align_corners, half_pixel_centers);
    let y = Shared::new(y);
    for_pieces(context, batch * new_height, new_width, channels * 16, |numbers, range| {
        for number in numbers {
            let (image, row) = (number / new_height * height, rows[number % new_height]);
            // SAFETY: rows and pieces do not overlap.
            let y = unsafe { y.part((number * new_width + range.start) * channels, range.len() * channels) };
            for (y, column) in std::iter::zip(y.chunks_exact_mut(channels), &columns[range.clone()]) {
                let at = |row: usize, column: usize| &x[((image + row) * width + column) * channels..][..channels];
                let (top_left, top_right) = (at(row.low, column.low), at(row.low, column.high));
                let (bottom_left, bottom_right) = (at(row.high, column.low), at(row.high, column.high));
                for channel in 0..channels {
                    let mix = |low: f64, high: f64, fraction: f64| low + (high - low) * fraction;
                    let top = mix(top_left[channel] as f64, top_right[channel] as f64, column.fraction);
                    let bottom = mix(bottom_left[channel] as f64, bottom_right[channel] as f64, column.fraction);
                    y[channel] = mix(top, bottom, row.fraction) as f32;
                }
            }
        }
    });
    Ok(())
}

/// Inputs dy [B, P, Q, C] and x [B, H, W, C], of which only the shape counts, output dx like x; ints: whether corners are aligned.
fn bilinear_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, dx, align_corners) = (call.input(0)?, call.input(1)?, call.output(0)?, call.flag(0)?);
    let (geometry, dy, dx) = gradient_operands(&dy, &x, dx)?;
    let Geometry { old: [height, width], new: [new_height, new_width], channels, .. } = geometry;
    if geometry.is_empty() {
        dx.fill(0.0);
        return Ok(());
    }
    let rows = bilinear_sources(height, new_height, align_corners, false);
    let columns = bilinear_sources(width, new_width, align_corners, false);
    let reaches = |band: &Range<usize>, row: Source| band.contains(&row.low) || band.contains(&row.high);
    for_bands(context, geometry, dx, |image, band, dx| {
        for (number, &row) in rows.iter().enumerate().filter(|(_, row)| reaches(&band, **row)) {
            let dy = &dy[(image * new_height + number) * new_width * channels..][..new_width * channels];
            for (dy, column) in std::iter::zip(dy.chunks_exact(channels), &columns) {
                for (row, row_weight) in [(row.low, 1.0 - row.fraction), (row.high, row.fraction)] {
                    if !band.contains(&row) {
                        continue;
                    }
                    for (column, weight) in [(column.low, 1.0 - column.fraction), (column.high, column.fraction)] {
                        let weight = row_weight * weight;
                        let dx = &mut dx[((row - band.start) * width + column) * channels..][..channels];
                        std::iter::zip(dx, dy).for_each(|(dx, &dy)| *dx = (*dx as f64 + dy as f64 * weight) as f32);
                    }
                }
            }
        }
    });
    Ok(())
}

/// Input x [B, H, W, C] of any type, output y [B, P, Q, C]; ints: whether corners are aligned, whether centers of pixels are.
fn nearest(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y, align_corners, half_pixel_centers) = (call.input(0)?, call.output(0)?, call.flag(0)?, call.flag(1)?);
    let geometry = Geometry::new(x.dims(), y.dims())?;
    ensure!(x.dtype == y.dtype(), "expected an output of {:?}, got {:?}", x.dtype, y.dtype());
    if geometry.is_empty() {
        return Ok(());
    }
    let Geometry { batch, old: [height, width], new: [new_height, new_width], channels } = geometry;
    let rows = nearest_sources(height, new_height, align_corners, half_pixel_centers);
    let columns = nearest_sources(width, new_width, align_corners, half_pixel_centers);
    let pixel = channels * x.dtype.size();
    let (x, y) = (x.bytes(), Shared::new(y.bytes()));
    for_pieces(context, batch * new_height, new_width, pixel, |numbers, range| {
        for number in numbers {
            let row = number / new_height * height + rows[number % new_height];
            // SAFETY: rows and pieces do not overlap.
            let y = unsafe { y.part((number * new_width + range.start) * pixel, range.len() * pixel) };
            for (y, column) in std::iter::zip(y.chunks_exact_mut(pixel), &columns[range.clone()]) {
                copy_row(&x[(row * width + column) * pixel..][..pixel], y);
            }
        }
    });
    Ok(())
}

/// Inputs dy [B, P, Q, C] and x [B, H, W, C], of which only the shape counts, output dx like x; ints: whether corners are aligned.
fn nearest_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, dx, align_corners) = (call.input(0)?, call.input(1)?, call.output(0)?, call.flag(0)?);
    let (geometry, dy, dx) = gradient_operands(&dy, &x, dx)?;
    let Geometry { old: [height, width], new: [new_height, new_width], channels, .. } = geometry;
    if geometry.is_empty() {
        dx.fill(0.0);
        return Ok(());
    }
    let rows = nearest_sources(height, new_height, align_corners, false);
    let columns = nearest_sources(width, new_width, align_corners, false);
    for_bands(context, geometry, dx, |image, band, dx| {
        for (number, row) in rows.iter().enumerate().filter(|(_, row)| band.contains(row)) {
            let dy = &dy[(image * new_height + number) * new_width * channels..][..new_width * channels];
            for (dy, column) in std::iter::zip(dy.chunks_exact(channels), &columns) {
                let dx = &mut dx[((row - band.start) * width + column) * channels..][..channels];
                std::iter::zip(dx, dy).for_each(|(dx, dy)| *dx += dy);
            }
        }
    });
    Ok(())
}

fn gradient_operands<'a>(dy: &Operand<'a>, x: &Operand<'a>, dx: OperandMut<'a>) -> Result<(Geometry, &'a [f32], &'a mut [f32])> {
    let geometry = Geometry::new(x.dims(), dy.dims())?;
    ensure!(dx.shape() == x.shape, "expected an output of {:?}, got {:?}", x.shape, dx.shape());
    Ok((geometry, dy.f32()?, dx.f32()?))
}

/// Cuts old images into bands of rows, sets them to zero and gives each to `body(image, rows, dx)`, which goes through the new image in
/// order: the sum of an element has one order, wherever the bands are cut.
fn for_bands(context: &Context, geometry: Geometry, dx: &mut [f32], body: impl Fn(usize, Range<usize>, &mut [f32]) + Sync) {
    let Geometry { batch, old: [height, width], channels, .. } = geometry;
    let band = ((16 << 10) / (width * channels)).clamp(1, height);
    let bands = height.div_ceil(band);
    let dx = Shared::new(dx);
    context.pool.run(batch * bands, |task, _| {
        let (image, rows) = (task / bands, task % bands * band..height.min((task % bands + 1) * band));
        // SAFETY: bands do not overlap.
        let dx = unsafe { dx.part((image * height + rows.start) * width * channels, rows.len() * width * channels) };
        dx.fill(0.0);
        body(image, rows, dx);
    });
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Run};

    const SIZES: [([usize; 4], [usize; 2]); 9] = [
        ([2, 4, 5, 3], [7, 9]),
        ([1, 8, 6, 1], [3, 2]),
        ([2, 5, 5, 8], [5, 5]),
        ([1, 1, 1, 2], [4, 3]),
        ([3, 7, 3, 1], [1, 1]),
        ([1, 60, 70, 17], [101, 33]),
        ([1, 2, 3, 1], [40, 300]),
        ([0, 2, 3, 1], [4, 4]),
        ([1, 3, 3, 2], [0, 4]),
    ];

    /// Where an element of a new axis comes from, as the loops of TensorFlow.js compute it.
    fn place(old: usize, new: usize, index: usize, align: bool, center: f64) -> f64 {
        let (from, to) = if align && new > 1 { (old - 1, new - 1) } else { (old, new) };
        from as f64 / to as f64 * (index as f64 + center)
    }

    fn weights(old: usize, new: usize, align: bool, half: bool) -> Vec<Vec<(usize, f64)>> {
        let of = |index| {
            let place = place(old, new, index, align, if half { 0.5 } else { 0.0 }) - if half { 0.5 } else { 0.0 };
            let place = place.clamp(0.0, old as f64 - 1.0);
            let low = place.floor() as usize;
            vec![(low, 1.0 - (place - low as f64)), ((low + 1).min(old - 1), place - low as f64)]
        };
        (0..new).map(of).collect()
    }

    fn nearest(old: usize, new: usize, align: bool, half: bool) -> Vec<Vec<(usize, f64)>> {
        let of = |index| {
            let place = place(old, new, index, align, if half { 0.5 } else { 0.0 });
            let place = if align { (place + 0.5).floor() } else { place.floor() };
            vec![((place as usize).min(old - 1), 1.0)]
        };
        (0..new).map(of).collect()
    }

    type Weights = fn(usize, usize, bool, bool) -> Vec<Vec<(usize, f64)>>;

    fn check(name: &'static str, gradient: &'static str, weights: Weights) {
        for ([batch, height, width, channels], [new_height, new_width]) in SIZES {
            let dims = [batch, new_height, new_width, channels];
            let x = Array::random(&[batch, height, width, channels], 1);
            let dy = Array::random(&dims, 2);
            for (align, half) in [(false, false), (true, false), (false, true)] {
                let (rows, columns) = (weights(height, new_height, align, half), weights(width, new_width, align, half));
                let (values, slopes) = (x.to_f32(), dy.to_f32());
                let (mut y, mut dx) = (vec![0f64; slopes.len()], vec![0f64; values.len()]);
                for index in 0..slopes.len() {
                    let (channel, column) = (index % channels, index / channels % new_width);
                    let (row, image) = (index / channels / new_width % new_height, index / channels / new_width / new_height);
                    for &(r, row_weight) in &rows[row] {
                        for &(c, weight) in &columns[column] {
                            let from = ((image * height + r) * width + c) * channels + channel;
                            y[index] += values[from] as f64 * row_weight * weight;
                            dx[from] += slopes[index] as f64 * row_weight * weight;
                        }
                    }
                }
                let close = |got: &[f32], expected: &[f64]| {
                    for (got, expected) in std::iter::zip(got, expected) {
                        assert!((*got as f64 - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{name} {dims:?}: {got} for {expected}");
                    }
                };
                let run = Run::new(name).input(&x).ints(&[align as i32, half as i32]).output(DType::Float32, &dims);
                run.everywhere(|_, results| close(&results[0].to_f32(), &y));
                if !half {
                    let run = Run::new(gradient).input(&dy).input(&x).ints(&[align as i32]).output(DType::Float32, &x.dims);
                    run.everywhere(|_, results| close(&results[0].to_f32(), &dx));
                }
            }
        }
    }

    #[test]
    fn bilinear_and_its_gradient() {
        check("ResizeBilinear", "ResizeBilinearGrad", weights);
    }

    #[test]
    fn nearest_neighbor_and_its_gradient() {
        check("ResizeNearestNeighbor", "ResizeNearestNeighborGrad", nearest);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let x = Array::random(&[1, 4, 4, 2], 1);
        let fails = |dims: &[usize]| Run::new("ResizeBilinear").input(&x).ints(&[0, 0]).output(DType::Float32, dims).fails();
        assert!(fails(&[1, 2, 2, 3]).contains("expected images"));
        assert!(fails(&[2, 2, 2, 2]).contains("expected images"));
        assert!(fails(&[2, 2, 2]).contains("expected images"));
        let none = Array::f32(&[1, 0, 4, 2], &[]);
        let run = Run::new("ResizeNearestNeighbor").input(&none).ints(&[0, 0]).output(DType::Float32, &[1, 2, 2, 2]);
        assert!(run.fails().contains("expected images"));
        let run = Run::new("ResizeBilinearGrad").input(&x).input(&x).ints(&[0]).output(DType::Float32, &[1, 4, 2, 4]);
        assert!(run.fails().contains("an output of"));
    }
}
