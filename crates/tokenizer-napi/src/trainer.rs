//! Training: counting words, and learning merges.

use crate::{invalid, thrown};
use codex_tokenizer::pre_tokenizer::PreTokenizer;
use codex_tokenizer::train::counter::Counter;
use codex_tokenizer::train::merges::{Progress, Symbols, Trainer, Training};
use napi::bindgen_prelude::{Float64Array, Result, Uint8Array, Uint32Array};
use napi_derive::napi;

/// Counts words of texts.
#[napi]
pub struct NativeWordCounter {
    counter: Counter,
}

/// Words in ascending order of their bytes.
#[napi(object)]
pub struct NativeWords {
    /// One word after the other.
    pub bytes: Uint8Array,
    /// Where each starts, and one more at the end.
    pub starts: Uint32Array,
    /// How often each occurs.
    pub counts: Float64Array,
}

#[napi]
impl NativeWordCounter {
    /// * `pre_tokenizer` - `gpt2`, `llama3`, `qwen2` or `none`
    /// * `limit_bytes` - of memory for the words
    #[napi(constructor, catch_unwind)]
    pub fn new(pre_tokenizer: String, limit_bytes: f64, threads: u32) -> Result<NativeWordCounter> {
        let pre_tokenizer = PreTokenizer::parse(&pre_tokenizer).map_err(thrown)?;
        let counter = Counter::new(pre_tokenizer, limit_bytes as usize, threads as usize).map_err(thrown)?;
        Ok(NativeWordCounter { counter })
    }

    /// Takes a text in UTF-8, and gives the bytes of all that `run` has not counted yet.
    #[napi(catch_unwind)]
    pub fn add(&mut self, text: &[u8]) -> f64 {
        self.counter.add(text);
        self.counter.pending() as f64
    }

    /// Counts the texts. False if the memory is full: then `take` makes room, and `run` goes on.
    #[napi(catch_unwind)]
    pub fn run(&mut self) -> bool {
        self.counter.run()
    }

    /// The words that were counted so far, which are then forgotten.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> NativeWords {
        let words = self.counter.take();
        NativeWords {
            bytes: Uint8Array::new(words.bytes),
            starts: Uint32Array::new(words.starts),
            counts: Float64Array::new(words.counts.into_iter().map(|count| count as f64).collect()),
        }
    }
}

/// What to train on; see `Training` of the core.
#[napi(object)]
pub struct NativeTraining {
    /// The words as ids of `tokens`, or 2^32 - 1, which no merge reaches over.
    pub symbols: Option<Uint32Array>,
    /// Without `symbols`: the words as bytes, and the id of each byte.
    pub bytes: Option<Uint8Array>,
    /// See `bytes`.
    pub byte_ids: Option<Uint32Array>,
    /// Where each word starts in `symbols`, and one more at the end.
    pub starts: Uint32Array,
    /// How often each word occurs.
    pub counts: Float64Array,
    /// Tokens there are.
    pub tokens: Vec<String>,
    /// Tokens to end with.
    pub vocab_size: u32,
    /// A pair that occurs less often is not merged.
    pub min_frequency: f64,
    /// Tokens that no merge may make.
    pub reserved: Vec<String>,
    /// What tokens inside a word begin with.
    pub continuing_prefix: String,
}

/// Learns the merges of byte-pair encoding.
#[napi]
pub struct NativeMergeTrainer {
    /// None once it has given its result.
    trainer: Option<Trainer>,
}

#[napi]
impl NativeMergeTrainer {
    /// Checks what it is given, and counts the pairs.
    #[napi(constructor, catch_unwind)]
    pub fn new(training: NativeTraining) -> Result<NativeMergeTrainer> {
        let symbols = match (&training.symbols, &training.bytes, &training.byte_ids) {
            (Some(symbols), None, None) => Symbols::Ids(symbols),
            (None, Some(bytes), Some(ids)) if ids.len() == 256 => Symbols::Bytes(bytes, ids),
            _ => return Err(invalid("symbols: expected ids, or bytes and 256 ids".into())),
        };
        let trainer = Trainer::new(Training {
            symbols,
            starts: &training.starts,
            counts: &training.counts,
            tokens: training.tokens,
            vocab_size: training.vocab_size as usize,
            min_frequency: training.min_frequency as u64,
            reserved: training.reserved,
            continuing_prefix: training.continuing_prefix,
        });
        Ok(NativeMergeTrainer { trainer: Some(trainer.map_err(thrown)?) })
    }

    /// Makes up to `steps` merges. `going`, `done`, or `shared` when two pairs would make one name.
    #[napi(catch_unwind)]
    pub fn run(&mut self, steps: u32) -> Result<&'static str> {
        let trainer = self.trainer.as_mut().ok_or_else(finished)?;
        Ok(match trainer.run(steps as usize) {
            Progress::Going => "going",
            Progress::Done => "done",
            Progress::SharedName => "shared",
        })
    }

    /// Tokens so far.
    #[napi(catch_unwind)]
    pub fn token_count(&self) -> Result<u32> {
        Ok(self.trainer.as_ref().ok_or_else(finished)?.token_count() as u32)
    }

    /// Left and right id of each merge, in order. Lets go of the memory, for which the garbage collector, who knows nothing of it, would take
    /// its time.
    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> Result<Uint32Array> {
        let trainer = self.trainer.take().ok_or_else(finished)?;
        Ok(Uint32Array::new(trainer.merges().iter().flat_map(|(left, right)| [*left, *right]).collect()))
    }
}

fn finished() -> napi::Error {
    invalid("trainer: expected one that has not finished".into())
}
