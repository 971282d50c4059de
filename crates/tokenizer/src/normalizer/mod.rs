//! What a text becomes before it is cut into pieces: the steps of a `normalizer` of `tokenizer.json`, as far as they are known here.

pub mod units;

use crate::ensure;
use crate::error::Result;
use units::{Applied, Units, Unknown};

/// A step.
pub enum Step {
    /// Unit by unit, as the caller says.
    Units,
    /// `Replace` of a string, from left to right.
    Replace {
        /// Not empty.
        find: Vec<u8>,
        /// What comes in its place.
        content: Vec<u8>,
    },
    /// `Replace` of ` {2,}`.
    ReplaceSpaces {
        /// What comes in the place of all of them.
        content: Vec<u8>,
    },
    /// `Strip`: white space at the ends.
    Strip {
        /// At the start.
        left: bool,
        /// At the end.
        right: bool,
    },
    /// `Prepend`, unless the text is empty.
    Prepend {
        /// What comes in front.
        content: Vec<u8>,
    },
}

/// What a step may make of so many bytes. The caller, who refuses what grows without measure (see limits.ts), allows no less.
fn limit(from: usize) -> usize {
    (20 * from + (1 << 16)).min(1 << 27)
}

/// Steps, and what they have learned.
pub struct Normalizer {
    steps: Vec<Step>,
    /// What is learned from the caller.
    pub units: Units,
}

/// The memory of one thread.
#[derive(Default)]
pub struct Space {
    text: Vec<u8>,
    next: Vec<u8>,
    /// Units that are to be learned, for the text to be normalized.
    pub unknown: Unknown,
}

impl Space {
    /// Lets go of the memory for texts.
    pub fn shrink(&mut self) {
        (self.text, self.next) = (Vec::new(), Vec::new());
    }
}

/// A text that is normalized.
pub struct Normal<'a> {
    /// UTF-8.
    pub text: &'a [u8],
    /// Whether its first character, and no other, certainly came from the start of the original.
    pub keeps_start: bool,
}

impl Normalizer {
    /// At most one of the steps may be `Units`.
    pub fn new(steps: Vec<Step>) -> Result<Normalizer> {
        let units = steps.iter().filter(|step| matches!(step, Step::Units)).count();
        ensure!(units <= 1, "steps: expected one of units at most, got {units}");
        let finds_nothing = |step: &Step| matches!(step, Step::Replace { find, .. } if find.is_empty());
        ensure!(!steps.iter().any(finds_nothing), "steps: expected texts to replace that are not empty");
        Ok(Normalizer { steps, units: Units::default() })
    }

    /// None: the text is for the caller, or, if there are any in `space.unknown`, for once these units are learned.
    pub fn apply<'a>(&self, text: &'a [u8], space: &'a mut Space) -> Option<Normal<'a>> {
        let Space { text: current, next, unknown } = space;
        let mut is_original = true;
        let mut keeps_start = true;
        let (mut start, mut end) = (0, text.len());
        for step in &self.steps {
            let source = if is_original { &text[start..end] } else { &current[start..end] };
            if source.is_empty() {
                break;
            }
            next.clear();
            let limit = limit(source.len().min(text.len()));
            let changed = match step {
                Step::Units => match self.units.apply(source, next, unknown, limit) {
                    Applied::SameStart => true,
                    Applied::OtherStart => {
                        keeps_start = false;
                        true
                    }
                    Applied::Unknown | Applied::Left => return None,
                },
                Step::Replace { find, content } => {
                    let is_character = is_one_character(find) && is_one_character(content);
                    keeps_start &= is_character || !source.starts_with(find);
                    replace(source, find, content, next, limit)
                }
                Step::ReplaceSpaces { content } => {
                    keeps_start &= !source.starts_with(b"  ");
                    replace_spaces(source, content, next, limit)
                }
                Step::Strip { left, right } => {
                    let kept = strip(source, *left, *right);
                    keeps_start &= kept.0 == 0;
                    (start, end) = (start + kept.0, start + kept.1);
                    false
                }
                Step::Prepend { content } => {
                    keeps_start = false;
                    next.extend_from_slice(content);
                    next.extend_from_slice(source);
                    true
                }
            };
            if changed {
                std::mem::swap(current, next);
                (start, end) = (0, current.len());
                is_original = false;
            }
            if !is_original && end > limit {
                return None;
            }
        }
        Some(Normal { text: if is_original { &text[start..end] } else { &current[start..end] }, keeps_start })
    }
}

fn is_one_character(text: &[u8]) -> bool {
    !text.is_empty() && crate::unicode::decode(text, 0).1 == text.len()
}

/// False: there is nothing to replace, and nothing was appended. What is past the limit is not all that it should be.
fn replace(source: &[u8], find: &[u8], content: &[u8], out: &mut Vec<u8>, limit: usize) -> bool {
    let Some(first) = find_from(source, find, 0) else { return false };
    out.reserve(source.len());
    let (mut done, mut at) = (0, Some(first));
    while let Some(start) = at
        && out.len() <= limit
    {
        out.extend_from_slice(&source[done..start]);
        out.extend_from_slice(content);
        done = start + find.len();
        at = find_from(source, find, done);
    }
    out.extend_from_slice(&source[done..]);
    true
}

fn find_from(source: &[u8], find: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += source[at..].iter().position(|byte| *byte == find[0])?;
        if source[at..].starts_with(find) {
            return Some(at);
        }
        at += 1;
    }
}

/// False: there are no two spaces, and nothing was appended. The limit is as above.
fn replace_spaces(source: &[u8], content: &[u8], out: &mut Vec<u8>, limit: usize) -> bool {
    let mut done = 0;
    let mut at = 0;
    while let Some(start) = find_from(source, b"  ", at)
        && out.len() <= limit
    {
        let spaces = source[start..].iter().take_while(|byte| **byte == b' ').count();
        out.extend_from_slice(&source[done..start]);
        out.extend_from_slice(content);
        at = start + spaces;
        done = at;
    }
    if done == 0 {
        return false;
    }
    out.extend_from_slice(&source[done..]);
    true
}

/// Start and end of what is kept.
fn strip(source: &[u8], left: bool, right: bool) -> (usize, usize) {
    let (mut start, mut end) = (0, source.len());
    while left && start < end {
        match white_space_at(source, start) {
            0 => break,
            length => start += length,
        }
    }
    while right && end > start {
        let last = (start..end).rev().find(|&at| source[at] & 0xc0 != 0x80).unwrap_or(start);
        match white_space_at(source, last) {
            0 => break,
            _ => end = last,
        }
    }
    (start, end)
}

/// Bytes of the white space that starts here; 0 if there is none.
#[inline]
pub fn white_space_at(text: &[u8], at: usize) -> usize {
    use crate::unicode::{Class, Classes};
    match text[at] {
        b' ' | b'\t'..=b'\r' => 1,
        0..0x80 => 0,
        _ => match Classes::get().at(text, at) {
            (Class::Space, length) => length,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(steps: Vec<Step>, text: &str) -> (String, bool) {
        let mut space = Space::default();
        let normalizer = Normalizer::new(steps).unwrap();
        let Normal { text, keeps_start } = normalizer.apply(text.as_bytes(), &mut space).unwrap();
        (String::from_utf8(text.to_vec()).unwrap(), keeps_start)
    }

    fn bytes(text: &str) -> Vec<u8> {
        text.into()
    }

    #[test]
    fn steps_do_as_they_are_named() {
        let replace = |find: &str, content: &str| Step::Replace { find: bytes(find), content: bytes(content) };
        assert_eq!(apply(vec![replace("``", "\"")], "a``b```c"), ("a\"b\"`c".into(), true));
        assert_eq!(apply(vec![replace("``", "\"")], "``b"), ("\"b".into(), false));
        assert_eq!(apply(vec![replace("a", "b")], "aa"), ("bb".into(), true));
        assert_eq!(apply(vec![replace("a", "")], "ab"), ("b".into(), false));
        let squeeze = || Step::ReplaceSpaces { content: bytes("\u{2581}") };
        assert_eq!(apply(vec![squeeze()], "a b  c   d "), ("a b\u{2581}c\u{2581}d ".into(), true));
        assert_eq!(apply(vec![squeeze()], "  a"), ("\u{2581}a".into(), false));
        let strip = |left, right| Step::Strip { left, right };
        assert_eq!(apply(vec![strip(true, true)], " \u{3000}\ta\u{a0}\u{2003}\n"), ("a".into(), false));
        assert_eq!(apply(vec![strip(false, true)], " a\u{85}"), (" a".into(), true));
        assert_eq!(apply(vec![strip(true, false)], "\u{2028}\u{2029}"), ("".into(), false));
        let prepend = || Step::Prepend { content: bytes("x") };
        assert_eq!(apply(vec![prepend(), strip(false, true), squeeze()], "a  b "), ("xa\u{2581}b".into(), false));
        assert_eq!(apply(vec![prepend()], ""), ("".into(), true));
        assert_eq!(apply(vec![], "as it is"), ("as it is".into(), true));
    }

    #[test]
    fn texts_that_grow_without_measure_are_left() {
        let content = vec![b'x'; 1000];
        for step in [
            Step::Replace { find: bytes("a"), content: content.clone() },
            Step::ReplaceSpaces { content: content.clone() },
            Step::Prepend { content: vec![b'x'; 1 << 25] },
        ] {
            let normalizer = Normalizer::new(vec![step]).unwrap();
            let mut space = Space::default();
            assert!(normalizer.apply("a  ".repeat(10_000).as_bytes(), &mut space).is_none());
        }
        let mut normalizer = Normalizer::new(vec![Step::Units]).unwrap();
        normalizer.units.learn(b"a", &content, 0);
        let mut space = Space::default();
        assert!(normalizer.apply("a".repeat(1_000_000).as_bytes(), &mut space).is_none());
        assert!(space.text.capacity() + space.next.capacity() < 1 << 27);
        assert!(normalizer.apply(b"aa", &mut space).is_some());
    }

    #[test]
    fn steps_that_make_no_sense_are_refused() {
        assert!(Normalizer::new(vec![Step::Units, Step::Units]).is_err());
        assert!(Normalizer::new(vec![Step::Replace { find: vec![], content: vec![] }]).is_err());
    }
}
