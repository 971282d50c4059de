//! Convolutions of images in NHWC and their gradients, as products with the matrix of all windows, of which a few rows exist at a time.

use super::Kernel;
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;
use crate::matmul::{Activation, Epilogue, Precision, Product, View, multiply};
use crate::pool::Shared;
use std::ops::Range;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("Conv2D", conv), ("Conv2DBackpropInput", conv_input_gradient), ("Conv2DBackpropFilter", conv_filter_gradient)];

/// Elements of the matrix of windows that exist at once.
const WINDOWS: usize = 1 << 20;

/// Along one axis: `size` taps of the filter, `dilation` apart, applied every `stride` elements, the first `before` elements before the image.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Taps of the filter.
    pub size: usize,
    /// Elements of the image.
    pub image: usize,
    /// Elements of the output.
    pub count: usize,
    stride: usize,
    dilation: usize,
    before: usize,
}

impl Axis {
    /// Element of the image under a tap, if it is not in the padding.
    #[inline(always)]
    pub fn element(&self, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&element| element < self.image)
    }

    /// Output that has an element of the image under a tap.
    #[inline(always)]
    pub fn output(&self, element: usize, tap: usize) -> Option<usize> {
        let distance = (element + self.before).checked_sub(tap * self.dilation)?;
        Some(distance / self.stride).filter(|&output| distance % self.stride == 0 && output < self.count)
    }
}

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Vertically.
    pub rows: Axis,
    /// Horizontally.
    pub columns: Axis,
    /// Channels of the images, and of the output for each filter.
    pub channels: usize,
    /// Channels of the output.
    pub outputs: usize,
}

impl Geometry {
    /// Of images [B, H, W, C], a filter [P, Q, ...] and an output [B, Y, X, O]; ints: strides, dilations, padding above and left.
    pub fn new(images: &[usize], filter: &[usize], output: &[usize], ints: &[i32]) -> Result<Geometry> {
        let fits = images.len() == 4 && filter.len() == 4 && output.len() == 4 && images[0] == output[0];
        ensure!(fits, "expected images [B, H, W, C], a filter [P, Q, C, O] and [B, Y, X, O], got {images:?}, {filter:?} and {output:?}");
        let valid = ints.len() >= 6 && ints[..4].iter().all(|&value| value > 0) && ints[4..6].iter().all(|&value| value >= 0);
        ensure!(valid, "expected strides, dilations and padding, got {ints:?}");
        let small = [images, filter, output].into_iter().flatten().all(|&dim| dim <= i32::MAX as usize);
        ensure!(small, "expected sizes below 2^31, got {images:?}, {filter:?} and {output:?}");
        let sizes = [filter[0], filter[1], images[3], output[2]];
        let row = sizes.iter().try_fold(1usize, |row, &size| row.checked_mul(size)).filter(|&row| row <= isize::MAX as usize / 16);
        ensure!(row.is_some(), "expected windows that fit in memory, got {images:?}, {filter:?} and {output:?}");
        let along = |axis: usize| Axis {
            size: filter[axis],
            image: images[axis + 1],
            count: output[axis + 1],
            stride: ints[axis] as usize,
            dilation: ints[2 + axis] as usize,
            before: ints[4 + axis] as usize,
        };
        Ok(Geometry { batch: images[0], rows: along(0), columns: along(1), channels: images[3], outputs: output[3] })
    }

    /// Values under a window.
    fn window(&self) -> usize {
        self.rows.size * self.columns.size * self.channels
    }

    /// Rows of all output images.
    fn output_rows(&self) -> usize {
        self.batch * self.rows.count
    }

    /// Whether each window is one element of the image, so that the images are the matrix of windows.
    fn is_plain(&self) -> bool {
        let plain = |axis: &Axis| axis.size == 1 && axis.stride == 1 && axis.before == 0 && axis.image == axis.count;
        plain(&self.rows) && plain(&self.columns)
    }

    /// Rows of the output whose windows exist at once. The cut follows from the shapes alone.
    fn rows_at_once(&self) -> usize {
        (WINDOWS / (self.columns.count * self.window()).max(1)).max(1)
    }

    fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, step) = (self.output_rows(), self.rows_at_once());
        (0..rows).step_by(step).map(move |first| first..rows.min(first + step))
    }

    /// Start of a row of an image.
    #[inline(always)]
    pub fn image_row(&self, batch: usize, row: usize) -> usize {
        (batch * self.rows.image + row) * self.columns.image * self.channels
    }

    /// Start of a row of the output.
    #[inline(always)]
    pub fn output_row(&self, batch: usize, row: usize) -> usize {
        (batch * self.rows.count + row) * self.columns.count * self.outputs
    }
}

/// The windows of rows `rows` of the output, one after another: for each tap of the filter the channels under it, zeros in the padding.
fn gather_windows(context: &Context, geometry: &Geometry, x: &[f32], rows: Range<usize>, windows: &mut [f32]) {
    let Geometry { columns, channels, .. } = *geometry;
    let window = geometry.window();
    let row_size = columns.count * window;
    if row_size == 0 {
        return;
    }
    let first = rows.start;
    let windows = Shared::new(windows);
    let each = |row: usize| {
        let (batch, output_row) = (row / geometry.rows.count, row % geometry.rows.count);
        // SAFETY: each row of the output has its own part.
        let to = unsafe { windows.part((row - first) * row_size, row_size) };
        for tap_row in 0..geometry.rows.size {
            let from = geometry.rows.element(output_row, tap_row).map(|image_row| geometry.image_row(batch, image_row));
            for output in 0..columns.count {
                let start = output * window + tap_row * columns.size * channels;
                let to = &mut to[start..start + columns.size * channels];
                match from {
                    Some(from) => gather_row(&columns, channels, output, &x[from..from + columns.image * channels], to),
                    None => to.fill(0.0),
                }
            }
        }
    };
    run_rows(context, rows, row_size, each);
}

/// The channels of an image row that lie under a row of the filter.
#[inline(always)]
fn gather_row(columns: &Axis, channels: usize, output: usize, row: &[f32], to: &mut [f32]) {
    let last = columns.size.wrapping_sub(1);
    if columns.dilation == 1
        && let (Some(first), Some(_)) = (columns.element(output, 0), columns.element(output, last))
    {
        to.copy_from_slice(&row[first * channels..(first + columns.size) * channels]);
        return;
    }
    for (tap, to) in to.chunks_exact_mut(channels).enumerate() {
        match columns.element(output, tap) {
            Some(element) => to.copy_from_slice(&row[element * channels..(element + 1) * channels]),
            None => to.fill(0.0),
        }
    }
}

/// Runs `each(row)` with all threads, several rows of `size` elements in a task where they are small.
pub fn run_rows(context: &Context, rows: Range<usize>, size: usize, each: impl Fn(usize) + Sync) {
    let grain = (super::GRAIN / size.max(1)).max(1);
    context.pool.run_ranges(rows.len(), grain, |range, _| range.for_each(|index| each(rows.start + index)));
}

/// `y = activation(convolution + bias)`.
/// Inputs x [B, H, W, C], filter [P, Q, C, O], bias [O] if given. Output y [B, Y, X, O].
/// Ints: strides (vertical, horizontal), dilations, padding above and left, activation, precision.
fn conv(context: &Context, call: &mut Call) -> Result<()> {
    let (x, filter, y) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), filter.dims(), y.dims(), call.ints())?;
    let (channels, outputs) = (geometry.channels, geometry.outputs);
    ensure!(filter.dims()[2..] == [channels, outputs], "expected a filter [P, Q, {channels}, {outputs}], got {:?}", filter.shape);
    let (activation, precision) = (Activation::from_number(call.int(6)?)?, Precision::from_number(call.int(7)?)?);
    let mut epilogue = Epilogue { activation, ..Epilogue::default() };
    if call.inputs().len() > 2 {
        let bias = call.input(2)?;
        ensure!(bias.size() == outputs, "expected a bias of {outputs} values, got {:?}", bias.shape);
        epilogue.bias = bias.f32()?.as_ptr();
    }
    let (x, filter, y) = (x.f32()?, filter.f32()?, y.f32()?);
    let window = geometry.window();
    let product = |rows: Range<usize>, windows: &[f32], y: &mut [f32]| Product {
        m: rows.len() * geometry.columns.count,
        k: window,
        n: outputs,
        a: View::rows(windows.as_ptr(), window),
        b: View::rows(filter.as_ptr(), outputs),
        c: y[rows.start * geometry.columns.count * outputs..].as_mut_ptr(),
        c_stride: outputs,
        epilogue,
        precision,
    };
    if y.is_empty() {
        return Ok(());
    }
    if geometry.is_plain() {
        // SAFETY: shapes are checked above, and the output is ours.
        return unsafe { multiply(context, &product(0..geometry.output_rows(), x, y)) };
    }
    let mut memory = Windows::new(context, &geometry)?;
    for rows in geometry.pieces() {
        let windows = memory.of_rows(&rows);
        gather_windows(context, &geometry, x, rows.clone(), windows);
        // SAFETY: as above.
        unsafe { multiply(context, &product(rows, windows, y))? };
    }
    Ok(())
}

/// Memory for the windows that exist at once.
struct Windows<'a> {
    memory: crate::memory::Scratch<'a>,
    row: usize,
    most: usize,
}

impl<'a> Windows<'a> {
    fn new(context: &Context<'a>, geometry: &Geometry) -> Result<Windows<'a>> {
        let row = geometry.columns.count * geometry.window();
        let most = geometry.rows_at_once().min(geometry.output_rows());
        Ok(Windows { memory: context.allocator.scratch(row * most * 4)?, row, most })
    }

    fn of_rows(&mut self, rows: &Range<usize>) -> &mut [f32] {
        assert!(rows.len() <= self.most);
        // SAFETY: the memory holds that many.
        unsafe { std::slice::from_raw_parts_mut(self.memory.data().cast(), rows.len() * self.row) }
    }
}

/// Gradient of `Conv2D` for x. Inputs dy [B, Y, X, O], filter [P, Q, C, O]. Output dx [B, H, W, C].
/// Ints: strides, dilations, padding above and left, precision.
fn conv_input_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (dy, filter, dx) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(dx.dims(), filter.dims(), dy.dims(), call.ints())?;
    let Geometry { columns, channels, outputs, .. } = geometry;
    ensure!(filter.dims()[2..] == [channels, outputs], "expected a filter [P, Q, {channels}, {outputs}], got {:?}", filter.shape);
    let precision = Precision::from_number(call.int(6)?)?;
    let (dy, filter, dx) = (dy.f32()?, filter.f32()?, dx.f32()?);
    let window = geometry.window();
    let product = |rows: Range<usize>, c: &mut [f32]| Product {
        m: rows.len() * columns.count,
        k: outputs,
        n: window,
        a: View::rows(dy[rows.start * columns.count * outputs..].as_ptr(), outputs),
        b: View::rows(filter.as_ptr(), outputs).transposed(),
        c: c.as_mut_ptr(),
        c_stride: window,
        epilogue: Epilogue::default(),
        precision,
    };
    if geometry.is_plain() {
        // SAFETY: shapes are checked above, and the output is ours.
        return unsafe { multiply(context, &product(0..geometry.output_rows(), dx)) };
    }
    dx.fill(0.0);
    if dy.is_empty() || dx.is_empty() {
        return Ok(());
    }
    let shared = Shared::new(dx);
    let mut memory = Windows::new(context, &geometry)?;
    for rows in geometry.pieces() {
        let windows = memory.of_rows(&rows);
        // SAFETY: as above.
        unsafe { multiply(context, &product(rows.clone(), windows))? };
        let windows = &*windows;
        // Every row of the images that has a part in these windows gathers it: tasks write to different rows.
        let images = rows.start / geometry.rows.count..(rows.end - 1) / geometry.rows.count + 1;
        let image_rows = images.start * geometry.rows.image..images.end * geometry.rows.image;
        let row_size = columns.image * channels;
        run_rows(context, image_rows, row_size.saturating_mul(geometry.rows.size * columns.size), |image_row| {
            let (batch, row) = (image_row / geometry.rows.image, image_row % geometry.rows.image);
            // SAFETY: each task has its own rows.
            let to = unsafe { shared.part(image_row * row_size, row_size) };
            for tap_row in 0..geometry.rows.size {
                let Some(output_row) = geometry.rows.output(row, tap_row) else { continue };
                let Some(index) = (batch * geometry.rows.count + output_row).checked_sub(rows.start) else { continue };
                if index >= rows.len() {
                    continue;
                }
                for (element, to) in to.chunks_exact_mut(channels).enumerate() {
                    for tap in 0..columns.size {
                        let Some(output) = columns.output(element, tap) else { continue };
                        let start = (index * columns.count + output) * window + (tap_row * columns.size + tap) * channels;
                        to.iter_mut().zip(&windows[start..start + channels]).for_each(|(sum, x)| *sum += x);
                    }
                }
            }
        });
    }
    Ok(())
}

/// Gradient of `Conv2D` for the filter. Inputs x [B, H, W, C], dy [B, Y, X, O]. Output dfilter [P, Q, C, O].
/// Ints: strides, dilations, padding above and left, precision.
fn conv_filter_gradient(context: &Context, call: &mut Call) -> Result<()> {
    let (x, dy, dfilter) = (call.input(0)?, call.input(1)?, call.output(0)?);
    let geometry = Geometry::new(x.dims(), dfilter.dims(), dy.dims(), call.ints())?;
    let Geometry { columns, channels, outputs, .. } = geometry;
    ensure!(dfilter.dims()[2..] == [channels, outputs], "expected a filter [P, Q, {channels}, {outputs}], got {:?}", dfilter.shape());
    let precision = Precision::from_number(call.int(6)?)?;
    let (x, dy, dfilter) = (x.f32()?, dy.f32()?, dfilter.f32()?);
    let window = geometry.window();
    let mut product = |rows: Range<usize>, windows: &[f32]| Product {
        m: window,
        k: rows.len() * columns.count,
        n: outputs,
        a: View::rows(windows.as_ptr(), window).transposed(),
        b: View::rows(dy[rows.start * columns.count * outputs..].as_ptr(), outputs),
        c: dfilter.as_mut_ptr(),
        c_stride: outputs,
        epilogue: Epilogue { accumulate: rows.start > 0, ..Epilogue::default() },
        precision,
    };
    if dy.is_empty() || geometry.is_plain() {
        // SAFETY: shapes are checked above, and the output is ours.
        return unsafe { multiply(context, &product(0..geometry.output_rows(), x)) };
    }
    let mut memory = Windows::new(context, &geometry)?;
    for rows in geometry.pieces() {
        let windows = memory.of_rows(&rows);
        gather_windows(context, &geometry, x, rows.clone(), windows);
        // SAFETY: as above.
        unsafe { multiply(context, &product(rows, windows))? };
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    /// A convolution in float64: for every pair of an output and an element of the image under it, `visit(output, image, filter)` with their
    /// places in memory. With a multiplier each channel has filters of its own.
    pub struct Case {
        pub x: Vec<usize>,
        pub filter: Vec<usize>,
        pub y: Vec<usize>,
        pub ints: Vec<i32>,
    }

    impl Case {
        pub fn random(random: &mut Random, depthwise: bool) -> Case {
            let mut pick = |least: usize, most: usize| least + random.below(most - least + 1);
            let (batch, channels, outputs) = (pick(1, 3), pick(1, 20), pick(1, 4));
            let mut x = vec![batch];
            let (mut filter, mut y, mut ints) = (vec![], vec![batch], [1; 6]);
            for axis in 0..2 {
                let (image, size, stride, dilation) = (pick(1, 12), pick(1, 4), pick(1, 3), pick(1, 2));
                let (before, after) = (pick(0, 3), pick(0, 3));
                let span = (size - 1) * dilation + 1;
                x.push(image);
                filter.push(size);
                y.push((image + before + after).checked_sub(span).map_or(0, |left| left / stride + 1));
                (ints[axis], ints[2 + axis], ints[4 + axis]) = (stride as i32, dilation as i32, before as i32);
            }
            x.push(channels);
            filter.extend([channels, outputs]);
            y.push(if depthwise { channels * outputs } else { outputs });
            Case { x, filter, y, ints: ints.to_vec() }
        }

        pub fn visit(&self, depthwise: bool, mut visit: impl FnMut(usize, usize, usize)) {
            let (x, filter, y) = (&self.x, &self.filter, &self.y);
            let element = |axis: usize, output: usize, tap: usize| {
                let place = output as i32 * self.ints[axis] + tap as i32 * self.ints[2 + axis] - self.ints[4 + axis];
                usize::try_from(place).ok().filter(|&place| place < x[axis + 1])
            };
            for place in 0..y.iter().product() {
                let (output, at) = (place % y[3], place / y[3]);
                let (column, row, batch) = (at % y[2], at / y[2] % y[1], at / y[2] / y[1]);
                for tap in 0..filter[0] * filter[1] {
                    let (Some(i), Some(j)) = (element(0, row, tap / filter[1]), element(1, column, tap % filter[1])) else { continue };
                    let image = ((batch * x[1] + i) * x[2] + j) * x[3];
                    if depthwise {
                        visit(place, image + output / filter[3], tap * y[3] + output);
                        continue;
                    }
                    (0..x[3]).for_each(|channel| visit(place, image + channel, (tap * x[3] + channel) * filter[3] + output));
                }
            }
        }
    }

    /// Compares forward and both gradients of the kernels with the case.
    pub fn expect_case(names: [&'static str; 3], case: &Case, depthwise: bool, more: &[&[i32]; 2]) {
        let (x, filter, dy) = (Array::random(&case.x, 1), Array::random(&case.filter, 2), Array::random(&case.y, 3));
        let [x_values, filter_values, dy_values] = [&x, &filter, &dy].map(Array::to_f32);
        let (mut y, mut dx, mut dfilter) = (vec![0.0f64; dy.size()], vec![0.0f64; x.size()], vec![0.0f64; filter.size()]);
        case.visit(depthwise, |output, image, tap| {
            y[output] += f64::from(x_values[image]) * f64::from(filter_values[tap]);
            dx[image] += f64::from(dy_values[output]) * f64::from(filter_values[tap]);
            dfilter[tap] += f64::from(dy_values[output]) * f64::from(x_values[image]);
        });
        let ints = |more: &[i32]| [&case.ints[..], more].concat();
        let runs = [
            (Run::new(names[0]).input(&x).input(&filter).output(DType::Float32, &case.y).ints(&ints(more[0])), y),
            (Run::new(names[1]).input(&dy).input(&filter).output(DType::Float32, &case.x).ints(&ints(more[1])), dx),
            (Run::new(names[2]).input(&x).input(&dy).output(DType::Float32, &case.filter).ints(&ints(more[1])), dfilter),
        ];
        for (name, (run, expected)) in names.iter().zip(runs) {
            run.everywhere(|isa, arrays| {
                for (got, expected) in arrays[0].to_f32().into_iter().zip(&expected) {
                    let close = (f64::from(got) - expected).abs() <= 1e-4 * (1.0 + expected.abs());
                    assert!(close, "{isa} {name} {:?} {:?} {:?}: expected {expected}, got {got}", case.x, case.filter, case.ints);
                }
            });
        }
    }

    const NAMES: [&str; 3] = ["Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"];
    const MORE: [&[i32]; 2] = [&[0, 0], &[0]];

    #[test]
    fn convolutions_of_all_kinds() {
        let mut random = Random::new(7);
        (0..60).for_each(|_| expect_case(NAMES, &Case::random(&mut random, false), false, &MORE));
    }

    #[test]
    fn a_convolution_whose_windows_exist_in_pieces() {
        let ints = vec![1, 1, 1, 1, 1, 1];
        let case = Case { x: vec![3, 60, 50, 40], filter: vec![3, 3, 40, 5], y: vec![3, 60, 50, 5], ints };
        assert!(Geometry::new(&case.x, &case.filter, &case.y, &case.ints).unwrap().pieces().count() > 2);
        expect_case(NAMES, &case, false, &MORE);
    }

    #[test]
    fn one_by_one_and_empty() {
        for (x, filter, y) in [
            ([2, 5, 6, 7], [1, 1, 7, 3], [2, 5, 6, 3]),
            ([0, 5, 6, 7], [1, 1, 7, 3], [0, 5, 6, 3]),
            ([0, 5, 6, 7], [3, 3, 7, 3], [0, 3, 4, 3]),
            ([2, 5, 6, 0], [3, 3, 0, 3], [2, 3, 4, 3]),
            ([2, 5, 6, 2], [3, 3, 2, 0], [2, 3, 4, 0]),
            ([2, 0, 6, 2], [1, 3, 2, 4], [2, 0, 4, 4]),
            ([2, 2, 2, 2], [0, 0, 2, 4], [2, 2, 2, 4]),
        ] {
            let case = Case { x: x.to_vec(), filter: filter.to_vec(), y: y.to_vec(), ints: vec![1, 1, 1, 1, 0, 0] };
            expect_case(NAMES, &case, false, &MORE);
        }
    }

    #[test]
    fn bias_and_activation_are_folded_in() {
        let (x, filter, bias) = (Array::random(&[1, 4, 4, 3], 1), Array::random(&[3, 3, 3, 5], 2), Array::random(&[5], 3));
        let plain = Run::new("Conv2D").input(&x).input(&filter).output(DType::Float32, &[1, 2, 2, 5]);
        plain.clone().ints(&[1, 1, 1, 1, 0, 0, 0, 0]).everywhere(|isa, arrays| {
            let bias_values = bias.to_f32();
            let expected: Vec<f32> = arrays[0].to_f32().iter().enumerate().map(|(i, x)| (x + bias_values[i % 5]).max(0.0)).collect();
            let folded = plain.clone().input(&bias).ints(&[1, 1, 1, 1, 0, 0, 1, 0]).on(isa, 1).unwrap();
            assert_eq!(folded[0].to_f32(), expected, "{isa}");
        });
    }

    #[test]
    fn operands_that_do_not_fit_are_errors() {
        let (x, filter) = (Array::random(&[1, 4, 4, 3], 1), Array::random(&[3, 3, 3, 5], 2));
        let fails =
            |ints: &[i32], dims: &[usize]| Run::new("Conv2D").input(&x).input(&filter).ints(ints).output(DType::Float32, dims).fails();
        assert!(fails(&[1, 1, 1, 1, 0, 0, 0, 0], &[1, 2, 2, 4]).contains("expected a filter"));
        assert!(fails(&[1, 1, 1, 1, 0, 0, 0, 0], &[2, 2, 2, 5]).contains("expected images"));
        assert!(fails(&[0, 1, 1, 1, 0, 0, 0, 0], &[1, 2, 2, 5]).contains("strides"));
        assert!(fails(&[1, 1, 1, 1, -1, 0, 0, 0], &[1, 2, 2, 5]).contains("padding"));
        assert!(fails(&[1, 1, 1, 1, 0, 0], &[1, 2, 2, 5]).contains("attribute"));
        let far = i32::MAX;
        let run = Run::new("Conv2D").input(&x).input(&filter).ints(&[far, far, far, far, far, far, 0, 0]);
        assert!(run.output(DType::Float32, &[1, 2, 2, 5]).on(crate::isa::Isa::Portable, 1).is_ok());
    }
}
