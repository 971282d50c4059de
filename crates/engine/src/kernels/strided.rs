//! Copies between strided views. Transposing, slicing, reversing, tiling and joining are all the same loops over axes, with a stride on
//! either side; each kernel only says which.
//!
//! What is contiguous on both sides becomes a block of bytes, and axes that continue each other become one. Then there are three ways:
//! large blocks are copied one by one; small ones in a loop over the last axis; and where the last axis of the destination is not that
//! of the source, squares that fit in the first-level cache are transposed.

use crate::call::Context;
use crate::ensure;
use crate::error::Result;
use crate::simd::{MAX_LANES, Simd};
use crate::simd_dispatch;
use std::ops::Range;

/// Bytes that a task copies: 10 to 30 microseconds.
const TASK_BYTES: usize = 256 << 10;

/// Below this a thread that has to be woken comes too late.
pub const PARALLEL_BYTES: usize = 64 << 10;

/// From here on a block is copied by itself.
const LARGE_BLOCK: usize = 2048;

/// Side of a square that is transposed at a time, in elements.
const SQUARE: usize = 64;

/// Axes of a copy; a tensor has 8, and splitting some of them in two makes more.
const MAX_AXES: usize = 24;

#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    /// Bytes from one element of the axis to the next.
    from: isize,
    to: isize,
}

/// The axes of a copy, with strides in elements: element `(i, j, ...)` goes from `from_start + i from_i + j from_j ...` to
/// `to_start + i to_i + j to_j ...`.
#[derive(Clone, Debug, Default)]
pub struct StridedCopy {
    axes: Vec<(usize, isize, isize)>,
    from_start: isize,
    to_start: isize,
}

impl StridedCopy {
    /// Nothing but the first element.
    pub fn new() -> StridedCopy {
        StridedCopy::default()
    }

    /// Starts elsewhere.
    pub fn starting_at(mut self, from: isize, to: isize) -> StridedCopy {
        self.from_start += from;
        self.to_start += to;
        self
    }

    /// Adds an axis; `to` is positive and at least the extent of the axes that lie within.
    pub fn axis(mut self, size: usize, from: isize, to: isize) -> StridedCopy {
        self.axes.push((size, from, to));
        self
    }

    /// Copies elements of `element` bytes. An error if the axes reach outside of either side, or any two elements have the same destination.
    pub fn run(&self, context: &Context, element: usize, from: &[u8], to: &mut [u8]) -> Result<()> {
        if self.axes.iter().any(|axis| axis.0 == 0) {
            return Ok(());
        }
        self.check(element, from.len(), to.len())?;
        let scale = element as isize;
        let mut axes: Vec<Axis> = self.axes.iter().map(|&(size, from, to)| Axis { size, from: from * scale, to: to * scale }).collect();
        axes.retain(|axis| axis.size > 1);
        axes.sort_by_key(|axis| -axis.to);
        let block = merge(&mut axes, element);
        // SAFETY: checked above.
        unsafe {
            let start = Pointers { from: from.as_ptr(), to: to.as_mut_ptr() }.offset(self.from_start * scale, self.to_start * scale);
            copy(context, &axes, block, start);
        }
        Ok(())
    }

    fn check(&self, element: usize, from_bytes: usize, to_bytes: usize) -> Result<()> {
        let (mut from, mut to) = ((self.from_start, self.from_start), (self.to_start, self.to_start));
        let mut written = Vec::with_capacity(self.axes.len());
        for &(size, from_stride, to_stride) in &self.axes {
            let steps = size as isize - 1;
            let (from_length, to_length) = (steps.saturating_mul(from_stride), steps.saturating_mul(to_stride));
            from.0 = from_length.min(0).saturating_add(from.0);
            from.1 = from_length.max(0).saturating_add(from.1);
            to.1 = to_length.saturating_add(to.1);
            if size > 1 {
                written.push((to_stride, to_length));
            }
        }
        written.sort_unstable();
        let mut extent = 0;
        let distinct = written.iter().all(|&(stride, length)| {
            let apart = stride > extent;
            extent = length.saturating_add(extent);
            apart
        });
        let (from_size, to_size) = ((from_bytes / element) as isize, (to_bytes / element) as isize);
        ensure!(
            self.axes.len() <= MAX_AXES && distinct && from.0 >= 0 && from.1 < from_size && to.0 >= 0 && to.1 < to_size,
            "expected a copy inside of {from_size} elements to as many places of {to_size}, got {self:?}"
        );
        Ok(())
    }
}

/// Strides of a dense tensor, in elements.
pub fn dense_strides(dims: &[usize]) -> Vec<isize> {
    let mut strides = vec![1isize; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis] as isize;
    }
    strides
}

/// Joins axes that continue each other, and takes the innermost away if it is contiguous. Returns the bytes that lie together.
fn merge(axes: &mut Vec<Axis>, element: usize) -> usize {
    let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
    for &axis in axes.iter() {
        let size = axis.size as isize;
        match merged.last_mut() {
            Some(outer) if outer.from == axis.from * size && outer.to == axis.to * size => {
                *outer = Axis { size: outer.size * axis.size, ..axis }
            }
            _ => merged.push(axis),
        }
    }
    *axes = merged;
    match axes.last() {
        Some(&Axis { size, from, to }) if from == element as isize && to == from => {
            axes.pop();
            element * size
        }
        _ => element,
    }
}

/// SAFETY: the axes stay inside of what the pointers point to, and no two elements have the same destination.
unsafe fn copy(context: &Context, axes: &[Axis], block: usize, start: Pointers) {
    if block >= LARGE_BLOCK || axes.is_empty() {
        return for_rows(context, axes, block, 1, |_, place, range| {
            let first = range.start as isize;
            // SAFETY: by the contract of the function; tasks have different destinations.
            unsafe { start.at(place).offset(first, first).copy(range.len()) };
        });
    }
    let (&last, outer) = axes.split_last().expect("not empty");
    if last.to == block as isize
        && block <= 8
        && let Some(index) = outer.iter().position(|axis| axis.from == block as isize)
    {
        // SAFETY: by the contract of the function.
        return unsafe { transpose(context, outer, index, last, block, start) };
    }
    for_rows(context, outer, last.size, block, |_, place, range| {
        let first = range.start as isize;
        // SAFETY: by the contract of the function; tasks have different destinations.
        unsafe { copy_blocks(start.at(place).offset(first * last.from, first * last.to), last, range.len(), block) };
    });
}

/// Offsets in bytes, on either side.
#[derive(Clone, Copy, Default)]
struct Place {
    from: isize,
    to: isize,
}

impl Place {
    fn advance(self, from: isize, to: isize) -> Place {
        Place { from: self.from + from, to: self.to + to }
    }
}

#[derive(Clone, Copy)]
struct Pointers {
    from: *const u8,
    to: *mut u8,
}

// SAFETY: whoever goes through them keeps to the places of its task.
unsafe impl Send for Pointers {}
// SAFETY: as above.
unsafe impl Sync for Pointers {}

impl Pointers {
    /// SAFETY: the place is inside of what is pointed to.
    unsafe fn at(self, place: Place) -> Pointers {
        // SAFETY: by the contract of the function.
        unsafe { self.offset(place.from, place.to) }
    }

    /// SAFETY: as for the pointers' own `add`.
    #[inline(always)]
    unsafe fn offset(self, from: isize, to: isize) -> Pointers {
        // SAFETY: by the contract of the function.
        unsafe { Pointers { from: self.from.offset(from), to: self.to.offset(to) } }
    }

    /// SAFETY: as `copy_nonoverlapping`.
    #[inline(always)]
    unsafe fn copy(self, bytes: usize) {
        // SAFETY: by the contract of the function.
        unsafe { self.from.copy_to_nonoverlapping(self.to, bytes) };
    }

    /// SAFETY: a `T` lies on either side, at whatever alignment.
    #[inline(always)]
    unsafe fn copy_one<T: Copy>(self) {
        // SAFETY: by the contract of the function.
        unsafe { self.to.cast::<T>().write_unaligned(self.from.cast::<T>().read_unaligned()) };
    }
}

/// Calls `body(row, place, range)` for each row (a place on the outer axes) and pieces of `0 .. length`, whose elements have `unit` bytes.
fn for_rows(context: &Context, outer: &[Axis], length: usize, unit: usize, body: impl Fn(usize, Place, Range<usize>) + Sync) {
    let rows = outer.iter().map(|axis| axis.size).product();
    for_pieces(context, rows, length, unit, |rows, range| {
        let mut walk = Walk::new(outer, rows.start);
        for row in rows {
            body(row, walk.place, range.clone());
            walk.step();
        }
    });
}

/// Cuts `rows` rows of `length` elements of `unit` bytes into tasks: `body(rows, range)` gets some rows whole, or a piece of one.
pub fn for_pieces(context: &Context, rows: usize, length: usize, unit: usize, body: impl Fn(Range<usize>, Range<usize>) + Sync) {
    if rows * length * unit == 0 {
        return;
    }
    if rows * length * unit < PARALLEL_BYTES {
        return body(0..rows, 0..length);
    }
    let piece = (TASK_BYTES / unit).clamp(1, length);
    let pieces = length.div_ceil(piece);
    let rows_per_task = if pieces > 1 { 1 } else { (TASK_BYTES / (length * unit)).clamp(1, rows) };
    context.pool.run(rows.div_ceil(rows_per_task) * pieces, |task, _| {
        let (row, start) = (task / pieces * rows_per_task, task % pieces * piece);
        body(row..rows.min(row + rows_per_task), start..length.min(start + piece));
    });
}

/// Copies a row that may be as short as one element, for which the C library is not called.
#[inline(always)]
pub fn copy_row(from: &[u8], to: &mut [u8]) {
    assert_eq!(from.len(), to.len());
    let at = Pointers { from: from.as_ptr(), to: to.as_mut_ptr() };
    // SAFETY: both are that long.
    unsafe {
        match from.len() {
            1 => at.copy_one::<u8>(),
            2 => at.copy_one::<u16>(),
            4 => at.copy_one::<u32>(),
            8 => at.copy_one::<u64>(),
            bytes => at.copy(bytes),
        }
    }
}

/// Goes through the places on some axes in order.
struct Walk<'a> {
    axes: &'a [Axis],
    index: [usize; MAX_AXES],
    place: Place,
}

impl Walk<'_> {
    fn new(axes: &[Axis], mut row: usize) -> Walk<'_> {
        let mut walk = Walk { axes, index: [0; MAX_AXES], place: Place::default() };
        for (axis, index) in std::iter::zip(axes, &mut walk.index).rev() {
            *index = row % axis.size;
            row /= axis.size;
            walk.place = walk.place.advance(*index as isize * axis.from, *index as isize * axis.to);
        }
        walk
    }

    fn step(&mut self) {
        for (axis, index) in std::iter::zip(self.axes, &mut self.index).rev() {
            *index += 1;
            self.place = self.place.advance(axis.from, axis.to);
            if *index < axis.size {
                return;
            }
            *index = 0;
            self.place = self.place.advance(-axis.from * axis.size as isize, -axis.to * axis.size as isize);
        }
    }
}

/// Copies `count` blocks along an axis.
///
/// SAFETY: they are inside of what is pointed to on either side, and do not overlap.
unsafe fn copy_blocks(at: Pointers, axis: Axis, count: usize, block: usize) {
    /// SAFETY: as above.
    #[inline(always)]
    unsafe fn each(at: Pointers, axis: Axis, count: usize, copy: impl Fn(Pointers)) {
        for index in 0..count as isize {
            // SAFETY: by the contract of the function.
            copy(unsafe { at.offset(index * axis.from, index * axis.to) });
        }
    }
    /// SAFETY: as above, and a block is a `T`.
    #[inline(always)]
    unsafe fn each_one<T: Copy>(at: Pointers, axis: Axis, count: usize) {
        // SAFETY: by the contract of the function.
        unsafe {
            if axis.from == 0 && axis.to == size_of::<T>() as isize {
                let value = at.from.cast::<T>().read_unaligned();
                (0..count).for_each(|index| at.to.cast::<T>().add(index).write_unaligned(value));
            } else {
                each(at, axis, count, |at| at.copy_one::<T>());
            }
        }
    }
    // A call of the C library takes longer than the copy of a few bytes: two moves that overlap cover any number of them.
    // SAFETY: by the contract of the function.
    unsafe {
        match block {
            1 => each_one::<u8>(at, axis, count),
            2 => each_one::<u16>(at, axis, count),
            4 => each_one::<u32>(at, axis, count),
            8 => each_one::<u64>(at, axis, count),
            16 => each_one::<u128>(at, axis, count),
            5..8 => each(at, axis, count, |at| {
                let last = block as isize - 4;
                at.copy_one::<u32>();
                at.offset(last, last).copy_one::<u32>();
            }),
            9..16 => each(at, axis, count, |at| {
                let last = block as isize - 8;
                at.copy_one::<u64>();
                at.offset(last, last).copy_one::<u64>();
            }),
            17..=32 => each(at, axis, count, |at| {
                let last = block as isize - 16;
                at.copy_one::<u128>();
                at.offset(last, last).copy_one::<u128>();
            }),
            _ => each(at, axis, count, |at| at.copy(block)),
        }
    }
}

/// Copies where elements that lie together in the source (axis `index` of `outer`) are apart in the destination, and the other way round
/// (`last`).
///
/// SAFETY: as `copy`.
unsafe fn transpose(context: &Context, outer: &[Axis], index: usize, last: Axis, block: usize, start: Pointers) {
    let across = outer[index];
    let squares = across.size.div_ceil(SQUARE);
    let mut outer = outer.to_vec();
    outer.remove(index);
    outer.push(Axis { size: squares, from: across.from * SQUARE as isize, to: across.to * SQUARE as isize });
    let strides = [last.from, across.to].map(|stride| stride / block as isize);
    let vectors = block == 4 && last.from % 4 == 0 && across.to % 4 == 0;
    for_rows(context, &outer, last.size, SQUARE.min(across.size) * block, |row, place, range| {
        let columns = SQUARE.min(across.size - row % squares * SQUARE);
        for first in range.clone().step_by(SQUARE) {
            let rows = SQUARE.min(range.end - first);
            let first = first as isize;
            // SAFETY: by the contract of the function; tasks have different destinations.
            unsafe {
                let at = start.at(place).offset(first * last.from, first * last.to);
                match block {
                    4 if vectors => transpose_vectors(context.isa, at, strides, rows, columns),
                    1 => transpose_elements::<u8>(at, last.from, across.to, 0..rows, 0..columns),
                    2 => transpose_elements::<u16>(at, last.from, across.to, 0..rows, 0..columns),
                    4 => transpose_elements::<u32>(at, last.from, across.to, 0..rows, 0..columns),
                    8 => transpose_elements::<u64>(at, last.from, across.to, 0..rows, 0..columns),
                    _ => {
                        for column in 0..columns as isize {
                            copy_blocks(at.offset(column * block as isize, column * across.to), last, rows, block);
                        }
                    }
                }
            }
        }
    });
}

/// Row `i`, column `j` of the source (rows `from_stride` bytes apart) becomes row `j`, column `i` of the destination (`to_stride`).
///
/// SAFETY: all of them exist on either side.
#[inline(always)]
unsafe fn transpose_elements<T: Copy>(at: Pointers, from_stride: isize, to_stride: isize, rows: Range<usize>, columns: Range<usize>) {
    let size = size_of::<T>() as isize;
    for column in columns {
        for row in rows.clone() {
            let (row, column) = (row as isize, column as isize);
            // SAFETY: by the contract of the function.
            unsafe { at.offset(row * from_stride + column * size, column * to_stride + row * size).copy_one::<T>() };
        }
    }
}

simd_dispatch! {
    /// The same for four bytes, in squares as wide as a vector. Strides in elements.
    ///
    /// SAFETY: as `transpose_elements`.
    unsafe fn transpose_vectors(at: Pointers, strides: [isize; 2], rows: usize, columns: usize) = transpose_vectors_of;
}

#[inline(always)]
unsafe fn transpose_vectors_of<S: Simd>(at: Pointers, strides: [isize; 2], rows: usize, columns: usize) {
    let [from_stride, to_stride] = strides;
    let (whole_rows, whole_columns) = (rows / S::LANES * S::LANES, columns / S::LANES * S::LANES);
    // SAFETY: by the contract of the function.
    unsafe {
        for column in (0..whole_columns).step_by(S::LANES) {
            for row in (0..whole_rows).step_by(S::LANES) {
                let from = at.from.cast::<f32>().offset(row as isize * from_stride).add(column);
                let to = at.to.cast::<f32>().offset(column as isize * to_stride).add(row);
                let mut square = [S::splat(0.0); MAX_LANES];
                (0..S::LANES).for_each(|lane| square[lane] = S::load(from.offset(lane as isize * from_stride)));
                S::transpose(&mut square);
                (0..S::LANES).for_each(|lane| S::store(to.offset(lane as isize * to_stride), square[lane]));
            }
        }
        transpose_elements::<u32>(at, from_stride * 4, to_stride * 4, whole_rows..rows, 0..whole_columns);
        transpose_elements::<u32>(at, from_stride * 4, to_stride * 4, 0..rows, whole_columns..columns);
    }
}
