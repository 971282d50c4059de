//! Words of a corpus as the trainer reads them: characters as small numbers, in the order of their code points.

use std::collections::HashMap;

/// A character that is too rare: no piece contains it.
pub const UNCOVERED: u32 = u32::MAX;

/// The words with their counts.
pub struct Words {
    /// Character of each number.
    pub alphabet: Vec<char>,
    /// How often each stands in the corpus.
    pub alphabet_counts: Vec<u64>,
    /// Characters of all words, one behind the other.
    pub characters: Vec<u32>,
    /// Where each word starts; one more than there are words.
    pub starts: Vec<u32>,
    /// How often each word stands in the corpus.
    pub counts: Vec<u64>,
}

impl Words {
    /// `coverage`: the share of the characters of the corpus that get tokens, the most frequent ones.
    /// What is no UTF-8 (a surrogate that stands alone) gets no token.
    pub fn new<'a>(words: impl Iterator<Item = (&'a [u8], u64)>, coverage: f64) -> Words {
        let (mut texts, mut starts, mut counts) = (Vec::new(), vec![0u32], Vec::new());
        let mut frequency: HashMap<char, u64> = HashMap::new();
        for (word, count) in words {
            for chunk in word.utf8_chunks() {
                for character in chunk.valid().chars() {
                    texts.push(Some(character));
                    *frequency.entry(character).or_default() += count;
                }
                if !chunk.invalid().is_empty() {
                    texts.push(None);
                }
            }
            starts.push(texts.len() as u32);
            counts.push(count);
        }
        let mut by_frequency: Vec<(char, u64)> = frequency.into_iter().collect();
        by_frequency.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
        let total = by_frequency.iter().map(|&(_, count)| count as f64).sum::<f64>();
        let mut sum = 0.0;
        let mut covered: Vec<(char, u64)> = Vec::new();
        for &(character, count) in &by_frequency {
            if sum / total >= coverage {
                break;
            }
            sum += count as f64;
            covered.push((character, count));
        }
        covered.sort_unstable();
        let numbers: HashMap<char, u32> = covered.iter().enumerate().map(|(number, &(character, _))| (character, number as u32)).collect();
        Words {
            characters: texts.iter().map(|text| text.and_then(|character| numbers.get(&character).copied()).unwrap_or(UNCOVERED)).collect(),
            alphabet: covered.iter().map(|&(character, _)| character).collect(),
            alphabet_counts: covered.iter().map(|&(_, count)| count).collect(),
            starts,
            counts,
        }
    }

    /// Characters of a word.
    pub fn word(&self, index: usize) -> &[u32] {
        &self.characters[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}
