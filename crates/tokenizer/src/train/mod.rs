//! Training: words of a corpus are counted in bounded memory (`counter`, `word_table`), and from the counts the merges of BPE are learned
//! (`merges`). Results are those of the TypeScript package.

pub mod counter;
pub mod merges;
pub mod pair_counts;
pub mod unigram;
pub mod word_table;
