//! Products with a side of a few lines: generation multiplies one row, or a few, by every weight. The wide operand is read once, as it lies
//! in memory, and sums have the order of the blocked product: block by block of K, one after another within.

use super::arithmetic::{Arithmetic, AsItIs, Float32, Rounded};
use super::blocked::Workers;
use super::blocking::{Panels, block_of};
use super::epilogue::{Finished, finish};
use super::pack::{Pack, SLACK};
use super::tile::TileSet;
use super::{Precision, Product, View};
use crate::error::Result;
use crate::isa::Isa;
use crate::memory::Allocator;
use crate::pool::Shared;
use crate::simd::{MAX_LANES, Simd};
use crate::simd_dispatch;

/// Most lines of the narrow side.
pub const MOST: usize = 8;

/// Elements of the wide operand that a task reads: some ten microseconds of memory traffic.
const TASK: usize = 128 << 10;

/// Elements of the wide operand below which other threads are not worth waking.
const SMALL: usize = 32 << 10;

/// Rows of memory that are read side by side where lines lie across them.
const ROWS: usize = 8;

/// Part of a block of K.
struct Part {
    /// First line of the part at the first value of the block.
    wide: *const f32,
    line_stride: usize,
    k_stride: usize,
    /// Lines and values of K.
    lines: usize,
    k: usize,
    /// The narrow lines side by side for each value of the block.
    narrow: *const f32,
    /// Where the sums of the first narrow line go; those of the next are `sums_stride` further.
    sums: *mut f32,
    sums_stride: usize,
}

/// SAFETY: as for `multiply`. Neither m, n nor k is zero, and m or n is at most `MOST`.
pub unsafe fn multiply_narrow(isa: Isa, workers: Workers, allocator: &Allocator, product: &Product) -> Result<()> {
    let &Product { m, k, n, a, b, c, c_stride, epilogue, precision, .. } = product;
    let rows_are_narrow = m <= n;
    let (narrow, wide, count, lines) = if rows_are_narrow { (a, b.transposed(), m, n) } else { (b.transposed(), a, n, m) };
    let width = count.next_power_of_two();
    let block = block_of(k);
    let blocks = k.div_ceil(block);

    // The narrow lines side by side, then the sums of each block, `[blocks, width, lines]`.
    let sums_at = (k * width).next_multiple_of(16) + SLACK / 4;
    let memory = allocator.scratch((sums_at + blocks * width * lines) * 4)?;
    let packed = memory.data().cast::<f32>();
    let set = if precision == Precision::BFloat16 { TileSet::rounded(isa) } else { TileSet::float32(isa) };
    // SAFETY: the memory holds both; lines that are not there repeat the last one or are zero.
    let sums = unsafe {
        let panels = Panels::filled_up(count, width, width);
        let View { data: source, row_stride: line_stride, column_stride: k_stride, activation } = narrow;
        (set.pack)(&Pack { source, line_stride, k_stride, k, panels, first: 0, last: 1, to: packed, activation });
        Shared::new(std::slice::from_raw_parts_mut(packed.add(sums_at), blocks * width * lines))
    };
    let packed = View::rows(packed, width);

    let pieces = (block.min(k) * lines).div_ceil(TASK).max(1);
    let piece = lines.div_ceil(pieces).next_multiple_of(4 * MAX_LANES);
    let pieces = lines.div_ceil(piece);
    let workers = if k * lines <= SMALL { Workers::Caller } else { workers };
    workers.run(blocks * pieces, |task, _| {
        let (index, first) = (task / pieces, task % pieces * piece);
        // SAFETY: each task has its own sums; the instruction set is one of this processor.
        unsafe {
            let part = Part {
                wide: wide.at(first, index * block),
                line_stride: wide.row_stride,
                k_stride: wide.column_stride,
                lines: piece.min(lines - first),
                k: block.min(k - index * block),
                narrow: packed.at(index * block, 0),
                sums: sums.get().add(index * width * lines + first),
                sums_stride: lines,
            };
            sum_part(isa, precision, width, &part);
        }
    });

    // SAFETY: the sums are complete, and the result is ours.
    unsafe {
        let mut block_sums = vec![std::ptr::null(); blocks];
        for line in 0..count {
            for (index, at) in block_sums.iter_mut().enumerate() {
                *at = sums.get().add((index * width + line) * lines).cast_const();
            }
            let (to, stride) = if rows_are_narrow { (c.add(line * c_stride), 1) } else { (c.add(line), c_stride) };
            add_blocks(isa, &block_sums, lines, to, stride, epilogue.accumulate);
        }
        if !epilogue.is_plain() {
            finish(isa, &epilogue, &Finished { c, c_stride, row: 0, column: 0, rows: m, columns: n, n });
        }
    }
    Ok(())
}

/// Adds the sums of the blocks in order, to zero or to what is there.
#[inline(always)]
unsafe fn add_blocks_generic<S: Simd>(blocks: &[*const f32], lines: usize, to: *mut f32, stride: usize, accumulate: bool) {
    for line in 0..lines {
        // SAFETY: by the contract of the caller.
        unsafe {
            let to = to.add(line * stride);
            let (first, rest) = if accumulate { (*to, blocks) } else { (*blocks[0].add(line), &blocks[1..]) };
            *to = rest.iter().fold(first, |sum, block| sum + *block.add(line));
        }
    }
}

simd_dispatch! { unsafe fn add_blocks(blocks: &[*const f32], lines: usize, to: *mut f32, stride: usize, accumulate: bool) = add_blocks_generic; }

/// SAFETY: the pointers of the part are good for its sizes.
unsafe fn sum_part(isa: Isa, precision: Precision, width: usize, part: &Part) {
    let sum = match (precision, part.k_stride == 1) {
        (Precision::Float32, true) => [along_1, along_2, along_4, along_8],
        (Precision::Float32, false) => [across_1, across_2, across_4, across_8],
        (Precision::BFloat16, true) => [rounded_along_1, rounded_along_2, rounded_along_4, rounded_along_8],
        (Precision::BFloat16, false) => [rounded_across_1, rounded_across_2, rounded_across_4, rounded_across_8],
    };
    // SAFETY: by the contract of the function.
    unsafe { sum[width.trailing_zeros() as usize](isa, part) }
}

/// Lines that lie along K: squares are transposed in registers.
#[inline(always)]
unsafe fn along<S: Simd, A: Arithmetic<S>, const WIDTH: usize>(part: &Part) {
    let &Part { wide, line_stride, lines, k, narrow, sums: to, sums_stride, .. } = part;
    let mut line = 0;
    while line < lines {
        let count = S::LANES.min(lines - line);
        // SAFETY: by the contract of `Part`; lines that are not there repeat the last one.
        unsafe {
            let mut sums = [S::splat(0.0); WIDTH];
            let mut value = 0;
            while value < k {
                let values = S::LANES.min(k - value);
                let mut square = [S::splat(0.0); MAX_LANES];
                for (i, row) in square.iter_mut().enumerate().take(S::LANES) {
                    *row = A::along(wide.add((line + i.min(count - 1)) * line_stride + value), k - value, AsItIs);
                    // So many short streams at once are more than the processor follows by itself.
                    S::prefetch_second(wide.wrapping_add((line + S::LANES + i) * line_stride + value));
                }
                S::transpose(&mut square);
                let x = narrow.add(value * WIDTH);
                if values == S::LANES {
                    for (p, column) in square.iter().enumerate().take(S::LANES) {
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = A::multiply_add(A::broadcast(x.add(p * WIDTH + i)), *column, *sum);
                        }
                    }
                } else {
                    for (p, column) in square.iter().enumerate().take(values) {
                        for (i, sum) in sums.iter_mut().enumerate() {
                            *sum = A::multiply_add(A::broadcast(x.add(p * WIDTH + i)), *column, *sum);
                        }
                    }
                }
                value += S::LANES;
            }
            for (i, sum) in sums.iter().enumerate() {
                let to = to.add(i * sums_stride + line);
                if count == S::LANES { S::store(to, *sum) } else { S::store_first(to, *sum, count) }
            }
        }
        line += S::LANES;
    }
}

/// Lines that lie side by side: a few rows of memory at a time.
#[inline(always)]
unsafe fn across<S: Simd, A: Arithmetic<S>, const WIDTH: usize>(part: &Part) {
    let k = part.k;
    let mut value = 0;
    // SAFETY: by the contract of `Part`.
    unsafe {
        while value + ROWS <= k {
            across_rows::<S, A, WIDTH, ROWS>(part, value);
            value += ROWS;
        }
        while value < k {
            across_rows::<S, A, WIDTH, 1>(part, value);
            value += 1;
        }
    }
}

#[inline(always)]
unsafe fn across_rows<S: Simd, A: Arithmetic<S>, const WIDTH: usize, const COUNT: usize>(part: &Part, value: usize) {
    let &Part { wide, k_stride, lines, narrow, sums: to, sums_stride, .. } = part;
    let mut line = 0;
    while line < lines {
        let count = S::LANES.min(lines - line);
        let full = count == S::LANES;
        // SAFETY: by the contract of `Part`.
        unsafe {
            let from = wide.add(value * k_stride + line);
            let mut sums = [S::splat(0.0); WIDTH];
            if value > 0 {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let at = to.add(i * sums_stride + line);
                    *sum = if full { S::load(at) } else { S::load_first(at, count) };
                }
            }
            for p in 0..COUNT {
                let row = A::across(from, k_stride, COUNT, p, count, AsItIs);
                S::prefetch_second(from.wrapping_add((COUNT + p) * k_stride));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = A::multiply_add(A::broadcast(narrow.add((value + p) * WIDTH + i)), row, *sum);
                }
            }
            for (i, sum) in sums.iter().enumerate() {
                let at = to.add(i * sums_stride + line);
                if full { S::store(at, *sum) } else { S::store_first(at, *sum, count) }
            }
        }
        line += S::LANES;
    }
}

simd_dispatch! { unsafe fn along_1(part: &Part) = along::<Float32, 1>; }
simd_dispatch! { unsafe fn along_2(part: &Part) = along::<Float32, 2>; }
simd_dispatch! { unsafe fn along_4(part: &Part) = along::<Float32, 4>; }
simd_dispatch! { unsafe fn along_8(part: &Part) = along::<Float32, 8>; }
simd_dispatch! { unsafe fn across_1(part: &Part) = across::<Float32, 1>; }
simd_dispatch! { unsafe fn across_2(part: &Part) = across::<Float32, 2>; }
simd_dispatch! { unsafe fn across_4(part: &Part) = across::<Float32, 4>; }
simd_dispatch! { unsafe fn across_8(part: &Part) = across::<Float32, 8>; }
simd_dispatch! { unsafe fn rounded_along_1(part: &Part) = along::<Rounded, 1>; }
simd_dispatch! { unsafe fn rounded_along_2(part: &Part) = along::<Rounded, 2>; }
simd_dispatch! { unsafe fn rounded_along_4(part: &Part) = along::<Rounded, 4>; }
simd_dispatch! { unsafe fn rounded_along_8(part: &Part) = along::<Rounded, 8>; }
simd_dispatch! { unsafe fn rounded_across_1(part: &Part) = across::<Rounded, 1>; }
simd_dispatch! { unsafe fn rounded_across_2(part: &Part) = across::<Rounded, 2>; }
simd_dispatch! { unsafe fn rounded_across_4(part: &Part) = across::<Rounded, 4>; }
simd_dispatch! { unsafe fn rounded_across_8(part: &Part) = across::<Rounded, 8>; }
