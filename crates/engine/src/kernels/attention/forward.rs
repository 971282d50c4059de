//! Attention forward, tile by tile: a tile of queries meets a block of keys, its scores live in the first two caches, and maximum and sum
//! of a row's softmax are carried from block to block (Milakov and Gimelshein 2018; Dao 2023, algorithm 1).
//!
//! Powers are to base 2, with log2(e) in the factor of the queries.

use super::problem::{Heads, Meeting, Problem};
use super::tiles::{Ahead, COLUMN_PADDING, LANE_NUMBERS, Left, Pieces, ROW_PADDING, Right, Sum, multiply, pack_rows, pack_transposed};
use crate::call::Context;
use crate::error::Result;
use crate::kernels::philox::DropoutMask;
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::simd_dispatch;
use std::f32::consts::LOG2_E;

/// Queries of a tile.
const QUERY_TILE: usize = 32;

/// Keys that a tile meets at a time.
const KEY_BLOCK: usize = 256;

/// Scores of a row, with a gap that keeps rows from meeting in the first cache.
const SCORE_STRIDE: usize = KEY_BLOCK + COLUMN_PADDING;

/// Queries of a task, over all heads that share a key head.
const TASK_QUERIES: usize = 256;

/// Packed keys and values of a task, each: what the second cache holds with room to spare.
const PACKED_ELEMENTS: usize = 64 << 10;

/// What a call computes and where to.
struct Forward<'a> {
    problem: &'a Problem<'a>,
    dropout: Option<DropoutMask>,
    y: Heads,
    /// `[batch, heads, queries]`.
    log_sum_exp: Shared<f32>,
    /// Queries of a task, of each head.
    chunk: usize,
    chunks: usize,
    /// Keys that are packed at a time.
    span: usize,
    /// From a task to the one that this thread is likely to get next.
    next_task: usize,
}

/// Computes `y` and, for the gradient, the logarithm to base 2 of each row's sum of powers.
///
/// SAFETY: the operands of the problem and `y` are good for its sizes.
pub unsafe fn forward(context: &Context, problem: &Problem, dropout: Option<DropoutMask>, y: Heads, log_sum_exp: &mut [f32]) -> Result<()> {
    let chunk = (TASK_QUERIES / problem.group().max(1)).max(QUERY_TILE).next_multiple_of(QUERY_TILE);
    let padded_dim = problem.head_dim.next_multiple_of(COLUMN_PADDING);
    let forward = Forward {
        problem,
        dropout,
        y,
        log_sum_exp: Shared::new(log_sum_exp),
        chunk,
        chunks: problem.queries.div_ceil(chunk),
        span: (PACKED_ELEMENTS / padded_dim.max(1)).clamp(KEY_BLOCK, 4 * KEY_BLOCK).next_multiple_of(KEY_BLOCK),
        next_task: context.pool.threads(),
    };
    let (_, elements) = Buffers::lay_out(&forward, std::ptr::null_mut());
    let scratch = context.allocator.scratch(elements * context.pool.threads() * size_of::<f32>())?;
    // SAFETY: the block is that long.
    let scratch = Shared::new(unsafe { std::slice::from_raw_parts_mut(scratch.data().cast::<f32>(), elements * context.pool.threads()) });
    problem.run(context.pool, forward.tasks(), |task, worker| {
        // SAFETY: a worker has its own part of the scratch memory, a task its own queries.
        unsafe {
            let (buffers, _) = Buffers::lay_out(&forward, scratch.get().add(worker * elements));
            forward_task(context.isa, &forward, buffers, task);
        }
    });
    Ok(())
}

/// Scratch memory of a worker.
#[derive(Clone, Copy)]
struct Buffers {
    /// Panels of the keys of a span.
    keys: *mut f32,
    /// Values of a span.
    values: *mut f32,
    /// Their documents.
    documents: *mut i32,
    /// Queries of a tile, scaled.
    queries: *mut f32,
    /// Scores of a tile, then their powers.
    scores: *mut f32,
    /// Factors of a row's probabilities.
    factors: *mut f32,
    /// Sums of a task, each row to be divided by its sum of powers.
    outputs: *mut f32,
    /// Maximum of each row.
    maxima: *mut f32,
    /// Sum of powers of each row.
    sums: *mut f32,
}

impl Buffers {
    /// With the number of elements.
    fn lay_out(forward: &Forward, start: *mut f32) -> (Buffers, usize) {
        let problem = forward.problem;
        let padded_dim = problem.head_dim.next_multiple_of(COLUMN_PADDING);
        let keys = forward.span.min(problem.keys).next_multiple_of(2 * COLUMN_PADDING);
        let rows = problem.group() * forward.chunk.min(problem.queries.next_multiple_of(ROW_PADDING));
        let mut pieces = Pieces::new(start);
        let buffers = Buffers {
            keys: pieces.take(keys * problem.head_dim),
            values: pieces.take(keys * padded_dim),
            documents: pieces.take(keys).cast(),
            queries: pieces.take(QUERY_TILE * padded_dim),
            scores: pieces.take(QUERY_TILE * SCORE_STRIDE),
            factors: pieces.take(KEY_BLOCK),
            outputs: pieces.take(rows * padded_dim),
            maxima: pieces.take(rows),
            sums: pieces.take(rows),
        };
        (buffers, pieces.elements)
    }
}

/// What a task computes.
struct Task {
    batch: usize,
    key_head: usize,
    /// First query.
    first: usize,
    /// Queries, of each head.
    count: usize,
    /// Keys that the last query sees.
    visible: usize,
}

impl Forward<'_> {
    fn task(&self, index: usize) -> Task {
        let problem = self.problem;
        // The last queries see most: they come first, so that no thread begins with them when the others are done.
        let pairs = problem.batch * problem.key_heads;
        let first = (self.chunks - 1 - index / pairs) * self.chunk;
        let count = (problem.queries - first).min(self.chunk);
        let (batch, key_head) = (index % pairs / problem.key_heads, index % problem.key_heads);
        Task { batch, key_head, first, count, visible: problem.visible(first + count) }
    }

    fn tasks(&self) -> usize {
        self.problem.batch * self.problem.key_heads * self.chunks
    }
}

simd_dispatch! {
    /// SAFETY: as `forward`; the buffers are the task's own.
    unsafe fn forward_task(forward: &Forward, buffers: Buffers, task: usize) = forward_chunk;
}

/// All queries of a chunk, of the heads that share a key head.
#[inline(always)]
unsafe fn forward_chunk<S: Simd>(forward: &Forward, buffers: Buffers, task: usize) {
    let problem = forward.problem;
    let Task { batch, key_head, first, count, visible } = forward.task(task);
    let padded_count = count.next_multiple_of(ROW_PADDING);
    let padded_dim = problem.head_dim.next_multiple_of(COLUMN_PADDING);
    let ahead = Ahead::new(problem.head_dim);
    let next = task + forward.next_task;
    if next < forward.tasks() {
        let next = forward.task(next);
        let keys = next.visible.min(forward.span);
        ahead.want(&problem.q, next.batch, next.key_head * problem.group(), next.first, next.count.min(QUERY_TILE));
        ahead.want(&problem.v, next.batch, next.key_head, 0, keys);
        ahead.want(&problem.k, next.batch, next.key_head, 0, keys);
    }
    // SAFETY: by the contract of `forward`; the buffers are laid out for these sizes.
    unsafe {
        let rows = problem.group() * padded_count;
        std::slice::from_raw_parts_mut(buffers.outputs, rows * padded_dim).fill(0.0);
        std::slice::from_raw_parts_mut(buffers.maxima, rows).fill(f32::NEG_INFINITY);
        std::slice::from_raw_parts_mut(buffers.sums, rows).fill(0.0);
        for span in (0..visible).step_by(forward.span) {
            let keys = (visible - span).min(forward.span);
            pack_transposed::<S>(problem.k.at(batch, key_head, span), problem.k.time, keys, problem.head_dim, buffers.keys);
            let values = problem.v.at(batch, key_head, span);
            pack_rows::<S>(values, problem.v.time, keys, problem.head_dim, 1.0, buffers.values, padded_dim);
            if let Some(documents) = problem.documents {
                let ids = documents.of(batch, span, span + keys);
                std::slice::from_raw_parts_mut(buffers.documents, keys).copy_from_slice(ids);
            }
            for group in 0..problem.group() {
                for tile in (0..count).step_by(QUERY_TILE) {
                    let tile = Tile {
                        batch,
                        head: key_head * problem.group() + group,
                        first: first + tile,
                        count: (count - tile).min(QUERY_TILE),
                        row: group * padded_count + tile,
                        span,
                        keys,
                    };
                    if span == 0 {
                        let rest = count - tile.row % padded_count;
                        ahead.want(&forward.y, batch, tile.head, tile.first, tile.count);
                        ahead.want(&problem.q, batch, tile.head, tile.first + tile.count, (rest - tile.count).min(QUERY_TILE));
                    }
                    forward_tile::<S>(forward, buffers, tile, &ahead);
                }
            }
        }
        for group in 0..problem.group() {
            let head = key_head * problem.group() + group;
            finish::<S>(forward, buffers, batch, head, first, count, group * padded_count);
        }
    }
}

/// Some queries of one head, and the keys that are packed.
#[derive(Clone, Copy)]
struct Tile {
    batch: usize,
    head: usize,
    /// First query.
    first: usize,
    count: usize,
    /// Place of the first query among the rows of the task.
    row: usize,
    /// First key that is packed.
    span: usize,
    /// Keys that are packed.
    keys: usize,
}

#[inline(always)]
unsafe fn forward_tile<S: Simd>(forward: &Forward, buffers: Buffers, tile: Tile, ahead: &Ahead) {
    let Forward { problem, dropout, .. } = forward;
    let Tile { batch, head, first, count, row, span, keys } = tile;
    let dim = problem.head_dim;
    let padded_dim = dim.next_multiple_of(COLUMN_PADDING);
    let columns = dim.next_multiple_of(S::LANES);
    let rows = count.next_multiple_of(ROW_PADDING);
    let visible = problem.visible(first + count).min(span + keys);
    // SAFETY: by the contract of `forward`.
    unsafe {
        let queries = problem.q.at(batch, head, first);
        pack_rows::<S>(queries, problem.q.time, count, dim, problem.scale * LOG2_E, buffers.queries, padded_dim);
        std::slice::from_raw_parts_mut(buffers.queries.add(count * padded_dim), (rows - count) * padded_dim).fill(0.0);
        for key in (span..visible).step_by(KEY_BLOCK) {
            let keys = (visible - key).min(KEY_BLOCK);
            let packed = key - span;
            let meeting = problem.documents.map_or(Meeting::Always, |documents| {
                let position = problem.first_position() + first;
                Meeting::of(documents.of(batch, position, position + count), documents.of(batch, key, key + keys))
            });
            if meeting == Meeting::Never {
                continue;
            }
            // Keys that a block of rows needs: those that its last query sees.
            let seen = |_, end: usize| problem.seen(first + end - 1, key, keys);
            let left = Left { data: buffers.queries, stride: padded_dim };
            let right = Right::panels::<S>(buffers.keys, dim, packed);
            multiply::<S, false>(
                rows,
                left,
                right,
                seen,
                |_, _| (0, dim),
                Sum { to: buffers.scores, stride: SCORE_STRIDE, add: false },
                ahead,
            );
            for i in 0..count {
                let query = first + i;
                let scores = buffers.scores.add(i * SCORE_STRIDE);
                let seen = problem.seen(query, key, keys);
                if let Some(documents) = problem.documents.filter(|_| meeting == Meeting::Sometimes) {
                    let position = problem.first_position() + query;
                    let own = documents.of(batch, position, position + 1)[0];
                    hide_other_documents::<S>(scores, seen, buffers.documents.add(packed), own);
                }
                // The sums of this block of rows go on to there.
                let end = problem.seen(first + (i + 1).next_multiple_of(ROW_PADDING) - 1, key, keys);
                softmax_row::<S>(
                    scores,
                    seen,
                    end,
                    Row {
                        maximum: buffers.maxima.add(row + i),
                        sum: buffers.sums.add(row + i),
                        outputs: buffers.outputs.add((row + i) * padded_dim),
                        columns,
                    },
                );
                if let Some(dropout) = dropout {
                    let element = ((batch * problem.heads + head) * problem.queries + query) * problem.keys + key;
                    let padded = seen.next_multiple_of(S::LANES);
                    dropout.factors::<S>(element, std::slice::from_raw_parts_mut(buffers.factors, padded));
                    multiply_by::<S>(scores, buffers.factors, padded);
                }
            }
            let left = Left { data: buffers.scores, stride: SCORE_STRIDE };
            let right = Right::rows::<S>(buffers.values.add(packed * padded_dim), padded_dim);
            multiply::<S, false>(
                rows,
                left,
                right,
                |_, _| columns,
                |from, end| (0, seen(from, end)),
                Sum { to: buffers.outputs.add(row * padded_dim), stride: padded_dim, add: true },
                ahead,
            );
        }
    }
}

/// -infinity for scores of keys of other documents.
#[inline(always)]
unsafe fn hide_other_documents<S: Simd>(scores: *mut f32, seen: usize, documents: *const i32, own: i32) {
    for column in (0..seen).step_by(S::LANES) {
        // SAFETY: both are padded to whole vectors.
        unsafe {
            let same = S::eq_i(S::load_i(documents.add(column)), S::splat_i(own));
            let to = scores.add(column);
            S::store(to, S::select(same, S::load(to), S::splat(f32::NEG_INFINITY)));
        }
    }
}

#[inline(always)]
unsafe fn multiply_by<S: Simd>(x: *mut f32, factors: *const f32, count: usize) {
    for column in (0..count).step_by(S::LANES) {
        // SAFETY: both are padded to whole vectors.
        unsafe { S::store(x.add(column), S::mul(S::load(x.add(column)), S::load(factors.add(column)))) };
    }
}

/// What is known of a row so far.
struct Row {
    maximum: *mut f32,
    sum: *mut f32,
    outputs: *mut f32,
    columns: usize,
}

/// The powers of the first `seen` scores in their place, zeros from there to `end`; maximum, sum and outputs of the row follow a new maximum.
#[inline(always)]
unsafe fn softmax_row<S: Simd>(scores: *mut f32, seen: usize, end: usize, row: Row) {
    let lanes = S::LANES;
    let hidden = f32::NEG_INFINITY;
    // SAFETY: rows are padded to whole vectors.
    unsafe {
        if !seen.is_multiple_of(lanes) {
            let to = scores.add(seen / lanes * lanes);
            let inside = S::lt(S::load(LANE_NUMBERS.as_ptr()), S::splat((seen % lanes) as f32));
            S::store(to, S::select(inside, S::load(to), S::splat(hidden)));
        }
        let mut largest = S::splat(hidden);
        for column in (0..seen).step_by(lanes) {
            largest = S::max(S::load(scores.add(column)), largest);
        }
        let (largest, before) = (S::reduce_max(largest), *row.maximum);
        let maximum = if largest > before { largest } else { before };
        // Where everything is hidden so far, the powers of -infinity are zeros, not powers of a NaN.
        let base = if maximum == hidden { 0.0 } else { maximum };
        let mut sum = S::splat(0.0);
        for column in (0..seen).step_by(lanes) {
            let power = math::exp2::<S>(S::sub(S::load(scores.add(column)), S::splat(base)));
            sum = S::add(sum, power);
            S::store(scores.add(column), power);
        }
        for column in (seen.next_multiple_of(lanes)..end).step_by(lanes) {
            S::store(scores.add(column), S::splat(0.0));
        }
        let sum = S::reduce_add(sum);
        if before == hidden {
            *row.sum += sum;
        } else {
            let correction = math::exp2::<S>(S::splat(before - base));
            for column in (0..row.columns).step_by(lanes) {
                let to = row.outputs.add(column);
                S::store(to, S::mul(S::load(to), correction));
            }
            S::store_first(row.sum, S::mul_add(correction, S::splat(*row.sum), S::splat(sum)), 1);
        }
        *row.maximum = maximum;
    }
}

/// Divides the rows of a head by their sums and stores them, with the logarithms.
#[inline(always)]
unsafe fn finish<S: Simd>(forward: &Forward, buffers: Buffers, batch: usize, head: usize, first: usize, count: usize, row: usize) {
    let problem = forward.problem;
    let dim = problem.head_dim;
    let padded_dim = dim.next_multiple_of(COLUMN_PADDING);
    let logarithms = forward.log_sum_exp.get().wrapping_add((batch * problem.heads + head) * problem.queries + first);
    // SAFETY: by the contract of `forward`.
    unsafe {
        for i in (0..count).step_by(S::LANES) {
            let lanes = (count - i).min(S::LANES);
            let sums = S::load_first(buffers.sums.add(row + i), lanes);
            // A row that sees nothing: zeros, and a logarithm that makes its probabilities zeros in the gradient.
            let empty = S::eq(sums, S::splat(0.0));
            let maxima = S::load_first(buffers.maxima.add(row + i), lanes);
            let logarithm = S::mul_add(math::log::<S>(sums), S::splat(LOG2_E), maxima);
            S::store_first(logarithms.add(i), S::select(empty, S::splat(f32::INFINITY), logarithm), lanes);
            let factors = S::select(empty, S::splat(0.0), S::div(S::splat(1.0), sums));
            S::store_first(buffers.sums.add(row + i), factors, lanes);
        }
        for i in 0..count {
            let factor = S::splat(*buffers.sums.add(row + i));
            let (from, to) = (buffers.outputs.add((row + i) * padded_dim), forward.y.at(batch, head, first + i));
            for column in (0..dim).step_by(S::LANES) {
                let x = S::mul(S::load(from.add(column)), factor);
                match dim - column {
                    rest if rest >= S::LANES => S::store(to.add(column), x),
                    rest => S::store_first(to.add(column), x, rest),
                }
            }
        }
    }
}
