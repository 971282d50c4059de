//! What attention computes, whatever the layout of its operands.

use crate::pool::Pool;

/// Vectors of `head_dim` numbers in memory, one per batch entry, head and position; distances in elements.
#[derive(Clone, Copy)]
pub struct Heads {
    /// That of batch entry 0, head 0, position 0.
    pub data: *mut f32,
    /// From a batch entry to the next.
    pub batch: usize,
    /// From a head to the next.
    pub head: usize,
    /// From a position to the next.
    pub time: usize,
}

// SAFETY: the kernels that make one vouch for it; tasks write to vectors of their own only.
unsafe impl Send for Heads {}
// SAFETY: as above.
unsafe impl Sync for Heads {}

impl Heads {
    /// `[batch, heads, time, head_dim]` without gaps.
    pub fn heads_first(data: *mut f32, heads: usize, time: usize, head_dim: usize) -> Heads {
        Heads { data, batch: heads * time * head_dim, head: time * head_dim, time: head_dim }
    }

    /// `[batch, time, heads, head_dim]`, a position `row` elements from the next.
    pub fn time_first(data: *mut f32, time: usize, row: usize, head_dim: usize) -> Heads {
        Heads { data, batch: time * row, head: head_dim, time: row }
    }

    /// The vector of a position.
    pub fn at(&self, batch: usize, head: usize, time: usize) -> *mut f32 {
        self.data.wrapping_add(batch * self.batch + head * self.head + time * self.time)
    }
}

/// Sizes, attributes and saved operands of a call.
pub struct Problem<'a> {
    /// Batch entries.
    pub batch: usize,
    /// Query heads, a multiple of `key_heads`.
    pub heads: usize,
    /// Key and value heads.
    pub key_heads: usize,
    /// Queries; they are the last positions of the keys.
    pub queries: usize,
    /// Keys that count.
    pub keys: usize,
    /// Numbers in a query, key or value.
    pub head_dim: usize,
    /// Whether a query sees no key after its own position.
    pub causal: bool,
    /// Factor of the scores.
    pub scale: f32,
    /// A query sees only keys of its own document.
    pub documents: Option<Documents<'a>>,
    /// Queries.
    pub q: Heads,
    /// Keys.
    pub k: Heads,
    /// Values.
    pub v: Heads,
}

/// The document that each key belongs to.
#[derive(Clone, Copy)]
pub struct Documents<'a> {
    ids: &'a [i32],
    stride: usize,
}

impl<'a> Documents<'a> {
    /// `ids [batch, stride]`.
    pub fn new(ids: &'a [i32], stride: usize) -> Documents<'a> {
        Documents { ids, stride }
    }

    /// Those of keys `from .. to`.
    pub fn of(&self, batch: usize, from: usize, to: usize) -> &'a [i32] {
        &self.ids[batch * self.stride + from..batch * self.stride + to]
    }
}

/// How the documents of some queries meet those of some keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// No query sees a key.
    Never,
    /// It depends.
    Sometimes,
    /// Every query sees every key, as far as documents go.
    Always,
}

impl Meeting {
    /// By the ranges that the ids lie in.
    pub fn of(queries: &[i32], keys: &[i32]) -> Meeting {
        let range = |ids: &[i32]| ids.iter().fold((i32::MAX, i32::MIN), |(low, high), &id| (low.min(id), high.max(id)));
        let ((low, high), (key_low, key_high)) = (range(queries), range(keys));
        if high < key_low || key_high < low {
            Meeting::Never
        } else if low == high && key_low == key_high {
            Meeting::Always
        } else {
            Meeting::Sometimes
        }
    }
}

impl Problem<'_> {
    /// Query heads that share a key head.
    pub fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// Place of the first query among the keys.
    pub fn first_position(&self) -> usize {
        self.keys - self.queries
    }

    /// Keys before the end of those that queries before `end` may see.
    pub fn visible(&self, end: usize) -> usize {
        if self.causal { self.first_position() + end } else { self.keys }
    }

    /// How many of the `columns` keys from `key` on this query may see.
    pub fn seen(&self, query: usize, key: usize, columns: usize) -> usize {
        self.visible(query + 1).saturating_sub(key).min(columns)
    }

    /// Multiplications of queries, keys and values, roughly.
    fn work(&self) -> usize {
        let pairs = self.batch * self.heads * self.queries * self.keys;
        pairs.saturating_mul(self.head_dim)
    }

    /// Runs the tasks on all threads, or where that would take longer than the waking of a thread, on this one.
    pub fn run(&self, pool: &Pool, tasks: usize, task: impl Fn(usize, usize) + Sync) {
        if self.work() < 1 << 18 {
            (0..tasks).for_each(|index| task(index, 0));
        } else {
            pool.run(tasks, task);
        }
    }
}
