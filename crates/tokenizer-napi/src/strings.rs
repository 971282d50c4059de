//! JavaScript's strings as bytes; see `text` of the core.

use crate::invalid;
use codex_tokenizer::text::append_utf16;
use napi::bindgen_prelude::{Array, Either, Result, Uint8ArraySlice};
use napi::{JsString, JsValue, check_status, sys};

/// Appends the bytes of a string. `units` is for what comes in between.
pub fn append_string(text: JsString, units: &mut Vec<u16>, bytes: &mut Vec<u8>) -> Result<()> {
    let length = text.utf16_len()?;
    units.clear();
    units.reserve(length + 1);
    let text = text.value();
    let mut written = 0;
    // SAFETY: the environment and the value are of this call, in which they live; there is room for the units and the zero that ends them,
    // and `written` says how many of the units were written.
    unsafe {
        check_status!(sys::napi_get_value_string_utf16(text.env, text.value, units.as_mut_ptr(), length + 1, &mut written))?;
        units.set_len(written.min(length));
    }
    append_utf16(units, bytes);
    Ok(())
}

/// The bytes of several strings, or of bytes in their place, one after the other, and where each ends.
pub fn bytes_of_strings(texts: &Array) -> Result<(Vec<u8>, Vec<usize>)> {
    let (mut units, mut bytes) = (Vec::new(), Vec::new());
    let mut ends = Vec::with_capacity(texts.len() as usize);
    for index in 0..texts.len() {
        let text: Option<Either<JsString, Uint8ArraySlice>> = texts.get(index)?;
        match text.ok_or_else(|| invalid(format!("texts[{index}]: expected a string or bytes, got nothing")))? {
            Either::A(string) => append_string(string, &mut units, &mut bytes)?,
            Either::B(text) => bytes.extend_from_slice(&text),
        }
        ends.push(bytes.len());
    }
    Ok((bytes, ends))
}
