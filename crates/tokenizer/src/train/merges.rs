//! The merges of byte-pair encoding, from the counts of words: the most frequent pair first; of equally frequent ones that with the smaller
//! left id, then the smaller right id. As packages/tokenization/src/training/merge-trainer.ts, which says why no pair arises again once it
//! was merged; but here every occurrence of a pair is known by its position, so that a merge touches nothing else.
//!
//! All words lie one after the other in `symbols`, with `BREAK` around each. A token of several symbols is written at its first and at its
//! last place; what lies between is `INSIDE`. From a token's start the next one is found by its length, and from the end of the one before
//! it, that one's start.

use super::pair_counts::{PairCounts, Places, pair_of};
use crate::ensure;
use crate::error::Result;
use std::collections::{BinaryHeap, HashMap};

/// Between words, and for a symbol that no merge reaches over.
pub const BREAK: u32 = u32::MAX;
const INSIDE: u32 = u32::MAX - 1;
/// So that positions are u32, also those of pairs that arise: at most two for each merged symbol.
const MAX_SYMBOLS: usize = 1 << 30;

/// What to train on.
pub struct Training<'a> {
    /// The words.
    pub symbols: Symbols<'a>,
    /// Where each word starts in `symbols`, and one more at the end.
    pub starts: &'a [u32],
    /// How often each word occurs.
    pub counts: &'a [f64],
    /// Tokens there are; the first merge gets the id after them.
    pub tokens: Vec<String>,
    /// Tokens to end with.
    pub vocab_size: usize,
    /// A pair that occurs less often is not merged.
    pub min_frequency: u64,
    /// Tokens that no merge may make.
    pub reserved: Vec<String>,
    /// What tokens inside a word begin with; it is dropped from the right one of a pair.
    pub continuing_prefix: String,
}

/// Words, one after the other.
#[derive(Clone, Copy)]
pub enum Symbols<'a> {
    /// As ids of tokens, or `BREAK`.
    Ids(&'a [u32]),
    /// As bytes, and the id of each of the 256.
    Bytes(&'a [u8], &'a [u32]),
}

impl Symbols<'_> {
    fn len(&self) -> usize {
        match self {
            Symbols::Ids(ids) => ids.len(),
            Symbols::Bytes(bytes, _) => bytes.len(),
        }
    }

    fn are_below(&self, tokens: usize) -> bool {
        match self {
            Symbols::Ids(ids) => ids.iter().all(|id| *id == BREAK || (*id as usize) < tokens),
            Symbols::Bytes(_, ids) => ids.len() == 256 && ids.iter().all(|id| (*id as usize) < tokens),
        }
    }

    fn append(&self, from: usize, to: usize, target: &mut Vec<u32>) {
        match self {
            Symbols::Ids(ids) => target.extend_from_slice(&ids[from..to]),
            Symbols::Bytes(bytes, ids) => target.extend(bytes[from..to].iter().map(|byte| ids[usize::from(*byte)])),
        }
    }
}

/// Why `Trainer::run` returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Going,
    /// There is nothing left to merge, or there are as many tokens as were asked for.
    Done,
    /// Two pairs make one name, which can only happen with a prefix: the TypeScript trainer knows what to do then.
    SharedName,
}

/// See above.
pub struct Trainer {
    symbols: Vec<u32>,
    /// Word of each symbol.
    words: Vec<u32>,
    counts: Vec<u64>,
    /// Symbols of each token.
    lengths: Vec<u32>,
    names: Vec<String>,
    ids: HashMap<String, u32>,
    reserved: Vec<String>,
    continuing_prefix: String,
    vocab_size: usize,
    min_frequency: u64,
    pairs: PairCounts,
    /// Of all pairs, each with a piece of it.
    positions: Vec<u32>,
    queue: Queue,
    neighbours: Neighbours,
    merges: Vec<(u32, u32)>,
}

impl Trainer {
    /// Checks what it is given, and counts the pairs.
    pub fn new(training: Training<'_>) -> Result<Trainer> {
        let Training { symbols, starts, counts, tokens, .. } = training;
        let ends = starts.len().checked_sub(1);
        ensure!(ends == Some(counts.len()), "words: expected a count for each, got {} starts and {} counts", starts.len(), counts.len());
        let whole = starts.is_sorted() && starts.first() == Some(&0) && starts.last().is_some_and(|end| *end as usize == symbols.len());
        ensure!(whole, "starts: expected ascending numbers from 0 to {}", symbols.len());
        ensure!(symbols.len() + counts.len() < MAX_SYMBOLS, "symbols: expected less than 2^30, got {}", symbols.len());
        ensure!(tokens.len() < 1 << 26 && training.vocab_size < 1 << 26, "vocabSize: expected less than 2^26, got {}", training.vocab_size);
        ensure!(symbols.are_below(tokens.len()), "symbols: expected ids below {}", tokens.len());
        let exact = counts.iter().all(|count| *count >= 0.0 && count.fract() == 0.0 && *count <= 9_007_199_254_740_991.0);
        ensure!(exact, "counts: expected integers up to 2^53 - 1");

        let mut arena = Vec::with_capacity(symbols.len() + counts.len() + 1);
        let mut words = Vec::with_capacity(arena.capacity());
        arena.push(BREAK);
        words.push(0);
        let mut kept = Vec::with_capacity(counts.len());
        for (range, count) in starts.windows(2).zip(counts) {
            let (from, to) = (range[0] as usize, range[1] as usize);
            // A word of one symbol has no pairs.
            if to - from < 2 {
                continue;
            }
            symbols.append(from, to, &mut arena);
            arena.push(BREAK);
            words.resize(arena.len(), kept.len() as u32);
            kept.push(*count as u64);
        }
        let vocab = training.vocab_size.max(tokens.len());
        let ids = tokens.iter().enumerate().map(|(id, name)| (name.clone(), id as u32)).collect();
        let mut trainer = Trainer {
            symbols: arena,
            words,
            counts: kept,
            lengths: vec![1; tokens.len()],
            names: tokens,
            ids,
            reserved: training.reserved,
            continuing_prefix: training.continuing_prefix,
            vocab_size: training.vocab_size,
            min_frequency: training.min_frequency.max(1),
            pairs: PairCounts::default(),
            positions: Vec::new(),
            queue: Queue::default(),
            neighbours: Neighbours::new(vocab + 1),
            merges: Vec::new(),
        };
        trainer.count_pairs();
        Ok(trainer)
    }

    /// Tokens so far.
    pub fn token_count(&self) -> usize {
        self.names.len()
    }

    /// Left and right id of each merge, in order.
    pub fn merges(&self) -> &[(u32, u32)] {
        &self.merges
    }

    /// Makes up to `steps` merges.
    pub fn run(&mut self, steps: usize) -> Progress {
        for _ in 0..steps {
            if self.names.len() >= self.vocab_size {
                return Progress::Done;
            }
            let Some(index) = self.queue.pop(&self.pairs, self.min_frequency) else { return Progress::Done };
            let pair = self.pairs.pairs[index];
            let (left, right) = ((pair >> 32) as u32, pair as u32);
            self.pairs.counts[index] = 0;
            let name = self.joined(left, right);
            if self.reserved.contains(&name) {
                continue;
            }
            if self.ids.contains_key(&name) {
                return Progress::SharedName;
            }
            let id = self.names.len() as u32;
            self.ids.insert(name.clone(), id);
            self.names.push(name);
            self.lengths.push(self.lengths[left as usize] + self.lengths[right as usize]);
            self.merges.push((left, right));
            self.merge(left, right, id, self.pairs.places[index]);
        }
        Progress::Going
    }

    fn joined(&self, left: u32, right: u32) -> String {
        let right = &self.names[right as usize];
        let rest = if self.continuing_prefix.is_empty() { None } else { right.strip_prefix(self.continuing_prefix.as_str()) };
        [self.names[left as usize].as_str(), rest.unwrap_or(right)].concat()
    }

    /// Counts the pairs of neighbouring symbols, and sorts their positions by pair.
    fn count_pairs(&mut self) {
        let Trainer { symbols, words, counts, pairs, positions, queue, .. } = self;
        let neighbours = || symbols.windows(2).enumerate().filter(|(_, pair)| pair[0] != BREAK && pair[1] != BREAK);
        for (at, pair) in neighbours() {
            let index = pairs.find_or_add(pair_of(pair[0], pair[1]));
            pairs.counts[index] += counts[words[at] as usize];
            pairs.places[index].length += 1;
        }
        let mut total = 0;
        for places in &mut pairs.places {
            places.start = total;
            total += places.length;
            places.length = 0;
        }
        positions.resize(total as usize, 0);
        for (at, pair) in neighbours() {
            let index = pairs.find_or_add(pair_of(pair[0], pair[1]));
            let places = &mut pairs.places[index];
            positions[(places.start + places.length) as usize] = at as u32;
            places.length += 1;
        }
        queue.refill(pairs, 1);
    }

    /// Joins every `left right` into `id`, from left to right, and counts the pairs that end and those that arise.
    fn merge(&mut self, left: u32, right: u32, id: u32, places: Places) {
        let Trainer { symbols, words, counts, lengths, pairs, positions, queue, neighbours, .. } = self;
        let left_length = lengths[left as usize] as usize;
        let length = lengths[id as usize] as usize;
        neighbours.clear();
        for place in places.start..places.start + places.length {
            let at = positions[place as usize] as usize;
            let (middle, end) = (at + left_length, at + length);
            // What stood here may have been merged with something else.
            if symbols[at] != left || symbols[middle] != right {
                continue;
            }
            let count = counts[words[at] as usize];
            let before = symbols[at - 1];
            if before == id {
                // Two of them in a row: what stood before this one was counted as `id left`.
                neighbours.after.weights[left as usize] -= count;
                neighbours.before.add(id, count, (at - length) as u32);
            } else if before != BREAK {
                neighbours.before.add(before, count, (at - lengths[before as usize] as usize) as u32);
            }
            let after = symbols[end];
            if after != BREAK {
                neighbours.after.add(after, count, at as u32);
                neighbours.after.ended[after as usize] += count;
            }
            symbols[middle] = INSIDE;
            symbols[at] = id;
            symbols[end - 1] = id;
        }
        for &token in &neighbours.before.tokens {
            let weight = neighbours.before.weights[token as usize];
            // `id left` was counted for `id id` when it ended, above.
            if token != id {
                pairs.lower(pair_of(token, left), weight);
            }
        }
        for &token in &neighbours.after.tokens {
            pairs.lower(pair_of(right, token), neighbours.after.ended[token as usize]);
        }
        let min_frequency = self.min_frequency;
        neighbours.before.place(|token| pair_of(token, id), min_frequency, pairs, positions, queue);
        neighbours.after.place(|token| pair_of(id, token), min_frequency, pairs, positions, queue);
    }
}

impl PairCounts {
    /// Takes from the count of a pair; of one that is being merged, or was not kept, nothing.
    fn lower(&mut self, pair: u64, by: u64) {
        if let Some(index) = self.find(pair) {
            self.counts[index] = self.counts[index].saturating_sub(by);
        }
    }
}

/// The tokens that stand beside the occurrences of a pair that is being merged.
struct Neighbours {
    before: Side,
    after: Side,
}

struct Side {
    /// In the order in which they were met.
    tokens: Vec<u32>,
    /// By token: how often the pair that arises with it occurs, and how often the one that ends did.
    weights: Vec<u64>,
    ended: Vec<u64>,
    /// By token: where its positions go.
    places: Vec<Places>,
    /// Token and position of each occurrence.
    found: Vec<(u32, u32)>,
}

impl Neighbours {
    fn new(tokens: usize) -> Neighbours {
        let side = || Side {
            tokens: Vec::new(),
            weights: vec![0; tokens],
            ended: vec![0; tokens],
            places: vec![Places::default(); tokens],
            found: Vec::new(),
        };
        Neighbours { before: side(), after: side() }
    }

    fn clear(&mut self) {
        for side in [&mut self.before, &mut self.after] {
            for &token in &side.tokens {
                let token = token as usize;
                (side.weights[token], side.ended[token], side.places[token]) = (0, 0, Places::default());
            }
            side.tokens.clear();
            side.found.clear();
        }
    }
}

impl Side {
    #[inline]
    fn add(&mut self, token: u32, count: u64, position: u32) {
        let places = &mut self.places[token as usize];
        if places.length == 0 {
            self.tokens.push(token);
        }
        places.length += 1;
        self.weights[token as usize] += count;
        self.found.push((token, position));
    }

    /// Adds the pairs that have arisen, with their positions in ascending order.
    fn place(
        &mut self,
        pair: impl Fn(u32) -> u64,
        min_frequency: u64,
        pairs: &mut PairCounts,
        positions: &mut Vec<u32>,
        queue: &mut Queue,
    ) {
        for &token in &self.tokens {
            let (weight, places) = (self.weights[token as usize], &mut self.places[token as usize]);
            // A pair's count only falls: one that is too rare to be merged stays so.
            if weight < min_frequency {
                places.start = u32::MAX;
                continue;
            }
            let index = pairs.find_or_add(pair(token));
            pairs.counts[index] = weight;
            places.start = positions.len() as u32;
            pairs.places[index] = *places;
            positions.resize(positions.len() + places.length as usize, 0);
            queue.push(pairs, index);
        }
        for &(token, position) in &self.found {
            let places = &mut self.places[token as usize];
            if places.start != u32::MAX {
                positions[places.start as usize] = position;
                places.start += 1;
            }
        }
    }
}

/// The most frequent pair on top. Only pairs that occur `floor` times or more are in the heap; the others are looked through when it is
/// empty. Counts in it may be out of date, and then are too high.
#[derive(Default)]
struct Queue {
    /// Count, and the pair such that the smaller one is the greater.
    heap: BinaryHeap<(u64, u64)>,
    floor: u64,
}

/// The floor is lowered to such a part of the count on top.
const FLOOR_SHARE: u64 = 4;

impl Queue {
    fn push(&mut self, pairs: &PairCounts, index: usize) {
        if pairs.counts[index] >= self.floor {
            self.heap.push((pairs.counts[index], !pairs.pairs[index]));
        }
    }

    /// Number of the pair to merge next.
    fn pop(&mut self, pairs: &PairCounts, min_frequency: u64) -> Option<usize> {
        loop {
            let Some((count, pair)) = self.heap.pop() else {
                if self.floor <= min_frequency {
                    return None;
                }
                self.refill(pairs, min_frequency);
                continue;
            };
            let index = pairs.find(!pair)?;
            let current = pairs.counts[index];
            if current == count {
                return (count >= min_frequency).then_some(index);
            }
            if current >= self.floor {
                self.heap.push((current, pair));
            }
        }
    }

    /// Lowers the floor below the most frequent pair there is.
    fn refill(&mut self, pairs: &PairCounts, min_frequency: u64) {
        let most = pairs.counts.iter().copied().max().unwrap_or(0);
        self.floor = (most / FLOOR_SHARE).max(min_frequency).max(1);
        self.heap = pairs
            .counts
            .iter()
            .zip(&pairs.pairs)
            .filter(|(count, _)| **count >= self.floor)
            .map(|(count, pair)| (*count, !*pair))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, counted anew for every merge.
    fn naive(words: &mut [(Vec<u32>, u64)], tokens: u32, vocab_size: u32, min_frequency: u64) -> Vec<(u32, u32)> {
        let mut merges = Vec::new();
        while tokens + (merges.len() as u32) < vocab_size {
            let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
            for (word, count) in words.iter() {
                for pair in word.windows(2).filter(|pair| pair[0] != BREAK && pair[1] != BREAK) {
                    *counts.entry((pair[0], pair[1])).or_default() += count;
                }
            }
            let best = counts.into_iter().max_by_key(|(pair, count)| (*count, std::cmp::Reverse(*pair)));
            let Some((pair, count)) = best else { break };
            if count < min_frequency.max(1) {
                break;
            }
            let id = tokens + merges.len() as u32;
            merges.push(pair);
            for (word, _) in words.iter_mut() {
                let mut at = 0;
                while at + 1 < word.len() {
                    if (word[at], word[at + 1]) == pair {
                        word.splice(at..at + 2, [id]);
                    }
                    at += 1;
                }
            }
        }
        merges
    }

    #[test]
    fn merges_are_those_of_the_definition() {
        let mut state = 5_u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for case in 0..1000 {
            let letters = 1 + next(4);
            let mut words: Vec<(Vec<u32>, u64)> = (0..1 + next(12))
                .map(|_| {
                    let word = (0..1 + next(14)).map(|_| if next(40) == 0 { BREAK } else { next(letters) as u32 }).collect();
                    (word, 1 + next(if case % 2 == 0 { 3 } else { 1 << 40 }))
                })
                .collect();
            let mut starts = vec![0];
            for (word, _) in &words {
                starts.push(starts[starts.len() - 1] + word.len() as u32);
            }
            let (vocab_size, min_frequency) = (letters + next(30), next(4));
            let mut trainer = Trainer::new(Training {
                symbols: Symbols::Ids(&words.iter().flat_map(|(word, _)| word.clone()).collect::<Vec<_>>()),
                starts: &starts,
                counts: &words.iter().map(|(_, count)| *count as f64).collect::<Vec<_>>(),
                tokens: (0..letters as u8).map(|letter| char::from(b'a' + letter).to_string()).collect(),
                vocab_size: vocab_size as usize,
                min_frequency,
                reserved: Vec::new(),
                continuing_prefix: String::new(),
            })
            .unwrap();
            while trainer.run(1 + case % 3) == Progress::Going {}
            let expected = naive(&mut words, letters as u32, vocab_size as u32, min_frequency);
            assert_eq!(trainer.merges(), expected, "case {case}");
        }
    }

    fn training<'a>(symbols: &'a [u32], starts: &'a [u32], counts: &'a [f64]) -> Training<'a> {
        let tokens = ["a", "b"].map(String::from).to_vec();
        let (reserved, continuing_prefix) = (vec!["ab".into()], String::new());
        Training { symbols: Symbols::Ids(symbols), starts, counts, tokens, vocab_size: 9, min_frequency: 0, reserved, continuing_prefix }
    }

    #[test]
    fn a_reserved_name_is_not_made() {
        let mut trainer = Trainer::new(training(&[0, 1, 0, 1, 1], &[0, 5], &[1.0])).unwrap();
        while trainer.run(10) == Progress::Going {}
        // Of the pairs that occur once, `ba` and `bb`, the first, and so on.
        assert_eq!(trainer.merges(), [(1, 0), (0, 2), (1, 1), (3, 4)]);
    }

    #[test]
    fn two_pairs_with_one_name_are_told() {
        let mut training = training(&[0, 1, 1], &[0, 3], &[1.0]);
        training.tokens = ["#", "###"].map(String::from).to_vec();
        training.continuing_prefix = "##".into();
        let mut trainer = Trainer::new(training).unwrap();
        assert_eq!(trainer.run(9), Progress::SharedName);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (symbols, starts, counts) in [
            (&[0, 1][..], &[0, 2][..], &[][..]),
            (&[0, 1], &[0, 3], &[1.0]),
            (&[0, 1], &[0, 2, 1], &[1.0, 1.0]),
            (&[0, 2], &[0, 2], &[1.0]),
            (&[0, 1], &[0, 2], &[0.5]),
            (&[0, 1], &[0, 2], &[-1.0]),
            (&[0, 1], &[0, 2], &[f64::NAN]),
            (&[], &[], &[]),
        ] {
            assert!(Trainer::new(training(symbols, starts, counts)).is_err(), "{symbols:?} {starts:?} {counts:?}");
        }
    }
}
