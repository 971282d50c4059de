//! Training of unigram vocabularies.

use crate::invalid;
use codex_tokenizer::train::unigram::{Settings, train};
use napi::bindgen_prelude::{AsyncTask, Float64Array, Result, Uint8Array, Uint32Array};
use napi::{Env, Task};
use napi_derive::napi;

/// How to train; see the trainer.
#[napi(object)]
pub struct NativeUnigramSettings {
    /// Pieces of the result.
    pub piece_count: u32,
    /// Characters of a piece, 1 to 255.
    pub max_piece_length: u32,
    /// Seeds to begin with.
    pub seed_count: u32,
    /// Share of the pieces that a pruning keeps.
    pub shrinking_factor: f64,
    /// Share of the characters of the corpus that get tokens.
    pub character_coverage: f64,
    /// That compute.
    pub threads: u32,
}

/// What was learned.
#[napi(object)]
pub struct NativeUnigramPieces {
    /// The most probable first.
    pub pieces: Vec<String>,
    /// Natural logarithms of their probabilities.
    pub scores: Float64Array,
}

/// Words, and what to do with them.
pub struct UnigramTask {
    words: Vec<u8>,
    ends: Vec<u32>,
    counts: Vec<u64>,
    settings: Settings,
}

impl Task for UnigramTask {
    type Output = Vec<(String, f64)>;
    type JsValue = NativeUnigramPieces;

    fn compute(&mut self) -> Result<Self::Output> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&end| end as usize));
        let words = starts.zip(&self.ends).map(|(start, &end)| &self.words[start..end as usize]);
        Ok(train(words.zip(self.counts.iter().copied()), &self.settings))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Self::JsValue> {
        let (pieces, scores): (Vec<String>, Vec<f64>) = output.into_iter().unzip();
        Ok(NativeUnigramPieces { pieces, scores: scores.into() })
    }
}

/// Trains on another thread. `words` is UTF-8 (surrogates may stand alone), `ends` where each word ends, `counts` how often it stands in the corpus.
#[napi(catch_unwind, ts_return_type = "Promise<NativeUnigramPieces>")]
pub fn train_unigram(
    words: Uint8Array,
    ends: Uint32Array,
    counts: Float64Array,
    settings: NativeUnigramSettings,
) -> Result<AsyncTask<UnigramTask>> {
    if ends.len() != counts.len() {
        return Err(invalid(format!("expected a count for each of {} words, got {}", ends.len(), counts.len())));
    }
    let mut start = 0;
    for (&end, &count) in ends.iter().zip(counts.iter()) {
        if end < start || end as usize > words.len() {
            return Err(invalid(format!("ends: expected one from {start} to {}, got {end}", words.len())));
        }
        if !(1.0..=9_007_199_254_740_991.0).contains(&count) || count.fract() != 0.0 {
            return Err(invalid(format!("counts: expected whole numbers above 0, got {count}")));
        }
        start = end;
    }
    let NativeUnigramSettings { piece_count, max_piece_length, seed_count, shrinking_factor, character_coverage, threads } = settings;
    let fits = (1..=255).contains(&max_piece_length)
        && (0.0..1.0).contains(&shrinking_factor)
        && (0.0..=1.0).contains(&character_coverage)
        && (1..=1024).contains(&threads)
        && words.len() < u32::MAX as usize;
    if !fits {
        return Err(invalid("settings: a number lies outside of its range".into()));
    }
    Ok(AsyncTask::new(UnigramTask {
        words: words.to_vec(),
        ends: ends.to_vec(),
        counts: counts.iter().map(|&count| count as u64).collect(),
        settings: Settings {
            piece_count: piece_count as usize,
            max_piece_length: max_piece_length as usize,
            seed_count: seed_count as usize,
            shrinking_factor,
            character_coverage,
            threads: threads as usize,
        },
    }))
}
