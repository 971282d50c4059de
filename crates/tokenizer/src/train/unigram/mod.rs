//! The unigram language model of Kudo 2018 as SentencePiece trains it: seeds from the suffixes of the words, expectation maximization with a
//! Bayesian step, and pruning until the vocabulary has its size. The same numbers as the trainer in TypeScript, to the last bit, on any
//! number of threads: what threads sum are whole numbers.

mod math;
mod model;
mod prune;
mod seeds;
mod trie;
mod words;

use math::{digamma, exp, ln};
use model::{Model, Pieces, Room};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use words::Words;

/// How to train.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Pieces of the result, single characters among them.
    pub piece_count: usize,
    /// Characters of a piece, at most 255.
    pub max_piece_length: usize,
    /// Seeds to begin with.
    pub seed_count: usize,
    /// Share of the pieces that a pruning keeps.
    pub shrinking_factor: f64,
    /// Share of the characters of the corpus that get tokens.
    pub character_coverage: f64,
    /// That compute.
    pub threads: usize,
}

/// Rounds of expectation maximization between two prunings.
const ROUNDS: usize = 2;
/// A piece that is expected less often than this goes.
const LEAST_EXPECTED: f64 = 0.5;
/// Pruning ends with so many times the pieces that are wanted; the best of them are the result.
const SURPLUS: f64 = 1.1;
/// Expected counts are summed in units of 2^-24.
const UNIT: f64 = 16_777_216.0;

/// Pieces with the natural logarithms of their probabilities, the most probable first; fewer than wanted if the words have no more to give.
pub fn train<'a>(words: impl Iterator<Item = (&'a [u8], u64)>, settings: &Settings) -> Vec<(String, f64)> {
    let Settings { piece_count, max_piece_length, seed_count, shrinking_factor, character_coverage, threads } = *settings;
    let words = Words::new(words, character_coverage);
    let singles = words.alphabet.len();
    let mut pieces = first_pieces(&words, max_piece_length, seed_count, threads);
    let wanted = singles.max((piece_count as f64 * SURPLUS).floor() as usize);
    loop {
        for _ in 0..ROUNDS {
            pieces = maximize(&pieces, &expected_counts(&pieces, &words, threads), singles);
        }
        let count = pieces.characters.len();
        if count <= wanted {
            break;
        }
        let size = wanted.max((shrinking_factor * count as f64).floor() as usize);
        let kept = prune::prune(&pieces, &words, size, threads);
        if kept.len() == count {
            break;
        }
        pieces = pieces.select(&kept);
    }
    finish(&pieces, &words, piece_count)
}

/// The single characters in the order of code points, then the seeds, with probabilities in proportion to count times length.
fn first_pieces(words: &Words, max_piece_length: usize, seed_count: usize, threads: usize) -> Pieces {
    let mut characters: Vec<Box<[u32]>> = (0..words.alphabet.len() as u32).map(|number| [number].into()).collect();
    let mut weights: Vec<f64> = words.alphabet_counts.iter().map(|&count| count as f64).collect();
    for seeds::Seed { start, length, count } in seeds::seeds(words, max_piece_length, seed_count, threads) {
        characters.push(words.characters[start as usize..(start + length) as usize].into());
        weights.push((count * u64::from(length)) as f64);
    }
    let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
    Pieces::new(characters, weights.into_iter().map(|weight| weight / total).collect(), words.alphabet.len())
}

/// How often each piece is on the ways through the words, in units.
fn expected_counts(pieces: &Pieces, words: &Words, threads: usize) -> Vec<u64> {
    let model = Model::new(pieces);
    summed(threads, words.counts.len(), pieces.characters.len(), |sums, range| {
        let mut room = Room::default();
        for word in range {
            let weight = words.counts[word] as f64 * UNIT;
            model.expected(words.word(word), &mut room, |piece, share| sums[piece] += (weight * share).floor() as u64);
        }
    })
}

/// Drops what is hardly expected, single characters excepted; the rest gets the probabilities of a Dirichlet prior (digamma), which favours
/// few pieces.
fn maximize(pieces: &Pieces, expected: &[u64], singles: usize) -> Pieces {
    let is_kept = |piece: &usize| *piece < singles || expected[*piece] as f64 >= LEAST_EXPECTED * UNIT;
    let kept: Vec<usize> = (0..expected.len()).filter(is_kept).collect();
    let counts: Vec<f64> = kept.iter().map(|&piece| (expected[piece] as f64 / UNIT).max(LEAST_EXPECTED)).collect();
    let log_total = digamma(counts.iter().fold(0.0, |sum, count| sum + count));
    let probabilities = counts.into_iter().map(|count| exp(digamma(count) - log_total)).collect();
    Pieces { probabilities, ..pieces.select(&kept) }
}

/// Every single character, and the most probable of the others.
fn finish(pieces: &Pieces, words: &Words, piece_count: usize) -> Vec<(String, f64)> {
    let singles = words.alphabet.len();
    let by_probability = |a: &usize, b: &usize| pieces.probabilities[*b].total_cmp(&pieces.probabilities[*a]).then(a.cmp(b));
    let mut longer: Vec<usize> = (singles..pieces.characters.len()).collect();
    longer.sort_by(by_probability);
    longer.truncate(piece_count.saturating_sub(singles));
    let mut chosen: Vec<usize> = (0..singles).chain(longer).collect();
    chosen.sort_by(by_probability);
    let spell = |piece: usize| pieces.characters[piece].iter().map(|&number| words.alphabet[number as usize]).collect();
    chosen.into_iter().map(|piece| (spell(piece), ln(pieces.probabilities[piece]))).collect()
}

/// Results of `task(0) .. task(count - 1)`, in this order, computed by several threads.
fn in_order<T: Send>(threads: usize, count: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let result = task(index);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Sums that threads make over ranges of `0 .. count`, each into an array of its own, added up. Whole numbers: in any order.
fn summed(threads: usize, count: usize, size: usize, add: impl Fn(&mut [u64], Range<usize>) + Sync) -> Vec<u64> {
    const PART: usize = 2048;
    let next = AtomicUsize::new(0);
    let total = Mutex::new(vec![0u64; size]);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut own = vec![0u64; size];
                loop {
                    let start = next.fetch_add(PART, Ordering::Relaxed);
                    if start >= count {
                        break;
                    }
                    add(&mut own, start..count.min(start + PART));
                }
                let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                total.iter_mut().zip(own).for_each(|(sum, one)| *sum += one);
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(piece_count: usize, threads: usize) -> Settings {
        Settings { piece_count, max_piece_length: 16, seed_count: 1_000_000, shrinking_factor: 0.75, character_coverage: 1.0, threads }
    }

    /// Words of a small alphabet with a pattern to find.
    fn words() -> Vec<(String, u64)> {
        let mut state = 7u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let parts = ["the", "re", "in", "ation", "a", "ke", "st", "o", "p", "qu"];
        (0..3000).map(|_| ((0..1 + below(4)).map(|_| parts[below(10) as usize]).collect::<String>(), 1 + below(50))).collect()
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let words = words();
        let run = |threads| train(words.iter().map(|(word, count)| (word.as_bytes(), *count)), &settings(60, threads));
        let first = run(1);
        assert_eq!(first.len(), 60);
        for threads in [2, 3, 8] {
            let bits = |pieces: &[(String, f64)]| pieces.iter().map(|(piece, score)| (piece.clone(), score.to_bits())).collect::<Vec<_>>();
            assert_eq!(bits(&run(threads)), bits(&first));
        }
        for part in ["the", "ation", "qu"] {
            assert!(first.iter().any(|(piece, _)| piece == part), "{part} is no piece");
        }
        assert!(first.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }

    #[test]
    fn no_words_have_no_pieces() {
        assert!(train(std::iter::empty(), &settings(10, 2)).is_empty());
        assert_eq!(train([(b"a\xed\xa0\x80a".as_slice(), 3)].into_iter(), &settings(10, 2)).len(), 1);
    }
}
