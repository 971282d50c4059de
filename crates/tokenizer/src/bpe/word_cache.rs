//! Ids of words that came before. Its size is fixed: a new word takes the place of an older one in the same line. What it answers never
//! depends on what it holds, only how fast.

/// Bytes of the words in lines of `Short`.
const SHORT_BYTES: usize = 15;
const SHORT_IDS: usize = 4;
const SHORT_LINES: usize = 1 << 16;

/// Bytes and ids of the words in `Long`.
const LONG_BYTES: usize = 118;
const LONG_IDS: usize = 32;
const LONG_PLACES: usize = 1 << 14;

/// Two words, in one line of the processor's cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Short {
    /// The bytes, and their number in the highest one; 0 where there is nothing.
    keys: [u128; 2],
    /// In the first one, above the id, how many there are.
    ids: [[u32; SHORT_IDS]; 2],
}

/// Ids are below this: `pairs::MAX_IDS`.
const ID_BITS: u32 = 26;

#[derive(Clone, Copy)]
#[repr(C, align(256))]
struct Long {
    hash: u64,
    byte_count: u8,
    id_count: u8,
    bytes: [u8; LONG_BYTES],
    ids: [u32; LONG_IDS],
}

/// See above.
pub struct WordCache {
    short: Box<[Short]>,
    long: Box<[Long]>,
}

impl Default for WordCache {
    fn default() -> WordCache {
        let short = Short { keys: [0; 2], ids: [[0; SHORT_IDS]; 2] };
        let long = Long { hash: 0, byte_count: 0, id_count: 0, bytes: [0; LONG_BYTES], ids: [0; LONG_IDS] };
        WordCache { short: vec![short; SHORT_LINES].into_boxed_slice(), long: vec![long; LONG_PLACES].into_boxed_slice() }
    }
}

impl WordCache {
    /// Appends the ids of the piece from `start` to `end`, and computes those that are not known: `compute` appends them.
    #[inline(always)]
    pub fn encode(&mut self, text: &[u8], start: usize, end: usize, ids: &mut Vec<u32>, compute: impl FnOnce(&mut Vec<u32>)) {
        let length = end - start;
        if length > SHORT_BYTES {
            return self.encode_long(&text[start..end], ids, compute);
        }
        let key = short_key(text, start, length);
        let line = &mut self.short[short_line(key)];
        let place = if line.keys[0] == key {
            0
        } else if line.keys[1] == key {
            1
        } else {
            return self.add_short(key, &text[start..end], ids, compute);
        };
        let mut found = line.ids[place];
        let count = found[0] >> ID_BITS;
        found[0] &= (1 << ID_BITS) - 1;
        push_few(ids, found, count as usize);
    }

    #[inline(never)]
    fn add_short(&mut self, key: u128, piece: &[u8], ids: &mut Vec<u32>, compute: impl FnOnce(&mut Vec<u32>)) {
        let before = ids.len();
        // Many ids for few bytes: bytes that are in no merge.
        let place = long_place(piece);
        if piece.len() > SHORT_IDS && self.find_long(place, piece, ids) {
            return;
        }
        compute(ids);
        let found = &ids[before..];
        if found.len() > SHORT_IDS {
            return self.add_long(place, piece, found);
        }
        let mut stored = [0; SHORT_IDS];
        stored[..found.len()].copy_from_slice(found);
        stored[0] |= (found.len() as u32) << ID_BITS;
        let line = &mut self.short[short_line(key)];
        line.keys = [key, line.keys[0]];
        line.ids = [stored, line.ids[0]];
    }

    #[inline(never)]
    fn encode_long(&mut self, piece: &[u8], ids: &mut Vec<u32>, compute: impl FnOnce(&mut Vec<u32>)) {
        if piece.len() > LONG_BYTES {
            return compute(ids);
        }
        let place = long_place(piece);
        if self.find_long(place, piece, ids) {
            return;
        }
        let before = ids.len();
        compute(ids);
        self.add_long(place, piece, &ids[before..]);
    }

    fn find_long(&self, (place, hash): (usize, u64), piece: &[u8], ids: &mut Vec<u32>) -> bool {
        let long = &self.long[place];
        let is_it =
            long.hash == hash && usize::from(long.byte_count) == piece.len() && long.bytes[..piece.len()] == *piece && !piece.is_empty();
        if is_it {
            ids.extend_from_slice(&long.ids[..usize::from(long.id_count)]);
        }
        is_it
    }

    fn add_long(&mut self, (place, hash): (usize, u64), piece: &[u8], found: &[u32]) {
        if found.len() > LONG_IDS {
            return;
        }
        let long = &mut self.long[place];
        long.hash = hash;
        long.byte_count = piece.len() as u8;
        long.id_count = found.len() as u8;
        long.bytes[..piece.len()].copy_from_slice(piece);
        long.ids[..found.len()].copy_from_slice(found);
    }
}

/// The piece's bytes, its length in the highest one.
#[inline(always)]
fn short_key(text: &[u8], start: usize, length: usize) -> u128 {
    let bytes = match text[start..].first_chunk::<16>() {
        Some(chunk) => u128::from_le_bytes(*chunk) & MASKS[length],
        None => {
            let mut chunk = [0; 16];
            chunk[..length].copy_from_slice(&text[start..start + length]);
            u128::from_le_bytes(chunk)
        }
    };
    bytes | (length as u128) << 120
}

/// The lowest bytes, by how many.
const MASKS: [u128; 16] = {
    let mut masks = [0; 16];
    let mut length = 0;
    while length < 16 {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

#[inline(always)]
fn short_line(key: u128) -> usize {
    (fold(key as u64, (key >> 64) as u64) >> (64 - SHORT_LINES.trailing_zeros())) as usize
}

fn long_place(piece: &[u8]) -> (usize, u64) {
    let mut hash = piece.len() as u64;
    for chunk in piece.chunks(16) {
        let mut bytes = [0; 16];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let word = u128::from_le_bytes(bytes);
        hash = fold(hash ^ word as u64, (word >> 64) as u64);
    }
    ((hash >> (64 - LONG_PLACES.trailing_zeros())) as usize, hash)
}

/// A hash whose high bits are good.
#[inline(always)]
fn fold(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd1b5_4a32_d192_ed03);
    ((product >> 64) as u64 ^ product as u64).wrapping_mul(0x9fb2_1c65_1e98_df25)
}

/// Appends the first `count` of the ids.
#[inline(always)]
fn push_few(ids: &mut Vec<u32>, few: [u32; SHORT_IDS], count: usize) {
    debug_assert!(count <= SHORT_IDS);
    if ids.capacity() - ids.len() < SHORT_IDS {
        ids.reserve(SHORT_IDS);
    }
    // SAFETY: there is room for all of them, which were just written; `count` is at most their number.
    unsafe {
        let end = ids.as_mut_ptr().add(ids.len());
        end.cast::<[u32; SHORT_IDS]>().write_unaligned(few);
        ids.set_len(ids.len() + count.min(SHORT_IDS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One id for each byte, so that words of any length are short and long, and have few and many ids.
    fn compute(piece: &[u8], ids: &mut Vec<u32>, every: usize) {
        ids.extend(piece.iter().step_by(every).map(|byte| u32::from(*byte) + (1 << 25)));
    }

    #[test]
    fn gives_what_was_computed_the_second_time_and_after_it_is_full() {
        for every in [1, 4, 40] {
            let mut cache = WordCache::default();
            for round in 0..3 {
                let mut computed = 0;
                for number in 0..150_000_usize {
                    let word = format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(1 + number % 5);
                    let word = &word.as_bytes()[..word.len().min(1 + number % 80)];
                    let text = [&b"xy"[..], word, if number % 2 == 0 { &b"and what follows it"[..] } else { &b""[..] }].concat();
                    let (mut expected, mut found) = (Vec::new(), Vec::new());
                    compute(word, &mut expected, every);
                    cache.encode(&text, 2, 2 + word.len(), &mut found, |ids| {
                        computed += 1;
                        compute(word, ids, every);
                    });
                    assert_eq!(found, expected, "round {round}, {word:?}");
                }
                assert!(computed < 150_000, "some words are short enough to come again");
            }
        }
    }
}
