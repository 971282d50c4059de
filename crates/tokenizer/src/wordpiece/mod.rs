//! WordPiece (Schuster & Nakajima 2012, as BERT has it): text is normalized, cut into words and those into tokens, in one pass.

mod characters;
mod vocabulary;

use crate::batch::Encode;
use crate::bpe::pairs::MAX_IDS;
use crate::bpe::word_cache::WordCache;
use crate::ensure;
use crate::error::Result;
use crate::text::append_point;
use crate::unicode::decode;
pub use characters::Characters;
use characters::{Class, Deed};
use vocabulary::CutSpace;
pub use vocabulary::Vocabulary;

/// Bytes that are lowercased at a time, unless there is no space among them.
const BLOCK: usize = 1 << 14;

/// Of bytes in `Encoder::ascii`: not kept as it is, or not ASCII.
const OTHER: u8 = u8::MAX;

/// Turns text into ids.
pub struct Encoder {
    characters: Characters,
    vocabulary: Vocabulary,
    unknown: u32,
    /// Characters; a longer word is unknown.
    longest_word: usize,
    /// Whether letters of ASCII are lowercased and all else of it that is in words stays.
    lowercases: bool,
    /// The class of each byte that stays, letters being lowercase if they become so; else `OTHER`.
    ascii: Box<[u8; 256]>,
    /// Ids of characters of ASCII that are pieces by themselves.
    signs: Box<[u32; 128]>,
}

/// Of one thread that encodes.
#[derive(Default)]
pub struct Workspace {
    words: WordCache,
    cutting: CutSpace,
    /// Lowercased text.
    block: Vec<u8>,
    /// The word that is being put together.
    word: Vec<u8>,
}

impl Encoder {
    /// * `unknown` - the id of words that are not made of tokens
    /// * `longest_word` - characters; longer ones are unknown too
    pub fn new(characters: Characters, vocabulary: Vocabulary, unknown: u32, longest_word: usize) -> Result<Encoder> {
        ensure!(unknown < MAX_IDS, "unknown: expected an id below {MAX_IDS}, got {unknown}");
        let lowercases = (b'A'..=b'Z').all(|letter| {
            let (upper, lower) = (characters.of(u32::from(letter)), characters.of(u32::from(letter | 0x20)));
            upper.deed() == Deed::Replace(u32::from(letter | 0x20)) && lower.deed() == Deed::Keep && upper.class() == lower.class()
        });
        let ascii = Box::new(std::array::from_fn(|byte| ascii_class(&characters, byte as u8, lowercases)));
        let mut encoder = Encoder { characters, vocabulary, unknown, longest_word, lowercases, ascii, signs: Box::new([0; 128]) };
        for sign in 0..128 {
            let mut ids = Vec::new();
            encoder.encode_word(&[sign], &mut CutSpace::default(), &mut ids);
            encoder.signs[usize::from(sign)] = ids[0]; // one byte is one token at most
        }
        Ok(encoder)
    }

    fn encode_lowercased(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> bool {
        let mut block = std::mem::take(&mut workspace.block);
        let mut start = 0;
        let mut is_done = true;
        while is_done && start < text.len() {
            let end = self.block_end(text, start);
            block.clear();
            block.extend_from_slice(&text[start..end]);
            block.make_ascii_lowercase();
            is_done = self.encode_block(&block, workspace, ids);
            start = end;
        }
        if block.capacity() <= 4 * BLOCK {
            workspace.block = block;
        }
        is_done
    }

    /// Appends the ids of a text in which ASCII is lowercased if it has to be. Returns false if it has to be encoded elsewhere.
    fn encode_block(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> bool {
        let mut at = 0;
        while at < text.len() {
            let class = self.ascii[usize::from(text[at])];
            if class == Class::SPACE.0 {
                at += 1;
                continue;
            }
            if class == Class::ALONE.0 {
                ids.push(self.signs[usize::from(text[at])]);
                at += 1;
                continue;
            }
            if class != OTHER {
                let mut end = at + 1;
                while end < text.len() && self.ascii[usize::from(text[end])] == class {
                    end += 1;
                }
                if end == text.len() || self.ascii[usize::from(text[end])] != OTHER {
                    let Workspace { words, cutting, .. } = workspace;
                    words.encode(text, at, end, ids, |ids| self.encode_word(&text[at..end], cutting, ids));
                    at = end;
                    continue;
                }
            }
            match self.encode_any(text, at, workspace, ids) {
                Some(end) => at = end,
                None => return false,
            }
        }
        true
    }

    /// Takes character by character, up to a boundary before one of ASCII that stays. Returns where that is.
    fn encode_any(&self, text: &[u8], start: usize, workspace: &mut Workspace, ids: &mut Vec<u32>) -> Option<usize> {
        workspace.word.clear();
        let mut words = Words { encoder: self, workspace, ids, class: Class::SPACE };
        // Whether the last character that was not dropped may change places with the next.
        let mut reorders = false;
        let mut at = start;
        while at < text.len() {
            let class = self.ascii[usize::from(text[at])];
            if class != OTHER {
                if at > start && words.is_between(Class(class)) {
                    words.end();
                    return Some(at);
                }
                reorders = false;
                words.add(&text[at..at + 1], Class(class));
                at += 1;
                continue;
            }
            let (point, length) = decode(text, at);
            let action = self.characters.of(point);
            if action.reorders() && reorders {
                return None;
            }
            match action.deed() {
                Deed::Keep => words.add(&text[at..at + length], action.class()),
                Deed::Replace(point) => words.add_point(point, action.class()),
                Deed::Drop => {}
                Deed::List(list) => {
                    for item in self.characters.list(list) {
                        words.add_point(item.point(), item.class());
                    }
                }
            }
            if action.deed() != Deed::Drop {
                reorders = action.reorders();
            }
            at += length;
        }
        words.end();
        Some(at)
    }

    #[inline(never)]
    fn encode_word(&self, word: &[u8], cutting: &mut CutSpace, ids: &mut Vec<u32>) {
        let before = ids.len();
        let fits = word.len() <= self.longest_word || character_count(word) <= self.longest_word;
        if !fits || !self.vocabulary.cut(word, cutting, ids) {
            ids.truncate(before);
            ids.push(self.unknown);
        }
    }

    /// Where to cut a text, so that each part can be encoded for itself: after a space.
    fn block_end(&self, text: &[u8], start: usize) -> usize {
        let is_space = |byte: &u8| self.ascii[usize::from(*byte)] == Class::SPACE.0;
        let Some(block) = text[start..].get(..BLOCK) else { return text.len() };
        let after = start + BLOCK;
        block
            .iter()
            .rposition(is_space)
            .map(|index| start + index + 1)
            .or_else(|| text[after..].iter().position(is_space).map(|index| after + index + 1))
            .unwrap_or(text.len())
    }
}

impl Encode for Encoder {
    type Workspace = Workspace;

    /// False for a text in which marks may have to change places, which takes more than a table. Surrogates that stand alone are three bytes.
    fn encode(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> Result<bool> {
        ensure!(text.len() < u32::MAX as usize, "text: expected less than 2^32 - 1 bytes, got {}", text.len());
        let before = ids.len();
        let is_done = if self.lowercases { self.encode_lowercased(text, workspace, ids) } else { self.encode_block(text, workspace, ids) };
        if !is_done {
            ids.truncate(before);
        }
        Ok(is_done)
    }
}

fn ascii_class(characters: &Characters, byte: u8, lowercases: bool) -> u8 {
    if byte >= 0x80 {
        return OTHER;
    }
    let byte = if lowercases { byte.to_ascii_lowercase() } else { byte };
    let action = characters.of(u32::from(byte));
    if action.deed() == Deed::Keep && !action.reorders() { action.class().0 } else { OTHER }
}

/// Of text in UTF-8.
fn character_count(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Puts characters together to words.
struct Words<'a> {
    encoder: &'a Encoder,
    workspace: &'a mut Workspace,
    ids: &'a mut Vec<u32>,
    /// Of the word so far.
    class: Class,
}

impl Words<'_> {
    /// Whether a character of this class would begin another piece.
    fn is_between(&self, class: Class) -> bool {
        class != self.class || class == Class::ALONE || self.workspace.word.is_empty()
    }

    #[inline(always)]
    fn add(&mut self, character: &[u8], class: Class) {
        self.begin(class);
        if class != Class::SPACE {
            self.workspace.word.extend_from_slice(character);
        }
    }

    #[inline(always)]
    fn add_point(&mut self, point: u32, class: Class) {
        self.begin(class);
        if class != Class::SPACE {
            append_point(point, &mut self.workspace.word);
        }
    }

    /// Of a character: ends the word before it if that has another class.
    #[inline(always)]
    fn begin(&mut self, class: Class) {
        if class != self.class || class == Class::ALONE {
            self.end();
            self.class = class;
        }
    }

    fn end(&mut self) {
        let Workspace { words, cutting, word, .. } = &mut *self.workspace;
        if !word.is_empty() {
            words.encode(word, 0, word.len(), self.ids, |ids| self.encoder.encode_word(word, cutting, ids));
            word.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::characters::tests::{DROP, KEEP, LIST, MOVES, REPLACE, class};
    use super::*;

    const SPACE: u32 = KEEP;
    const TOKENS: [&str; 12] = ["[UNK]", "ab", "##c", "-", "é", "e", "你", "##d", "dd", "1", "##1", "\u{301}"];

    /// Lowercases, drops U+0001 and U+0301, cuts at spaces and around `-` and Han, makes `e` of é and `dd` of U+01C4; digits are words of
    /// their own. U+0302 and U+0303 may change places.
    fn encoder(lowercases: bool, longest_word: usize) -> Encoder {
        let mut points: Vec<u32> = vec![KEEP | class(2); 0x11_0000];
        for space in [0x20, 0x0a, 0x3000] {
            points[space] = SPACE;
        }
        if lowercases {
            for letter in b'A'..=b'Z' {
                points[usize::from(letter)] = REPLACE | class(2) | u32::from(letter | 0x20);
            }
        }
        points[1] = DROP;
        points[0x301] = DROP;
        points[0x302] = KEEP | class(2) | MOVES;
        points[0x303] = KEEP | class(2) | MOVES;
        points[usize::from(b'-')] = KEEP | class(1);
        points[0x4e00..0xa000].fill(KEEP | class(1));
        points[usize::from(b'0')..=usize::from(b'9')].fill(KEEP | class(3));
        points[0xe9] = REPLACE | class(2) | 0x65;
        points[0x1c4] = LIST;
        points[0xb9] = REPLACE | class(3) | 0x31;
        points[0xaf] = LIST | 1;
        let firsts: Vec<u32> = (0..0x11_0000).collect();
        let d = class(2) | 0x64;
        let characters = Characters::new(&firsts, &points, &[d, d, SPACE | 0x20, class(1) | 0x2d], &[0, 2, 4]).unwrap();
        let offsets: Vec<u32> = (0..=TOKENS.len()).map(|count| TOKENS[..count].concat().len() as u32).collect();
        let ids: Vec<u32> = (0..TOKENS.len() as u32).collect();
        let vocabulary = Vocabulary::new(TOKENS.concat().as_bytes(), &offsets, &ids, b"##").unwrap();
        Encoder::new(characters, vocabulary, 0, longest_word).unwrap()
    }

    fn encode(encoder: &Encoder, text: &str) -> Option<Vec<u32>> {
        let (mut workspace, mut ids) = (Workspace::default(), vec![7]);
        let is_done = encoder.encode(text.as_bytes(), &mut workspace, &mut ids).unwrap();
        // A second time, from what is remembered.
        let before = ids.len();
        assert_eq!(encoder.encode(text.as_bytes(), &mut workspace, &mut ids), Ok(is_done));
        assert_eq!(ids[1..before], ids[before..], "{text}");
        assert!(is_done || before == 1);
        is_done.then(|| ids[1..before].to_vec())
    }

    fn names(encoder: &Encoder, text: &str) -> String {
        encode(encoder, text).unwrap().iter().map(|id| TOKENS[*id as usize]).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn characters_become_what_the_table_says_wherever_they_stand() {
        let encoder = encoder(true, 100);
        for (text, expected) in [
            ("", ""),
            (" \n ", ""),
            ("ab", "ab"),
            ("ABC-ab", "ab ##c - ab"),
            ("--", "- -"),
            ("ab ab1 1ab 11", "ab ab 1 1 ab 1 ##1"),
            ("a\u{1}b\u{1}\u{1}c", "ab ##c"),
            ("\u{1}", ""),
            ("\u{1} ab", "ab"),
            ("a\u{301}b é\u{301}", "ab e"),
            ("é", "e"),
            ("你ab你你é-", "你 ab 你 你 e -"),
            ("ab\u{3000}ab", "ab ab"),
            ("ab\u{1c4}", "ab ##d ##d"),
            ("\u{1c4}", "dd"),
            ("ab\u{af}ab", "ab - ab"),
            ("\u{af}", "-"),
            ("¹1 1¹", "1 ##1 1 ##1"),
            ("x", "[UNK]"),
            ("abx ab", "[UNK] ab"),
            ("ж-", "[UNK] -"),
            ("世", "[UNK]"),
        ] {
            assert_eq!(names(&encoder, text), expected, "{text:?}");
        }
    }

    #[test]
    fn case_is_kept_where_the_table_keeps_it() {
        assert_eq!(names(&encoder(false, 100), "ab AB"), "ab [UNK]");
    }

    #[test]
    fn a_word_with_more_characters_is_unknown() {
        let encoder = encoder(true, 3);
        assert_eq!(names(&encoder, "abc abcc 111 1111 abé"), "ab ##c [UNK] 1 ##1 ##1 [UNK] [UNK]");
        // Three characters of six bytes.
        assert_eq!(names(&self::encoder(true, 1), "é é- 1"), "e e - 1");
        assert_eq!(names(&self::encoder(true, 0), "- 你"), "[UNK] [UNK]");
    }

    #[test]
    fn marks_that_may_change_places_are_left_to_others() {
        let encoder = encoder(true, 100);
        for text in ["a\u{302}\u{303}", "ab ab \u{302}\u{301}\u{1}\u{303}", "\u{302}\u{302}"] {
            assert_eq!(encode(&encoder, text), None, "{text:?}");
        }
        for text in ["a\u{302}b\u{303}", "\u{302} \u{303}", "\u{302}你\u{303}", "\u{302}-\u{303}"] {
            assert!(encode(&encoder, text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_text_of_many_blocks_is_the_sum_of_its_words() {
        let encoder = encoder(true, usize::MAX);
        for word in ["ab", "ABc-", "éab", "你", "a\u{1}b"] {
            let one = encode(&encoder, word).unwrap();
            let text = format!("{word} ").repeat(3 * BLOCK);
            assert_eq!(encode(&encoder, &text).unwrap(), one.repeat(3 * BLOCK));
            assert_eq!(encode(&encoder, &format!("{}{word}", "\u{3000}".repeat(BLOCK))).unwrap(), one);
        }
        let long = format!("ab{}", "c".repeat(5 * BLOCK));
        assert_eq!(encode(&encoder, &format!("ab {long} ab")).unwrap().len(), 3 + 5 * BLOCK);
    }

    #[test]
    fn bytes_that_are_no_text_are_encoded_all_the_same() {
        let encoder = encoder(true, 100);
        let mut state = 5_u32;
        let bytes: Vec<u8> = (0..5000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let mut workspace = Workspace::default();
        for window in bytes.windows(40) {
            encoder.encode(window, &mut workspace, &mut Vec::new()).unwrap();
        }
    }

    #[test]
    fn an_id_that_is_too_large_is_refused() {
        let characters = Characters::new(&[0], &[KEEP], &[], &[0]).unwrap();
        assert!(Encoder::new(characters, Vocabulary::new(b"", &[0], &[], b"").unwrap(), 1 << 26, 100).is_err());
    }
}
