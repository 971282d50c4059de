//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

use super::runs::{class_at, contraction_end, run_end, space_end};
use crate::unicode::{Class, Classes};

/// The end of the piece that starts at `start`, which is below the length of `text`.
#[inline(always)]
pub fn piece_end(classes: &Classes, text: &[u8], start: usize) -> usize {
    let first = text[start];
    if first == b'\'' {
        let end = contraction_end(text, start, false);
        if end > start {
            return end;
        }
    }
    let at = if first == b' ' && start + 1 < text.len() { start + 1 } else { start };
    let (class, length) = class_at(classes, text, at);
    if class != Class::Space {
        return run_end(classes, text, at + length, class);
    }
    space_end(text, start, run_end(classes, text, start, Class::Space))
}
