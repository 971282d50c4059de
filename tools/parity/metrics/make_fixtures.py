"""Writes packages/metrics/test/golden/squad.json: exact match and F1 as the SQuAD 2.0 evaluation defines them, computed
here with Python's own string functions.

    python tools/parity/metrics/make_fixtures.py
"""

import json
import random
import re
import string
from collections import Counter
from pathlib import Path

random.seed(20261120)


def normalize(text: str) -> str:
    text = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text, flags=re.UNICODE).split())


def f1(target: str, prediction: str) -> float:
    gold, found = normalize(target).split(), normalize(prediction).split()
    if not gold or not found:
        return float(gold == found)
    common = sum((Counter(gold) & Counter(found)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(gold)
    return 2 * precision * recall / (precision + recall)


PAIRS = [
    ("Paris", "paris."),
    ("the cat", "a cat"),
    ("", ""),
    ("", "the"),
    ("", "word"),
    ("word", ""),
    ("red green blue", "green, blue; yellow"),
    ("one one two", "one two two"),
    ("U.S.A.", "usa"),
    ("na\u00efve caf\u00e9", "NA\u00cfVE  caf\u00e9!"),
    ("\u00e9the the\u00e9 the", "\u00e9the the\u00e9"),
    ("a-b the_x", "ab thex"),
    ("\u4f60\u597d the \u4e16\u754c", "\u4f60\u597d\u4e16\u754c"),
    ("tab\there\u00a0nbsp\u3000wide", "tab here nbsp wide"),
]
WORDS = ["the", "a", "An", "dog", "Dog's", "cat,", "runs", "fast.", "42", "\u00fcber", "-"]
PAIRS += [tuple(" ".join(random.choices(WORDS, k=random.randint(0, 6))) for _ in range(2)) for _ in range(40)]

rows = [
    {"target": t, "prediction": p, "exact": int(normalize(t) == normalize(p)), "f1": f1(t, p)} for t, p in PAIRS
]
target = Path(__file__).parents[3] / "packages/metrics/test/golden/squad.json"
target.write_text(json.dumps(rows, separators=(",", ":")) + "\n", encoding="utf-8")
