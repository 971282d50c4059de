//! Normalization of a text unit by unit. A unit is a character, with the characters that it can change together with; what becomes of one
//! is not known here but learned from the caller, who is asked for each once: so both normalize alike, whatever Unicode the caller knows.

use crate::unicode::{MALFORMED, decode};
use std::collections::{HashMap, HashSet};

/// Bytes of a unit of more than one character; longer ones are for the caller.
const LONGEST: usize = 64;
/// Units of more than one character that are remembered.
const REMEMBERED: usize = 1 << 16;
const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;

/// What is known of a character.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Entry(u32);

const KNOWN: u32 = 1;
/// It is part of the unit before it.
pub const JOINS_PREVIOUS: u32 = 2;
/// The character after it is part of its unit.
pub const JOINS_NEXT: u32 = 4;
/// It becomes the text whose index stands above these bits; else it stays as it is.
const CHANGES: u32 = 8;
const INDEX: u32 = 4;

/// What is known of units.
pub struct Units {
    /// Indices of pages in `entries`; 0 is the page of which nothing is known.
    pages: Box<[u16]>,
    entries: Vec<Entry>,
    forms: Vec<Box<[u8]>>,
    joined: HashMap<Box<[u8]>, Box<[u8]>>,
}

/// Units that were met and are not known.
pub type Unknown = HashSet<Box<[u8]>>;

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is written, and its first unit stayed as it was.
    SameStart,
    /// It is written.
    OtherStart,
    /// Some units are not known yet.
    Unknown,
    /// It is for the caller.
    Left,
}

impl Default for Units {
    fn default() -> Units {
        Units { pages: vec![0; PAGES].into_boxed_slice(), entries: vec![Entry::default(); PAGE], forms: Vec::new(), joined: HashMap::new() }
    }
}

impl Units {
    /// Remembers what a unit becomes. `flags` (`JOINS_PREVIOUS`, `JOINS_NEXT`) are of units of one character.
    pub fn learn(&mut self, unit: &[u8], form: &[u8], flags: u32) {
        if unit.is_empty() {
            return;
        }
        let (point, length) = decode(unit, 0);
        if length < unit.len() {
            if self.joined.len() >= REMEMBERED {
                self.joined.clear();
            }
            self.joined.insert(unit.into(), form.into());
            return;
        }
        if point == MALFORMED {
            return;
        }
        let page = &mut self.pages[point as usize / PAGE];
        if *page == 0 {
            *page = (self.entries.len() / PAGE) as u16;
            self.entries.resize(self.entries.len() + PAGE, Entry::default());
        }
        let place = usize::from(*page) * PAGE + point as usize % PAGE;
        let mut entry = KNOWN | flags & (JOINS_PREVIOUS | JOINS_NEXT);
        if unit != form {
            entry |= CHANGES | (self.forms.len() as u32) << INDEX;
            self.forms.push(form.into());
        }
        self.entries[place] = Entry(entry);
    }

    /// Appends what a text becomes, unless that is longer than the limit. The text is UTF-8.
    pub fn apply(&self, text: &[u8], out: &mut Vec<u8>, unknown: &mut Unknown, limit: usize) -> Applied {
        let mut same_start = true;
        let mut all_known = true;
        let mut at = 0;
        while at < text.len() {
            // The last of plain characters may belong to what follows it.
            let plain = self.plain_length(&text[at..]);
            let certain = if at + plain == text.len() { plain } else { plain.saturating_sub(1) };
            out.extend_from_slice(&text[at..at + certain]);
            at += certain;
            if at == text.len() {
                break;
            }
            let start = at;
            let (mut entry, length) = self.entry(text, at, unknown);
            let first = entry;
            at += length;
            let mut is_known = entry != Entry::default();
            let mut characters = 1;
            while at < text.len() {
                let (next, length) = self.entry(text, at, unknown);
                if entry.0 & JOINS_NEXT == 0 && next.0 & JOINS_PREVIOUS == 0 {
                    break;
                }
                is_known &= next != Entry::default();
                at += length;
                characters += 1;
                entry = next;
                if at - start > LONGEST {
                    return Applied::Left;
                }
            }
            all_known &= is_known;
            let unit = &text[start..at];
            let form = if characters > 1 {
                match self.joined.get(unit) {
                    Some(form) => form,
                    None => {
                        // Not before its characters are known: they tell where it ends.
                        if is_known {
                            unknown.insert(unit.into());
                        }
                        all_known = false;
                        continue;
                    }
                }
            } else if first.0 & CHANGES != 0 {
                &self.forms[(first.0 >> INDEX) as usize][..]
            } else {
                unit
            };
            if start == 0 {
                same_start = unit == form;
            }
            out.extend_from_slice(form);
            if out.len() > limit {
                return Applied::Left;
            }
        }
        match (all_known, same_start) {
            (false, _) => Applied::Unknown,
            (true, true) => Applied::SameStart,
            (true, false) => Applied::OtherStart,
        }
    }

    /// Bytes of ASCII at the start that stay as they are and join nothing.
    #[inline]
    fn plain_length(&self, text: &[u8]) -> usize {
        let page = usize::from(self.pages[0]) * PAGE;
        let ascii = &self.entries[page..page + PAGE];
        text.iter().position(|&byte| byte >= 0x80 || ascii[usize::from(byte)] != Entry(KNOWN)).unwrap_or(text.len())
    }

    #[inline]
    fn entry(&self, text: &[u8], at: usize, unknown: &mut Unknown) -> (Entry, usize) {
        let (point, length) = decode(text, at);
        if point == MALFORMED {
            return (Entry(KNOWN), length);
        }
        let entry = self.entries[usize::from(self.pages[point as usize / PAGE]) * PAGE + point as usize % PAGE];
        if entry.0 == 0 {
            unknown.insert(text[at..at + length].into());
        }
        (entry, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Units {
        let mut units = Units::default();
        for byte in 0..0x80 {
            units.learn(&[byte], &[byte], if byte == b'\r' { JOINS_NEXT } else { 0 });
        }
        units.learn(b"\t", b" ", 0);
        units.learn(b"\x01", b"", 0);
        units
    }

    fn apply(units: &Units, text: &str) -> (Applied, String, Vec<String>) {
        let (mut out, mut unknown) = (Vec::new(), Unknown::default());
        let applied = units.apply(text.as_bytes(), &mut out, &mut unknown, 1 << 20);
        let mut unknown: Vec<String> = unknown.iter().map(|unit| String::from_utf8(unit.to_vec()).unwrap()).collect();
        unknown.sort();
        (applied, String::from_utf8(out).unwrap(), unknown)
    }

    #[test]
    fn asks_for_characters_then_for_what_they_are_part_of() {
        let mut units = learned();
        assert_eq!(apply(&units, "a\tb\x01c"), (Applied::SameStart, "a bc".into(), vec![]));
        assert_eq!(apply(&units, "\ta"), (Applied::OtherStart, " a".into(), vec![]));
        let text = "le e\u{301}te\u{301}\u{301} \u{4f60}";
        let (applied, _, unknown) = apply(&units, text);
        assert_eq!((applied, &unknown[..]), (Applied::Unknown, &["\u{301}".into(), "\u{4f60}".into()][..]));
        units.learn("\u{301}".as_bytes(), "\u{301}".as_bytes(), JOINS_PREVIOUS);
        units.learn("\u{4f60}".as_bytes(), "\u{4f60}".as_bytes(), 0);
        let (applied, _, unknown) = apply(&units, text);
        assert_eq!((applied, &unknown[..]), (Applied::Unknown, &["e\u{301}".into(), "e\u{301}\u{301}".into()][..]));
        units.learn("e\u{301}".as_bytes(), "\u{e9}".as_bytes(), 0);
        units.learn("e\u{301}\u{301}".as_bytes(), "\u{e9}\u{301}".as_bytes(), 0);
        assert_eq!(apply(&units, text), (Applied::SameStart, "le \u{e9}t\u{e9}\u{301} \u{4f60}".into(), vec![]));
        units.learn(b"\r\n", b" ", 0);
        // At the end of a text it is a unit of one character.
        assert_eq!(apply(&units, "\r\nx\r"), (Applied::OtherStart, " x\r".into(), vec![]));
    }

    #[test]
    fn long_units_are_left_and_many_are_forgotten() {
        let mut units = learned();
        units.learn("\u{301}".as_bytes(), "\u{301}".as_bytes(), JOINS_PREVIOUS);
        assert_eq!(apply(&units, &format!("e{}", "\u{301}".repeat(100))).0, Applied::Left);
        for number in 0..2 * REMEMBERED {
            units.learn(format!("{number}\u{301}").as_bytes(), b"x", 0);
        }
        assert!(units.joined.len() <= REMEMBERED);
    }
}
