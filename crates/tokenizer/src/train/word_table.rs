//! Words and how often each occurs. Words of up to 15 bytes, which are nearly all, lie in the table itself as one number; longer ones in an
//! arena.

/// Bytes of a word that lies in the table.
const SHORT_BYTES: usize = 15;
const FIRST_SLOTS: usize = 1 << 10;
/// Of each word in `SortedWords`, beside its bytes.
const SORTED_BYTES: usize = size_of::<u32>() + size_of::<u64>();

#[derive(Clone, Copy, Default)]
struct Short {
    /// The bytes, and their number in the highest one; 0 where there is nothing.
    key: u128,
    count: u64,
}

#[derive(Clone, Copy)]
struct Long {
    hash: u64,
    start: usize,
    length: usize,
    count: u64,
}

/// See above.
pub struct WordTable {
    limit: usize,
    short: Vec<Short>,
    short_count: usize,
    /// Places in `long`, and one more; 0 where there is nothing.
    slots: Vec<u32>,
    long: Vec<Long>,
    bytes: Vec<u8>,
}

/// Words in ascending order of their bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SortedWords {
    /// One word after the other.
    pub bytes: Vec<u8>,
    /// Where each starts, and one more at the end.
    pub starts: Vec<u32>,
    /// How often each occurs.
    pub counts: Vec<u64>,
}

impl WordTable {
    /// * `limit` - bytes of memory; what sorting takes is included, and a few kilobytes are taken in any case
    pub fn new(limit: usize) -> WordTable {
        WordTable {
            limit,
            short: vec![Short::default(); FIRST_SLOTS],
            short_count: 0,
            slots: vec![0; FIRST_SLOTS],
            long: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.short_count + self.long.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds 1 to the count of the word from `start` to `end`, which is not empty. False if there is no room for it; nothing has changed then.
    #[inline(always)]
    pub fn count(&mut self, text: &[u8], start: usize, end: usize) -> bool {
        let length = end - start;
        if length > SHORT_BYTES {
            return self.add_long(&text[start..end], 1);
        }
        let key = short_key(text, start, length);
        let mask = self.short.len() - 1;
        let mut slot = hash_of(key) as usize & mask;
        loop {
            let entry = &mut self.short[slot];
            if entry.key == key {
                entry.count += 1;
                return true;
            }
            if entry.key == 0 {
                return self.insert_short(slot, key, 1);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Adds all words of another table, whatever the limit.
    pub fn absorb(&mut self, other: WordTable) {
        self.limit = usize::MAX;
        for entry in &other.short {
            if entry.key != 0 {
                self.add_short(entry.key, entry.count);
            }
        }
        for word in &other.long {
            self.add_long(&other.bytes[word.start..word.start + word.length], word.count);
        }
    }

    /// The words in order.
    pub fn into_sorted(self) -> SortedWords {
        let WordTable { mut short, mut long, bytes, .. } = self;
        short.retain(|entry| entry.key != 0);
        for entry in &mut short {
            // The first byte becomes the highest; the length comes last, where words differ by zero bytes at their end alone.
            entry.key = (entry.key & SHORT_MASK).swap_bytes() | entry.key >> 120;
        }
        short.sort_unstable_by_key(|entry| entry.key);
        let word = |long: &Long| &bytes[long.start..long.start + long.length];
        long.sort_unstable_by(|a, b| word(a).cmp(word(b)));
        let mut sorted = SortedWords { bytes: Vec::new(), starts: vec![0], counts: Vec::with_capacity(short.len() + long.len()) };
        let mut longs = long.iter().peekable();
        for entry in &short {
            let all = entry.key.to_be_bytes();
            let short = &all[..usize::from(all[SHORT_BYTES])];
            while let Some(long) = longs.next_if(|long| word(long) < short) {
                sorted.push(word(long), long.count);
            }
            sorted.push(short, entry.count);
        }
        for long in longs {
            sorted.push(word(long), long.count);
        }
        sorted
    }

    fn add_short(&mut self, key: u128, count: u64) -> bool {
        let slot = free_or_same(&self.short, key);
        if self.short[slot].key == 0 {
            return self.insert_short(slot, key, count);
        }
        self.short[slot].count += count;
        true
    }

    #[inline(never)]
    fn insert_short(&mut self, slot: usize, key: u128, count: u64) -> bool {
        let mut slot = slot;
        if (self.short_count + 1) * 3 > self.short.len() * 2 {
            if !self.has_room_for(2 * self.short.len() * size_of::<Short>()) {
                return false;
            }
            let mut larger = vec![Short::default(); 2 * self.short.len()];
            for entry in self.short.iter().filter(|entry| entry.key != 0) {
                let slot = free_or_same(&larger, entry.key);
                larger[slot] = *entry;
            }
            self.short = larger;
            slot = free_or_same(&self.short, key);
        }
        self.short[slot] = Short { key, count };
        self.short_count += 1;
        true
    }

    #[inline(never)]
    fn add_long(&mut self, word: &[u8], count: u64) -> bool {
        let hash = hash_of_long(word);
        let mut slot = self.long_slot(hash, word);
        if self.slots[slot] != 0 {
            self.long[self.slots[slot] as usize - 1].count += count;
            return true;
        }
        if self.bytes.len() + word.len() > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).max(self.bytes.len() + word.len()).max(1 << 12);
            if !self.has_room_for(capacity) {
                return false;
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        if 2 * (self.long.len() + 1) > self.slots.len() {
            let larger = 2 * self.slots.len();
            if larger > u32::MAX as usize || !self.has_room_for(larger * size_of::<u32>() + larger / 2 * size_of::<Long>()) {
                return false;
            }
            self.long.reserve_exact(larger / 2 - self.long.len());
            self.slots = vec![0; larger];
            for (index, long) in self.long.iter().enumerate() {
                let mut slot = long.hash as usize & (larger - 1);
                while self.slots[slot] != 0 {
                    slot = (slot + 1) & (larger - 1);
                }
                self.slots[slot] = index as u32 + 1;
            }
            slot = self.long_slot(hash, word);
        }
        self.long.push(Long { hash, start: self.bytes.len(), length: word.len(), count });
        self.bytes.extend_from_slice(word);
        self.slots[slot] = self.long.len() as u32;
        true
    }

    /// Where the word is, or would go.
    fn long_slot(&self, hash: u64, word: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 {
            let long = &self.long[self.slots[slot] as usize - 1];
            if long.hash == hash && self.bytes[long.start..long.start + long.length] == *word {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// While something grows, the old and the new are both there; sorted words take their room beside the table.
    fn has_room_for(&self, more: usize) -> bool {
        let short = self.short.len() * size_of::<Short>();
        let long = self.slots.len() * size_of::<u32>() + self.long.capacity() * size_of::<Long>() + self.bytes.capacity();
        let sorted = self.short_count * (SHORT_BYTES + SORTED_BYTES) + self.long.len() * SORTED_BYTES + self.bytes.len();
        short + long + sorted.max(more) + more <= self.limit
    }
}

impl SortedWords {
    fn push(&mut self, word: &[u8], count: u64) {
        self.bytes.extend_from_slice(word);
        self.starts.push(self.bytes.len() as u32);
        self.counts.push(count);
    }
}

const SHORT_MASK: u128 = (1 << 120) - 1;

/// The place of a key, or a free one. There is always one: the table is never full.
fn free_or_same(table: &[Short], key: u128) -> usize {
    let mask = table.len() - 1;
    let mut slot = hash_of(key) as usize & mask;
    while table[slot].key != 0 && table[slot].key != key {
        slot = (slot + 1) & mask;
    }
    slot
}

/// The word's bytes, their number in the highest one.
#[inline(always)]
fn short_key(text: &[u8], start: usize, length: usize) -> u128 {
    let bytes = match text[start..].first_chunk::<16>() {
        Some(chunk) => u128::from_le_bytes(*chunk) & (u128::MAX >> (128 - 8 * length)),
        None => {
            let mut chunk = [0; 16];
            chunk[..length].copy_from_slice(&text[start..start + length]);
            u128::from_le_bytes(chunk)
        }
    };
    bytes | (length as u128) << 120
}

/// A hash whose low bits are good.
#[inline(always)]
fn hash_of(key: u128) -> u64 {
    let product = u128::from(key as u64 ^ 0x9e37_79b9_7f4a_7c15) * u128::from((key >> 64) as u64 ^ 0xd1b5_4a32_d192_ed03);
    let folded = (product >> 64) as u64 ^ product as u64;
    folded ^ folded >> 32
}

fn hash_of_long(word: &[u8]) -> u64 {
    let mut hash = word.len() as u64;
    for chunk in word.chunks(15) {
        let mut bytes = [0; 16];
        bytes[..chunk.len()].copy_from_slice(chunk);
        hash = hash_of(u128::from_le_bytes(bytes) ^ u128::from(hash) << 64);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn words_are_counted_and_sorted() {
        let mut state = 7_u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut tables = [WordTable::new(usize::MAX), WordTable::new(usize::MAX)];
        let mut expected: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for index in 0..60_000 {
            let length = if next(4) == 0 { 1 + next(40) } else { 1 + next(6) };
            let word: Vec<u8> = (0..length).map(|_| [0, 1, 97, 255][next(4) as usize]).collect();
            assert!(tables[index % 2].count(&word, 0, word.len()));
            *expected.entry(word).or_default() += 1;
        }
        let [mut all, other] = tables;
        all.absorb(other);
        assert_eq!(all.len(), expected.len());
        let sorted = all.into_sorted();
        let mut words = expected.iter();
        for (index, count) in sorted.counts.iter().enumerate() {
            let bytes = &sorted.bytes[sorted.starts[index] as usize..sorted.starts[index + 1] as usize];
            assert_eq!(words.next(), Some((&bytes.to_vec(), count)));
        }
        assert_eq!(words.next(), None);
    }

    #[test]
    fn a_full_table_refuses_new_words_and_counts_known_ones() {
        for length in [8, 24] {
            let mut table = WordTable::new(1 << 20);
            let word = |index: usize| format!("{index:0length$}").into_bytes();
            let fit = (0..).take_while(|&index| table.count(&word(index), 0, length)).count();
            assert!(fit > 4000, "{fit}");
            assert_eq!(table.len(), fit);
            assert!(table.count(&word(17), 0, length));
            assert_eq!(table.into_sorted().counts.iter().sum::<u64>(), fit as u64 + 1);
        }
    }
}
