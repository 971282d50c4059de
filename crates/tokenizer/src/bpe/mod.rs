//! Byte-level BPE (Sennrich et al. 2016; byte-level: Radford et al. 2019).

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

/// The cache and the memory of one thread that encodes. It belongs to one encoder.
#[derive(Default)]
pub struct Workspace {
    words: WordCache,
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
        let Workspace { words, merging } = workspace;
        self.pre_tokenizer.cut(text, |start, end| {
            words.encode(text, start, end, ids, |ids| self.encode_piece(&text[start..end], merging, ids));
        });
        Ok(())
    }

    #[inline(never)]
    fn encode_piece(&self, piece: &[u8], merging: &mut MergeSpace, ids: &mut Vec<u32>) {
        match self.whole.as_ref().and_then(|whole| whole.get(piece)) {
            Some(id) => ids.push(id),
            None => merge::merge(&self.pairs, piece, merging, ids),
        }
    }
}

impl Encode for Encoder {
    type Workspace = Workspace;

    fn encode(&self, text: &[u8], workspace: &mut Workspace, ids: &mut Vec<u32>) -> Result<bool> {
        self.encode(text, workspace, ids).map(|()| true)
    }
}
