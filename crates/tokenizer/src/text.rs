//! JavaScript's strings as bytes: UTF-8, in which a surrogate that stands alone is written as the three bytes of its code point (WTF-8). The
//! same as packages/tokenization/src/utf8.ts.

/// Appends the bytes of a string.
pub fn append_utf16(units: &[u16], bytes: &mut Vec<u8>) {
    bytes.reserve(units.len());
    let mut rest = units;
    while !rest.is_empty() {
        rest = append_ascii(rest, bytes);
        let Some((&first, after)) = rest.split_first() else { break };
        rest = after;
        let point = match (first, rest.first()) {
            (0xd800..=0xdbff, Some(&second @ 0xdc00..=0xdfff)) => {
                rest = &rest[1..];
                0x1_0000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00)
            }
            _ => u32::from(first),
        };
        append_point(point, bytes);
    }
}

/// Appends what is ASCII, in blocks, and gives the rest, whose first unit, if there is one, may be anything.
fn append_ascii<'a>(units: &'a [u16], bytes: &mut Vec<u8>) -> &'a [u16] {
    const BLOCK: usize = 32;
    let mut rest = units;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().fold(0, |all, unit| all | unit) >= 0x80 {
            break;
        }
        bytes.extend_from_slice(&block.map(|unit| unit as u8));
        rest = after;
    }
    let ascii = rest.iter().take(BLOCK).take_while(|unit| **unit < 0x80).count();
    bytes.extend(rest[..ascii].iter().map(|unit| *unit as u8));
    &rest[ascii..]
}

/// Appends the bytes of a code point, which may be a surrogate.
pub fn append_point(point: u32, bytes: &mut Vec<u8>) {
    let continuation = |shift: u32| 0x80 | (point >> shift & 0x3f) as u8;
    match point {
        0..0x80 => bytes.push(point as u8),
        0x80..0x800 => bytes.extend_from_slice(&[0xc0 | (point >> 6) as u8, continuation(0)]),
        0x800..0x1_0000 => bytes.extend_from_slice(&[0xe0 | (point >> 12) as u8, continuation(6), continuation(0)]),
        _ => bytes.extend_from_slice(&[0xf0 | (point >> 18) as u8, continuation(12), continuation(6), continuation(0)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_utf16(units, &mut bytes);
        bytes
    }

    #[test]
    fn valid_strings_are_utf8() {
        let text = format!("{}é你😀{}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}", "a".repeat(70), "b".repeat(33));
        assert_eq!(bytes(&text.encode_utf16().collect::<Vec<_>>()), text.as_bytes());
        assert_eq!(bytes(&[]), b"");
    }

    #[test]
    fn surrogates_that_stand_alone_are_three_bytes() {
        assert_eq!(bytes(&[0xd83d]), [0xed, 0xa0, 0xbd]);
        assert_eq!(bytes(&[0xde00, 0x61, 0xd83d, 0xd83d, 0xde00]), [0xed, 0xb8, 0x80, 0x61, 0xed, 0xa0, 0xbd, 0xf0, 0x9f, 0x98, 0x80]);
    }
}
