//! The pre-tokenizers of SentencePiece's kind: `Metaspace`, which writes spaces as a mark and cuts before each, alone or after a cut at white
//! space.

use crate::ensure;
use crate::error::Result;
use crate::normalizer::white_space_at;
use crate::unigram::lattice::character_length;

/// Where a mark is put in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepend {
    /// Of each text.
    Always,
    /// Of what begins where the original begins.
    First,
    /// Of none.
    Never,
}

/// Settings of `Metaspace`.
pub struct Metaspace {
    /// Stands for a space: one character.
    replacement: Vec<u8>,
    /// See there.
    pub prepend: Prepend,
    split: bool,
}

/// Marked text and where its pieces end.
#[derive(Default)]
pub struct Pieces {
    /// One after the other.
    pub text: Vec<u8>,
    /// Where each ends; none is empty.
    pub ends: Vec<usize>,
}

impl Metaspace {
    /// * `replacement` - one character
    pub fn new(replacement: &[u8], prepend: Prepend, split: bool) -> Result<Metaspace> {
        let is_one = replacement.first().is_some_and(|first| character_length(*first) == replacement.len());
        ensure!(is_one, "replacement: expected one character, got {} bytes", replacement.len());
        Ok(Metaspace { replacement: replacement.into(), prepend, split })
    }

    /// Appends the pieces of a text.
    fn cut(&self, text: &[u8], is_first: bool, pieces: &mut Pieces) {
        let mark = &self.replacement[..];
        let Pieces { text: out, ends } = pieces;
        if text.is_empty() {
            return;
        }
        let is_wanted = match self.prepend {
            Prepend::Always => true,
            Prepend::First => is_first,
            Prepend::Never => false,
        };
        let mut piece = out.len();
        if is_wanted && text[0] != b' ' && !text.starts_with(mark) {
            out.extend_from_slice(mark);
        }
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let plain = rest.iter().position(|byte| *byte == b' ' || *byte == mark[0]).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            at += plain;
            if at == text.len() {
                break;
            }
            let is_space = text[at] == b' ';
            if !is_space && !text[at..].starts_with(mark) {
                out.push(text[at]);
                at += 1;
                continue;
            }
            if self.split && out.len() > piece {
                ends.push(out.len());
                piece = out.len();
            }
            out.extend_from_slice(mark);
            at += if is_space { 1 } else { mark.len() };
        }
        ends.push(out.len());
    }
}

/// What cuts a text.
pub struct PreTokenizer {
    /// `WhitespaceSplit` comes first.
    pub splits_white_space: bool,
    /// See there.
    pub metaspace: Option<Metaspace>,
}

impl PreTokenizer {
    /// Whether pieces are words, so that they come again.
    pub fn makes_words(&self) -> bool {
        self.splits_white_space || self.metaspace.as_ref().is_some_and(|metaspace| metaspace.split)
    }

    /// The pieces of a text. `is_first`: its first character comes from the start of the original.
    pub fn cut(&self, text: &[u8], is_first: bool, pieces: &mut Pieces) {
        pieces.text.clear();
        pieces.ends.clear();
        if !self.splits_white_space {
            return self.cut_part(text, is_first, pieces);
        }
        let mut start = 0;
        let mut at = 0;
        while at < text.len() {
            let length = white_space_at(text, at);
            if length > 0 {
                self.cut_part(&text[start..at], is_first && start == 0, pieces);
                start = at + length;
            }
            at += length.max(1);
        }
        self.cut_part(&text[start..], is_first && start == 0, pieces);
    }

    fn cut_part(&self, part: &[u8], is_first: bool, pieces: &mut Pieces) {
        if part.is_empty() {
            return;
        }
        match &self.metaspace {
            Some(metaspace) => metaspace.cut(part, is_first, pieces),
            None => {
                pieces.text.extend_from_slice(part);
                pieces.ends.push(pieces.text.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(splits_white_space: bool, metaspace: Option<(&str, Prepend, bool)>, text: &str) -> Vec<String> {
        let metaspace = metaspace.map(|(mark, prepend, split)| Metaspace::new(mark.as_bytes(), prepend, split).unwrap());
        let mut pieces = Pieces::default();
        PreTokenizer { splits_white_space, metaspace }.cut(text.as_bytes(), true, &mut pieces);
        let starts = std::iter::once(0).chain(pieces.ends.iter().copied());
        starts.zip(&pieces.ends).map(|(start, end)| String::from_utf8(pieces.text[start..*end].to_vec()).unwrap()).collect()
    }

    #[test]
    fn marks_begin_pieces() {
        let always = Some(("_", Prepend::Always, true));
        assert_eq!(cut(false, always, "a b"), ["_a", "_b"]);
        assert_eq!(cut(false, always, "  a_b "), ["_", "_a", "_b", "_"]);
        assert_eq!(cut(false, always, "_a"), ["_a"]);
        assert_eq!(cut(false, always, ""), [] as [&str; 0]);
        assert_eq!(cut(false, Some(("_", Prepend::Never, true)), "a b"), ["a", "_b"]);
        assert_eq!(cut(false, Some(("_", Prepend::Always, false)), "a b "), ["_a_b_"]);
        assert_eq!(cut(false, Some(("\u{2581}", Prepend::First, true)), "\u{2582} \u{2581}"), ["\u{2581}\u{2582}", "\u{2581}", "\u{2581}"]);
        assert_eq!(cut(false, None, "a b"), ["a b"]);
        assert!(Metaspace::new(b"ab", Prepend::Never, true).is_err());
        assert!(Metaspace::new(b"", Prepend::Never, true).is_err());
    }

    #[test]
    fn white_space_is_removed_first() {
        assert_eq!(cut(true, Some(("_", Prepend::Always, true)), " a\u{3000}b_c \n"), ["_a", "_b", "_c"]);
        assert_eq!(cut(true, Some(("_", Prepend::First, true)), "a b"), ["_a", "b"]);
        assert_eq!(cut(true, Some(("_", Prepend::First, true)), " a b"), ["a", "b"]);
        assert_eq!(cut(true, None, " a\u{e9} b"), ["a\u{e9}", "b"]);
    }
}
