//! Classes of characters in UTF-8. The tables are those of the TypeScript package, so that both cut text at the same places.

mod ranges;

use std::sync::OnceLock;

/// What the expressions of pre-tokenizers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Neither of the others; surrogates and bytes that are no UTF-8 too.
    Other,
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s`, which is `\p{White_Space}`
    Space,
}

/// The class of every code point.
pub struct Classes {
    by_point: Box<[Class]>,
}

const POINTS: usize = 0x11_0000;

impl Classes {
    /// The table, made on first use.
    pub fn get() -> &'static Classes {
        static TABLE: OnceLock<Classes> = OnceLock::new();
        TABLE.get_or_init(|| {
            let mut by_point = vec![Class::Other; POINTS].into_boxed_slice();
            for (list, class) in [(ranges::LETTERS, Class::Letter), (ranges::NUMBERS, Class::Number), (ranges::SPACES, Class::Space)] {
                let mut position = 0;
                for (index, number) in list.split(' ').enumerate() {
                    let end = position + usize::from_str_radix(number, 36).expect("the generated ranges are numbers of base 36");
                    if index % 2 == 1 {
                        by_point[position..end].fill(class);
                    }
                    position = end;
                }
            }
            Classes { by_point }
        })
    }

    /// Of a code point.
    #[inline]
    pub fn of(&self, point: u32) -> Class {
        self.by_point.get(point as usize).copied().unwrap_or(Class::Other)
    }

    /// Class and length in bytes of the character that starts at `at`, which is below the length of `text`.
    #[inline]
    pub fn at(&self, text: &[u8], at: usize) -> (Class, usize) {
        let (point, length) = decode(text, at);
        (self.of(point), length)
    }
}

/// No code point: what a byte gives that starts no character.
pub const MALFORMED: u32 = u32::MAX;

/// The code point that starts at `at`, and its length in bytes. Surrogates may be written as the three bytes of their code point, as
/// JavaScript's strings need it (WTF-8). A byte that starts no character is `MALFORMED`, and one long.
#[inline]
pub fn decode(text: &[u8], at: usize) -> (u32, usize) {
    let first = text[at];
    if first < 0x80 {
        return (u32::from(first), 1);
    }
    let continuation = |offset: usize| match text.get(at + offset) {
        Some(byte) if byte & 0xc0 == 0x80 => Some(u32::from(byte & 0x3f)),
        _ => None,
    };
    let decoded = match first {
        0xc2..=0xdf => continuation(1).map(|second| (u32::from(first & 0x1f) << 6 | second, 2)),
        0xe0..=0xef => continuation(1)
            .zip(continuation(2))
            .map(|(second, third)| (u32::from(first & 0x0f) << 12 | second << 6 | third, 3))
            .filter(|&(point, _)| point >= 0x800),
        0xf0..=0xf4 => continuation(1)
            .zip(continuation(2))
            .zip(continuation(3))
            .map(|((second, third), fourth)| (u32::from(first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4))
            .filter(|&(point, _)| (0x1_0000..POINTS as u32).contains(&point)),
        _ => None,
    };
    decoded.unwrap_or((MALFORMED, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_the_classes_of_their_expressions() {
        let classes = Classes::get();
        let class = |text: &str| classes.at(text.as_bytes(), 0);
        assert_eq!(class("a"), (Class::Letter, 1));
        assert_eq!(class("é"), (Class::Letter, 2));
        assert_eq!(class("你"), (Class::Letter, 3));
        assert_eq!(class("𝒜"), (Class::Letter, 4));
        assert_eq!(class("٣"), (Class::Number, 2));
        assert_eq!(class("²"), (Class::Number, 2));
        assert_eq!(class("\u{2003}"), (Class::Space, 3));
        assert_eq!(class("\u{200b}"), (Class::Other, 3));
        assert_eq!(class("_"), (Class::Other, 1));
    }

    #[test]
    fn every_character_is_decoded() {
        let mut buffer = [0; 4];
        for character in '\0'..=char::MAX {
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            assert_eq!(decode(bytes, 0), (character as u32, bytes.len()));
        }
    }

    #[test]
    fn bytes_that_start_no_character_are_one_long() {
        for bytes in [&[0x80][..], &[0xc0, 0x80], &[0xc3], &[0xe0, 0x80, 0x80], &[0xf4, 0x90, 0x80, 0x80], &[0xff, 0xff], &[0xe4, 0xbd]] {
            assert_eq!(decode(bytes, 0), (MALFORMED, 1), "{bytes:x?}");
            assert_eq!(Classes::get().at(bytes, 0), (Class::Other, 1));
        }
        assert_eq!(decode(&[0xed, 0xa0, 0xbd], 0), (0xd83d, 3));
    }
}
