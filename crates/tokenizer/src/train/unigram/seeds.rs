//! Where the pieces come from: substrings of words that occur at least twice in the corpus and cannot be made longer without losing an
//! occurrence, which are the inner nodes of the suffix tree, and the ends of words that occur more than once.

use super::words::{UNCOVERED, Words};

/// A piece as a place in `Words::characters`, and how often it stands in the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// First character.
    pub start: u32,
    /// Characters.
    pub length: u32,
    /// Occurrences.
    pub count: u64,
}

/// The `most` seeds with the largest count times length, best first; ties in the order of code points.
pub fn seeds(words: &Words, max_length: usize, most: usize, threads: usize) -> Vec<Seed> {
    let reach = reaches(words, max_length);
    let mut weights = vec![0u64; words.characters.len()];
    for (word, &count) in words.counts.iter().enumerate() {
        weights[words.starts[word] as usize..words.starts[word + 1] as usize].fill(count);
    }
    let suffixes = sorted_suffixes(words, &reach, threads);
    let mut found: Vec<(Seed, usize)> = Vec::new();
    // Intervals of suffixes with a common prefix, that are still open: its length, the first suffix, occurrences.
    let mut open: Vec<(usize, usize, u64)> = Vec::new();
    let mut before = 0;
    for i in 0..=suffixes.len() {
        let common = if i == 0 || i == suffixes.len() { 0 } else { common_length(words, &reach, suffixes[i - 1], suffixes[i]) };
        let mut first = i.saturating_sub(1);
        let mut count = 0;
        if i > 0 {
            let start = suffixes[first];
            let length = reach[start as usize];
            count = weights[start as usize];
            if count > 1 && length > 1 && usize::from(length) > common.max(before) {
                found.push((Seed { start, length: length.into(), count }, first));
            }
        }
        before = common;
        while let Some(&(length, start, counted)) = open.last().filter(|&&(length, ..)| length > common) {
            open.pop();
            first = start;
            count += counted;
            if length > 1 {
                found.push((Seed { start: suffixes[first], length: length as u32, count }, first));
            }
        }
        match open.last_mut() {
            Some(last) if last.0 == common => last.2 += count,
            _ if common > 0 => open.push((common, first, count)),
            _ => {}
        }
    }
    found.sort_unstable_by(|(a, i), (b, j)| {
        let value = |seed: &Seed| seed.count * u64::from(seed.length);
        value(b).cmp(&value(a)).then(i.cmp(j)).then(a.length.cmp(&b.length))
    });
    found.truncate(most);
    found.into_iter().map(|(seed, _)| seed).collect()
}

/// How many characters of a piece may start at each place: to the end of the word, to a character without a token, at most `most`.
fn reaches(words: &Words, most: usize) -> Vec<u8> {
    let mut reach = vec![0u8; words.characters.len()];
    for word in 0..words.counts.len() {
        let mut length = 0;
        for at in (words.starts[word] as usize..words.starts[word + 1] as usize).rev() {
            length = if words.characters[at] == UNCOVERED { 0 } else { (length + 1).min(most) };
            reach[at] = length as u8;
        }
    }
    reach
}

fn common_length(words: &Words, reach: &[u8], a: u32, b: u32) -> usize {
    let (a, b) = (a as usize, b as usize);
    let most = reach[a].min(reach[b]) as usize;
    words.characters[a..a + most].iter().zip(&words.characters[b..b + most]).take_while(|(x, y)| x == y).count()
}

/// All suffixes in the order of their characters, a shorter one first; equal ones in the order of their places.
fn sorted_suffixes(words: &Words, reach: &[u8], threads: usize) -> Vec<u32> {
    let characters = &words.characters;
    let mut of_first = vec![0usize; words.alphabet.len() + 1];
    for (at, &character) in characters.iter().enumerate() {
        if reach[at] > 0 {
            of_first[character as usize] += 1;
        }
    }
    // Ranges of first characters with about as many suffixes each.
    let total: usize = of_first.iter().sum();
    let mut bounds = vec![0u32];
    let mut sum = 0;
    for (character, &count) in of_first.iter().enumerate() {
        sum += count;
        if sum * 4 * threads >= total * bounds.len() || character + 1 == of_first.len() {
            bounds.push(character as u32 + 1);
        }
    }
    let sort = |from: u32, to: u32| -> Vec<u32> {
        let inside = |at: &usize| reach[*at] > 0 && (from..to).contains(&characters[*at]);
        let mut suffixes: Vec<(u128, u32)> =
            (0..characters.len()).filter(inside).map(|at| (key(characters, reach, at), at as u32)).collect();
        suffixes.sort_unstable();
        // Those that share the characters of the key are sorted by the rest.
        let rest = |at: u32| {
            let at = at as usize;
            &characters[at + KEY.min(reach[at] as usize)..at + reach[at] as usize]
        };
        for group in suffixes.chunk_by_mut(|(a, _), (b, _)| a == b).filter(|group| group.len() > 1) {
            if reach[group[0].1 as usize] as usize >= KEY {
                group.sort_unstable_by(|&(_, a), &(_, b)| rest(a).cmp(rest(b)).then(a.cmp(&b)));
            }
        }
        suffixes.into_iter().map(|(_, at)| at).collect()
    };
    let ranges: Vec<(u32, u32)> = bounds.windows(2).map(|pair| (pair[0], pair[1])).filter(|(from, to)| from < to).collect();
    super::in_order(threads, ranges.len(), |index| sort(ranges[index].0, ranges[index].1)).concat()
}

/// Characters of a key: more than alphabets of 2^21 have never been.
const KEY: usize = 6;

/// The first characters of a suffix, each one more than its number, 0 behind its end.
fn key(characters: &[u32], reach: &[u8], at: usize) -> u128 {
    (0..KEY).fold(0, |key, i| (key << 21) | if i < reach[at] as usize { u128::from(characters[at + i] + 1) } else { 0 })
}
