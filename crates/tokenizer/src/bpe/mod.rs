//! Byte-level BPE (Sennrich et al. 2016; byte-level: Radford et al. 2019).

mod cuts;
mod merge;
pub mod pairs;
mod queue;
mod whole_pieces;
pub(crate) mod word_cache;

use crate::batch::Encode;
use crate::ensure;
use crate::error::Result;
use crate::pre_tokenizer::PreTokenizer;
use merge::MergeSpace;
use pairs::Pairs;
pub use whole_pieces::WholePieces;
use word_cache::WordCache;

/// Turns text into ids. What changes while it does is in a `Workspace`, so that threads can share it.
pub struct Encoder {
    pairs: Pairs,
    pre_tokenizer: PreTokenizer,
    whole: Option<WholePieces>,
}

/// Bytes of a piece from which on looking for cuts is worth it.
const CUT_LENGTH: usize = 9;

/// The cache and the memory of one thread that encodes. It belongs to one encoder.
#[derive(Default)]
pub struct Workspace {
    words: WordCache,
    /// Of what lies between cuts. Not of `words`: a word can be a whole piece, which a segment never is. Made when there is one.
    segments: Option<WordCache>,
    merging: MergeSpace,
}

impl Encoder {
    /// Of tables, which are checked. `whole` is for `ignore_merges`.
    pub fn new(pairs: Pairs, pre_tokenizer: PreTokenizer, whole: Option<WholePieces>) -> Encoder {
        Encoder { pairs, pre_tokenizer, whole }
    }

    /// Appends the ids of a text, which is UTF-8, or any bytes: see `PreTokenizer::cut`.
    pub fn encode(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> Result<()> {
        ensure!(text.len() < u32::MAX as usize, "text: expected less than 2^32 - 1 bytes, got {}", text.len());
        let Workspace { words, segments, merging } = workspace;
        self.pre_tokenizer.cut(text, |start, end| {
            words.encode(text, start, end, ids, |ids| self.encode_piece(&text[start..end], segments, merging, ids));
        });
        Ok(())
    }

    #[inline(never)]
    fn encode_piece(&self, piece: &[u8], segments: &mut Option<WordCache>, merging: &mut MergeSpace, ids: &mut Vec<u32>) {
        match self.whole.as_ref().and_then(|whole| whole.get(piece)) {
            Some(id) => ids.push(id),
            None => self.encode_segments(piece, segments, merging, ids),
        }
    }

    /// Cuts a piece where no merge reaches over, and looks up what is between.
    fn encode_segments(&self, piece: &[u8], segments: &mut Option<WordCache>, merging: &mut MergeSpace, ids: &mut Vec<u32>) {
        let mut start = 0;
        if let Some(cuts) = self.pairs.cuts().filter(|_| piece.len() >= CUT_LENGTH) {
            for at in 1..piece.len() {
                let [before, byte] = [piece[at - 1], piece[at]];
                let is_character = byte & 0xc0 != 0x80;
                if is_character && before | byte >= 0x80 && cuts.is_cut(piece, at) {
                    let known = segments.get_or_insert_default();
                    known.encode(piece, start, at, ids, |ids| merge::merge(&self.pairs, &piece[start..at], merging, ids));
                    start = at;
                }
            }
        }
        match segments {
            Some(known) if start > 0 => {
                known.encode(piece, start, piece.len(), ids, |ids| merge::merge(&self.pairs, &piece[start..], merging, ids));
            }
            _ => merge::merge(&self.pairs, piece, merging, ids),
        }
    }
}

impl Encode for Encoder {
    type Workspace = Workspace;

    fn encode(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> Result<bool> {
        self.encode(text, workspace, ids).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((self.0 >> 33) as usize) % bound
        }
    }

    /// Merges of bytes of a few characters, of one to four bytes, into each other, in any order.
    fn random_merges(random: &mut Random, letters: &[&str]) -> Vec<u32> {
        let mut symbols: Vec<u32> = letters.concat().bytes().map(u32::from).collect();
        let mut texts: Vec<Vec<u8>> = letters.concat().bytes().map(|byte| vec![byte]).collect();
        let mut merges = Vec::new();
        for _ in 0..random.below(120) {
            let (left, right) = (random.below(symbols.len()), random.below(symbols.len()));
            let text = [texts[left].as_slice(), texts[right].as_slice()].concat();
            if text.len() > 12 {
                continue;
            }
            let known = texts.iter().position(|one| *one == text);
            let result = known.map_or(256 + symbols.len() as u32, |place| symbols[place]);
            merges.push([symbols[left], symbols[right], result]);
            if known.is_none() {
                symbols.push(result);
                texts.push(text);
            }
        }
        for at in (1..merges.len()).rev() {
            if random.below(4) == 0 {
                merges.swap(at, random.below(at + 1));
            }
        }
        merges.into_iter().flatten().collect()
    }

    #[test]
    fn cuts_change_no_ids() {
        let mut random = Random(11);
        let byte_ids: Vec<u32> = (0..256).collect();
        let letters = ["a", "b", "\u{e9}", "\u{e8}", "\u{6c49}", "\u{6c34}", "\u{5b57}", "\u{1f600}"];
        let mut cut = 0;
        for _ in 0..400 {
            let merges = random_merges(&mut random, &letters);
            let pairs = Pairs::new(&byte_ids, &merges).unwrap();
            let encoder = Encoder::new(Pairs::new(&byte_ids, &merges).unwrap(), PreTokenizer::parse("none").unwrap(), None);
            let mut workspace = Workspace::default();
            for _ in 0..6 {
                let text: String = (0..random.below(60)).map(|_| letters[random.below(letters.len())]).collect();
                let (mut expected, mut found) = (Vec::new(), Vec::new());
                merge::merge(&pairs, text.as_bytes(), &mut MergeSpace::default(), &mut expected);
                encoder.encode(text.as_bytes(), &mut workspace, &mut found).unwrap();
                assert_eq!(found, expected, "{text} with {merges:?}");
            }
            cut += usize::from(workspace.segments.is_some());
        }
        assert!(cut > 100, "texts were cut with {cut} of the models");
    }

    #[test]
    fn ids_that_stand_for_several_symbols_are_not_cut() {
        let byte_ids = vec![7; 256];
        assert!(Pairs::new(&byte_ids, &[7, 7, 8]).unwrap().cuts().is_none());
        let byte_ids: Vec<u32> = (0..256).collect();
        assert!(Pairs::new(&byte_ids, &[0xe6, 0xb0, 300, 0xe6, 0xb1, 300]).unwrap().cuts().is_none());
        assert!(Pairs::new(&byte_ids, &[0xe6, 0xb0, 300, 0xe6, 0xb1, 301]).unwrap().cuts().is_some());
    }
}
