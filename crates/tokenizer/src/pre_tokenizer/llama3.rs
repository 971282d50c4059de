//! `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

use super::runs::{class_at, contraction_end, run_end, space_end};
use crate::unicode::{Class, Classes};

/// The end of the piece that starts at `start`, which is below the length of `text`. `DIGITS` is the upper bound of `\p{N}{1,3}`.
#[inline(always)]
pub fn piece_end<const DIGITS: usize>(classes: &Classes, text: &[u8], start: usize) -> usize {
    let first = text[start];
    if first == b'\'' {
        let end = contraction_end(text, start, true);
        if end > start {
            return end;
        }
    }
    let (class, length) = class_at(classes, text, start);
    let after_first = start + length;
    match class {
        Class::Letter => return run_end(classes, text, after_first, Class::Letter),
        Class::Number => return numbers_end::<DIGITS>(classes, text, after_first),
        Class::Other | Class::Space => {}
    }
    let second = (after_first < text.len()).then(|| class_at(classes, text, after_first));
    if let Some((Class::Letter, length)) = second
        && !is_newline(first)
    {
        return run_end(classes, text, after_first + length, Class::Letter);
    }
    if class == Class::Other || (first == b' ' && matches!(second, Some((Class::Other, _)))) {
        let end = run_end(classes, text, after_first, Class::Other);
        return end + text[end..].iter().take_while(|byte| is_newline(**byte)).count();
    }
    let end = run_end(classes, text, start, Class::Space);
    // `\s*[\r\n]+`
    match text[start..end].iter().rposition(|byte| is_newline(*byte)) {
        Some(newline) => start + newline + 1,
        None => space_end(text, start, end),
    }
}

#[inline(always)]
fn numbers_end<const DIGITS: usize>(classes: &Classes, text: &[u8], mut at: usize) -> usize {
    for _ in 1..DIGITS {
        if at == text.len() {
            break;
        }
        let (class, length) = class_at(classes, text, at);
        if class != Class::Number {
            break;
        }
        at += length;
    }
    at
}

#[inline(always)]
fn is_newline(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
