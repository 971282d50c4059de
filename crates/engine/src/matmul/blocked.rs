//! The product in blocks: one operand is packed once for all threads, pieces of the other by the thread that multiplies with them.

use super::blocking::{Panels, block_of};
use super::epilogue::{Finished, finish};
use super::pack::{Pack, SLACK};
use super::tile::TileSet;
use super::{Product, View};
use crate::cache_sizes;
use crate::error::Result;
use crate::isa::Isa;
use crate::memory::Allocator;
use crate::pool::Pool;

/// Bytes of the operand that is packed for all threads, at once.
const MOST_SHARED: usize = 16 << 20;

/// Words that a task of packing takes.
const PACKING_TASK: usize = 64 << 10;

/// Multiplications below which other threads are not worth waking.
const SMALL: usize = 1 << 19;

/// Pieces of work for each thread, so that one that was held up leaves its rest to others.
const UNITS_PER_THREAD: usize = 4;

/// Who computes.
#[derive(Clone, Copy)]
pub enum Workers<'a> {
    /// The threads of a pool.
    Pool(&'a Pool),
    /// The thread that asks.
    Caller,
}

impl Workers<'_> {
    /// At most so many run at the same time.
    pub fn threads(&self) -> usize {
        match self {
            Workers::Pool(pool) => pool.threads(),
            Workers::Caller => 1,
        }
    }

    /// Runs `task(index, worker)` for each index below `tasks`.
    pub fn run(&self, tasks: usize, task: impl Fn(usize, usize) + Sync) {
        match self {
            Workers::Pool(pool) => pool.run(tasks, task),
            Workers::Caller => (0..tasks).for_each(|index| task(index, 0)),
        }
    }
}

/// An operand seen by its lines: rows of the left one, columns of the right one.
#[derive(Clone, Copy)]
struct Side {
    /// Its rows are the lines.
    view: View,
    panels: Panels,
}

impl Side {
    /// Packing of the panels `first .. last` for `k` values of K from `k_start` on.
    ///
    /// SAFETY: the operand has these.
    unsafe fn packing(&self, k_start: usize, k: usize, first: usize, last: usize, to: *mut f32) -> Pack {
        // SAFETY: by the contract of the function.
        let source = unsafe { self.view.at(0, k_start) };
        let View { row_stride: line_stride, column_stride: k_stride, activation, .. } = self.view;
        Pack { source, line_stride, k_stride, k, panels: self.panels, first, last, to, activation }
    }
}

/// Memory that threads write to in different places.
#[derive(Clone, Copy)]
struct Words(*mut f32);

// SAFETY: each task writes to its own part, and reads what was written before it began.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// SAFETY: `at` is within.
    unsafe fn at(self, at: usize) -> *mut f32 {
        // SAFETY: by the contract of the function.
        unsafe { self.0.add(at) }
    }
}

/// How the work is shared out. No result depends on it.
#[derive(Debug)]
struct Plan {
    /// Whether the left operand is the one that is packed for all.
    share_rows: bool,
    /// Panels of the shared operand that are packed at once, and values of K.
    shared_panels: usize,
    shared_k: usize,
    /// Cuts of the other operand and of the shared one.
    own_cuts: usize,
    shared_cuts: usize,
    /// Panels of columns that a thread walks for each panel of rows: they stay in its cache.
    near_columns: usize,
}

impl Plan {
    fn new(set: &TileSet, rows: &Panels, columns: &Panels, k: usize, threads: usize) -> Plan {
        let block = block_of(k);
        let words = (set.words)(block);
        let near = cache_sizes::level_2() / 4;
        let share_rows = columns.lines >= rows.lines;
        let near_columns = (near / 2 / words / set.columns).max(1);
        let (shared, own) = if share_rows { (rows, columns) } else { (columns, rows) };
        let most_own = if share_rows { near_columns } else { (near / 4 / words / set.rows).max(1) };
        let shared_panels = (MOST_SHARED / 4 / words / shared.widest()).clamp(1, shared.count);
        let shared_blocks = MOST_SHARED / 4 / words / shared.span(0, shared_panels).max(1);
        let shared_k = shared_blocks.max(1) * block;

        let least_cuts = own.count.div_ceil(most_own);
        let (mut own_cuts, mut shared_cuts) = (least_cuts, 1);
        if threads > 1 {
            let wanted = UNITS_PER_THREAD * threads;
            own_cuts = best_cuts(own.count, least_cuts.max(wanted.min(own.count.div_ceil(2))), threads);
            // Each cut of the shared side packs the other once more.
            shared_cuts = wanted.div_ceil(own_cuts).min(shared_panels.div_ceil(4)).max(1);
        }
        Plan { share_rows, shared_panels, shared_k, own_cuts, shared_cuts, near_columns }
    }
}

/// Among a number of cuts and twice that the one that leaves least to the last thread.
fn best_cuts(panels: usize, least: usize, threads: usize) -> usize {
    let least = least.clamp(1, panels);
    let longest = |cuts: &usize| panels.div_ceil(*cuts) * cuts.div_ceil(threads);
    (least..=(2 * least).min(panels)).min_by_key(longest).unwrap_or(least)
}

/// Panels `piece` of `pieces` equal ones.
fn piece_of(panels: usize, piece: usize, pieces: usize) -> (usize, usize) {
    (panels * piece / pieces, panels * (piece + 1) / pieces)
}

/// SAFETY: as for `multiply`. Neither m, n nor k is zero.
pub unsafe fn multiply_blocked(isa: Isa, set: &TileSet, workers: Workers, allocator: &Allocator, product: &Product) -> Result<()> {
    let &Product { m, k, n, a, b, .. } = product;
    let workers = if m.saturating_mul(n).saturating_mul(k) <= SMALL { Workers::Caller } else { workers };
    let rows = Side { view: a, panels: Panels::balanced(m, set.rows) };
    let columns = Side { view: b.transposed(), panels: Panels::filled_up(n, set.columns, set.lanes) };
    let plan = Plan::new(set, &rows.panels, &columns.panels, k, workers.threads());
    let (shared, own) = if plan.share_rows { (rows, columns) } else { (columns, rows) };

    let block = block_of(k);
    let block_words = (set.words)(block);
    let largest = |panels: &Panels, count: usize| (panels.widest() * count.min(panels.count)).next_multiple_of(16);
    let shared_words = largest(&shared.panels, plan.shared_panels) * block_words * plan.shared_k.min(k).div_ceil(block);
    let own_words = largest(&own.panels, own.panels.count.div_ceil(plan.own_cuts)) * block_words + SLACK / 4;
    let memory = allocator.scratch((shared_words + workers.threads() * own_words) * 4 + SLACK)?;
    let shared_at = Words(memory.data().cast());
    // SAFETY: within the memory just taken.
    let own_at = Words(unsafe { shared_at.at(shared_words) });

    for first in (0..shared.panels.count).step_by(plan.shared_panels) {
        let last = shared.panels.count.min(first + plan.shared_panels);
        let lines = shared.panels.span(first, last);
        for k_start in (0..k).step_by(plan.shared_k) {
            let k_end = k.min(k_start + plan.shared_k);
            // SAFETY: the words of blocks before this one, all of the same length, for all lines.
            let place = |k_block: usize, panel: usize| unsafe {
                let words = (set.words)(block.min(k_end - k_block));
                shared_at.at((k_block - k_start) / block * block_words * lines + shared.panels.span(first, panel) * words)
            };

            let cuts = (lines * block_words).div_ceil(PACKING_TASK).min(last - first);
            workers.run(cuts * (k_end - k_start).div_ceil(block), |task, _| {
                let k_block = k_start + task / cuts * block;
                let (from, to) = piece_of(last - first, task % cuts, cuts);
                // SAFETY: each task packs other panels.
                unsafe {
                    let to_place = place(k_block, first + from);
                    (set.pack)(&shared.packing(k_block, block.min(k_end - k_block), first + from, first + to, to_place));
                }
            });

            workers.run(plan.own_cuts * plan.shared_cuts, |task, worker| {
                let (own_first, own_last) = piece_of(own.panels.count, task / plan.shared_cuts, plan.own_cuts);
                let (shared_first, shared_last) = piece_of(last - first, task % plan.shared_cuts, plan.shared_cuts);
                let (shared_first, shared_last) = (first + shared_first, first + shared_last);
                for k_block in (k_start..k_end).step_by(block) {
                    let values = block.min(k_end - k_block);
                    // SAFETY: each worker has its own place, each task its own part of the result.
                    unsafe {
                        let packed = own_at.at(worker * own_words);
                        (set.pack)(&own.packing(k_block, values, own_first, own_last, packed));
                        let shared_part = (place(k_block, shared_first).cast_const(), shared_first, shared_last);
                        let own_part = (packed.cast_const(), own_first, own_last);
                        let (row_part, column_part) = if plan.share_rows { (shared_part, own_part) } else { (own_part, shared_part) };
                        multiply_panels(
                            isa,
                            set,
                            product,
                            &plan,
                            (&rows.panels, row_part),
                            (&columns.panels, column_part),
                            k_block,
                            values,
                        );
                    }
                }
            });
        }
    }
    Ok(())
}

/// Packed panels: where the first one is, which it is, and the one behind the last.
type Part = (*const f32, usize, usize);

/// SAFETY: the panels are packed for these values of K; nobody else writes to their part of the result.
unsafe fn multiply_panels(
    isa: Isa,
    set: &TileSet,
    product: &Product,
    plan: &Plan,
    (rows, (row_words, row_first, row_last)): (&Panels, Part),
    (columns, (column_words, column_first, column_last)): (&Panels, Part),
    k_block: usize,
    values: usize,
) {
    let &Product { k, n, c, c_stride, epilogue, .. } = product;
    let words = (set.words)(values);
    let accumulate = epilogue.accumulate || k_block > 0;
    let finished = k_block + values == k && !epilogue.is_plain();
    for near in (column_first..column_last).step_by(plan.near_columns) {
        let near_last = column_last.min(near + plan.near_columns);
        for row_panel in row_first..row_last {
            let (row, height) = (rows.start(row_panel), rows.width(row_panel));
            // SAFETY: by the contract of the function; a tile stores the columns that are there.
            unsafe {
                let a = row_words.add(rows.span(row_first, row_panel) * words);
                for panel in near..near_last {
                    let column = columns.start(panel);
                    let b = column_words.add(columns.span(column_first, panel) * words);
                    let tile = set.tiles[height - 1][columns.width(panel) / set.lanes - 1];
                    tile(words, a, b, c.add(row * c_stride + column), c_stride, n - column, accumulate);
                }
                if finished {
                    let column = columns.start(near);
                    let part = Finished {
                        c: c.add(row * c_stride + column),
                        c_stride,
                        row,
                        column,
                        rows: height,
                        columns: columns.start(near_last).min(n) - column,
                        n,
                    };
                    finish(isa, &epilogue, &part);
                }
            }
        }
    }
}
