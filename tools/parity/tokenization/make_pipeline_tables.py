"""Writes packages/tokenization/src/pipeline/unicode-tables.ts: what each part of Hugging Face tokenizers says of each character.

    python tools/parity/tokenization/make_pipeline_tables.py

The library takes its Unicode tables from six crates of different Unicode versions, so each is asked for itself.
"""

import unicodedata
from itertools import groupby
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUT = Path(__file__).parents[3] / "packages/tokenization/src/pipeline/unicode-tables.ts"
POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if number == 0:
            return text


def ranges(points: list[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for point in points:
        if out and out[-1][1] == point:
            out[-1] = (out[-1][0], point + 1)
        else:
            out.append((point, point + 1))
    return out


def encode(points: list[int]) -> str:
    numbers, at = [], 0
    for start, end in ranges(points):
        numbers += [start - at, end - start]
        at = end
    return " ".join(map(base36, numbers))


def encode_valued(values: dict[int, int]) -> str:
    """Triples: code points to skip, code points in the range, value."""
    numbers, at = [], 0
    for value, group in groupby(sorted(values), key=lambda point: values[point]):
        for start, end in ranges(list(group)):
            numbers += [start - at, end - start, value]
            at = end
    return " ".join(map(base36, numbers))


def having(predicate) -> list[int]:
    return [point for point in POINTS if predicate(chr(point))]


def changed_by(normalizer, around: str = "{}", to: str | None = None) -> list[int]:
    out = []
    for point in POINTS:
        text = around.format(chr(point)) if chr(point) not in "{}" else around.replace("{}", chr(point))
        result = normalizer.normalize_str(text)
        if (result != text) if to is None else (result == to):
            out.append(point)
    return out


def matched(expression: str) -> list[int]:
    """By Oniguruma, in one string of all characters."""
    text = "".join(map(chr, POINTS))
    kept = pre_tokenizers.Split(Regex(expression), "removed").pre_tokenize_str(text)
    out, at = [], 0
    for _, (start, end) in kept:
        out += POINTS[at:start]
        at = end
    return out + POINTS[at:]


def cut_out(pre_tokenizer) -> list[int]:
    return having(lambda c: len(pre_tokenizer.pre_tokenize_str(f"a{c}a")) == 3)


def combining_classes() -> dict[int, int]:
    nfd = normalizers.NFD()
    out = {}
    for point in POINTS:
        value = unicodedata.combining(chr(point))
        if value == 0:
            continue
        # Known to the library if it changes the order: classes of assigned characters never change.
        pair = f"a{chr(point)}\u0334" if value > 1 else f"a\u0301{chr(point)}"
        if nfd.normalize_str(pair) != pair:
            out[point] = value
    return out


def scripts() -> dict[int, int]:
    """Which characters UnicodeScripts keeps together; 0 for those that go with any."""
    pre_tokenizer = pre_tokenizers.UnicodeScripts()

    def together(a: str, b: str) -> bool:
        return len(pre_tokenizer.pre_tokenize_str(a + b)) == 1

    out: dict[int, int] = {}
    representatives: list[str] = ["a", "\u4e00"]
    last, last_value = "a", 1
    for point in POINTS:
        c = chr(point)
        if together("a", c) and together("\u4e00", c):
            out[point] = 0
            continue
        if not together(last, c):
            for index, one in enumerate(representatives):
                if together(one, c):
                    last, last_value = one, index + 1
                    break
            else:
                representatives.append(c)
                last, last_value = c, len(representatives)
        out[point] = last_value
    most = max(set(out.values()), key=list(out.values()).count)
    return {point: value + 1 for point, value in out.items() if value != most}, most


spaces = matched(r"\s")
cleaned = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
assert having(lambda c: not pre_tokenizers.WhitespaceSplit().pre_tokenize_str(c)) == spaces
assert having(lambda c: normalizers.Strip().normalize_str(f"a{c}") == "a") == spaces
script_values, most_common_script = scripts()
categories = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"]
categories += ["Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"]
general = {point: index + 1 for index, category in enumerate(categories) for point in matched(rf"\p{{{category}}}")}

TABLES = [
    ("LOWERCASED", "Changed by `Lowercase`.", encode(changed_by(normalizers.Lowercase()))),
    ("DECOMPOSED", "Changed by `NFKD`; newer characters are not.", encode(changed_by(normalizers.NFKD()))),
    ("COMBINING_CLASSES", "Canonical combining class, where it is not 0.", encode_valued(combining_classes())),
    ("PUNCTUATION", "Cut out by `Punctuation` and `BertPreTokenizer`.", encode(cut_out(pre_tokenizers.Punctuation()))),
    ("CONTROL", "Removed by the clean-up of `BertNormalizer`.", encode(changed_by(cleaned, to=""))),
    (
        "NONSPACING_MARKS",
        "Removed by `strip_accents` of `BertNormalizer`.",
        encode(changed_by(normalizers.BertNormalizer(False, False, True, False), "a{}", "a")),
    ),
    ("MARKS", "Removed by `StripAccents`.", encode(changed_by(normalizers.StripAccents(), "a{}", "a"))),
    ("NUMERIC", "Cut out by `Digits`.", encode(cut_out(pre_tokenizers.Digits(individual_digits=True)))),
    (
        "WORD",
        "`\\\\w` of the pre-tokenizer `Whitespace` and of `single_word`.",
        encode(having(lambda c: len(pre_tokenizers.Whitespace().pre_tokenize_str(f"a{c}a")) == 1)),
    ),
    ("REGEX_WORD", "`\\\\w` in expressions.", encode(matched(r"\w"))),
    ("SCRIPTS", f"Scripts of `UnicodeScripts`; 1: goes with any; absent: {most_common_script + 1}.", encode_valued(script_values)),
    ("GENERAL_CATEGORIES", "Of expressions: index in GENERAL_CATEGORY_NAMES plus one; absent: unassigned.", encode_valued(general)),
]

lines = [
    "/**",
    f" * What Hugging Face tokenizers {tokenizers.__version__} says of characters: its parts have Unicode tables of different versions, Node.js has",
    " * others, and a token must not depend on them. Written by tools/parity/tokenization/make_pipeline_tables.py.",
    " *",
    " * Sets alternate: code points to skip, code points in the set. Valued tables have a third number, the value. Base 36.",
    " */",
    f"export const COMMON_SCRIPT = {most_common_script + 1};",
    "",
    "export const GENERAL_CATEGORY_NAMES: readonly string[] =",
    f'  "{" ".join(categories)}".split(" ");',
]
for name, text, table in TABLES:
    lines += ["", f"/** {text} */".replace("\\\\", "\\"), f"export const {name} =", f'  "{table}";']
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
for name, _, table in TABLES:
    print(name, len(table))
