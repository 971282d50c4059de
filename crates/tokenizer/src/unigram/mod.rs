//! Unigram language models (Kudo 2018) of SentencePiece's kind: normalization, `Metaspace`, and the best path through each piece.

pub mod lattice;
pub mod metaspace;
mod trie;

use crate::batch::Encode;
use crate::bpe::word_cache::WordCache;
use crate::error::Result;
use crate::normalizer::{Normal, Normalizer, Space};
use lattice::{Lattice, Model};
use metaspace::{Pieces, PreTokenizer, Prepend};

/// Turns text into ids. What changes while it does is in a `Workspace`, so that threads can share it.
pub struct Encoder {
    /// Learns.
    pub normalizer: Normalizer,
    pre_tokenizer: PreTokenizer,
    model: Model,
}

/// The cache and the memory of one thread that encodes. It belongs to one encoder.
#[derive(Default)]
pub struct Workspace {
    /// What is to be learned, among others.
    pub space: Space,
    pieces: Pieces,
    lattice: Lattice,
    words: Option<WordCache>,
}

/// Bytes of text whose memory is kept for the next one.
const KEPT: usize = 1 << 20;

impl Encoder {
    /// Of checked parts.
    pub fn new(normalizer: Normalizer, pre_tokenizer: PreTokenizer, model: Model) -> Encoder {
        Encoder { normalizer, pre_tokenizer, model }
    }

    /// Appends the ids of a text; `is_first`: it stands at the start of the original. False: it is for the caller, or, if there are any in
    /// `workspace.space.unknown`, for once these are learned; nothing was appended.
    pub fn encode(&self, text: &[u8], is_first: bool, workspace: &mut Workspace, ids: &mut Vec<u32>) -> bool {
        if has_surrogates(text) || text.len() > KEPT << 10 {
            return false; // two that stand alone can come together
        }
        let Workspace { space, pieces, lattice, words } = workspace;
        let Some(Normal { text, keeps_start }) = self.normalizer.apply(text, space) else { return false };
        let asks_for_start = self.pre_tokenizer.metaspace.as_ref().is_some_and(|one| one.prepend == Prepend::First);
        if is_first && asks_for_start && !keeps_start {
            return false;
        }
        let is_done = self.encode_normal(text, is_first, pieces, lattice, words, ids);
        workspace.shrink();
        is_done
    }

    fn encode_normal(
        &self,
        text: &[u8],
        is_first: bool,
        pieces: &mut Pieces,
        lattice: &mut Lattice,
        words: &mut Option<WordCache>,
        ids: &mut Vec<u32>,
    ) -> bool {
        let before = ids.len();
        self.pre_tokenizer.cut(text, is_first, pieces);
        let mut is_known = true;
        let mut start = 0;
        if self.pre_tokenizer.makes_words() {
            let words = words.get_or_insert_default();
            for &end in &pieces.ends {
                words.encode(&pieces.text, start, end, ids, |ids| is_known &= self.model.encode(&pieces.text[start..end], lattice, ids));
                start = end;
                if !is_known {
                    break;
                }
            }
            if !is_known {
                *words = WordCache::default(); // it has learned what is not so
            }
        } else {
            for &end in &pieces.ends {
                is_known &= self.model.encode(&pieces.text[start..end], lattice, ids);
                start = end;
            }
        }
        if !is_known {
            ids.truncate(before);
        }
        is_known
    }
}

impl Workspace {
    fn shrink(&mut self) {
        if self.pieces.text.capacity() > 4 * KEPT {
            self.pieces = Pieces::default();
            self.lattice = Lattice::default();
            self.space.shrink();
        }
    }
}

impl Encode for Encoder {
    type Workspace = Workspace;

    fn encode(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> Result<bool> {
        Ok(self.encode(text, true, workspace, ids))
    }
}

/// Whether surrogates stand alone in it.
fn has_surrogates(text: &[u8]) -> bool {
    const BLOCK: usize = 64;
    text.chunks(BLOCK).enumerate().any(|(block, bytes)| {
        let has_lead = bytes.iter().fold(false, |any, byte| any | (*byte == 0xed));
        has_lead
            && (block * BLOCK..block * BLOCK + bytes.len()).any(|at| text[at] == 0xed && text.get(at + 1).is_some_and(|next| *next >= 0xa0))
    })
}
