//! The tokenizer core for Node: conversions only. Whatever JavaScript passes is checked by the types here or by the core.

mod encoder;

use codex_tokenizer::error::Error;
use napi::Status;
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
