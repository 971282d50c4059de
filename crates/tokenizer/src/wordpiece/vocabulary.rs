//! The tokens that a word is made of: the longest that fits, again and again. Found in one pass over the word, whatever the tokens are, by
//! LinMaxMatch (Song et al. 2021, "Fast WordPiece Tokenization"): where a trie cannot go on, the tokens that are certain by then are given
//! out, and the walk goes on from the node of what is left of the word, both of which are known beforehand.

use crate::bpe::pairs::MAX_IDS;
use crate::ensure;
use crate::error::Result;

/// Where a word begins.
const START: u32 = 0;
/// Where the rest of a word begins.
const INNER: u32 = 1;
const ROOTS: usize = 2;
const NONE: u32 = u32::MAX;
/// Marks an index in `Vocabulary::joined`; without it, what a node gives out is one id.
const JOINED: u32 = 1 << 31;

/// Two tries, of the tokens that begin a word and of what comes after the prefix of those that continue one. Nodes are in the order of
/// their depth, and the children of a node follow each other.
pub struct Vocabulary {
    nodes: Box<[Node]>,
    /// The byte that leads to each node.
    labels: Box<[u8]>,
    /// Children of the roots, by byte.
    roots: Box<[[u32; 256]; ROOTS]>,
    /// Two lists of ids, one after the other, each an id or another of these. Lists share their beginnings, so that all of them together
    /// take no more room than the tokens, however often those repeat themselves.
    joined: Vec<[u32; 2]>,
}

#[derive(Clone, Copy)]
struct Node {
    /// Its children end where those of the next node begin.
    first_child: u32,
    /// Where the walk goes on when there is no child; `NONE` if what was read cannot be made of tokens.
    failure: u32,
    /// What is given out then: an id, or an index in `joined`.
    given: u32,
}

/// Memory of `Vocabulary::cut`.
#[derive(Default)]
pub struct CutSpace {
    waiting: Vec<u32>,
}

/// A token on its way into a trie.
struct Entry<'a> {
    root: u32,
    text: &'a [u8],
    id: u32,
}

impl Vocabulary {
    /// * `bytes` - of all tokens, one after the other
    /// * `offsets` - where each starts, and one more at the end
    /// * `prefix` - of tokens that continue a word
    pub fn new(bytes: &[u8], offsets: &[u32], ids: &[u32], prefix: &[u8]) -> Result<Vocabulary> {
        let mut entries = entries(bytes, offsets, ids, prefix)?;
        entries.sort_unstable_by(|a, b| (a.root, a.text).cmp(&(b.root, b.text)));
        for pair in entries.windows(2) {
            ensure!(
                (pair[0].root, pair[0].text) != (pair[1].root, pair[1].text),
                "tokens: expected each of them once, got {:?} twice",
                String::from_utf8_lossy(pair[0].text)
            );
        }
        let bytes_of_entries: usize = entries.iter().map(|entry| entry.text.len()).sum();
        ensure!(bytes_of_entries < JOINED as usize - ROOTS, "tokens: expected less than 2^31 bytes, got {bytes_of_entries}");
        Ok(Builder::build(&entries))
    }

    /// Appends the ids of a word. Returns whether there are any; if not, ids may have been appended.
    #[inline]
    pub fn cut(&self, word: &[u8], space: &mut CutSpace, ids: &mut Vec<u32>) -> bool {
        let mut node = START;
        for &byte in word {
            let mut next = self.child(node, byte);
            while next == NONE {
                let Node { failure, given, .. } = self.nodes[node as usize];
                if failure == NONE {
                    return false;
                }
                self.give(given, space, ids);
                node = failure;
                next = self.child(node, byte);
            }
            node = next;
        }
        while node != INNER {
            let Node { failure, given, .. } = self.nodes[node as usize];
            if failure == NONE {
                return false;
            }
            self.give(given, space, ids);
            node = failure;
        }
        true
    }

    #[inline(always)]
    fn child(&self, node: u32, byte: u8) -> u32 {
        if (node as usize) < ROOTS {
            return self.roots[node as usize][usize::from(byte)];
        }
        let (first, end) = (self.nodes[node as usize].first_child, self.nodes[node as usize + 1].first_child);
        let labels = &self.labels[first as usize..end as usize];
        match labels.iter().position(|label| *label == byte) {
            Some(index) => first + index as u32,
            None => NONE,
        }
    }

    #[inline(always)]
    fn give(&self, given: u32, space: &mut CutSpace, ids: &mut Vec<u32>) {
        if given & JOINED == 0 { ids.push(given) } else { self.give_joined(given, space, ids) }
    }

    fn give_joined(&self, given: u32, CutSpace { waiting }: &mut CutSpace, ids: &mut Vec<u32>) {
        waiting.clear();
        let mut list = given;
        loop {
            while list & JOINED != 0 {
                let [before, after] = self.joined[(list ^ JOINED) as usize];
                waiting.push(after);
                list = before;
            }
            ids.push(list);
            match waiting.pop() {
                Some(next) => list = next,
                None => return,
            }
        }
    }
}

fn entries<'a>(bytes: &'a [u8], offsets: &[u32], ids: &[u32], prefix: &[u8]) -> Result<Vec<Entry<'a>>> {
    ensure!(offsets.len() == ids.len() + 1, "tokens: expected {} offsets for {} ids, got {}", ids.len() + 1, ids.len(), offsets.len());
    let mut entries = Vec::with_capacity(2 * ids.len());
    for (index, (range, &id)) in offsets.windows(2).zip(ids).enumerate() {
        let token = bytes.get(range[0] as usize..range[1] as usize);
        ensure!(token.is_some(), "tokens[{index}]: expected a range of {} bytes, got {} to {}", bytes.len(), range[0], range[1]);
        ensure!(id < MAX_IDS, "tokens[{index}]: expected an id below {MAX_IDS}, got {id}");
        let token = token.unwrap_or_default();
        for (root, text) in [(START, Some(token)), (INNER, token.strip_prefix(prefix))] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                entries.push(Entry { root, text, id });
            }
        }
    }
    Ok(entries)
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    labels: Vec<u8>,
    /// The token that a node is; `NONE` if it is none.
    tokens: Vec<u32>,
    parents: Vec<u32>,
    joined: Vec<[u32; 2]>,
}

impl Builder {
    /// Of entries that are sorted by root and text.
    fn build(entries: &[Entry]) -> Vocabulary {
        let mut builder = Builder::default();
        builder.grow(entries);
        let roots = Box::new([START, INNER].map(|root| builder.children_by_byte(root)));
        for node in ROOTS..builder.labels.len() {
            builder.link(node, &roots);
        }
        let Builder { nodes, labels, joined, .. } = builder;
        Vocabulary { nodes: nodes.into(), labels: labels.into(), roots, joined }
    }

    /// Makes the nodes, level by level.
    fn grow(&mut self, entries: &[Entry]) {
        let inner = entries.partition_point(|entry| entry.root == START);
        // The entries below each node, and its depth.
        let mut below = vec![(0, inner, 0), (inner, entries.len(), 0)];
        self.labels.resize(ROOTS, 0);
        self.tokens.resize(ROOTS, NONE);
        self.parents.resize(ROOTS, NONE);
        let mut node = 0;
        while node < below.len() {
            let (mut first, end, depth) = below[node];
            self.nodes.push(Node { first_child: below.len() as u32, failure: NONE, given: NONE });
            if first < end && entries[first].text.len() == depth {
                first += 1; // the node itself
            }
            while first < end {
                let label = entries[first].text[depth];
                let next = first + entries[first..end].partition_point(|entry| entry.text[depth] == label);
                let is_token = entries[first].text.len() == depth + 1;
                below.push((first, next, depth + 1));
                self.labels.push(label);
                self.tokens.push(if is_token { entries[first].id } else { NONE });
                self.parents.push(node as u32);
                first = next;
            }
            node += 1;
        }
        self.nodes.push(Node { first_child: below.len() as u32, failure: NONE, given: NONE });
    }

    fn children_by_byte(&self, root: u32) -> [u32; 256] {
        let mut children = [NONE; 256];
        for child in self.nodes[root as usize].first_child..self.nodes[root as usize + 1].first_child {
            children[usize::from(self.labels[child as usize])] = child;
        }
        children
    }

    /// Finds where the walk goes on from a node; those above it have been linked.
    fn link(&mut self, node: usize, roots: &[[u32; 256]; ROOTS]) {
        if self.tokens[node] != NONE {
            self.nodes[node].failure = INNER;
            self.nodes[node].given = self.tokens[node];
            return;
        }
        let label = self.labels[node];
        let mut at = self.nodes[self.parents[node] as usize];
        let mut given = at.given;
        while at.failure != NONE {
            let next = self.child(at.failure, label, roots);
            if next != NONE {
                self.nodes[node].failure = next;
                self.nodes[node].given = given;
                return;
            }
            at = self.nodes[at.failure as usize];
            if at.failure != NONE {
                self.joined.push([given, at.given]);
                given = JOINED | (self.joined.len() - 1) as u32;
            }
        }
    }

    fn child(&self, node: u32, label: u8, roots: &[[u32; 256]; ROOTS]) -> u32 {
        if (node as usize) < ROOTS {
            return roots[node as usize][usize::from(label)];
        }
        let (first, end) = (self.nodes[node as usize].first_child as usize, self.nodes[node as usize + 1].first_child as usize);
        self.labels[first..end].binary_search(&label).map_or(NONE, |index| (first + index) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn vocabulary(tokens: &[&str], prefix: &str) -> Result<Vocabulary> {
        let mut offsets = vec![0];
        for token in tokens {
            offsets.push(offsets.last().unwrap() + token.len() as u32);
        }
        Vocabulary::new(tokens.concat().as_bytes(), &offsets, &(0..tokens.len() as u32).collect::<Vec<_>>(), prefix.as_bytes())
    }

    fn cut(vocabulary: &Vocabulary, word: &str) -> Option<Vec<u32>> {
        let mut ids = Vec::new();
        vocabulary.cut(word.as_bytes(), &mut CutSpace::default(), &mut ids).then_some(ids)
    }

    /// By trying ever shorter tokens.
    fn plainly(tokens: &[&str], prefix: &str, word: &str) -> Option<Vec<u32>> {
        let ids: HashMap<&str, u32> = tokens.iter().zip(0..).map(|(token, id)| (*token, id)).collect();
        let mut found = Vec::new();
        let mut start = 0;
        while start < word.len() {
            let begin = if start == 0 { "" } else { prefix };
            let end = (start + 1..=word.len()).rev().find(|&end| ids.contains_key(&*format!("{begin}{}", &word[start..end])))?;
            found.push(ids[&*format!("{begin}{}", &word[start..end])]);
            start = end;
        }
        (start > 0).then_some(found)
    }

    #[test]
    fn the_longest_token_is_taken_again_and_again() {
        let tokens = ["un", "##aff", "##able", "##ab", "##a", "##l", "a", "abcdx", "##b", "##c", "##cdy", "##dz"];
        let vocabulary = vocabulary(&tokens, "##").unwrap();
        for word in ["unaffable", "unaffabla", "a", "abcdx", "abcdz", "abcdy", "abc", "x", "aabcd", "##a", "un##a", "#", ""] {
            assert_eq!(cut(&vocabulary, word), plainly(&tokens, "##", word), "{word}");
        }
        assert_eq!(cut(&vocabulary, "unaffable"), Some(vec![0, 1, 2]));
        assert_eq!(cut(&vocabulary, "abcdz"), Some(vec![6, 8, 9, 11]));
    }

    #[test]
    fn random_vocabularies_cut_random_words_as_plain_search_does() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut made_of_tokens = 0;
        for round in 0..3000 {
            let prefix = ["##", "", "a", "#"][round % 4];
            let letters = 1 + random(3);
            let mut text = |longest: u64| -> String {
                (0..1 + random(longest)).map(|_| if random(20) == 0 { '#' } else { char::from(b'a' + random(letters) as u8) }).collect()
            };
            let mut tokens: Vec<String> =
                (0..round % 23).map(|n| if n % 3 == 0 { text(7) } else { format!("{prefix}{}", text(7)) }).collect();
            tokens.sort();
            tokens.dedup();
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            let vocabulary = vocabulary(&tokens, prefix).unwrap();
            for _ in 0..20 {
                let word = text(24);
                let expected = plainly(&tokens, prefix, &word);
                made_of_tokens += usize::from(expected.is_some());
                assert_eq!(cut(&vocabulary, &word), expected, "{tokens:?} {prefix:?} {word}");
            }
        }
        assert!(made_of_tokens > 5000);
    }

    #[test]
    fn tokens_that_repeat_themselves_take_no_more_room_than_their_bytes() {
        let long: Vec<String> = (0..50).map(|n| format!("##{}{n}", "a".repeat(1000))).collect();
        let mut tokens: Vec<&str> = long.iter().map(String::as_str).collect();
        tokens.extend(["a", "##a"]);
        let vocabulary = vocabulary(&tokens, "##").unwrap();
        let bytes: usize = tokens.iter().map(|token| token.len()).sum();
        assert!(vocabulary.joined.len() <= bytes, "{} lists for {bytes} bytes", vocabulary.joined.len());
        let word = "a".repeat(30_000);
        assert_eq!(cut(&vocabulary, &word).map(|ids| ids.len()), Some(30_000));
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let refused = |bytes: &[u8], offsets: &[u32], ids: &[u32], message: &str| {
            let error = Vocabulary::new(bytes, offsets, ids, b"##").err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
        };
        refused(b"ab", &[0, 1], &[0, 1], "expected 3 offsets for 2 ids, got 2");
        refused(b"ab", &[], &[], "expected 1 offsets for 0 ids, got 0");
        refused(b"ab", &[0, 3], &[0], "tokens[0]: expected a range of 2 bytes, got 0 to 3");
        refused(b"ab", &[1, 0], &[0], "tokens[0]: expected a range of 2 bytes, got 1 to 0");
        refused(b"ab", &[0, 1], &[1 << 26], "tokens[0]: expected an id below");
        refused(b"aa", &[0, 1, 2], &[0, 1], "got \"a\" twice");
        assert!(cut(&vocabulary(&[], "##").unwrap(), "a").is_none());
    }
}
