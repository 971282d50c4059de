//! Places inside a piece over which no merge can reach: what stands before and after them is merged on its own, and is often known already.
//! Text without spaces, such as Chinese, is one long piece and has such a place between most characters.
//!
//! A place is crossed first by the merge of a symbol that ends there and one that begins there. So it is a cut unless there is a merge whose
//! left side ends, and whose right side begins, with the bytes around it, of which three on each side are looked at: a character of most
//! scripts. Only places beside a character outside ASCII are looked at.

use std::collections::HashMap;

/// Bytes on each side.
const WIDTH: usize = 3;

/// Of merges that wait for their parts, as files have them that are not in the order of learning.
const MAX_PASSES: usize = 16;

/// Where no merge reaches over.
pub struct Cuts {
    /// For the bytes before and after: which widths on the left and on the right the merges there have, a bit for each combination.
    widths: Box<[u16]>,
    /// A set of hashes: it may say yes for what is not in it, and then a cut is missed.
    merges: Box<[u64]>,
}

/// The ends of a symbol: up to three bytes, and how many there are.
#[derive(Clone, Copy, PartialEq)]
struct Ends {
    first: [u8; WIDTH],
    last: [u8; WIDTH],
    length: usize,
}

impl Cuts {
    /// As in `Pairs::new`, checked. None where an id stands for several symbols, so that nothing can be said.
    pub fn new(byte_ids: &[u32], merges: &[u32], dropped: u32) -> Option<Cuts> {
        let mut ends: HashMap<u32, Ends> = HashMap::with_capacity(256 + merges.len() / 3);
        for (byte, id) in (0..=u8::MAX).zip(byte_ids) {
            define(&mut ends, *id, Ends { first: [byte, 0, 0], last: [0, 0, byte], length: 1 })?;
        }
        let mut junctions = Vec::new();
        let mut waiting: Vec<&[u32]> = merges.chunks_exact(3).filter(|merge| merge[0] != dropped).collect();
        for pass in 0.. {
            let before = waiting.len();
            let mut ambiguous = false;
            waiting.retain(|merge| {
                let (Some(left), Some(right)) = (ends.get(&merge[0]).copied(), ends.get(&merge[1]).copied()) else { return true };
                if !left.last[WIDTH - 1].is_ascii() || !right.first[0].is_ascii() {
                    junctions.push((left, right));
                }
                ambiguous |= define(&mut ends, merge[2], joined(left, right)).is_none();
                false
            });
            if ambiguous || pass == MAX_PASSES {
                return None;
            }
            if waiting.len() == before {
                break; // of those that are left a part is never made
            }
        }
        let words = (junctions.len() / 2).next_power_of_two().max(64);
        let mut cuts = Cuts { widths: vec![0; 1 << 16].into_boxed_slice(), merges: vec![0; words].into_boxed_slice() };
        for (left, right) in junctions {
            cuts.widths[usize::from(left.last[WIDTH - 1]) << 8 | usize::from(right.first[0])] |= width_bit(left.length, right.length);
            let hash = hash(&left.last[WIDTH - left.length..], &right.first[..right.length]);
            let (word, bit) = cuts.place(hash);
            cuts.merges[word] |= bit;
        }
        Some(cuts)
    }

    /// Whether nothing reaches over `at`, which is inside the piece and before a character.
    #[inline]
    pub fn is_cut(&self, piece: &[u8], at: usize) -> bool {
        let mut widths = self.widths[usize::from(piece[at - 1]) << 8 | usize::from(piece[at])];
        while widths != 0 {
            let bit = widths.trailing_zeros() as usize;
            let (left, right) = (bit / WIDTH + 1, bit % WIDTH + 1);
            if left <= at && right <= piece.len() - at {
                let (word, bit) = self.place(hash(&piece[at - left..at], &piece[at..at + right]));
                if self.merges[word] & bit != 0 {
                    return false;
                }
            }
            widths &= widths - 1;
        }
        true
    }

    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 32) as usize & (self.merges.len() - 1), 1 << (hash >> 26 & 63))
    }
}

/// None if the id is another symbol already.
fn define(ends: &mut HashMap<u32, Ends>, id: u32, symbol: Ends) -> Option<()> {
    (*ends.entry(id).or_insert(symbol) == symbol).then_some(())
}

fn joined(left: Ends, right: Ends) -> Ends {
    let mut first = left.first;
    for (place, byte) in (left.length..WIDTH).zip(right.first) {
        first[place] = byte;
    }
    let mut last = right.last;
    for (place, byte) in (0..WIDTH - right.length).rev().zip(left.last.into_iter().rev()) {
        last[place] = byte;
    }
    Ends { first, last, length: (left.length + right.length).min(WIDTH) }
}

fn width_bit(left: usize, right: usize) -> u16 {
    1 << ((left - 1) * WIDTH + right - 1)
}

#[inline]
fn hash(left: &[u8], right: &[u8]) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().fold(1_u64, |number, byte| number << 8 | u64::from(*byte));
    (number(left) << 32 | number(right)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
