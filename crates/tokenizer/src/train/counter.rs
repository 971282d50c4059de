//! Counts the words of many texts on several threads, each with a table of its own.

use super::word_table::{SortedWords, WordTable};
use crate::ensure;
use crate::error::Result;
use crate::pre_tokenizer::PreTokenizer;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Bytes of text that a thread takes at a time, unless no place to cut is found.
const SHARE: usize = 1 << 18;

/// See above.
pub struct Counter {
    pre_tokenizer: PreTokenizer,
    limit: usize,
    tables: Vec<WordTable>,
    /// Texts to be counted, and which parts of them are left.
    text: Vec<u8>,
    parts: VecDeque<(usize, usize)>,
}

impl Counter {
    /// * `limit` - bytes of memory of all tables together
    pub fn new(pre_tokenizer: PreTokenizer, limit: usize, threads: usize) -> Result<Counter> {
        ensure!((1..=1024).contains(&threads), "threads: expected 1 .. 1024, got {threads}");
        let tables = (0..threads).map(|_| WordTable::new(limit / threads)).collect();
        Ok(Counter { pre_tokenizer, limit, tables, text: Vec::new(), parts: VecDeque::new() })
    }

    /// Takes a text; it is counted by `run`.
    pub fn add(&mut self, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.parts.extend(parts(text, self.pre_tokenizer).map(|(from, to)| (start + from, start + to)));
    }

    /// Bytes of the texts that were not counted yet.
    pub fn pending(&self) -> usize {
        self.text.len()
    }

    /// Counts the texts. False if the tables are full: then `take` makes room, and `run` goes on.
    pub fn run(&mut self) -> bool {
        let Counter { tables, text, parts, pre_tokenizer, .. } = self;
        let queue = Mutex::new(std::mem::take(parts));
        let lock = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let work = |table: &mut WordTable| {
            while let Some((from, to)) = { lock().pop_front() } {
                let mut rest = None;
                pre_tokenizer.cut(&text[from..to], |start, end| {
                    if rest.is_none() && !table.count(&text[..to], from + start, from + end) {
                        rest = Some(from + start);
                    }
                });
                if let Some(at) = rest {
                    lock().push_front((at, to));
                    break;
                }
            }
        };
        let (own, others) = tables.split_at_mut(1);
        let helpers = lock().len().saturating_sub(1);
        std::thread::scope(|scope| {
            for table in others.iter_mut().take(helpers) {
                // Where the system gives no thread, the others do its work.
                let _ = std::thread::Builder::new().name("codex-tokenizer".into()).spawn_scoped(scope, || work(table));
            }
            work(&mut own[0]);
        });
        let left = queue.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        if left.is_empty() {
            self.text.clear();
        }
        self.parts = left;
        self.parts.is_empty()
    }

    /// The words that were counted so far, which are then forgotten.
    pub fn take(&mut self) -> SortedWords {
        let threads = self.tables.len();
        let mut tables = std::mem::take(&mut self.tables).into_iter();
        let mut all = tables.next().unwrap_or_else(|| WordTable::new(0));
        for table in tables {
            all.absorb(table);
        }
        let sorted = all.into_sorted();
        self.tables = (0..threads).map(|_| WordTable::new(self.limit / threads)).collect();
        sorted
    }
}

/// Parts of a text that can be cut on their own: each but the last ends after a letter, before a space and a letter, where every expression
/// cuts, whatever stands before and after.
fn parts(text: &[u8], pre_tokenizer: PreTokenizer) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == text.len() {
            return None;
        }
        let from = start;
        let cut = |at: &usize| text[*at] == b' ' && text[*at - 1].is_ascii_alphabetic() && text[*at + 1].is_ascii_alphabetic();
        let found =
            (from + SHARE < text.len() && pre_tokenizer != PreTokenizer::None).then(|| (from + SHARE..text.len() - 1).find(cut)).flatten();
        start = found.unwrap_or(text.len());
        Some((from, start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pre_tokenizer: PreTokenizer, texts: &[Vec<u8>], limit: usize, threads: usize) -> (SortedWords, usize) {
        let mut counter = Counter::new(pre_tokenizer, limit, threads).unwrap();
        let mut merged = std::collections::BTreeMap::new();
        let mut taken = 0;
        let mut take = |counter: &mut Counter| {
            taken += 1;
            let sorted = counter.take();
            for (index, count) in sorted.counts.iter().enumerate() {
                let word = sorted.bytes[sorted.starts[index] as usize..sorted.starts[index + 1] as usize].to_vec();
                *merged.entry(word).or_insert(0) += count;
            }
        };
        for text in texts {
            counter.add(text);
            if counter.pending() > 1 << 20 {
                while !counter.run() {
                    take(&mut counter);
                }
            }
        }
        while !counter.run() {
            take(&mut counter);
        }
        take(&mut counter);
        let mut all = SortedWords { starts: vec![0], ..SortedWords::default() };
        for (word, count) in merged {
            all.bytes.extend_from_slice(&word);
            all.starts.push(all.bytes.len() as u32);
            all.counts.push(count);
        }
        (all, taken)
    }

    #[test]
    fn any_number_of_threads_and_any_memory_give_the_same_words() {
        let mut state = 1_u64;
        let mut text = |length: usize| -> Vec<u8> {
            let mut text = Vec::new();
            while text.len() < length {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let choices = ["I'll ", "x y", " ", "\n\n  ", "123", "\u{e9}", &format!("w{} ", (state >> 33) % 50_000), "don't"];
                text.extend_from_slice(choices[(state >> 40) as usize % choices.len()].as_bytes());
            }
            text
        };
        let texts = [text(3_000_000), vec![], text(10), text(700_000), text(700_000)];
        for pre_tokenizer in [PreTokenizer::Gpt2, PreTokenizer::Llama3] {
            // One part: what is never cut is right in any case.
            let mut whole = WordTable::new(usize::MAX);
            for text in &texts {
                pre_tokenizer.cut(text, |start, end| assert!(whole.count(text, start, end)));
            }
            let expected = whole.into_sorted();
            for threads in [1, 3] {
                assert_eq!(words(pre_tokenizer, &texts, usize::MAX, threads), (expected.clone(), 1));
            }
            let (small, taken) = words(pre_tokenizer, &texts, 1 << 17, 2);
            assert_eq!(small, expected);
            assert!(taken > 3, "{taken}");
        }
    }
}
