//! Cuts text into the pieces inside which byte pairs merge. Each cutter does what one regular expression, known by name, does in Hugging
//! Face tokenizers; packages/tokenization/src/pre-tokenizer.ts does the same on strings.

mod gpt2;
mod llama3;
mod runs;

use crate::ensure;
use crate::error::Result;
use crate::unicode::Classes;

/// An expression that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreTokenizer {
    /// GPT-2's, and the trainer's default.
    Gpt2,
    /// Llama 3's and cl100k's.
    Llama3,
    /// Llama 3's with single digits.
    Qwen2,
    /// No cuts.
    None,
}

impl PreTokenizer {
    /// By the name that TypeScript uses.
    pub fn parse(name: &str) -> Result<PreTokenizer> {
        let found = match name {
            "gpt2" => Some(PreTokenizer::Gpt2),
            "llama3" => Some(PreTokenizer::Llama3),
            "qwen2" => Some(PreTokenizer::Qwen2),
            "none" => Some(PreTokenizer::None),
            _ => None,
        };
        ensure!(found.is_some(), "preTokenizer: expected gpt2, llama3, qwen2 or none, got {name:?}");
        Ok(found.unwrap_or(PreTokenizer::None))
    }

    /// Calls `piece` with start and end of each piece of `text`, in order; they are adjacent and none is empty.
    ///
    /// Text is UTF-8, in which surrogates may stand alone (WTF-8); a byte that is neither counts as a character that is no letter,
    /// number or white space.
    #[inline]
    pub fn cut(self, text: &[u8], piece: impl FnMut(usize, usize)) {
        let classes = Classes::get();
        match self {
            PreTokenizer::Gpt2 => each(text, piece, |start| gpt2::piece_end(classes, text, start)),
            PreTokenizer::Llama3 => each(text, piece, |start| llama3::piece_end::<3>(classes, text, start)),
            PreTokenizer::Qwen2 => each(text, piece, |start| llama3::piece_end::<1>(classes, text, start)),
            PreTokenizer::None => each(text, piece, |_| text.len()),
        }
    }
}

#[inline(always)]
fn each(text: &[u8], mut piece: impl FnMut(usize, usize), piece_end: impl Fn(usize) -> usize) {
    let mut start = 0;
    while start < text.len() {
        let end = piece_end(start);
        piece(start, end);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pre_tokenizer: PreTokenizer, text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        pre_tokenizer.cut(text.as_bytes(), |start, end| found.push(&text[start..end]));
        found
    }

    #[test]
    fn gpt2() {
        let text = "Hello, world's 1234 'S\t\t x \u{3000}\u{3000}é '\n\n";
        let expected = ["Hello", ",", " world", "'s", " 1234", " '", "S", "\t\t", " x", " \u{3000}", "\u{3000}", "é", " '", "\n\n"];
        assert_eq!(pieces(PreTokenizer::Gpt2, text), expected);
    }

    #[test]
    fn llama3() {
        let text = "They'LL've 12345 (x)\r\n\n  \n   y 'ſa =\n";
        let expected = ["They", "'LL", "'ve", " ", "123", "45", " (", "x", ")\r\n\n", "  \n", "  ", " y", " '", "ſa", " =\n"];
        assert_eq!(pieces(PreTokenizer::Llama3, text), expected);
        assert_eq!(pieces(PreTokenizer::Llama3, "'ſa"), ["'ſ", "a"]);
        assert_eq!(pieces(PreTokenizer::Qwen2, "x 12"), ["x", " ", "1", "2"]);
    }

    const BYTES: &[u8] = b" a'sL1\n\r\t_\xc3\xa9\xe4\xbd\xa0\xed\xa0\x80\xff\xf0\x9f\x98\x80";

    #[test]
    fn any_bytes_are_cut_into_adjacent_pieces() {
        let mut state = 1_u64;
        for length in 0..200 {
            let text: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    BYTES[(state >> 33) as usize % BYTES.len()]
                })
                .collect();
            for pre_tokenizer in [PreTokenizer::Gpt2, PreTokenizer::Llama3, PreTokenizer::Qwen2, PreTokenizer::None] {
                let mut at = 0;
                pre_tokenizer.cut(&text, |start, end| {
                    assert!(start == at && end > start, "{text:x?}");
                    at = end;
                });
                assert_eq!(at, text.len());
            }
        }
    }
}
