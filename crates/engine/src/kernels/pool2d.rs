//! Pooling of images in NHWC, with the rules of TensorFlow.js: a NaN is never the largest of a window; an average counts only what lies
//! inside of the image, but its gradient divides by the whole window.

use super::Kernel;
use super::strided::for_pieces;
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;
use crate::pool::Shared;
use crate::simd::Simd;
use crate::simd_dispatch;
use std::ops::Range;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("MaxPool", max_pool), ("AvgPool", average_pool), ("MaxPoolGrad", max_pool_gradient), ("AvgPoolGrad", average_pool_gradient)];

/// Along one axis: windows of `size` elements, `stride` apart, the first `before` elements before the image.
#[derive(Clone, Copy, Debug)]
struct Windows {
    size: usize,
    stride: usize,
    before: usize,
    /// Elements of the image.
    image: usize,
    /// How many windows.
    count: usize,
}

impl Windows {
    /// Elements of the image in a window.
    #[inline(always)]
    fn elements(&self, window: usize) -> Range<usize> {
        let start = window * self.stride;
        start.saturating_sub(self.before).min(self.image)..(start + self.size).saturating_sub(self.before).min(self.image)
    }

    /// Windows that an element is in.
    #[inline(always)]
    fn windows(&self, elements: Range<usize>) -> Range<usize> {
        let first = (elements.start + self.before + 1).saturating_sub(self.size).div_ceil(self.stride);
        let end = (elements.end + self.before).div_ceil(self.stride);
        first.min(self.count)..end.min(self.count)
    }
}

#[derive(Clone, Copy)]
struct Geometry {
    batch: usize,
    rows: Windows,
    columns: Windows,
    channels: usize,
}

impl Geometry {
    /// Of images [B, H, W, C] and pooled ones [B, P, Q, C]; ints: sizes of a window (rows, columns), strides, padding before.
    fn new(images: &[usize], pooled: &[usize], ints: &[i32]) -> Result<Geometry> {
        let fits = images.len() == 4 && pooled.len() == 4 && images[0] == pooled[0] && images[3] == pooled[3];
        ensure!(fits, "expected images [B, H, W, C] and as many pooled ones, got {images:?} and {pooled:?}");
        let valid = ints.len() == 6 && ints[..4].iter().all(|&value| value > 0) && ints[4..].iter().all(|&value| value >= 0);
        ensure!(valid, "expected sizes and strides of windows and the padding before them, got {ints:?}");
        let along = |axis: usize| -> Result<Windows> {
            let [size, stride, before] = [0, 2, 4].map(|index| ints[index + axis] as usize);
            let (image, count) = (images[axis + 1], pooled[axis + 1]);
            ensure!(count < usize::MAX >> 33, "expected fewer windows than {count}");
            Ok(Windows { size, stride, before, image, count })
        };
        Ok(Geometry { batch: images[0], rows: along(0)?, columns: along(1)?, channels: images[3] })
    }

    /// Start of a row of the images.
    #[inline(always)]
    fn image(&self, batch: usize, row: usize) -> usize {
        (batch * self.rows.image + row) * self.columns.image * self.channels
    }

    /// Start of a row of the pooled images.
    #[inline(always)]
    fn pooled(&self, batch: usize, row: usize) -> usize {
        (batch * self.rows.count + row) * self.columns.count * self.channels
    }
}

/// Input x [B, H, W, C], output y [B, P, Q, C] of float32; ints: height and width of a window, strides (rows, columns), padding before the
/// image (above, left). A window without a number in it gives minus infinity.
fn max_pool(context: &Context, call: &mut Call) -> Result<()> {
    pool::<true>(context, call)
}

/// As `MaxPool`, with the mean of the elements of a window that lie inside of the image; NaN if there are none.
fn average_pool(context: &Context, call: &mut Call) -> Result<()> {
    pool::<false>(context, call)
}

fn pool<const MAX: bool>(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), y.dims(), call.ints())?;
    let (x, y) = (x.f32()?, Shared::new(y.f32()?));
    let work = geometry.channels.saturating_mul(geometry.rows.size.min(geometry.rows.image + 1)).saturating_mul(4);
    for_pieces(context, geometry.batch * geometry.rows.count, geometry.columns.count, work, |rows, range| {
        for row in rows {
            let (batch, row) = (row / geometry.rows.count, row % geometry.rows.count);
            // SAFETY: rows and pieces do not overlap.
            unsafe {
                let y = y.part(geometry.pooled(batch, row) + range.start * geometry.channels, range.len() * geometry.channels);
                pool_row::<MAX>(context.isa, &geometry, x, y, batch, row, range.start);
            }
        }
    });
    Ok(())
}

/// SAFETY: none is needed beyond that of the instruction set.
unsafe fn pool_row<const MAX: bool>(
    isa: crate::isa::Isa,
    geometry: &Geometry,
    x: &[f32],
    y: &mut [f32],
    batch: usize,
    row: usize,
    first: usize,
) {
    simd_dispatch! {
        unsafe fn max_row(geometry: &Geometry, x: &[f32], y: &mut [f32], batch: usize, row: usize, first: usize) = pool_row_of::<true>;
    }
    simd_dispatch! {
        unsafe fn average_row(geometry: &Geometry, x: &[f32], y: &mut [f32], batch: usize, row: usize, first: usize) = pool_row_of::<false>;
    }
    // SAFETY: by the contract of the function.
    unsafe { if MAX { max_row(isa, geometry, x, y, batch, row, first) } else { average_row(isa, geometry, x, y, batch, row, first) } }
}

/// Pools the windows of a row from `first` on into `y`.
#[inline(always)]
unsafe fn pool_row_of<S: Simd, const MAX: bool>(geometry: &Geometry, x: &[f32], y: &mut [f32], batch: usize, row: usize, first: usize) {
    let channels = geometry.channels;
    let rows = geometry.rows.elements(row);
    for (window, y) in y.chunks_exact_mut(channels).enumerate() {
        y.fill(if MAX { f32::NEG_INFINITY } else { 0.0 });
        let columns = geometry.columns.elements(first + window);
        for row in rows.clone() {
            let start = geometry.image(batch, row);
            for column in columns.clone() {
                let x = &x[start + column * channels..][..channels];
                for (y, &x) in std::iter::zip(&mut *y, x) {
                    *y = if !MAX {
                        *y + x
                    } else if x > *y {
                        x
                    } else {
                        *y
                    };
                }
            }
        }
        if !MAX {
            let count = (rows.len() * columns.len()) as f32;
            y.iter_mut().for_each(|y| *y /= count);
        }
    }
}

/// Inputs dy [B, P, Q, C] and x [B, H, W, C], output dx like x; ints as for `MaxPool`. Of several equal largest elements the first of the
/// window gets the gradient.
fn max_pool_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, dx) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), dy.dims(), call.ints())?;
    ensure!(dx.shape() == x.shape, "expected an output of {:?}, got {:?}", x.shape, dx.shape());
    let (dy, x, dx) = (dy.f32()?, x.f32()?, Shared::new(dx.f32()?));
    for_bands(context, &geometry, |batch, band| {
        let start = geometry.image(batch, band.start);
        // SAFETY: bands do not overlap.
        let dx = unsafe { dx.part(start, geometry.image(batch, band.end) - start) };
        // SAFETY: nothing is needed.
        unsafe { max_gradient_band(context.isa, &geometry, dy, x, dx, batch, band) };
    });
    Ok(())
}

simd_dispatch! {
    /// The gradient of some rows of an image.
    unsafe fn max_gradient_band(geometry: &Geometry, dy: &[f32], x: &[f32], dx: &mut [f32], batch: usize, band: Range<usize>)
        = max_gradient_band_of;
}

/// Goes through the windows in order, so that the sum of an element of dx has one order, wherever the bands are cut.
#[inline(always)]
unsafe fn max_gradient_band_of<S: Simd>(geometry: &Geometry, dy: &[f32], x: &[f32], dx: &mut [f32], batch: usize, band: Range<usize>) {
    let channels = geometry.channels;
    dx.fill(0.0);
    let mut largest = vec![0f32; channels];
    let mut places = vec![0i32; channels];
    for window_row in geometry.rows.windows(band.clone()) {
        let rows = geometry.rows.elements(window_row);
        for window in 0..geometry.columns.count {
            let columns = geometry.columns.elements(window);
            largest.fill(f32::NEG_INFINITY);
            places.fill(-1);
            let elements = || rows.clone().flat_map(|row| columns.clone().map(move |column| (row, column))).zip(0i32..);
            for ((row, column), place) in elements() {
                let x = &x[geometry.image(batch, row) + column * channels..][..channels];
                for ((largest, at), &x) in largest.iter_mut().zip(&mut places).zip(x) {
                    let larger = x > *largest;
                    *at = if larger { place } else { *at };
                    *largest = if larger { x } else { *largest };
                }
            }
            let dy = &dy[geometry.pooled(batch, window_row) + window * channels..][..channels];
            for ((row, column), place) in elements().filter(|((row, _), _)| band.contains(row)) {
                let start = geometry.image(0, row - band.start) + column * channels;
                for ((dx, &at), &dy) in dx[start..start + channels].iter_mut().zip(&places).zip(dy) {
                    *dx += if at == place { dy } else { 0.0 };
                }
            }
        }
    }
}

/// Inputs dy [B, P, Q, C] and x [B, H, W, C], of which only the shape counts, output dx like x; ints as for `MaxPool`.
fn average_pool_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, x, dx) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), dy.dims(), call.ints())?;
    ensure!(dx.shape() == x.shape, "expected an output of {:?}, got {:?}", x.shape, dx.shape());
    let (dy, dx) = (dy.f32()?, Shared::new(dx.f32()?));
    for_bands(context, &geometry, |batch, band| {
        let start = geometry.image(batch, band.start);
        // SAFETY: bands do not overlap.
        let dx = unsafe { dx.part(start, geometry.image(batch, band.end) - start) };
        // SAFETY: nothing is needed.
        unsafe { average_gradient_band(context.isa, &geometry, dy, dx, batch, band) };
    });
    Ok(())
}

simd_dispatch! {
    /// The gradient of some rows of an image.
    unsafe fn average_gradient_band(geometry: &Geometry, dy: &[f32], dx: &mut [f32], batch: usize, band: Range<usize>)
        = average_gradient_band_of;
}

#[inline(always)]
unsafe fn average_gradient_band_of<S: Simd>(geometry: &Geometry, dy: &[f32], dx: &mut [f32], batch: usize, band: Range<usize>) {
    let (channels, width) = (geometry.channels, geometry.columns.image);
    let scale = (1.0 / (geometry.rows.size as f64 * geometry.columns.size as f64)) as f32;
    for (index, dx) in dx.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (band.start + index / width, index % width);
        dx.fill(0.0);
        let columns = geometry.columns.windows(column..column + 1);
        for window_row in geometry.rows.windows(row..row + 1) {
            for window in columns.clone() {
                let dy = &dy[geometry.pooled(batch, window_row) + window * channels..][..channels];
                std::iter::zip(&mut *dx, dy).for_each(|(dx, dy)| *dx += dy);
            }
        }
        dx.iter_mut().for_each(|dx| *dx *= scale);
    }
}

/// Cuts images into bands of rows, high enough that the windows on their edges, which two bands go through, are few.
fn for_bands(context: &Context, geometry: &Geometry, body: impl Fn(usize, Range<usize>) + Sync) {
    let (height, row) = (geometry.rows.image, geometry.columns.image * geometry.channels);
    if row == 0 || height == 0 {
        return;
    }
    let band = ((32 << 10) / row).max(4 * geometry.rows.size).clamp(1, height);
    let bands = height.div_ceil(band);
    // Images that are small enough go to one task together.
    let together = ((16 << 10) / (height * row)).max(1);
    let images = if bands == 1 { together } else { 1 };
    context.pool.run(geometry.batch.div_ceil(images) * bands, |task, _| {
        for batch in task / bands * images..geometry.batch.min((task / bands + 1) * images) {
            body(batch, task % bands * band..height.min((task % bands + 1) * band));
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    struct Case {
        images: [usize; 4],
        pooled: [usize; 4],
        ints: [i32; 6],
    }

    /// Shapes as `computePool2DInfo` makes them, with any padding.
    fn cases() -> Vec<Case> {
        let mut random = Random::new(31);
        let mut cases: Vec<Case> = (0..120)
            .map(|case| {
                let most = if case % 15 == 0 { 40 } else { 9 };
                let mut along = |_| {
                    let (image, size, stride) = (1 + random.below(most), 1 + random.below(4), 1 + random.below(4));
                    let (before, after) = (random.below(size), random.below(size));
                    let count = (image + before + after).saturating_sub(size) / stride + (image + before + after >= size) as usize;
                    (image, size as i32, stride as i32, before as i32, count)
                };
                let (h, w) = (along(0), along(1));
                let (batch, channels) = (random.below(4), [1, 2, 3, 8, 17, 40][random.below(6)]);
                Case { images: [batch, h.0, w.0, channels], pooled: [batch, h.4, w.4, channels], ints: [h.1, w.1, h.2, w.2, h.3, w.3] }
            })
            .collect();
        cases.push(Case { images: [2, 65, 64, 33], pooled: [2, 32, 32, 33], ints: [2, 2, 2, 2, 0, 0] });
        cases.push(Case { images: [40, 14, 14, 8], pooled: [40, 14, 14, 8], ints: [3, 3, 1, 1, 1, 1] });
        // A window that lies in the padding only.
        cases.push(Case { images: [1, 2, 2, 3], pooled: [1, 3, 3, 3], ints: [2, 2, 2, 2, 2, 2] });
        cases
    }

    /// Calls `visit(pooled index, [image index])` for each window, elements in order, as the loops of TensorFlow.js do.
    fn windows(case: &Case, mut visit: impl FnMut(usize, &[usize])) {
        let ([batch, height, width, channels], [_, rows, columns, _]) = (case.images, case.pooled);
        let [fh, fw, sh, sw, top, left] = case.ints.map(|value| value as isize);
        for b in 0..batch {
            for row in 0..rows {
                for column in 0..columns {
                    for c in 0..channels {
                        let (y, x) = (row as isize * sh - top, column as isize * sw - left);
                        let mut inside = vec![];
                        for r in y.max(0)..(y + fh).min(height as isize) {
                            for s in x.max(0)..(x + fw).min(width as isize) {
                                inside.push(((b * height + r as usize) * width + s as usize) * channels + c);
                            }
                        }
                        visit(((b * rows + row) * columns + column) * channels + c, &inside);
                    }
                }
            }
        }
    }

    /// With NaN, infinities and equal numbers.
    fn image(dims: &[usize], seed: u64) -> Array {
        let mut random = Random::new(seed);
        let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let values: Vec<f32> = (0..dims.iter().product())
            .map(|_| if random.below(20) == 0 { special[random.below(3)] } else { random.below(9) as f32 - 4.0 })
            .collect();
        Array::f32(dims, &values)
    }

    fn close(got: &[f32], expected: &[f64], what: &str) {
        for (&got, &expected) in std::iter::zip(got, expected) {
            let same = got as f64 == expected || (got.is_nan() && expected.is_nan());
            assert!(same || (got as f64 - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{what}: {got} for {expected}");
        }
    }

    #[test]
    fn pools() {
        for (seed, case) in cases().iter().enumerate() {
            let x = image(&case.images, seed as u64);
            let values = x.to_f32();
            let size = case.pooled.iter().product();
            let (mut largest, mut means) = (vec![0f64; size], vec![0f64; size]);
            windows(case, |index, inside| {
                largest[index] = inside.iter().fold(f64::NEG_INFINITY, |largest, &from| largest.max(values[from] as f64));
                means[index] = inside.iter().map(|&from| values[from] as f64).sum::<f64>() / inside.len() as f64;
            });
            for (name, expected) in [("MaxPool", &largest), ("AvgPool", &means)] {
                let run = Run::new(name).input(&x).ints(&case.ints).output(DType::Float32, &case.pooled);
                run.everywhere(|_, results| close(&results[0].to_f32(), expected, name));
            }
        }
    }

    #[test]
    fn gradients() {
        for (seed, case) in cases().iter().enumerate() {
            let x = image(&case.images, seed as u64);
            let dy = Array::random(&case.pooled, seed as u64 + 1);
            let (values, slopes) = (x.to_f32(), dy.to_f32());
            let (mut of_largest, mut of_mean) = (vec![0f64; values.len()], vec![0f64; values.len()]);
            let area = case.ints[0] as f64 * case.ints[1] as f64;
            windows(case, |index, inside| {
                let mut found = (f32::NEG_INFINITY, None);
                for &from in inside {
                    of_mean[from] += slopes[index] as f64 / area;
                    if values[from] > found.0 {
                        found = (values[from], Some(from));
                    }
                }
                if let Some(from) = found.1 {
                    of_largest[from] += slopes[index] as f64;
                }
            });
            for (name, expected) in [("MaxPoolGrad", &of_largest), ("AvgPoolGrad", &of_mean)] {
                let run = Run::new(name).input(&dy).input(&x).ints(&case.ints).output(DType::Float32, &case.images);
                run.everywhere(|_, results| close(&results[0].to_f32(), expected, name));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let x = Array::random(&[1, 4, 4, 2], 1);
        let fails = |ints: &[i32], dims: &[usize]| Run::new("MaxPool").input(&x).ints(ints).output(DType::Float32, dims).fails();
        assert!(fails(&[2, 2, 2, 2, 0, 0], &[1, 2, 2, 3]).contains("expected images"));
        assert!(fails(&[2, 2, 2, 2, 0, 0], &[2, 2, 2]).contains("expected images"));
        for ints in [&[2, 2, 0, 2, 0, 0][..], &[2, 2, 2, 2, -1, 0], &[2, 2, 2, 2, 0], &[0, 2, 2, 2, 0, 0], &[2, -2, 2, 2, 0, 0]] {
            assert!(fails(ints, &[1, 2, 2, 2]).contains("sizes and strides"));
        }
        let dy = Array::random(&[1, 2, 2, 2], 1);
        for name in ["MaxPoolGrad", "AvgPoolGrad"] {
            let run = Run::new(name).input(&dy).input(&x).ints(&[2, 2, 2, 2, 0, 0]);
            assert!(run.output(DType::Float32, &[1, 4, 2, 4]).fails().contains("an output of"));
        }
        // Sizes that no memory has are answered and not computed.
        let far = i32::MAX;
        let run = Run::new("MaxPool").input(&x).ints(&[far, far, far, far, far, far]).output(DType::Float32, &[1, 1, 1, 2]);
        run.everywhere(|_, results| assert_eq!(results[0].to_f32(), [f32::NEG_INFINITY; 2]));
    }
}
