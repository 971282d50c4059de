//! The tokenizer core for Node: conversions only. Whatever JavaScript passes is checked by the types here or by the core.

mod encoder;
mod strings;
mod trainer;
pub mod unigram;
mod unigram_encoder;
mod wordpiece;

use codex_tokenizer::error::Error;
use codex_tokenizer::pre_tokenizer::PreTokenizer;
use napi::Status;
use napi::bindgen_prelude::{Result, Uint32Array};
use napi_derive::napi;

/// `CODE: message`; TypeScript makes a typed error of it.
fn thrown(error: Error) -> napi::Error {
    napi::Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
}

fn invalid(message: String) -> napi::Error {
    thrown(Error::Invalid(message))
}

/// Of this library; the package's has to be the same.
#[napi(catch_unwind)]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Where the pieces end that a pre-tokenizer cuts a text into, in bytes.
#[napi(catch_unwind)]
pub fn piece_ends(pre_tokenizer: String, text: &[u8]) -> Result<Uint32Array> {
    let pre_tokenizer = PreTokenizer::parse(&pre_tokenizer).map_err(thrown)?;
    if text.len() >= u32::MAX as usize {
        return Err(invalid(format!("text: expected less than 2^32 - 1 bytes, got {}", text.len())));
    }
    let mut ends = Vec::new();
    pre_tokenizer.cut(text, |_, end| ends.push(end as u32));
    Ok(Uint32Array::new(ends))
}
