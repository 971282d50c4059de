"""Writes packages/tokenization/src/unicode-classes.ts and crates/tokenizer/src/unicode/ranges.rs: which code points are letters, numbers and white space to
Hugging Face tokenizers (its regex engine, Oniguruma, carries its own Unicode tables, not those of Node.js).

    python tools/parity/tokenization/make_unicode_classes.py
"""

from pathlib import Path

import tokenizers
from tokenizers import Regex, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
TEXT = "".join(map(chr, CODE_POINTS))
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

TEMPLATE = r"""/**
 * Letters, numbers and white space as Hugging Face tokenizers @VERSION@ sees them. Node.js has Unicode tables of its
 * own, which change with its version, and a token must not. Written by tools/parity/tokenization/make_unicode_classes.py.
 */
export const OTHER = 0;
export const LETTER = 1; // \p{L}
export const NUMBER = 2; // \p{N}
export const SPACE = 3; // \s, which is \p{White_Space}

/** Recorded in the manifest of a tokenizer: tables of another version could cut text elsewhere. */
export const UNICODE_TABLES = "tokenizers @VERSION@ (Oniguruma)";

/** Alternating: code points to skip, code points in the class. Base 36. */
const LETTERS =
  "@LETTERS@";
const NUMBERS =
  "@NUMBERS@";
const SPACES = "@SPACES@";

let classes: Uint8Array | undefined;

/** One class per code point, 0 to 0x10ffff. Made on first use. */
export function unicodeClasses(): Uint8Array {
  if (classes !== undefined) return classes;
  const table = new Uint8Array(0x110000);
  const fill = (ranges: string, value: number): void => {
    let position = 0;
    ranges.split(" ").forEach((number, index) => {
      const end = position + Number.parseInt(number, 36);
      if (index % 2 === 1) table.fill(value, position, end);
      position = end;
    });
  };
  fill(LETTERS, LETTER);
  fill(NUMBERS, NUMBER);
  fill(SPACES, SPACE);
  classes = table;
  return table;
}
"""

RUST_TEMPLATE = """//! Letters, numbers and white space as Hugging Face tokenizers @VERSION@ sees them: the ranges of packages/tokenization/src/unicode-classes.ts.
//! Written by tools/parity/tokenization/make_unicode_classes.py. Alternating: code points to skip, code points in the class. Base 36.

pub const LETTERS: &str = "@LETTERS@";
pub const NUMBERS: &str = "@NUMBERS@";
pub const SPACES: &str = "@SPACES@";
"""


def base36(number: int) -> str:
    out = ""
    while True:
        number, rest = divmod(number, 36)
        out = DIGITS[rest] + out
        if number == 0:
            return out


def ranges(pattern: str) -> str:
    """Gap since the last range, length of the range, alternating, in base 36."""
    splitter = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
    pairs: list[tuple[int, int]] = []
    for _, (start, end) in splitter.pre_tokenize_str(TEXT):
        first, last = CODE_POINTS[start], CODE_POINTS[end - 1]
        assert last - first == end - 1 - start, "a class reaches over the surrogates"
        if pairs and pairs[-1][1] + 1 == first:
            pairs[-1] = (pairs[-1][0], last)
        else:
            pairs.append((first, last))
    numbers, position = [], 0
    for first, last in pairs:
        numbers += [first - position, last - first + 1]
        position = last + 1
    return " ".join(map(base36, numbers))


values = {"VERSION": tokenizers.__version__, "LETTERS": ranges(r"\p{L}"), "NUMBERS": ranges(r"\p{N}"), "SPACES": ranges(r"\s")}
for template, path in [(TEMPLATE, "packages/tokenization/src/unicode-classes.ts"), (RUST_TEMPLATE, "crates/tokenizer/src/unicode/ranges.rs")]:
    source = template
    for key, value in values.items():
        source = source.replace(f"@{key}@", value)
    (Path(__file__).parents[3] / path).write_text(source, encoding="utf-8")
