//! Moving elements between the axes of an image and its channels or its batch.

use super::Kernel;
use super::strided::{StridedCopy, dense_strides};
use crate::call::{Call, Context};
use crate::ensure;
use crate::error::Result;

/// Of this file.
pub const KERNELS: &[(&str, Kernel)] =
    &[("DepthToSpace", depth_to_space), ("SpaceToBatchND", space_to_batch), ("BatchToSpaceND", batch_to_space)];

/// Input x [B, H, W, s s C] of any type, output y [B, H s, W s, C]; ints: s.
fn depth_to_space(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y, block) = (call.input(0)?, call.output(0)?, call.size(0)?);
    ensure!(x.shape.rank() == 4 && y.shape().rank() == 4, "expected images of four axes, got {:?} and {:?}", x.shape, y.shape());
    let (x_dims, y_dims) = (x.dims(), y.dims());
    let fits = x.dtype == y.dtype()
        && (1..=1 << 16).contains(&block)
        && y_dims[0] == x_dims[0]
        && y_dims[1] == x_dims[1] * block
        && y_dims[2] == x_dims[2] * block
        && x_dims[3] == y_dims[3] * block * block;
    ensure!(fits, "expected an output of {:?} with blocks of {block}, got {:?}", x.shape, y.shape());
    let [_, height, width, depth] = [0, 1, 2, 3].map(|axis| x_dims[axis]);
    let (row, channels) = (y_dims[2] * y_dims[3], y_dims[3]);
    let signed = |value: usize| value as isize;
    let copy = StridedCopy::new()
        .axis(x_dims[0] * height, signed(width * depth), signed(block * row))
        .axis(block, signed(block * channels), signed(row))
        .axis(width, signed(depth), signed(block * channels))
        .axis(block * channels, 1, 1);
    copy.run(context, x.dtype.size(), x.bytes(), y.bytes())
}

/// Input x [B, S.., ...] of any type, output y [B p, T.., ...] where p is the product of the blocks and T_i = (S_i + edges) / block_i; ints:
/// blocks, one for each axis S, then how much comes before x on each. Zeros come where x is not. `y[(i_1 .. i_n, b), t..] =
/// x[b, t block + i - before, ...]`.
fn space_to_batch(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(x.dtype == y.dtype(), "expected one type, got {:?} and {:?}", x.dtype, y.dtype());
    let copies = block_copies(x.dims(), y.dims(), call.ints(), false)?;
    let to = y.bytes();
    let zero = StridedCopy::new().axis(to.len(), 0, 1);
    zero.run(context, 1, &[0], to)?;
    copies.iter().try_for_each(|copy| copy.run(context, x.dtype.size(), x.bytes(), to))
}

/// Input x [B p, T.., ...] of any type, output y [B, S.., ...], the other way round; ints: blocks, one for each axis S, then how much of the
/// front of each is cut away. Every element of y must have one in x.
fn batch_to_space(context: &Context, call: &mut Call) -> Result<()> {
    let (x, y) = (call.input(0)?, call.output(0)?);
    ensure!(x.dtype == y.dtype(), "expected one type, got {:?} and {:?}", x.dtype, y.dtype());
    let copies = block_copies(y.dims(), x.dims(), call.ints(), true)?;
    let to = y.bytes();
    copies.iter().try_for_each(|copy| copy.run(context, x.dtype.size(), x.bytes(), to))
}

/// For each place in a block the copy of the elements of `space` at that place to their part of `batch`, or the other way if it is `swapped`.
fn block_copies(space: &[usize], batch: &[usize], ints: &[i32], swapped: bool) -> Result<Vec<StridedCopy>> {
    let (sizes, before) = ints.split_at(ints.len() / 2);
    let axes = sizes.len();
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?)).unwrap_or(0);
    let fits = sizes.len() == before.len()
        && space.len() == batch.len()
        && axes < space.len()
        && product > 0
        && product.checked_mul(space[0]) == Some(batch[0])
        && space[axes + 1..] == batch[axes + 1..]
        && (0..axes).all(|axis| {
            let whole = batch[axis + 1].checked_mul(sizes[axis] as usize);
            before[axis] >= 0 && whole.is_some_and(|whole| before[axis] as usize + space[axis + 1] <= whole)
        });
    ensure!(fits, "expected {space:?} in blocks of {sizes:?} behind {before:?} in a batch, got {batch:?}");
    if space.contains(&0) {
        return Ok(vec![]);
    }
    let (space_strides, batch_strides) = (dense_strides(space), dense_strides(batch));
    let sides = |space: isize, batch: isize| if swapped { (batch, space) } else { (space, batch) };
    let copy_of = |part: usize| {
        let (from, to) = sides(0, (part * space[0]) as isize * batch_strides[0]);
        let mut copy = StridedCopy::new().starting_at(from, to);
        let mut rest = part;
        for axis in (0..space.len()).rev() {
            let (mut start, mut first, mut size, mut step) = (0, 0, space[axis], 1);
            if (1..=axes).contains(&axis) {
                step = sizes[axis - 1] as usize;
                let (place, before) = (rest % step, before[axis - 1] as usize);
                rest /= step;
                // The first block whose element at this place is not before the axis, and how many there are from it.
                first = before.saturating_sub(place).div_ceil(step);
                start = first * step + place - before;
                size = space[axis].saturating_sub(start).div_ceil(step);
            }
            let (from, to) = sides(start as isize * space_strides[axis], first as isize * batch_strides[axis]);
            let (from_stride, to_stride) = sides(step as isize * space_strides[axis], batch_strides[axis]);
            copy = copy.starting_at(from, to).axis(size, from_stride, to_stride);
        }
        copy
    };
    Ok((0..product).map(copy_of).collect())
}

#[cfg(test)]
mod tests {
    use crate::call::DType;
    use crate::testing::{Array, Random, Run};

    #[test]
    fn depth_becomes_space() {
        for (batch, height, width, block, channels) in
            [(2, 3, 4, 2, 3), (1, 5, 2, 3, 1), (2, 40, 41, 2, 8), (1, 0, 3, 2, 1), (1, 2, 3, 1, 4)]
        {
            let x = Array::random(&[batch, height, width, block * block * channels], 1);
            let values = x.to_f32();
            let dims = [batch, height * block, width * block, channels];
            let mut expected = vec![];
            for row in 0..batch * height * block {
                for column in 0..width * block {
                    let (from_row, from_column) = (row / block, column / block);
                    let first = (from_row * width + from_column) * block * block * channels;
                    let offset = (row % block * block + column % block) * channels;
                    expected.extend_from_slice(&values[first + offset..first + offset + channels]);
                }
            }
            Run::new("DepthToSpace").input(&x).ints(&[block as i32]).output(DType::Float32, &dims).everywhere(|_, results| {
                assert_eq!(results[0].to_f32(), expected);
            });
        }
    }

    #[test]
    fn space_becomes_batch_and_comes_back() {
        let mut random = Random::new(2);
        for case in 0..150 {
            let axes = 1 + random.below(3);
            let most = if case % 20 == 0 { 20 } else { 6 };
            let batch = 1 + random.below(3);
            let sizes: Vec<usize> = (0..axes).map(|_| 1 + random.below(3)).collect();
            let before: Vec<usize> = (0..axes).map(|_| random.below(4)).collect();
            let blocks: Vec<usize> = (0..axes).map(|axis| (before[axis] + 1 + random.below(most)).div_ceil(sizes[axis])).collect();
            let space: Vec<usize> = (0..axes)
                .map(|axis| blocks[axis] * sizes[axis] - before[axis] - random.below(2).min(blocks[axis] * sizes[axis] - before[axis]))
                .collect();
            let rest: Vec<usize> = (0..random.below(2)).map(|_| 1 + random.below(4)).collect();
            let channels: usize = rest.iter().product();
            let product: usize = sizes.iter().product();
            let x = Array::random(&[&[batch][..], &space, &rest].concat(), case);
            let dims = [&[batch * product][..], &blocks, &rest].concat();
            let values = x.to_f32();
            let mut expected = vec![0.0; dims.iter().product()];
            for (place, value) in expected.chunks_mut(channels).enumerate() {
                let (mut index, mut source, mut stride) = (place, 0, 1);
                let mut place = vec![0; axes];
                for axis in (0..axes).rev() {
                    place[axis] = index % blocks[axis];
                    index /= blocks[axis];
                }
                let (mut part, image) = (index / batch, index % batch);
                let mut inside = true;
                for axis in (0..axes).rev() {
                    let at = (place[axis] * sizes[axis] + part % sizes[axis]) as isize - before[axis] as isize;
                    part /= sizes[axis];
                    inside &= (0..space[axis] as isize).contains(&at);
                    source += at.max(0) as usize * stride;
                    stride *= space[axis];
                }
                if inside {
                    let first = (source + image * stride) * channels;
                    value.copy_from_slice(&values[first..first + channels]);
                }
            }
            let ints: Vec<i32> = sizes.iter().chain(&before).map(|&value| value as i32).collect();
            let expected = Array::f32(&dims, &expected);
            Run::new("SpaceToBatchND").input(&x).ints(&ints).output(DType::Float32, &dims).everywhere(|_, results| {
                assert_eq!(results[0], expected);
            });
            Run::new("BatchToSpaceND").input(&expected).ints(&ints).output(DType::Float32, &x.dims).everywhere(|_, results| {
                assert_eq!(results[0], x);
            });
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_an_error() {
        let x = Array::random(&[2, 4, 4, 4], 1);
        let fails = |name, ints: &[i32], dims: &[usize]| Run::new(name).input(&x).ints(ints).output(DType::Float32, dims).fails();
        assert!(fails("DepthToSpace", &[2], &[2, 8, 8, 2]).contains("blocks of 2"));
        assert!(fails("DepthToSpace", &[0], &[2, 0, 0, 4]).contains("blocks of 0"));
        assert!(fails("DepthToSpace", &[2], &[2, 8, 8]).contains("four axes"));
        for (ints, dims) in [
            (&[2, 2, 0, 0][..], [8, 2, 2, 3]),
            (&[2, 2, 1, 0], [8, 2, 2, 4]),
            (&[2, 2, -1, 0], [8, 2, 2, 4]),
            (&[0, 2, 0, 0], [0, 2, 2, 4]),
            (&[-2, -2, 0, 0], [8, 2, 2, 4]),
            (&[2, 2, 0], [8, 2, 2, 4]),
            (&[i32::MAX, i32::MAX, i32::MAX, 0, 0, 0], [8, 2, 2, 4]),
        ] {
            assert!(fails("SpaceToBatchND", ints, &dims).contains("in blocks of"), "{ints:?}");
            assert!(fails("BatchToSpaceND", ints, &dims).contains("in blocks of"), "{ints:?}");
        }
    }
}
