//! Where a run of characters of one class ends.

use crate::unicode::{Class, Classes};

/// The class of each byte below 0x80.
const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b'\t'..=b'\r' | b' ' => Class::Space,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
};

/// Class and length of the character at `at`.
#[inline(always)]
pub fn class_at(classes: &Classes, text: &[u8], at: usize) -> (Class, usize) {
    let byte = text[at];
    if byte < 0x80 { (ASCII[usize::from(byte)], 1) } else { classes.at(text, at) }
}

/// The end of the run of `class` that `at` may stand in.
#[inline(always)]
pub fn run_end(classes: &Classes, text: &[u8], at: usize, class: Class) -> usize {
    if class == Class::Letter { letters_end(classes, text, at) } else { other_run_end(classes, text, at, class) }
}

/// Most letters are ASCII, and most words shorter than sixteen of them: one look, without a branch for each letter.
#[inline(always)]
fn letters_end(classes: &Classes, text: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let letters = ascii_letters(chunk);
        at += letters;
        if letters < 16 {
            if text[at] < 0x80 {
                return at;
            }
            let (class, length) = classes.at(text, at);
            if class != Class::Letter {
                return at;
            }
            at += length;
            // A word with one letter outside of ASCII mostly has more of them.
            if at < text.len() && text[at] >= 0x80 {
                return other_run_end(classes, text, at, Class::Letter);
            }
        }
    }
    other_run_end(classes, text, at, Class::Letter)
}

fn other_run_end(classes: &Classes, text: &[u8], mut at: usize, class: Class) -> usize {
    while at < text.len() {
        let (found, length) = class_at(classes, text, at);
        if found != class {
            break;
        }
        at += length;
    }
    at
}

/// How many of the bytes, from the first on, are ASCII letters.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ascii_letters(chunk: &[u8; 16]) -> usize {
    use std::arch::x86_64::*;
    // SAFETY: SSE2 is part of x86-64; the load is of sixteen bytes, which the array has, at any alignment.
    unsafe {
        let bytes = _mm_loadu_si128(chunk.as_ptr().cast());
        let folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        // Moved so that `a` is the least signed byte, the letters are those below -128 + 26.
        let moved = _mm_sub_epi8(folded, _mm_set1_epi8((b'a' as i8).wrapping_add(-128)));
        let letters = _mm_cmplt_epi8(moved, _mm_set1_epi8(-128 + 26));
        (!_mm_movemask_epi8(letters)).trailing_zeros() as usize
    }
}

/// How many of the bytes, from the first on, are ASCII letters.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ascii_letters(chunk: &[u8; 16]) -> usize {
    chunk.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(16)
}

/// `\s+(?!\S)|\s+` on a run of white space that starts at `start` and ends at `end`: the last character is left for the word that
/// follows, unless it is the only one.
#[inline]
pub fn space_end(text: &[u8], start: usize, end: usize) -> usize {
    if end == text.len() {
        return end;
    }
    let mut last = end - 1;
    while text[last] & 0xc0 == 0x80 {
        last -= 1;
    }
    if last == start { end } else { last }
}

/// The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or its position if there is none of these.
#[inline]
pub fn contraction_end(text: &[u8], start: usize, ignore_case: bool) -> usize {
    let letter = |at: usize| match text.get(at) {
        Some(byte) if ignore_case => byte.to_ascii_lowercase(),
        Some(byte) => *byte,
        None => 0,
    };
    match (letter(start + 1), letter(start + 2)) {
        (b's' | b't' | b'm' | b'd', _) => start + 2,
        (b'r' | b'v', b'e') | (b'l', b'l') => start + 3,
        // The long s folds to s.
        (0xc5, 0xbf) if ignore_case => start + 3,
        _ => start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_has_the_classes_of_the_tables() {
        for byte in 0..128_u8 {
            assert_eq!(ASCII[usize::from(byte)], Classes::get().of(u32::from(byte)), "{byte}");
        }
    }

    #[test]
    fn letters_are_counted_up_to_the_first_other_byte() {
        for byte in 0..=255_u8 {
            for place in 0..16 {
                let mut chunk = *b"abcXYZmnopqrstuv";
                chunk[place] = byte;
                let expected = if byte.is_ascii_alphabetic() { 16 } else { place };
                assert_eq!(ascii_letters(&chunk), expected, "{byte} at {place}");
            }
        }
    }
}
