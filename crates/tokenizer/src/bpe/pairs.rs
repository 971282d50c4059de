//! What the merge of two symbols makes, and when.

use super::cuts::Cuts;
use crate::ensure;
use crate::error::Result;
use std::hash::{BuildHasher, RandomState};

/// Ids are below this.
pub const MAX_IDS: u32 = 1 << 26;

/// Ranks are below this: one more is `NO_RANK`.
pub const MAX_MERGES: usize = 1 << 22;

/// Of a pair that does not merge: greater than every rank.
pub const NO_RANK: u32 = u32::MAX;

/// A left id that marks a rank at which nothing merges.
pub const DROPPED: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Slot {
    /// Left id and right id; `u64::MAX` where there is nothing.
    key: u64,
    rank: u32,
}

const EMPTY: Slot = Slot { key: u64::MAX, rank: NO_RANK };

/// Ranks of pairs of ids: an open-addressing table, at most half full.
pub struct Pairs {
    slots: Box<[Slot]>,
    shift: u32,
    /// Random, so that no file of merges can be made to collide.
    seed: u64,
    /// Ranks of pairs of bytes, which is where every piece starts.
    bytes: Box<[u32]>,
    byte_ids: [u32; 256],
    results: Box<[u32]>,
    cuts: Option<Cuts>,
}

impl Pairs {
    /// * `byte_ids` - id of each byte
    /// * `merges` - left id, right id and result for each rank; of a pair that comes twice the last counts, and one whose left id is
    ///   `DROPPED` is none
    pub fn new(byte_ids: &[u32], merges: &[u32]) -> Result<Pairs> {
        ensure!(byte_ids.len() == 256, "byteIds: expected 256 ids, got {}", byte_ids.len());
        ensure!(merges.len().is_multiple_of(3), "merges: expected three numbers for each, got {} numbers", merges.len());
        let count = merges.len() / 3;
        ensure!(count <= MAX_MERGES, "merges: expected at most {MAX_MERGES}, got {count}");
        if let Some(byte) = byte_ids.iter().position(|id| *id >= MAX_IDS) {
            ensure!(false, "byteIds[{byte}]: expected an id below {MAX_IDS}, got {}", byte_ids[byte]);
        }
        let capacity = (2 * count).next_power_of_two().max(16);
        let mut pairs = Pairs {
            slots: vec![EMPTY; capacity].into_boxed_slice(),
            shift: 64 - capacity.trailing_zeros(),
            seed: RandomState::new().hash_one(capacity) | 1,
            bytes: vec![NO_RANK; 1 << 16].into_boxed_slice(),
            byte_ids: byte_ids.try_into().expect("the length was checked"),
            results: merges.chunks_exact(3).map(|merge| merge[2]).collect(),
            cuts: None,
        };
        for (rank, merge) in merges.chunks_exact(3).enumerate() {
            let [left, right, result] = [merge[0], merge[1], merge[2]];
            if left == DROPPED {
                continue;
            }
            ensure!(
                left < MAX_IDS && right < MAX_IDS && result < MAX_IDS,
                "merges[{rank}]: expected ids below {MAX_IDS}, got {left}, {right} and {result}"
            );
            let slot = pairs.slot(key(left, right));
            pairs.slots[slot] = Slot { key: key(left, right), rank: rank as u32 };
        }
        pairs.cuts = Cuts::new(byte_ids, merges, DROPPED);
        for left in 0..256 {
            for right in 0..256 {
                pairs.bytes[left << 8 | right] = pairs.rank(byte_ids[left], byte_ids[right]);
            }
        }
        Ok(pairs)
    }

    /// Where a pair is, or would go. At least half of the slots are free, so the search ends.
    #[inline(always)]
    fn slot(&self, key: u64) -> usize {
        let product = u128::from(key ^ self.seed) * u128::from(self.seed ^ 0x9e37_79b9_7f4a_7c15);
        let hash = (product >> 64) as u64 ^ product as u64;
        let mut slot = (hash.wrapping_mul(0x2127_599b_f432_5c37) >> self.shift) as usize;
        while self.slots[slot].key != key && self.slots[slot].key != u64::MAX {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    /// `NO_RANK` for a pair that does not merge.
    #[inline(always)]
    pub fn rank(&self, left: u32, right: u32) -> u32 {
        self.slots[self.slot(key(left, right))].rank
    }

    /// Of two bytes.
    #[inline(always)]
    pub fn byte_rank(&self, left: u8, right: u8) -> u32 {
        self.bytes[usize::from(left) << 8 | usize::from(right)]
    }

    /// What the merge of a rank makes.
    #[inline(always)]
    pub fn result(&self, rank: u32) -> u32 {
        self.results[rank as usize]
    }

    /// Where no merge reaches over, if that can be said.
    pub fn cuts(&self) -> Option<&Cuts> {
        self.cuts.as_ref()
    }

    /// Id of a byte.
    #[inline(always)]
    pub fn byte_id(&self, byte: u8) -> u32 {
        self.byte_ids[usize::from(byte)]
    }
}

#[inline(always)]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}
