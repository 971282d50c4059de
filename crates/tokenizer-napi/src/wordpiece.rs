//! WordPiece.

use crate::strings::{append_string, bytes_of_strings};
use crate::{invalid, thrown};
use codex_tokenizer::batch::{Encode, encode_batch};
use codex_tokenizer::wordpiece::{Characters, Encoder, Vocabulary, Workspace};
use napi::bindgen_prelude::{Array, Result, Uint8Array, Uint32Array, Uint32ArraySlice};
use napi::{Env, JsString};
use napi_derive::napi;
use std::cell::RefCell;

/// Tables of WordPiece.
#[napi(object)]
pub struct NativeWordPieceOptions {
    /// First code points of runs that share an action.
    pub firsts: Uint32Array,
    /// What becomes of the characters of each run: see `Characters` of the core.
    pub actions: Uint32Array,
    /// What characters become that become several.
    pub lists: Uint32Array,
    /// Where each list starts, and one more at the end.
    pub list_starts: Uint32Array,
    /// Of all tokens, one after the other.
    pub token_bytes: Uint8Array,
    /// Where each starts, and one more at the end.
    pub token_offsets: Uint32Array,
    /// Of each.
    pub token_ids: Uint32Array,
    /// What tokens inside words begin with.
    pub prefix: Uint8Array,
    /// Id of a word that is not made of tokens.
    pub unknown: u32,
    /// Characters; a longer word is unknown.
    pub longest_word: u32,
}

/// Ids of several texts.
#[napi(object)]
pub struct NativeWordPieceBatch {
    /// One text after the other.
    pub ids: Uint32Array,
    /// Where each starts, and one more at the end.
    pub offsets: Uint32Array,
    /// Which texts could not be encoded here.
    pub left: Uint32Array,
}

/// Bytes of text that are kept for the next one.
const KEPT: usize = 1 << 20;

/// Turns text into ids.
#[napi]
pub struct NativeWordPiece {
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

impl State {
    fn workspaces(&mut self, threads: usize) -> &mut [Workspace] {
        if self.workspaces.len() < threads {
            self.workspaces.resize_with(threads, Workspace::default);
        }
        &mut self.workspaces[..threads]
    }
}

#[napi]
impl NativeWordPiece {
    /// Checks the tables.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: NativeWordPieceOptions) -> Result<NativeWordPiece> {
        let NativeWordPieceOptions { firsts, actions, lists, list_starts, token_bytes, token_offsets, token_ids, prefix, .. } = options;
        let characters = Characters::new(&firsts, &actions, &lists, &list_starts).map_err(thrown)?;
        let vocabulary = Vocabulary::new(&token_bytes, &token_offsets, &token_ids, &prefix).map_err(thrown)?;
        let encoder = Encoder::new(characters, vocabulary, options.unknown, options.longest_word as usize).map_err(thrown)?;
        Ok(NativeWordPiece { encoder, state: RefCell::default() })
    }

    /// Ids of a string; nothing if it cannot be encoded here. A surrogate that stands alone is a character of three bytes.
    #[napi(catch_unwind)]
    pub fn encode<'env>(&self, env: &'env Env, text: JsString) -> Result<Option<Uint32ArraySlice<'env>>> {
        let state = &mut *self.state.borrow_mut();
        state.workspaces(1);
        let State { workspaces, units, bytes, ids } = state;
        bytes.clear();
        ids.clear();
        append_string(text, units, bytes)?;
        let is_done = self.encoder.encode(bytes, &mut workspaces[0], ids).map_err(thrown)?;
        let encoded = is_done.then(|| Uint32ArraySlice::copy_from(env, &*ids)).transpose();
        if bytes.capacity() > KEPT {
            (*units, *bytes, *ids) = (Vec::new(), Vec::new(), Vec::new());
        }
        encoded
    }

    /// Ids of several strings.
    #[napi(catch_unwind)]
    pub fn encode_batch(&self, texts: Array, threads: u32) -> Result<NativeWordPieceBatch> {
        if !(1..=1024).contains(&threads) {
            return Err(invalid(format!("threads: expected 1 .. 1024, got {threads}")));
        }
        let (bytes, ends) = bytes_of_strings(&texts)?;
        let state = &mut *self.state.borrow_mut();
        let batch = encode_batch(&self.encoder, &bytes, &ends, state.workspaces(threads as usize)).map_err(thrown)?;
        Ok(NativeWordPieceBatch {
            ids: Uint32Array::new(batch.ids),
            offsets: Uint32Array::new(batch.offsets),
            left: Uint32Array::new(batch.left),
        })
    }
}
