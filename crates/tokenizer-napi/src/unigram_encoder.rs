//! Unigram language models.

use crate::strings::{append_string, bytes_of_strings};
use crate::{invalid, thrown};
use codex_tokenizer::batch::encode_batch;
use codex_tokenizer::normalizer::units::Unknown;
use codex_tokenizer::normalizer::{Normalizer, Step};
use codex_tokenizer::unigram::lattice::{Model, Unknown as UnknownCharacter};
use codex_tokenizer::unigram::metaspace::{Metaspace, PreTokenizer, Prepend};
use codex_tokenizer::unigram::{Encoder, Workspace};
use napi::bindgen_prelude::{Array, Float64Array, Result, Uint8Array, Uint32Array, Uint32ArraySlice};
use napi::{Env, JsString};
use napi_derive::napi;
use std::cell::RefCell;

/// A model and what comes before it.
#[napi(object)]
pub struct NativeUnigramOptions {
    /// Texts of the tokens, one after the other.
    pub bytes: Uint8Array,
    /// Where each starts, and one more at the end.
    pub offsets: Uint32Array,
    /// Of each.
    pub ids: Uint32Array,
    /// By id.
    pub scores: Float64Array,
    /// What an unknown character becomes; absent: texts that have one are not encoded.
    pub unknown: Option<NativeUnknown>,
    /// What happens to a text first, in order.
    pub steps: Vec<NativeStep>,
    /// Whether text is then cut at white space, which is removed.
    pub splits_white_space: bool,
    /// What follows.
    pub metaspace: Option<NativeMetaspace>,
}

/// What an unknown character becomes.
#[napi(object)]
pub struct NativeUnknown {
    /// Of its token.
    pub id: u32,
    /// Of the same.
    pub score: f64,
    /// With `byte_fallback`: 256 ids; 2^32 - 1 for a byte without a token.
    pub byte_ids: Option<Uint32Array>,
}

/// A step of normalization.
#[napi(object)]
pub struct NativeStep {
    /// `units`, `replace`, `replaceSpaces`, `strip` or `prepend`.
    pub kind: String,
    /// Of `replace`.
    pub find: Option<String>,
    /// Of `replace`, `replaceSpaces` and `prepend`.
    pub content: Option<String>,
    /// Of `strip`.
    pub left: Option<bool>,
    /// Of `strip`.
    pub right: Option<bool>,
}

/// `Metaspace`.
#[napi(object)]
pub struct NativeMetaspace {
    /// One character.
    pub replacement: String,
    /// `always`, `first` or `never`.
    pub prepend: String,
    /// Whether a piece begins at each.
    pub split: bool,
}

/// Ids of several texts.
#[napi(object)]
pub struct NativeUnigramBatch {
    /// One text after the other.
    pub ids: Uint32Array,
    /// Where each starts, and one more at the end.
    pub offsets: Uint32Array,
    /// Which texts have no ids: see `unknown_units`.
    pub left: Uint32Array,
}

/// Turns text into ids.
#[napi]
pub struct NativeUnigramEncoder {
    /// Borrowed only while no JavaScript can run, which could come back here.
    state: RefCell<State>,
}

struct State {
    encoder: Encoder,
    /// One for each thread that was ever asked for.
    workspaces: Vec<Workspace>,
    units: Vec<u16>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

/// Bytes of text that are kept for the next one.
const KEPT: usize = 1 << 20;

#[napi]
impl NativeUnigramEncoder {
    /// Checks the tables.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: NativeUnigramOptions) -> Result<NativeUnigramEncoder> {
        let model = model(&options)?;
        let steps = options.steps.iter().map(step).collect::<Result<Vec<Step>>>()?;
        let normalizer = Normalizer::new(steps).map_err(thrown)?;
        let metaspace = options.metaspace.as_ref().map(metaspace).transpose()?;
        let pre_tokenizer = PreTokenizer { splits_white_space: options.splits_white_space, metaspace };
        let encoder = Encoder::new(normalizer, pre_tokenizer, model);
        let state = State { encoder, workspaces: vec![Workspace::default()], units: Vec::new(), bytes: Vec::new(), ids: Vec::new() };
        Ok(NativeUnigramEncoder { state: RefCell::new(state) })
    }

    /// Ids of a string; `is_first`: it stands at the start of the original. Null: see `unknown_units`.
    #[napi(catch_unwind)]
    pub fn encode<'env>(&self, env: &'env Env, text: JsString, is_first: bool) -> Result<Option<Uint32ArraySlice<'env>>> {
        let State { encoder, workspaces, units, bytes, ids } = &mut *self.state.borrow_mut();
        bytes.clear();
        append_string(text, units, bytes)?;
        ids.clear();
        let is_done = encoder.encode(bytes, is_first, &mut workspaces[0], ids);
        let found = if is_done { Some(Uint32ArraySlice::copy_from(env, &ids[..])?) } else { None };
        if bytes.capacity() > KEPT {
            (*units, *bytes, *ids) = (Vec::new(), Vec::new(), Vec::new());
        }
        Ok(found)
    }

    /// Ids of several strings, each at the start of its original.
    #[napi(catch_unwind)]
    pub fn encode_batch(&self, texts: Array, threads: u32) -> Result<NativeUnigramBatch> {
        if !(1..=1024).contains(&threads) {
            return Err(invalid(format!("threads: expected 1 .. 1024, got {threads}")));
        }
        let (bytes, ends) = bytes_of_strings(&texts)?;
        let State { encoder, workspaces, .. } = &mut *self.state.borrow_mut();
        let threads = threads as usize;
        if workspaces.len() < threads {
            workspaces.resize_with(threads, Workspace::default);
        }
        let batch = encode_batch(encoder, &bytes, &ends, &mut workspaces[..threads]).map_err(thrown)?;
        Ok(NativeUnigramBatch {
            ids: Uint32Array::new(batch.ids),
            offsets: Uint32Array::new(batch.offsets),
            left: Uint32Array::new(batch.left),
        })
    }

    /// Units that were met since it was last asked, and have to be learned before a text that has them can be encoded. None: the texts that
    /// were not encoded are for the caller.
    #[napi(catch_unwind)]
    pub fn unknown_units(&self) -> Vec<String> {
        let mut all = Unknown::default();
        for workspace in &mut self.state.borrow_mut().workspaces {
            all.extend(workspace.space.unknown.drain());
        }
        all.iter().map(|unit| String::from_utf8_lossy(unit).into_owned()).collect()
    }

    /// What units become; `flags`, of units of one character: 2 for one that is part of the unit before it, 4 for one that the character after
    /// it is part of.
    #[napi(catch_unwind)]
    pub fn learn(&self, units: Array, forms: Array, flags: Uint8Array) -> Result<()> {
        let (units, unit_ends) = bytes_of_strings(&units)?;
        let (forms, form_ends) = bytes_of_strings(&forms)?;
        if unit_ends.len() != form_ends.len() || unit_ends.len() != flags.len() {
            return Err(invalid(format!("units: expected a form and flags for each of {}", unit_ends.len())));
        }
        let known = &mut self.state.borrow_mut().encoder.normalizer.units;
        let (mut unit_start, mut form_start) = (0, 0);
        for ((&unit_end, &form_end), &flags) in unit_ends.iter().zip(&form_ends).zip(flags.iter()) {
            known.learn(&units[unit_start..unit_end], &forms[form_start..form_end], u32::from(flags));
            (unit_start, form_start) = (unit_end, form_end);
        }
        Ok(())
    }
}

fn model(options: &NativeUnigramOptions) -> Result<Model> {
    let NativeUnigramOptions { bytes, offsets, ids, scores, unknown, .. } = options;
    if offsets.len() != ids.len() + 1 {
        return Err(invalid(format!("offsets: expected {} for {} ids, got {}", ids.len() + 1, ids.len(), offsets.len())));
    }
    let mut tokens: Vec<(&[u8], u32)> = Vec::with_capacity(ids.len());
    for (range, &id) in offsets.windows(2).zip(ids.iter()) {
        let text = bytes.get(range[0] as usize..range[1] as usize);
        let text = text.ok_or_else(|| invalid(format!("offsets: expected a range of {} bytes, got {range:?}", bytes.len())))?;
        tokens.push((text, id));
    }
    let unknown = unknown.as_ref().map(|unknown| {
        let byte_ids = unknown.byte_ids.as_ref().map(|ids| {
            let ids: &[u32] = ids;
            let ids: [u32; 256] = ids.try_into().map_err(|_| invalid(format!("byteIds: expected 256 ids, got {}", ids.len())))?;
            Ok::<_, napi::Error>(Box::new(ids))
        });
        Ok::<_, napi::Error>(UnknownCharacter { id: unknown.id, score: unknown.score, byte_ids: byte_ids.transpose()? })
    });
    Model::new(&tokens, scores.to_vec(), unknown.transpose()?).map_err(thrown)
}

fn step(step: &NativeStep) -> Result<Step> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default().into_bytes();
    Ok(match &step.kind[..] {
        "units" => Step::Units,
        "replace" => Step::Replace { find: text(&step.find), content: text(&step.content) },
        "replaceSpaces" => Step::ReplaceSpaces { content: text(&step.content) },
        "strip" => Step::Strip { left: step.left.unwrap_or_default(), right: step.right.unwrap_or_default() },
        "prepend" => Step::Prepend { content: text(&step.content) },
        kind => return Err(invalid(format!("steps: expected units, replace, replaceSpaces, strip or prepend, got {kind:?}"))),
    })
}

fn metaspace(metaspace: &NativeMetaspace) -> Result<Metaspace> {
    let prepend = match &metaspace.prepend[..] {
        "always" => Prepend::Always,
        "first" => Prepend::First,
        "never" => Prepend::Never,
        prepend => return Err(invalid(format!("prepend: expected always, first or never, got {prepend:?}"))),
    };
    Metaspace::new(metaspace.replacement.as_bytes(), prepend, metaspace.split).map_err(thrown)
}
