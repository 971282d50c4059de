//! Pairs of tokens: how often each occurs, and where. An open-addressing table finds them; the numbers lie in arrays beside it.

/// Where a pair stands: a piece of an array of positions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places {
    /// First place of the piece.
    pub start: u32,
    /// Its length.
    pub length: u32,
}

const NONE: u32 = u32::MAX;

/// See above.
pub struct PairCounts {
    slots: Vec<u32>,
    /// Left id and right id, as one number that orders pairs as they are ordered.
    pub pairs: Vec<u64>,
    /// How often each pair occurs; 0 once it was merged.
    pub counts: Vec<u64>,
    /// Where it stood when it arose.
    pub places: Vec<Places>,
}

/// One number for a pair.
pub fn pair_of(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl Default for PairCounts {
    fn default() -> PairCounts {
        PairCounts { slots: vec![NONE; 1 << 12], pairs: Vec::new(), counts: Vec::new(), places: Vec::new() }
    }
}

impl PairCounts {
    /// Number of the pair.
    #[inline]
    pub fn find(&self, pair: u64) -> Option<usize> {
        let index = self.slots[self.slot(pair)];
        (index != NONE).then_some(index as usize)
    }

    /// Number of the pair, which is new if it was not there.
    #[inline]
    pub fn find_or_add(&mut self, pair: u64) -> usize {
        let slot = self.slot(pair);
        match self.slots[slot] {
            NONE => self.insert(slot, pair),
            index => index as usize,
        }
    }

    #[inline(never)]
    fn insert(&mut self, slot: usize, pair: u64) -> usize {
        let index = self.pairs.len();
        self.slots[slot] = index as u32;
        self.pairs.push(pair);
        self.counts.push(0);
        self.places.push(Places::default());
        if self.pairs.len() * 3 > self.slots.len() * 2 {
            self.slots = Vec::new();
            self.slots = vec![NONE; (self.pairs.len() * 3).next_power_of_two()];
            for (index, pair) in self.pairs.iter().enumerate() {
                let slot = self.slot(*pair);
                self.slots[slot] = index as u32;
            }
        }
        index
    }

    /// Where the pair is, or would go. A third of the slots is free, so the search ends.
    #[inline]
    fn slot(&self, pair: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut hash = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mut slot = (hash >> 32) as usize & mask;
        loop {
            let index = self.slots[slot];
            if index == NONE || self.pairs[index as usize] == pair {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}
