//! Attention backward (Dao 2023, algorithm 2): probabilities are computed again from the queries, the keys and the logarithm of each row's sum.
//! A task owns a range of keys of one key head, sums their gradients over all queries that see them, and adds its part to the gradient of
//! those queries. Where keys are cut into several parts, the parts of a query's gradient are added at the end, in order.
//!
//! With p the probabilities and m dropout's factors: dv = (p m)^T dy, ds = p (m (dy v^T) - delta), delta = rowsum(dy y), dq = scale ds k,
//! dk = scale ds^T q.

use super::problem::{Heads, Meeting, Problem};
use super::tiles::{
    Ahead, COLUMN_PADDING, LANE_NUMBERS, Left, Pieces, ROW_PADDING, Right, Sum, Target, block_rows, multiply, pack_rows, pack_transposed,
};
use crate::call::Context;
use crate::error::Result;
use crate::kernels::philox::DropoutMask;
use crate::pool::Shared;
use crate::simd::{Simd, math};
use crate::simd_dispatch;
use std::f32::consts::{LN_2, LOG2_E};

/// Queries of a tile, and keys of one.
const TILE: usize = 64;

/// Probabilities of a row, with a gap that keeps rows from meeting in the first cache.
const STRIDE: usize = TILE + COLUMN_PADDING;

/// Keys that are packed at a time, with their gradients.
const SPAN: usize = 1024;

/// With fewer pairs of batch entry and key head than this, keys are cut into parts.
const ENOUGH_TASKS: usize = 16;

/// Parts at most: each but the first costs memory as large as the queries.
const MAX_PARTS: usize = 4;

/// Keys of a part at least.
const PART_KEYS: usize = 256;

/// The operands of a gradient.
pub struct Gradients<'a> {
    /// Of y.
    pub dy: Heads,
    /// What `forward` gave.
    pub y: Heads,
    /// What `forward` gave, `[batch, heads, queries]`.
    pub log_sum_exp: &'a [f32],
    /// Of the queries: overwritten.
    pub dq: Heads,
    /// Of the keys: overwritten.
    pub dk: Heads,
    /// Of the values: overwritten.
    pub dv: Heads,
    /// Keys that dk and dv have room for; what is beyond those that count becomes 0.
    pub stored_keys: usize,
}

struct Backward<'a> {
    problem: &'a Problem<'a>,
    dropout: Option<DropoutMask>,
    gradients: &'a Gradients<'a>,
    parts: usize,
    /// Keys of a part.
    part_keys: usize,
    /// `[parts - 1][batch, heads, queries, head_dim]`.
    dq_parts: Shared<f32>,
    /// From a task to the one that this thread is likely to get next.
    next_task: usize,
}

/// The keys that a task owns.
struct Task {
    batch: usize,
    key_head: usize,
    part: usize,
    first: usize,
    end: usize,
}

impl Backward<'_> {
    /// The first query of the first tile that sees a key of those from `key` on.
    fn first_query(&self, key: usize) -> usize {
        let problem = self.problem;
        if problem.causal { key.saturating_sub(problem.first_position()) / TILE * TILE } else { 0 }
    }

    fn task(&self, index: usize) -> Task {
        let problem = self.problem;
        // The first keys are seen by most queries: they come first, so that no thread begins with them when the others are done.
        let pairs = problem.batch * problem.key_heads;
        let (part, pair) = (index / pairs, index % pairs);
        let first = part * self.part_keys;
        let end = problem.keys.min(first + self.part_keys);
        Task { batch: pair / problem.key_heads, key_head: pair % problem.key_heads, part, first, end }
    }

    fn tasks(&self) -> usize {
        self.problem.batch * self.problem.key_heads * self.parts
    }

    /// Where a part leaves its share of the gradient of the queries.
    fn dq(&self, part: usize) -> Heads {
        let problem = self.problem;
        if part == 0 {
            return self.gradients.dq;
        }
        let size = problem.batch * problem.heads * problem.queries * problem.head_dim;
        Heads::heads_first(self.dq_parts.get().wrapping_add((part - 1) * size), problem.heads, problem.queries, problem.head_dim)
    }
}

/// Computes the gradients.
///
/// SAFETY: the operands of problem and gradients are good for the problem's sizes.
pub unsafe fn backward(context: &Context, problem: &Problem, dropout: Option<DropoutMask>, gradients: &Gradients) -> Result<()> {
    let pairs = problem.batch * problem.key_heads;
    let parts = if pairs >= ENOUGH_TASKS { 1 } else { problem.keys.div_ceil(PART_KEYS).clamp(1, MAX_PARTS) };
    let part_keys = problem.keys.div_ceil(parts).max(1).next_multiple_of(TILE);
    let parts = problem.keys.div_ceil(part_keys).max(1);
    let dq_elements = (parts - 1) * problem.batch * problem.heads * problem.queries * problem.head_dim;
    let dq_parts = context.allocator.scratch(dq_elements * size_of::<f32>())?;
    let elements = Buffers::lay_out(problem, part_keys, std::ptr::null_mut()).1;
    let scratch = context.allocator.scratch(elements * context.pool.threads() * size_of::<f32>())?;
    // SAFETY: the blocks are that long.
    let (dq_parts, scratch) = unsafe {
        (
            Shared::new(std::slice::from_raw_parts_mut(dq_parts.data().cast::<f32>(), dq_elements)),
            Shared::new(std::slice::from_raw_parts_mut(scratch.data().cast::<f32>(), elements * context.pool.threads())),
        )
    };
    let backward = Backward { problem, dropout, gradients, parts, part_keys, dq_parts, next_task: context.pool.threads() };
    problem.run(context.pool, backward.tasks(), |task, worker| {
        // SAFETY: a worker has its own part of the scratch memory, a task its own keys and its own share of the queries' gradient.
        unsafe {
            let (buffers, _) = Buffers::lay_out(problem, part_keys, scratch.get().add(worker * elements));
            backward_task(context.isa, &backward, buffers, task);
        }
    });
    if parts > 1 {
        let rows = problem.batch * problem.heads * problem.queries;
        let grain = (1 << 14) / problem.head_dim.max(1);
        context.pool.run_ranges(rows, grain, |range, _| {
            // SAFETY: a task has rows of its own.
            unsafe { add_dq_parts(context.isa, &backward, range.start, range.end) };
        });
    }
    Ok(())
}

/// Scratch memory of a worker.
#[derive(Clone, Copy)]
struct Buffers {
    /// Panels of the keys of a span, for the scores.
    key_panels: *mut f32,
    /// Panels of the values of a span.
    value_panels: *mut f32,
    /// Keys of a span as rows, for dq.
    keys: *mut f32,
    /// Their documents.
    documents: *mut i32,
    dk: *mut f32,
    dv: *mut f32,
    /// Queries of a tile, scaled.
    queries: *mut f32,
    dy: *mut f32,
    dq: *mut f32,
    /// Probabilities of a tile, times dropout's factors in the end.
    probabilities: *mut f32,
    /// Gradients of the scores.
    scores: *mut f32,
    /// Dropout's.
    factors: *mut f32,
    log_sum_exp: *mut f32,
    delta: *mut f32,
}

impl Buffers {
    /// With the number of elements.
    fn lay_out(problem: &Problem, part_keys: usize, start: *mut f32) -> (Buffers, usize) {
        let padded_dim = problem.head_dim.next_multiple_of(COLUMN_PADDING);
        let keys = part_keys.min(SPAN);
        let mut pieces = Pieces::new(start);
        let buffers = Buffers {
            key_panels: pieces.take(keys * problem.head_dim),
            value_panels: pieces.take(keys * problem.head_dim),
            keys: pieces.take(keys * padded_dim),
            documents: pieces.take(keys).cast(),
            dk: pieces.take(keys * padded_dim),
            dv: pieces.take(keys * padded_dim),
            queries: pieces.take(TILE * padded_dim),
            dy: pieces.take(TILE * padded_dim),
            dq: pieces.take(TILE * padded_dim),
            probabilities: pieces.take(TILE * STRIDE),
            scores: pieces.take(TILE * STRIDE),
            factors: pieces.take(TILE * STRIDE),
            log_sum_exp: pieces.take(TILE),
            delta: pieces.take(TILE),
        };
        (buffers, pieces.elements)
    }
}

simd_dispatch! {
    /// SAFETY: as `backward`; the buffers are the task's own.
    unsafe fn backward_task(backward: &Backward, buffers: Buffers, task: usize) = backward_part;
}

simd_dispatch! {
    /// SAFETY: as `backward`, whose tasks are done.
    unsafe fn add_dq_parts(backward: &Backward, from: usize, to: usize) = add_dq_parts_of_rows;
}

#[inline(always)]
unsafe fn add_dq_parts_of_rows<S: Simd>(backward: &Backward, from: usize, to: usize) {
    let problem = backward.problem;
    let dim = problem.head_dim;
    for row in from..to {
        let (query, head) = (row % problem.queries, row / problem.queries);
        let (batch, head) = (head / problem.heads, head % problem.heads);
        let sum = backward.gradients.dq.at(batch, head, query);
        for part in 1..backward.parts {
            if query < backward.first_query(part * backward.part_keys) {
                break;
            }
            // SAFETY: by the contract of `backward`.
            unsafe { add_row::<S>(backward.dq(part).at(batch, head, query), 1.0, sum, dim, true) };
        }
    }
}

/// `to = factor * from`, or added to it.
#[inline(always)]
unsafe fn add_row<S: Simd>(from: *const f32, factor: f32, to: *mut f32, count: usize, add: bool) {
    for column in (0..count).step_by(S::LANES) {
        let lanes = (count - column).min(S::LANES);
        // SAFETY: by the contract of the caller, both have `count` elements.
        unsafe {
            let before = if add { S::load_first(to.add(column), lanes) } else { S::splat(0.0) };
            S::store_first(to.add(column), S::mul_add(S::load_first(from.add(column), lanes), S::splat(factor), before), lanes);
        }
    }
}

/// The keys of a part, span by span.
#[inline(always)]
unsafe fn backward_part<S: Simd>(backward: &Backward, buffers: Buffers, task: usize) {
    let Backward { problem, gradients, .. } = *backward;
    let dim = problem.head_dim;
    let padded_dim = dim.next_multiple_of(COLUMN_PADDING);
    let Task { batch, key_head, part, first: part_first, end: part_end } = backward.task(task);
    let ahead = Ahead::new(dim);
    let next = task + backward.next_task;
    if next < backward.tasks() {
        let next = backward.task(next);
        let keys = (next.end - next.first).min(SPAN);
        let (query, head) = (backward.first_query(next.first), next.key_head * problem.group());
        for heads in [&problem.q, &gradients.dy, &gradients.y] {
            ahead.want(heads, next.batch, head, query, (problem.queries - query).min(TILE));
        }
        for heads in [&problem.v, &problem.k] {
            ahead.want(heads, next.batch, next.key_head, next.first, keys);
        }
    }
    // SAFETY: by the contract of `backward`; the buffers are laid out for these sizes.
    unsafe {
        for span in (part_first..part_end).step_by(SPAN) {
            let keys = (part_end - span).min(SPAN);
            let padded_keys = keys.next_multiple_of(TILE);
            let (k, v) = (problem.k.at(batch, key_head, span), problem.v.at(batch, key_head, span));
            pack_transposed::<S>(k, problem.k.time, keys, dim, buffers.key_panels);
            pack_transposed::<S>(v, problem.v.time, keys, dim, buffers.value_panels);
            pack_rows::<S>(k, problem.k.time, keys, dim, 1.0, buffers.keys, padded_dim);
            std::slice::from_raw_parts_mut(buffers.dk, padded_keys * padded_dim).fill(0.0);
            std::slice::from_raw_parts_mut(buffers.dv, padded_keys * padded_dim).fill(0.0);
            if let Some(documents) = problem.documents {
                let ids = documents.of(batch, span, span + keys);
                std::slice::from_raw_parts_mut(buffers.documents, keys).copy_from_slice(ids);
            }
            for group in 0..problem.group() {
                for first in (backward.first_query(span)..problem.queries).step_by(TILE) {
                    let head = key_head * problem.group() + group;
                    let count = (problem.queries - first).min(TILE);
                    let after = (problem.queries - first - count).min(TILE);
                    if after == 0 && group == problem.group() - 1 {
                        ahead.want(&gradients.dk, batch, key_head, span, keys);
                        ahead.want(&gradients.dv, batch, key_head, span, keys);
                    }
                    ahead.want(&backward.dq(part), batch, head, first, count);
                    for heads in [&problem.q, &gradients.dy, &gradients.y] {
                        ahead.want(heads, batch, head, first + count, after);
                    }
                    backward_tile::<S>(
                        backward,
                        buffers,
                        &ahead,
                        Tile { batch, head, first, count, span, keys, part, first_of_part: span == part_first },
                    );
                }
            }
            for key in 0..keys {
                let (dk, dv) = (gradients.dk.at(batch, key_head, span + key), gradients.dv.at(batch, key_head, span + key));
                // The queries were multiplied by scale log2(e).
                add_row::<S>(buffers.dk.add(key * padded_dim), LN_2, dk, dim, false);
                add_row::<S>(buffers.dv.add(key * padded_dim), 1.0, dv, dim, false);
            }
        }
        if part == backward.parts - 1 {
            for key in problem.keys..gradients.stored_keys {
                std::slice::from_raw_parts_mut(gradients.dk.at(batch, key_head, key), dim).fill(0.0);
                std::slice::from_raw_parts_mut(gradients.dv.at(batch, key_head, key), dim).fill(0.0);
            }
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
    /// First key that is packed.
    span: usize,
    /// Keys that are packed.
    keys: usize,
    part: usize,
    /// Whether nothing was stored to dq before.
    first_of_part: bool,
}

#[inline(always)]
unsafe fn backward_tile<S: Simd>(backward: &Backward, buffers: Buffers, ahead: &Ahead, tile: Tile) {
    let Backward { problem, gradients, dropout, .. } = *backward;
    let Tile { batch, head, first, count, span, keys, part, first_of_part } = tile;
    let dim = problem.head_dim;
    let padded_dim = dim.next_multiple_of(COLUMN_PADDING);
    let columns = dim.next_multiple_of(S::LANES);
    let rows = count.next_multiple_of(ROW_PADDING);
    // SAFETY: by the contract of `backward`.
    unsafe {
        pack_rows::<S>(problem.q.at(batch, head, first), problem.q.time, count, dim, problem.scale * LOG2_E, buffers.queries, padded_dim);
        pack_rows::<S>(gradients.dy.at(batch, head, first), gradients.dy.time, count, dim, 1.0, buffers.dy, padded_dim);
        for padded in [buffers.queries, buffers.dy] {
            std::slice::from_raw_parts_mut(padded.add(count * padded_dim), (rows - count) * padded_dim).fill(0.0);
        }
        let row = (batch * problem.heads + head) * problem.queries + first;
        for i in 0..rows {
            // Rows that only pad have probability 0.
            let inside = i < count;
            *buffers.log_sum_exp.add(i) = if inside { gradients.log_sum_exp[row + i] } else { f32::INFINITY };
            *buffers.delta.add(i) =
                if inside { dot::<S>(buffers.dy.add(i * padded_dim), gradients.y.at(batch, head, first + i), dim) } else { 0.0 };
        }
        let mut add = false;
        for key in (span..problem.visible(first + count).min(span + keys)).step_by(TILE) {
            let keys = (span + keys - key).min(TILE);
            let packed = key - span;
            let position = problem.first_position() + first;
            let meeting = problem.documents.map_or(Meeting::Always, |documents| {
                Meeting::of(documents.of(batch, position, position + count), documents.of(batch, key, key + keys))
            });
            if meeting == Meeting::Never {
                continue;
            }
            let seen = |_, end: usize| problem.seen(first + end - 1, key, keys);
            let all_seen = meeting == Meeting::Always && problem.seen(first, key, keys) == keys && keys.is_multiple_of(S::LANES);
            let factors = if let Some(dropout) = dropout {
                for i in 0..count {
                    let element = (row + i) * problem.keys + key;
                    let padded = keys.next_multiple_of(S::LANES);
                    dropout.factors::<S>(element, std::slice::from_raw_parts_mut(buffers.factors.add(i * STRIDE), padded));
                }
                buffers.factors
            } else {
                std::ptr::null_mut()
            };
            let probabilities = Probabilities { to: buffers.probabilities, log_sum_exp: buffers.log_sum_exp };
            let left = Left { data: buffers.queries, stride: padded_dim };
            let right = Right::panels::<S>(buffers.key_panels, dim, packed);
            if all_seen {
                multiply::<S, false>(rows, left, right, seen, |_, _| (0, dim), probabilities, ahead);
            } else {
                let documents = match problem.documents {
                    Some(documents) if meeting == Meeting::Sometimes => documents.of(batch, position, position + count),
                    _ => &[],
                };
                let masked = MaskedProbabilities {
                    probabilities,
                    seen: |i| problem.seen(first + i, key, keys),
                    own_documents: documents,
                    documents: buffers.documents.add(packed),
                };
                multiply::<S, false>(rows, left, right, seen, |_, _| (0, dim), masked, ahead);
            }
            multiply::<S, false>(
                rows,
                Left { data: buffers.dy, stride: padded_dim },
                Right::panels::<S>(buffers.value_panels, dim, packed),
                seen,
                |_, _| (0, dim),
                ScoreGradients { probabilities: buffers.probabilities, delta: buffers.delta, factors, to: buffers.scores },
                ahead,
            );
            // From the first block of rows on that sees the key.
            let seeing = |from: usize, _| {
                let before = if problem.causal { (key + from).saturating_sub(position) } else { 0 };
                (before / block_rows::<S>() * block_rows::<S>(), count)
            };
            let key_rows = keys.next_multiple_of(ROW_PADDING);
            for (left, right, to) in [(buffers.probabilities, buffers.dy, buffers.dv), (buffers.scores, buffers.queries, buffers.dk)] {
                multiply::<S, true>(
                    key_rows,
                    Left { data: left, stride: STRIDE },
                    Right::rows::<S>(right, padded_dim),
                    |_, _| columns,
                    seeing,
                    Sum { to: to.add(packed * padded_dim), stride: padded_dim, add: true },
                    ahead,
                );
            }
            multiply::<S, false>(
                rows,
                Left { data: buffers.scores, stride: STRIDE },
                Right::rows::<S>(buffers.keys.add(packed * padded_dim), padded_dim),
                |_, _| columns,
                |from, end| (0, seen(from, end)),
                Sum { to: buffers.dq, stride: padded_dim, add },
                ahead,
            );
            add = true;
        }
        if !add {
            std::slice::from_raw_parts_mut(buffers.dq, rows * padded_dim).fill(0.0);
        }
        let dq = backward.dq(part);
        for i in 0..count {
            add_row::<S>(buffers.dq.add(i * padded_dim), problem.scale, dq.at(batch, head, first + i), dim, !first_of_part);
        }
    }
}

#[inline(always)]
unsafe fn dot<S: Simd>(a: *const f32, b: *const f32, count: usize) -> f32 {
    // SAFETY: by the contract of the caller, both have `count` elements.
    unsafe {
        let mut sum = S::splat(0.0);
        for column in (0..count).step_by(S::LANES) {
            let lanes = (count - column).min(S::LANES);
            sum = S::mul_add(S::load_first(a.add(column), lanes), S::load_first(b.add(column), lanes), sum);
        }
        S::reduce_add(sum)
    }
}

/// Powers of the scores over the sum of their row.
#[derive(Clone, Copy)]
struct Probabilities {
    to: *mut f32,
    log_sum_exp: *const f32,
}

impl<S: Simd> Target<S> for Probabilities {
    #[inline(always)]
    unsafe fn start(self, _row: usize, _column: usize) -> S::F {
        // SAFETY: by the contract of `multiply`.
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn store(self, row: usize, column: usize, sum: S::F) {
        // SAFETY: by the contract of `multiply`.
        unsafe {
            let p = math::exp2::<S>(S::sub(sum, S::splat(*self.log_sum_exp.add(row))));
            S::store(self.to.add(row * STRIDE + column), p);
        }
    }
}

/// The same, and exactly 0 where a query does not see the key.
#[derive(Clone, Copy)]
struct MaskedProbabilities<'a, Seen> {
    probabilities: Probabilities,
    /// How many keys of the tile a row sees.
    seen: Seen,
    /// Document of each row; empty if documents do not matter.
    own_documents: &'a [i32],
    /// Of the keys.
    documents: *const i32,
}

impl<S: Simd, Seen: Fn(usize) -> usize + Copy> Target<S> for MaskedProbabilities<'_, Seen> {
    #[inline(always)]
    unsafe fn start(self, _row: usize, _column: usize) -> S::F {
        // SAFETY: by the contract of `multiply`.
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn store(self, row: usize, column: usize, sum: S::F) {
        // SAFETY: by the contract of `multiply`; documents are padded to whole vectors.
        unsafe {
            let zero = S::splat(0.0);
            let mut p = math::exp2::<S>(S::sub(sum, S::splat(*self.probabilities.log_sum_exp.add(row))));
            if let Some(&own) = self.own_documents.get(row) {
                p = S::select(S::eq_i(S::load_i(self.documents.add(column)), S::splat_i(own)), p, zero);
            }
            let seen = (self.seen)(row).saturating_sub(column) as f32;
            p = S::select(S::lt(S::load(LANE_NUMBERS.as_ptr()), S::splat(seen)), p, zero);
            S::store(self.probabilities.to.add(row * STRIDE + column), p);
        }
    }
}

/// Gradients of the scores from those of the probabilities, which are multiplied by dropout's factors on the way.
#[derive(Clone, Copy)]
struct ScoreGradients {
    probabilities: *mut f32,
    delta: *const f32,
    /// Null without dropout.
    factors: *const f32,
    to: *mut f32,
}

impl<S: Simd> Target<S> for ScoreGradients {
    #[inline(always)]
    unsafe fn start(self, _row: usize, _column: usize) -> S::F {
        // SAFETY: by the contract of `multiply`.
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn store(self, row: usize, column: usize, sum: S::F) {
        let at = row * STRIDE + column;
        // SAFETY: by the contract of `multiply`.
        unsafe {
            let p = S::load(self.probabilities.add(at));
            let delta = S::splat(*self.delta.add(row));
            let gradient = if self.factors.is_null() {
                S::sub(sum, delta)
            } else {
                let factors = S::load(self.factors.add(at));
                S::store(self.probabilities.add(at), S::mul(p, factors));
                S::sub(S::mul(sum, factors), delta)
            };
            S::store(self.to.add(at), S::mul(p, gradient));
        }
    }
}
