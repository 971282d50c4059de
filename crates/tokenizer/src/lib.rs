//! The parts of `@codex/tokenization` that crunch bytes: cutting text into pieces and encoding them with byte-level BPE. Ids are those of
//! the TypeScript package, which is the oracle. It knows nothing of Node.
//!
//! The way of a text: `pre_tokenizer` cuts it into pieces; `bpe` gives the ids of each, from a cache of words or by merging pairs; `batch`
//! does that for many texts on several threads. `wordpiece` does both at once for WordPiece.

pub mod batch;
pub mod bpe;
pub mod error;
pub mod normalizer;
pub mod pre_tokenizer;
pub mod text;
pub mod train;
pub mod unicode;
pub mod unigram;
pub mod wordpiece;
