//! Attention of one query per head to a cache of keys, as in generation: every key and value is read once, so that memory sets the pace.
//! A task takes a range of keys of one key head for all queries that share it; the ranges are put together in order at the end.

use super::problem::{Heads, Problem};
use super::tiles::{COLUMN_PADDING, Pieces, pack_rows};
use crate::call::Context;
use crate::error::Result;
use crate::kernels::GRAIN;
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::simd_dispatch;
use std::f32::consts::LOG2_E;

/// Keys of a task where there are few heads, and where there are many.
const RANGES: [usize; 2] = [256, 1024];

/// Heads that keep all threads busy.
const MANY_HEADS: usize = 64;

/// Keys that are brought near before they are read.
const AHEAD: usize = 16;

/// Keys at a time, so that their sums do not wait for each other.
const KEYS: usize = 4;

/// Below this many numbers in keys and values a thread is not worth waking.
const SMALL: usize = 1 << 14;

struct Decode<'a> {
    problem: &'a Problem<'a>,
    y: Heads,
    log_sum_exp: Shared<f32>,
    /// Keys of a task.
    range: usize,
    /// Tasks of a key head.
    ranges: usize,
    /// `[batch, key_heads, ranges, group][part_stride]`: maximum, sum of powers, sums of values from `COLUMN_PADDING` on.
    parts: Shared<f32>,
    part_stride: usize,
}

/// As `forward` for problems with one query and without dropout.
///
/// SAFETY: the operands of the problem and `y` are good for its sizes.
pub unsafe fn decode(context: &Context, problem: &Problem, y: Heads, log_sum_exp: &mut [f32]) -> Result<()> {
    let pairs = problem.batch * problem.key_heads;
    let range = RANGES[usize::from(pairs >= MANY_HEADS)];
    let ranges = problem.keys.div_ceil(range);
    let part_stride = COLUMN_PADDING + problem.head_dim.next_multiple_of(COLUMN_PADDING);
    let part_elements = pairs * ranges * problem.group() * part_stride;
    let worker_elements = Buffers::lay_out(problem, range, std::ptr::null_mut()).1;
    let threads = context.pool.threads();
    let scratch = context.allocator.scratch((part_elements + worker_elements * threads) * size_of::<f32>())?;
    // SAFETY: the block is that long.
    let scratch = unsafe { std::slice::from_raw_parts_mut(scratch.data().cast::<f32>(), part_elements + worker_elements * threads) };
    let (parts, buffers) = scratch.split_at_mut(part_elements);
    let (parts, buffers) = (Shared::new(parts), Shared::new(buffers));
    let decode = Decode { problem, y, log_sum_exp: Shared::new(log_sum_exp), range, ranges, parts, part_stride };
    let task = |task: usize, worker: usize| {
        // SAFETY: a worker has its own part of the scratch memory, a task its own part of the sums.
        unsafe {
            let (buffers, _) = Buffers::lay_out(problem, range, buffers.get().add(worker * worker_elements));
            decode_task(context.isa, &decode, buffers, task);
        }
    };
    if pairs * problem.keys * problem.head_dim < SMALL {
        (0..pairs * ranges).for_each(|index| task(index, 0));
    } else {
        context.pool.run(pairs * ranges, task);
    }
    let rows = problem.batch * problem.heads;
    context.pool.run_ranges(rows, GRAIN / (ranges * part_stride).max(1), |rows, _| {
        // SAFETY: a task has rows of its own.
        unsafe { join_rows(context.isa, &decode, rows.start, rows.end) };
    });
    Ok(())
}

/// Scratch memory of a worker.
#[derive(Clone, Copy)]
struct Buffers {
    /// Queries of a group, scaled.
    queries: *mut f32,
    /// Scores of one query, then their powers.
    scores: *mut f32,
}

impl Buffers {
    /// With the number of elements.
    fn lay_out(problem: &Problem, range: usize, start: *mut f32) -> (Buffers, usize) {
        let mut pieces = Pieces::new(start);
        let queries = pieces.take(problem.group() * problem.head_dim.next_multiple_of(COLUMN_PADDING));
        let scores = pieces.take(problem.group() * range);
        (Buffers { queries, scores }, pieces.elements)
    }
}

simd_dispatch! {
    /// SAFETY: as `decode`; the buffers are the task's own.
    unsafe fn decode_task(decode: &Decode, buffers: Buffers, task: usize) = decode_range;
}

simd_dispatch! {
    /// SAFETY: as `decode`, whose tasks are done.
    unsafe fn join_rows(decode: &Decode, from: usize, to: usize) = join_ranges_of_rows;
}

#[inline(always)]
unsafe fn decode_range<S: Simd>(decode: &Decode, buffers: Buffers, task: usize) {
    let problem = decode.problem;
    let dim = problem.head_dim;
    let padded_dim = dim.next_multiple_of(COLUMN_PADDING);
    let (pair, range) = (task / decode.ranges, task % decode.ranges);
    let (batch, key_head) = (pair / problem.key_heads, pair % problem.key_heads);
    let first = range * decode.range;
    let count = (problem.keys - first).min(decode.range);
    // SAFETY: by the contract of `decode`.
    unsafe {
        for group in 0..problem.group() {
            let query = problem.q.at(batch, key_head * problem.group() + group, 0);
            pack_rows::<S>(query, dim, 1, dim, problem.scale * LOG2_E, buffers.queries.add(group * padded_dim), padded_dim);
        }
        let keys = problem.k.at(batch, key_head, first);
        for key in (0..count).step_by(KEYS) {
            // The last keys are computed more than once where there are no four.
            let rows: [*const f32; KEYS] = std::array::from_fn(|j| keys.add((key + j).min(count - 1) * problem.k.time).cast_const());
            for column in (0..dim).step_by(COLUMN_PADDING) {
                for j in 0..KEYS {
                    S::prefetch(rows[j].wrapping_add(AHEAD * problem.k.time + column));
                }
            }
            for group in 0..problem.group() {
                let scores = dots::<S>(buffers.queries.add(group * padded_dim), rows, dim);
                let to = buffers.scores.add(group * decode.range + key);
                std::slice::from_raw_parts_mut(to, (count - key).min(KEYS)).copy_from_slice(&scores[..(count - key).min(KEYS)]);
            }
        }
        let values = problem.v.at(batch, key_head, first);
        for group in 0..problem.group() {
            let scores = std::slice::from_raw_parts_mut(buffers.scores.add(group * decode.range), count);
            if let Some(documents) = problem.documents {
                let own = documents.of(batch, problem.keys - 1, problem.keys)[0];
                for (score, &document) in scores.iter_mut().zip(documents.of(batch, first, first + count)) {
                    *score = if document == own { *score } else { f32::NEG_INFINITY };
                }
            }
            let part = decode.parts.get().add((task * problem.group() + group) * decode.part_stride);
            (*part, *part.add(1)) = powers::<S>(scores);
            weighted_sum::<S>(values, problem.v.time, dim, scores, part.add(COLUMN_PADDING));
        }
    }
}

/// Products of a query, filled up with zeros, and some keys.
#[inline(always)]
unsafe fn dots<S: Simd>(query: *const f32, keys: [*const f32; KEYS], dim: usize) -> [f32; KEYS] {
    // SAFETY: by the contract of `decode`.
    unsafe {
        let mut sums = [S::splat(0.0); KEYS];
        let full = dim / S::LANES * S::LANES;
        for column in (0..full).step_by(S::LANES) {
            let query = S::load(query.add(column));
            for (sum, &key) in sums.iter_mut().zip(&keys) {
                *sum = S::mul_add(query, S::load(key.add(column)), *sum);
            }
        }
        if full < dim {
            let query = S::load(query.add(full));
            for (sum, &key) in sums.iter_mut().zip(&keys) {
                *sum = S::mul_add(query, S::load_first(key.add(full), dim - full), *sum);
            }
        }
        let mut scores = [0.0; KEYS];
        for (score, &sum) in scores.iter_mut().zip(&sums) {
            *score = S::reduce_add(sum);
        }
        scores
    }
}

/// The powers of scores less their maximum, in their place; the maximum and the sum of the powers.
#[inline(always)]
unsafe fn powers<S: Simd>(scores: &mut [f32]) -> (f32, f32) {
    let maximum = scores.iter().fold(f32::NEG_INFINITY, |most, &score| if score > most { score } else { most });
    // Where everything is hidden the powers of -infinity are zeros, not powers of a NaN.
    let base = if maximum == f32::NEG_INFINITY { 0.0 } else { maximum };
    // SAFETY: within the slice.
    unsafe {
        let mut sum = S::splat(0.0);
        for column in (0..scores.len()).step_by(S::LANES) {
            let count = (scores.len() - column).min(S::LANES);
            let at = scores.as_mut_ptr().add(column);
            let power = math::exp2::<S>(S::sub(S::load_first(at, count), S::splat(base)));
            S::store_first(at, power, count);
            // Without the lanes beyond the end.
            sum = S::add(sum, S::load_first(at, count));
        }
        (maximum, S::reduce_add(sum))
    }
}

/// The sum of the values, each times its probability.
#[inline(always)]
unsafe fn weighted_sum<S: Simd>(values: *const f32, stride: usize, dim: usize, probabilities: &[f32], to: *mut f32) {
    let mut column = 0;
    // SAFETY: by the contract of `decode`; `to` is padded to whole vectors.
    unsafe {
        while column < dim {
            let (values, to) = (values.add(column), to.add(column));
            column += match (dim - column) / S::LANES {
                0 => {
                    let mut sum = S::splat(0.0);
                    for (key, &p) in probabilities.iter().enumerate() {
                        sum = S::mul_add(S::splat(p), S::load_first(values.add(key * stride), dim - column), sum);
                    }
                    S::store(to, sum);
                    S::LANES
                }
                1 => weighted_sum_of_vectors::<S, 1>(values, stride, probabilities, to),
                2 | 3 => weighted_sum_of_vectors::<S, 2>(values, stride, probabilities, to),
                4..8 => weighted_sum_of_vectors::<S, 4>(values, stride, probabilities, to),
                _ => weighted_sum_of_vectors::<S, 8>(values, stride, probabilities, to),
            };
        }
    }
}

/// Returns the number of columns.
#[inline(always)]
unsafe fn weighted_sum_of_vectors<S: Simd, const VECTORS: usize>(
    values: *const f32,
    stride: usize,
    probabilities: &[f32],
    to: *mut f32,
) -> usize {
    // SAFETY: by the contract of `weighted_sum`.
    unsafe {
        let mut sums = [S::splat(0.0); VECTORS];
        for (key, &p) in probabilities.iter().enumerate() {
            let (value, p) = (values.add(key * stride), S::splat(p));
            for (j, sum) in sums.iter_mut().enumerate() {
                S::prefetch(value.wrapping_add(AHEAD * stride + j * S::LANES));
                *sum = S::mul_add(p, S::load(value.add(j * S::LANES)), *sum);
            }
        }
        for (j, &sum) in sums.iter().enumerate() {
            S::store(to.add(j * S::LANES), sum);
        }
    }
    VECTORS * S::LANES
}

/// Adds the ranges of each row, brought to one maximum, and divides by the sum of the powers.
#[inline(always)]
unsafe fn join_ranges_of_rows<S: Simd>(decode: &Decode, from: usize, to: usize) {
    let problem = decode.problem;
    let dim = problem.head_dim;
    for row in from..to {
        let (batch, head) = (row / problem.heads, row % problem.heads);
        let (key_head, group) = (head / problem.group(), head % problem.group());
        let pair = batch * problem.key_heads + key_head;
        let part =
            |range: usize| decode.parts.get().wrapping_add(((pair * decode.ranges + range) * problem.group() + group) * decode.part_stride);
        // SAFETY: by the contract of `decode`.
        unsafe {
            let maximum = (0..decode.ranges).map(|range| *part(range)).fold(f32::NEG_INFINITY, f32::max);
            let base = if maximum == f32::NEG_INFINITY { 0.0 } else { maximum };
            let factor = |range: usize| {
                let mut factor = 0.0f32;
                S::store_first(&mut factor, math::exp2::<S>(S::splat(*part(range) - base)), 1);
                factor
            };
            let sum: f32 = (0..decode.ranges).map(|range| factor(range) * *part(range).add(1)).sum();
            // As in `forward`: zeros for a row that sees nothing.
            let (logarithm, scale) = if sum == 0.0 { (f32::INFINITY, 0.0) } else { (maximum + sum.log2(), 1.0 / sum) };
            *decode.log_sum_exp.get().add(row) = logarithm;
            let y = decode.y.at(batch, head, 0);
            for column in (0..dim).step_by(S::LANES) {
                let mut total = S::splat(0.0);
                for range in 0..decode.ranges {
                    total = S::mul_add(S::splat(factor(range)), S::load(part(range).add(COLUMN_PADDING + column)), total);
                }
                S::store_first(y.add(column), S::mul(total, S::splat(scale)), (dim - column).min(S::LANES));
            }
        }
    }
}
