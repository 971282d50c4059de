"""Fixtures of packages/tokenization/test/golden for the trainers: run by hand, results are committed.

    node --conditions=@codex/source --import ./tools/jest/register-typescript.mjs tools/parity/tokenization/write_trained.ts
    python tools/parity/tokenization/train_fixtures.py

  trainers.json        vocabularies and merges that Hugging Face tokenizers trains
  trained-opened.json  what it makes of trained-ours.json, the files that our trainers gave
"""

import hashlib
import json
import random
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden"
RUNS = 12  # of WordPiece, which follows the order of a hash table that differs from run to run
random.seed(20261121)

CORPUS = [
    "The quick brown fox jumps over the lazy dog. It's the dog's day; they'll say so, won't they?\n" * 3,
    "interface Array<T> {\n    length: number;\n    push(...items: T[]): number;\n}\n",
    "Grüße aus Köln! Dobrý den. Привет, мир. 你好世界，你好。こんにちは世界。 안녕하세요.\n",
    "1234567890 3.14159 👩‍💻👩‍💻 🎉🎉🎉 aaaaaaaaaaaaaaaa bbbbaaaabbbb  \t\n\n",
    "ab abab ababab abababab " * 4,
    "### ## # #a a# a## ##a",
]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def words(letters: str, size: int, most: int) -> list[str]:
    """Few letters and frequencies that seldom are equal."""
    vocabulary = {"".join(random.choice(letters) for _ in range(random.randint(1, 9))) for _ in range(size)}
    return [" ".join([word] * random.randint(1, most)) for word in sorted(vocabulary)]


def character_bpe(corpus: list[str], vocab_size: int, min_frequency: int) -> dict:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=["<unk>", "<s>", "</s>", *BYTES],
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {
        "corpus": corpus,
        "vocabSize": vocab_size,
        "minFrequency": min_frequency,
        "vocab": sorted(model["vocab"], key=model["vocab"].get),
        "merges": model["merges"],
    }


def word_level(corpus: list[str], vocab_size: int, min_frequency: int) -> dict:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=["[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    vocab = tokenizer.get_vocab()
    return {"corpus": corpus, "vocabSize": vocab_size, "minFrequency": min_frequency, "vocab": sorted(vocab, key=vocab.get)}


def word_piece(corpus: list[str], vocab_size: int, min_frequency: int, uncased: bool | None = None) -> dict | None:
    """None where the result is not the same in all runs."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    results = set()
    for _ in range(RUNS):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        if uncased is None:
            tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        else:
            tokenizer.normalizer = normalizers.BertNormalizer(lowercase=uncased)
            tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=special, show_progress=False
        )
        tokenizer.train_from_iterator(corpus, trainer)
        results.add(tuple(sorted(tokenizer.get_vocab())))
    if len(results) > 1:
        return None
    pre_tokenizer = "whitespace" if uncased is None else "bert-uncased" if uncased else "bert"
    case = {"corpus": corpus, "vocabSize": vocab_size, "minFrequency": min_frequency, "vocab": list(results.pop())}
    return {**case, "preTokenizer": pre_tokenizer}


def opened() -> dict:
    texts = ["The lazy dog's day", "Grüße, world! 你好 🎉", "ab abab  zzz", "", "#a ## [CLS] </s>"]
    out = {}
    for name, file in json.loads((GOLDEN / "trained-ours.json").read_text(encoding="utf-8")).items():
        tokenizer = Tokenizer.from_str(file)
        cases = []
        for text in texts:
            encoding = tokenizer.encode(text)
            cases.append({"text": text, "ids": encoding.ids, "decoded": tokenizer.decode(encoding.ids)})
        sha256 = hashlib.sha256(file.encode()).hexdigest()
        out[name] = {"sha256": sha256, "vocabSize": tokenizer.get_vocab_size(), "cases": cases}
    return out


def write(name: str, value: object) -> None:
    (GOLDEN / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")


pieces = [word_piece(words("abcd", 12, 60), 60, 0) for _ in range(30)]
pieces += [word_piece(words("ab#", 10, 60), 40, 0) for _ in range(30)]
pieces += [word_piece(CORPUS, size, frequency) for size, frequency in [(180, 0), (200, 3), (1000, 4), (1000, 3)]]
pieces = [case for case in pieces if case is not None]
bert = [word_piece(words("abÉD.你", 12, 60), 60, 0, uncased) for uncased in [False, True] * 20]
bert = [case for case in bert if case is not None]
assert {case["preTokenizer"] for case in bert[:6]} == {"bert", "bert-uncased"}
print(len(pieces), "corpora of which WordPiece is deterministic")
assert len(pieces) >= 8
write(
    "trainers.json",
    {
        "tokenizers": tokenizers.__version__,
        "characterBpe": [
            character_bpe(CORPUS, 420, 0),
            character_bpe(CORPUS, 1000, 2),
            *(character_bpe(words(letters, 12, 8), 300, 0) for letters in ["a", "ab", "abc", "aé"]),
        ],
        "wordLevel": [word_level(CORPUS, 30, 0), word_level(CORPUS, 100, 2), word_level(words("ab", 20, 9), 12, 3)],
        "wordPieceBert": bert[:6],
        "wordPiece": pieces[:16] + pieces[-4:] if len(pieces) > 20 else pieces,
    },
)
write("trained-opened.json", opened())
