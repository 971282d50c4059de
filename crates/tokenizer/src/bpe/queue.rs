//! The next pair to merge. Ranks nearly always grow while a piece is merged, because a token is listed before the merges that use it: a
//! radix heap takes these in nearly linear time. A few candidates may still come with a rank that has passed; they wait in a heap of their
//! own, so that the order is exact for every list of merges.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Candidates, the lowest rank first, of equals the leftmost.
pub struct RankQueue {
    /// By the highest bit in which a rank differs from `current`: 0 for none.
    buckets: [Vec<u64>; 33],
    /// No candidate in the buckets has a lower rank.
    current: u32,
    /// Those of rank `current`, in order of position, and how many of them were given.
    batch: Vec<u64>,
    given: usize,
    late: BinaryHeap<Reverse<u64>>,
}

impl Default for RankQueue {
    fn default() -> RankQueue {
        RankQueue { buckets: [const { Vec::new() }; 33], current: 0, batch: Vec::new(), given: 0, late: BinaryHeap::new() }
    }
}

impl RankQueue {
    /// Before the next piece.
    pub fn clear(&mut self) {
        self.buckets.iter_mut().for_each(Vec::clear);
        self.batch.clear();
        self.given = 0;
        self.current = 0;
        self.late.clear();
    }

    /// Adds a candidate.
    #[inline]
    pub fn push(&mut self, rank: u32, position: u32) {
        let item = u64::from(rank) << 32 | u64::from(position);
        if rank < self.current || (rank == self.current && !self.batch.is_empty()) {
            self.late.push(Reverse(item));
        } else {
            self.buckets[bucket(rank, self.current)].push(item);
        }
    }

    /// Takes the first candidate: rank and position.
    #[inline]
    pub fn pop(&mut self) -> Option<(u32, u32)> {
        if self.given == self.batch.len() && self.late.is_empty() {
            self.refill();
        }
        let next = self.batch.get(self.given).copied();
        let item = match (next, self.late.peek()) {
            (Some(item), Some(Reverse(late))) if *late < item => self.late.pop()?.0,
            (None, Some(_)) => self.late.pop()?.0,
            (Some(item), _) => {
                self.given += 1;
                item
            }
            (None, None) => return None,
        };
        Some(((item >> 32) as u32, item as u32))
    }

    /// Makes a batch of the lowest rank in the buckets.
    fn refill(&mut self) {
        self.batch.clear();
        self.given = 0;
        let Some(first) = self.buckets.iter().position(|bucket| !bucket.is_empty()) else { return };
        if first > 0 {
            let mut items = std::mem::take(&mut self.buckets[first]);
            self.current = items.iter().map(|item| (item >> 32) as u32).min().unwrap_or(self.current);
            for item in items.drain(..) {
                self.buckets[bucket((item >> 32) as u32, self.current)].push(item);
            }
            self.buckets[first] = items; // its memory
        }
        std::mem::swap(&mut self.batch, &mut self.buckets[0]);
        self.batch.sort_unstable();
    }
}

#[inline(always)]
fn bucket(rank: u32, current: u32) -> usize {
    (u32::BITS - (rank ^ current).leading_zeros()) as usize
}
