//! Byte-pair merges: of all adjacent pairs of a piece the one with the lowest rank is joined, the leftmost first, until none is left that
//! merges.

use super::pairs::{NO_RANK, Pairs};
use super::queue::RankQueue;

/// Up to this many bytes the lowest rank is looked for by looking at all of them.
const SHORT: usize = 48;

/// Memory that merging uses again and again.
#[derive(Default)]
pub struct MergeSpace {
    symbols: Vec<u32>,
    /// Where the symbol before starts.
    previous: Vec<u32>,
    /// Where the symbol after starts.
    next: Vec<u32>,
    queue: RankQueue,
}

/// A symbol that was joined into the one before it.
const JOINED: u32 = u32::MAX;

/// Bytes that a space may keep between two pieces.
const KEPT: usize = 1 << 16;

/// Appends the ids of one piece, which is shorter than 2^32 bytes.
pub fn merge(pairs: &Pairs, piece: &[u8], space: &mut MergeSpace, ids: &mut Vec<u32>) {
    if piece.len() <= SHORT {
        merge_short(pairs, piece, ids);
    } else {
        merge_long(pairs, piece, space, ids);
        if piece.len() > KEPT {
            *space = MergeSpace::default();
        }
    }
}

fn merge_short(pairs: &Pairs, piece: &[u8], ids: &mut Vec<u32>) {
    let mut symbols = [0_u32; SHORT];
    // Of the pair that starts at each symbol; the last has none.
    let mut ranks = [NO_RANK; SHORT];
    let mut count = piece.len();
    for (symbol, byte) in symbols.iter_mut().zip(piece) {
        *symbol = pairs.byte_id(*byte);
    }
    for (rank, pair) in ranks.iter_mut().zip(piece.windows(2)) {
        *rank = pairs.byte_rank(pair[0], pair[1]);
    }
    loop {
        let mut at = 0;
        let mut lowest = NO_RANK;
        for (place, rank) in ranks[..count].iter().enumerate() {
            if *rank < lowest {
                lowest = *rank;
                at = place;
            }
        }
        if lowest == NO_RANK {
            break;
        }
        symbols[at] = pairs.result(lowest);
        symbols.copy_within(at + 2..count, at + 1);
        ranks.copy_within(at + 2..count, at + 1);
        count -= 1;
        ranks[at] = if at + 1 < count { pairs.rank(symbols[at], symbols[at + 1]) } else { NO_RANK };
        if at > 0 {
            ranks[at - 1] = pairs.rank(symbols[at - 1], symbols[at]);
        }
    }
    ids.extend_from_slice(&symbols[..count]);
}

fn merge_long(pairs: &Pairs, piece: &[u8], space: &mut MergeSpace, ids: &mut Vec<u32>) {
    let length = piece.len() as u32;
    let MergeSpace { symbols, previous, next, queue } = space;
    symbols.clear();
    symbols.extend(piece.iter().map(|byte| pairs.byte_id(*byte)));
    previous.clear();
    previous.extend((0..length).map(|at| at.wrapping_sub(1)));
    next.clear();
    next.extend(1..=length);
    queue.clear();
    for (at, pair) in piece.windows(2).enumerate() {
        let rank = pairs.byte_rank(pair[0], pair[1]);
        if rank != NO_RANK {
            queue.push(rank, at as u32);
        }
    }
    while let Some((rank, at)) = queue.pop() {
        let left = at as usize;
        let right = next[left];
        if symbols[left] == JOINED || right == length {
            continue;
        }
        if pairs.rank(symbols[left], symbols[right as usize]) != rank {
            continue; // one of the two has changed since
        }
        symbols[left] = pairs.result(rank);
        symbols[right as usize] = JOINED;
        let after = next[right as usize];
        next[left] = after;
        if after < length {
            previous[after as usize] = at;
            let rank = pairs.rank(symbols[left], symbols[after as usize]);
            if rank != NO_RANK {
                queue.push(rank, at);
            }
        }
        let before = previous[left];
        if before < length {
            let rank = pairs.rank(symbols[before as usize], symbols[left]);
            if rank != NO_RANK {
                queue.push(rank, before);
            }
        }
    }
    let mut at = 0;
    while at < length {
        ids.push(symbols[at as usize]);
        at = next[at as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, looked up anew after each merge.
    fn naive(pairs: &Pairs, piece: &[u8]) -> Vec<u32> {
        let mut symbols: Vec<u32> = piece.iter().map(|byte| pairs.byte_id(*byte)).collect();
        while let Some((rank, at)) = (1..symbols.len()).map(|at| (pairs.rank(symbols[at - 1], symbols[at]), at - 1)).min() {
            if rank == NO_RANK {
                break;
            }
            symbols[at] = pairs.result(rank);
            symbols.remove(at + 1);
        }
        symbols
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((self.0 >> 33) as usize) % bound
        }
    }

    #[test]
    fn short_and_long_pieces_merge_as_the_definition_says() {
        let mut random = Random(7);
        let mut space = MergeSpace::default();
        let byte_ids: Vec<u32> = (0..256).collect();
        for round in 0..300 {
            // Merges in any order: one of a token may have a lower rank than those that make its parts.
            let letters = 1 + round % 3;
            let mut tokens: Vec<Vec<u8>> = (0..letters).map(|letter| vec![b'a' + letter as u8]).collect();
            let mut ids: Vec<u32> = tokens.iter().map(|token| u32::from(token[0])).collect();
            let mut merges: Vec<[u32; 3]> = Vec::new();
            for _ in 0..random.below(40) {
                let (left, right) = (random.below(tokens.len()), random.below(tokens.len()));
                let token = [tokens[left].as_slice(), tokens[right].as_slice()].concat();
                if token.len() > 12 {
                    continue;
                }
                let known = tokens.iter().position(|one| *one == token);
                let result = known.map_or(256 + tokens.len() as u32, |place| ids[place]);
                merges.push([ids[left], ids[right], result]);
                if known.is_none() {
                    tokens.push(token);
                    ids.push(result);
                }
            }
            for at in (1..merges.len()).rev() {
                merges.swap(at, random.below(at + 1));
            }
            let pairs = Pairs::new(&byte_ids, merges.as_flattened()).unwrap();
            for length in [0, 1, 2, 3, 7, 20, SHORT, SHORT + 1, 120] {
                let piece: Vec<u8> = (0..length).map(|_| b'a' + random.below(letters) as u8).collect();
                let expected = naive(&pairs, &piece);
                let mut long = Vec::new();
                merge_long(&pairs, &piece, &mut space, &mut long);
                assert_eq!(long, expected);
                let mut any = Vec::new();
                merge(&pairs, &piece, &mut space, &mut any);
                assert_eq!(any, expected);
            }
        }
    }
}
