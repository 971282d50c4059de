//! Byte-level BPE.

use crate::strings::{append_string, bytes_of_strings};
use crate::{invalid, thrown};
use codex_tokenizer::batch::encode_batch;
use codex_tokenizer::bpe::pairs::Pairs;
use codex_tokenizer::bpe::{Encoder, WholePieces, Workspace};
use codex_tokenizer::pre_tokenizer::PreTokenizer;
use napi::bindgen_prelude::{Array, Result, Uint8Array, Uint32Array, Uint32ArraySlice};
use napi::{Env, JsString};
use napi_derive::napi;
use std::cell::RefCell;

/// Tables of byte-level BPE.
#[napi(object)]
pub struct NativeEncoderOptions {
    /// Id of each byte.
    pub byte_ids: Uint32Array,
    /// Left id, right id and result for each rank; a left id of 2^32 - 1 marks a rank at which nothing merges.
    pub merges: Uint32Array,
    /// `gpt2`, `llama3`, `qwen2` or `none`.
    pub pre_tokenizer: String,
    /// With `ignore_merges`: the tokens that a piece can be as it stands.
    pub whole_pieces: Option<NativeWholePieces>,
}

/// Tokens, by their bytes.
#[napi(object)]
pub struct NativeWholePieces {
    /// Of all tokens, one after the other.
    pub bytes: Uint8Array,
    /// Where each starts, and one more at the end.
    pub offsets: Uint32Array,
    /// Of each.
    pub ids: Uint32Array,
}

/// Ids of several texts.
#[napi(object)]
pub struct NativeBatch {
    /// One text after the other.
    pub ids: Uint32Array,
    /// Where each starts, and one more at the end.
    pub offsets: Uint32Array,
}

/// Bytes of text that are kept for the next one.
const KEPT: usize = 1 << 20;

/// Turns text into ids.
#[napi]
pub struct NativeEncoder {
    encoder: Encoder,
    /// Borrowed only while no JavaScript can run, which could come back here.
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// One for each thread that was ever asked for.
    workspaces: Vec<Workspace>,
    units: Vec<u16>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

#[napi]
impl NativeEncoder {
    /// Checks the tables.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: NativeEncoderOptions) -> Result<NativeEncoder> {
        let pre_tokenizer = PreTokenizer::parse(&options.pre_tokenizer).map_err(thrown)?;
        let pairs = Pairs::new(&options.byte_ids, &options.merges).map_err(thrown)?;
        let whole = options.whole_pieces.map(|whole| WholePieces::new(&whole.bytes, &whole.offsets, &whole.ids)).transpose();
        let encoder = Encoder::new(pairs, pre_tokenizer, whole.map_err(thrown)?);
        Ok(NativeEncoder { encoder, state: RefCell::default() })
    }

    /// Ids of a string. A surrogate that stands alone is taken as three bytes.
    #[napi(catch_unwind)]
    pub fn encode<'env>(&self, env: &'env Env, text: JsString) -> Result<Uint32ArraySlice<'env>> {
        let State { workspaces, units, bytes, ids } = &mut *self.state.borrow_mut();
        bytes.clear();
        append_string(text, units, bytes)?;
        let result = self.ids_of(bytes, workspaces, ids, env);
        if bytes.capacity() > KEPT {
            *units = Vec::new();
            *bytes = Vec::new();
        }
        result
    }

    /// Ids of bytes, which need not be UTF-8, and are read where they lie.
    #[napi(catch_unwind)]
    pub fn encode_bytes<'env>(&self, env: &'env Env, text: &[u8]) -> Result<Uint32ArraySlice<'env>> {
        let State { workspaces, ids, .. } = &mut *self.state.borrow_mut();
        self.ids_of(text, workspaces, ids, env)
    }

    /// Ids of several strings, or of bytes in their place.
    #[napi(catch_unwind)]
    pub fn encode_batch(&self, texts: Array, threads: u32) -> Result<NativeBatch> {
        if !(1..=1024).contains(&threads) {
            return Err(invalid(format!("threads: expected 1 .. 1024, got {threads}")));
        }
        let (bytes, ends) = bytes_of_strings(&texts)?;
        let workspaces = &mut self.state.borrow_mut().workspaces;
        let threads = threads as usize;
        if workspaces.len() < threads {
            workspaces.resize_with(threads, Workspace::default);
        }
        let batch = encode_batch(&self.encoder, &bytes, &ends, &mut workspaces[..threads]).map_err(thrown)?;
        Ok(NativeBatch { ids: Uint32Array::new(batch.ids), offsets: Uint32Array::new(batch.offsets) })
    }
}

impl NativeEncoder {
    fn ids_of<'env>(
        &self,
        text: &[u8],
        workspaces: &mut Vec<Workspace>,
        ids: &mut Vec<u32>,
        env: &'env Env,
    ) -> Result<Uint32ArraySlice<'env>> {
        ids.clear();
        if workspaces.is_empty() {
            workspaces.push(Workspace::default());
        }
        self.encoder.encode(text, &mut workspaces[0], ids).map_err(thrown)?;
        let result = Uint32ArraySlice::copy_from(env, ids.as_slice());
        if ids.capacity() > KEPT {
            *ids = Vec::new();
        }
        result
    }
}
