"""Fixtures of packages/tokenization/test/golden that Hugging Face tokenizers makes: run by hand, results are committed.

    python tools/parity/tokenization/make_fixtures.py

  pieces.json     how the three pre-tokenizer expressions cut texts
  trained.json    merges and ids of tokenizers that its BpeTrainer trained
  hub-style.json  tokenizers built like published ones (GPT-2, Llama 3, BERT, a Unigram one), and ids
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PRE_TOKENIZERS = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "llama3": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    ),
    "qwen2": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
}
random.seed(20261120)

TEXTS = [
    "",
    "Hello, world! It's a test; they'll've we'RE I'D 'S 's 'ſ ''s",
    "  two  spaces\tand tabs\t\t\r\n\r\nlines \n \n  end  ",
    "x=1234567, y=0.5e-10; ١٢٣ ⅷ ² 1a2b",
    "naïve café — “quotes” … €100",
    "你好世界。こんにちは、 안녕하세요 مرحبا بالعالم हिन्दी ไทย",
    "👩‍💻 🇩🇪 \ufeffBOM \u0000\u007f\u0085 nbsp\u00a0thin\u2009x\u200b\u3000y",
    "e\u0301 \U0001d49c\U0001d4b7 \U00011f00 \U0001e4d0 \u0378 \ue000",
    "if (a<b) { return `${x}`; } // __proto__ ==>\n\n\n\t}",
    "<|endoftext|> <|end<|endoftext|>of|> </s> [CLS] <pad>",
    "'", "' ", " '", "'l", "'r", "\n", " \n", "\n ", "   ", "a ", " a", "\r\r\n a",
]
POOL = "aZ éßſ你か1٣²½_-'\".,<|>\t\n\r \u0085\u00a0\u2003\u3000\ufeff\u200b👩\u0301\U0001d49c\U00010450\U0001f1e6"
TEXTS += ["".join(random.choice(POOL) for _ in range(random.randint(1, 40))) for _ in range(60)]
POINTS = [c for c in range(0x30000) if not 0xD800 <= c <= 0xDFFF]
TEXTS += ["".join(chr(random.choice(POINTS)) for _ in range(20)) for _ in range(30)]

CORPUS = [
    "The quick brown fox jumps over the lazy dog. It's the dog's day; they'll say so, won't they?\n" * 3,
    "interface Array<T> {\n    /** Gets or sets the length of the array. */\n    length: number;\n    push(...items: T[]): number;\n}\n",
    "interface ArrayLike<T> {\n    readonly length: number;\n    readonly [n: number]: T;\n}\n",
    "Grüße aus Köln! Dobrý den. Привет, мир. 你好世界，你好。こんにちは世界。 안녕하세요.\n",
    "1234567890 3.14159 0x7fff 1e-6 2026-11-20 ١٢٣\n",
    "👩‍💻👩‍💻 🎉🎉🎉 aaaaaaaaaaaaaaaa bbbbaaaabbbb    \t\t\n\n\n",
    "ab abab ababab abababab " * 4,
]


def write(name: str, value: object) -> None:
    (GOLDEN / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")


def byte_level(pre_tokenizer: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(pre_tokenizer: str, corpus: list[str], vocab_size: int, min_frequency: int, special: list[str]) -> Tokenizer:
    tokenizer = byte_level(pre_tokenizer)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def ids(tokenizer: Tokenizer, texts: list[str]) -> list[dict]:
    """With special tokens found in the text, as is usual there, and with them read as text."""
    cases = []
    for text in texts:
        tokenizer.encode_special_tokens = False
        found = tokenizer.encode(text).ids
        decoded = tokenizer.decode(found)
        tokenizer.encode_special_tokens = True
        ordinary = tokenizer.encode(text).ids
        tokenizer.encode_special_tokens = False
        cases.append({"text": text, "all": found, **({} if ordinary == found else {"none": ordinary}), "decoded": decoded})
    return cases


def decodings(tokenizer: Tokenizer, size: int) -> list[dict]:
    """Random ids: bytes that are no UTF-8 become U+FFFD, one per maximal part."""
    out = []
    letters = pre_tokenizers.ByteLevel.alphabet()
    high = [tokenizer.token_to_id(letter) for letter in sorted(letters)[-128:]]
    while len(out) < 60:
        found = [random.choice(high) if random.random() < 0.8 else random.randrange(size) for _ in range(random.randint(1, 8))]
        # Bytes of a surrogate, which we read back as one: `decode(encode(x))` is `x` for every JavaScript string.
        if any(tokenizer.id_to_token(one).startswith("í") for one in found):
            continue
        out.append({"ids": found, "text": tokenizer.decode(found)})
    return out


def pieces() -> dict:
    out: dict = {}
    for name, pre_tokenizer in PRE_TOKENIZERS.items():
        # Only the ends: the pieces of a text are adjacent. In code points.
        out[name] = [[end for _, (_, end) in pre_tokenizer.pre_tokenize_str(text)] for text in TEXTS]
    return {"texts": TEXTS, "ends": out}


def random_corpus(alphabet: str) -> list[str]:
    return ["".join(random.choice(alphabet) for _ in range(random.randint(1, 120))) for _ in range(random.randint(1, 4))]


def trained() -> list[dict]:
    settings = [
        ("gpt2", CORPUS, 420, 0, ["<|endoftext|>"]),
        ("gpt2", CORPUS, 2000, 2, ["<pad>", "<unk>", "<s>", "</s>"]),
        ("llama3", CORPUS, 400, 0, ["<|endoftext|>"]),
        ("qwen2", CORPUS, 380, 3, []),
        # Few letters and long words: ties, overlaps, runs.
        *(("gpt2", random_corpus(alphabet), 290, 0, []) for alphabet in ["a", "ab", "ab", "abc", "aab ", "é a"]),
    ]
    out = []
    for pre_tokenizer, corpus, vocab_size, min_frequency, special in settings:
        tokenizer = train(pre_tokenizer, corpus, vocab_size, min_frequency, special)
        model = json.loads(tokenizer.to_str())["model"]
        texts = TEXTS[:24] if corpus is CORPUS else ["abcabaaab" * 5]
        out.append(
            {
                "preTokenizer": pre_tokenizer,
                "corpus": corpus,
                "vocabSize": vocab_size,
                "minFrequency": min_frequency,
                "special": special,
                "merges": [" ".join(merge) for merge in model["merges"]],
                "resultSize": len(model["vocab"]),
                "cases": ids(tokenizer, texts),
                "decodings": [] if out else decodings(tokenizer, len(model["vocab"])),
            }
        )
    return out


def gpt2_style() -> Tokenizer:
    tokenizer = train("gpt2", CORPUS, 400, 0, ["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens(["dog's day", AddedToken("lazy", normalized=False)])
    return tokenizer


def llama3_style() -> Tokenizer:
    contents = json.loads(train("llama3", CORPUS, 400, 0, []).to_str())
    contents["model"]["ignore_merges"] = True
    contents["model"]["vocab"]["Ġworld"] = 400  # a whole piece that no merge makes: `ignore_merges` finds it
    tokenizer = Tokenizer.from_str(json.dumps(contents))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|endoftext|>", "<|end"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", begin)]
            ),
        ]
    )
    return tokenizer


def bert_style() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS[:3], trainer)
    sep, cls = tokenizer.token_to_id("[SEP]"), tokenizer.token_to_id("[CLS]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer


def unigram_style() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=["<pad>", "<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS[:3], trainer)
    end = tokenizer.token_to_id("</s>")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", end)])
    return tokenizer


def hub_style() -> list[dict]:
    out = []
    plain = ["The lazy dog's day", "jumps over, the length!", "interface Array <T>", "[CLS] the [SEP]", "</s> day"]
    styles = [
        ("gpt2", gpt2_style(), TEXTS[:20] + ["a lazy dog's day<|endoftext|>lazy"]),
        ("llama3", llama3_style(), TEXTS[:20] + ["hello world world<|endoftext|><|end"]),
        ("bert", bert_style(), plain),
        ("unigram", unigram_style(), plain),
    ]
    for name, tokenizer, texts in styles:
        out.append({"name": name, "json": json.loads(tokenizer.to_str()), "cases": ids(tokenizer, texts)})
    return out


GOLDEN.mkdir(parents=True, exist_ok=True)
write("pieces.json", pieces())
write("trained.json", trained())
write("hub-style.json", hub_style())
