"""Fixtures of packages/tokenization/test/golden/pipeline: what Hugging Face tokenizers makes of texts, with tokenizers of the
shapes that published models have and with each part of a pipeline alone. Run by hand, results are committed.

    python tools/parity/tokenization/make_pipeline_fixtures.py

  shapes.json.gz      tokenizers like those of published models, trained on the texts below; ids, tokens, offsets, ...
  components.json.gz  one normalizer or pre-tokenizer each, before a model that knows no token: pieces and offsets
  decoders.json.gz    one decoder each
  rows.json.gz        pairs, truncation and padding
  nmt-nfkc.bin.gz     the character map of SentencePiece's nmt_nfkc

Offsets are code points, as in Python; start and end alternate. Needs sentencepiece beside tokenizers.
"""

import base64
import gzip
import io
import json
import random
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden/pipeline"
random.seed(20261121)

SCRIPTS = [
    "The quick brown fox doesn't jump; it's \u201clazy\u201d\u2026",
    "\u0413\u0440\u0443\u0441\u0442\u043d\u043e, \u041c\u043e\u0441\u043a\u0432\u0430! \u0401\u0436\u0438\u043a \u0439\u043e\u0434",
    "\u039f\u0394\u039f\u03a3 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u1f08\u03c1\u03c7\u03ae",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0650\u0627\u0644\u0639\u064e\u0627\u0644\u0645 \u0661\u0662\u0663",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0937\u0947\u0924\u094d\u0930 \u0967\u0968",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e01\u0e33\u0e19\u0e31\u0e19",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \uf900\u2f00 \U00020000",
    "\u3053\u3093\u306b\u3061\u306f\u30ab\u30fc\u30cb\u30e3 \uff76\uff9e\uff77\uff9e \u304c\u304b\u3099",
    "\uc548\ub155\ud558\uc138\uc694 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8 \u0570\u0561\u0575\u0565\u0580\u0565\u0576",
    "Vi\u1ec7t Nam \u0110\u00e0 N\u1eb5ng a\u0302\u0301\u0323 a\u0323\u0302 \u1e69 s\u0323\u0307",
    "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd \u0c24\u0c46\u0c32\u0c41\u0c17\u0c41",
    "\u0f56\u0f7c\u0f51\u0f0b\u0f66\u0f90\u0f51\u0f0b \u1019\u103c\u1014\u103a\u1019\u102c",
]
OTHERS = [
    "",
    " ",
    "     ",
    "  two  spaces\tand\ttabs \r\n\r\nCRLF\r\n end \n",
    "def f(x_1): return {k: v**2 for k, v in x.items()}  # ==> __init__\n\t\tpass",
    "\u2200x\u2208\u211d: \u222b\u2080\u00b9 x\u00b2 dx = \u00bd, \u2211_{i=1}^{n} \u03b1\u1d62 \u2260 \u221e; 3.14159 1e-10 1234567 \u2167 \u00be",
    "\U0001f469\u200d\U0001f4bb \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f \U0001d49c\U0001d4b7",
    "a\u0000b\u0001c\u007fd\u0085e\u00ade\u200bf\ufeffg\ufffdh\u2028i\ue000",
    "I\u0307 \u0130stanbul \u01c5 \u1e9e \ufb01 \u017f \u212a \u212b",
    "\uff5e \u301c ~ \uff21\uff22\uff43 \uff11\uff12 \u2460 \u338f \u2126",
    "nbsp\u00a0thin\u2009wide\u3000line\u2028par\u2029end",
    "a" * 70 + " " + "\u2581" * 3 + "ab\u2581cd",
    "[CLS] <s>hello</s> <mask> [MASK]world <special> special specials aspecial  <b>  x",
    "e\u0301clair E\u0301 n\u0303 \u00f1 \u00e9\u00e8 caf\u00e9\u0301",
    "don't we'RE I'D 'S 's ''s hasn't do not can't",
    "X\u0378\u0379 \U0001e4d0 \U00011f00 \u1c89 \ua7cb \U00010d4a",
]
TEXTS = SCRIPTS + OTHERS
CORPUS = TEXTS + [
    "The quick brown fox jumps over the lazy dog. It's the dog's day; they'll say so, won't they?\n" * 3,
    "interface Array<T> {\n    /** Gets or sets the length of the array. */\n    length: number;\n    push(...items: T[]): number;\n}\n",
    "hello world hello special day lazy dog brown fox return items length number 12 123 1234 \u4f60\u597d \u4e16\u754c \u041c\u043e\u0441\u043a\u0432\u0430\n" * 2,
]
CHARSMAP = "not read yet"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]


def write(name: str, value: object) -> None:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n"
    (GOLDEN / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(name, len(text), (GOLDEN / name).stat().st_size)


def train(model, trainer, pre_tokenizer=None, normalizer=None) -> dict:
    """The model of a trained tokenizer, as JSON."""
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainer)
    return json.loads(tokenizer.to_str())["model"]


def build(model: dict, special: list, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, added=()) -> Tokenizer:
    empty = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": []}
    parts = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    tokenizer = Tokenizer.from_str(json.dumps({**empty, **parts, "model": model}))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if post_processor is not None:
        tokenizer.post_processor = post_processor
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens(list(added))
    return tokenizer


def columns(encoding) -> dict:
    return {
        "ids": encoding.ids,
        "tokens": encoding.tokens,
        "offsets": [position for pair in encoding.offsets for position in pair],
        "words": encoding.word_ids,
    }


def template(single: str, pair: str, tokenizer_ids: dict[str, int]):
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=list(tokenizer_ids.items()))


def byte_level_model(size: int, pre_tokenizer) -> dict:
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    return train(models.BPE(), trainer, pre_tokenizer)


def split_then_bytes(*patterns: str):
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def sentence_piece() -> tuple[list, bytes]:
    """Pieces of a tiny Unigram model, and the character map of nmt_nfkc."""
    from sentencepiece import sentencepiece_model_pb2 as pb

    out = io.BytesIO()
    lines = [line for text in CORPUS for line in text.splitlines() if "\0" not in line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, vocab_size=420, model_type="unigram", character_coverage=0.98,
        normalization_rule_name="nmt_nfkc", minloglevel=2, num_threads=1, hard_vocab_limit=False,
    )
    proto = pb.ModelProto.FromString(out.getvalue())
    return [(piece.piece, piece.score) for piece in proto.pieces], proto.normalizer_spec.precompiled_charsmap


def shapes() -> list[dict]:
    out = []

    def add(name: str, tokenizer: Tokenizer, texts: list[str] = TEXTS) -> None:
        cases = []
        for text in texts:
            encoding = tokenizer.encode(text)
            decoded = tokenizer.decode(encoding.ids)
            cases.append({**columns(encoding), "types": encoding.type_ids, "special": encoding.special_tokens_mask, "decoded": decoded})
        contents = json.loads(tokenizer.to_str().replace(CHARSMAP, "nmt-nfkc.bin.gz"))
        out.append({"name": name, "json": contents, "texts": texts, "cases": cases})

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for lower in (True, False):
        normalizer = normalizers.BertNormalizer(lowercase=lower)
        trainer = trainers.WordPieceTrainer(vocab_size=420, special_tokens=special, show_progress=False)
        model = train(models.WordPiece(unk_token="[UNK]"), trainer, pre_tokenizers.BertPreTokenizer(), normalizer)
        model["max_input_chars_per_word"] = 60
        if lower:
            processor = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", {"[CLS]": 2, "[SEP]": 3})
        else:
            processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        mask = AddedToken("[MASK]", lstrip=True, special=True)
        tokenizer = build(model, [*special[:4], mask], normalizer, pre_tokenizers.BertPreTokenizer(), processor, decoders.WordPiece())
        add("bert-uncased" if lower else "bert-cased", tokenizer)

    pieces, charsmap = sentence_piece()
    (GOLDEN / "nmt-nfkc.bin.gz").write_bytes(gzip.compress(charsmap, 9, mtime=0))
    print("charsmap", len(charsmap), (GOLDEN / "nmt-nfkc.bin.gz").stat().st_size)
    vocab = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]] + [list(piece) for piece in pieces[3:]]
    unigram = {"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": False}
    precompiled = normalizers.Precompiled(charsmap)
    global CHARSMAP
    CHARSMAP = base64.b64encode(charsmap).decode()
    add(
        "t5",
        build(
            unigram, ["<pad>", "</s>", "<unk>"],
            normalizers.Sequence([precompiled, normalizers.Strip(False, True), normalizers.Replace(Regex(" {2,}"), "\u2581")]),
            pre_tokenizers.Metaspace(), template("$A </s>", "$A </s> $B </s>", {"</s>": 1}), decoders.Metaspace(),
        ),
    )
    vocab = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]] + [list(piece) for piece in pieces[3:]]
    model = {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False}
    mask = AddedToken("<mask>", lstrip=True, special=True)
    add(
        "xlm-roberta",
        build(
            model, ["<s>", "<pad>", "</s>", "<unk>", mask], precompiled,
            pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
            template("<s> $A </s>", "<s> $A </s> </s> $B </s>", {"<s>": 0, "</s>": 2}), decoders.Metaspace(),
        ),
    )
    vocab = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0]] + [[byte, -20.0] for byte in BYTES] + [list(piece) for piece in pieces[3:]]
    model = {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": True}
    fallback = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    add(
        "unigram-byte-fallback",
        build(model, ["<unk>", "<s>", "</s>"], normalizers.Replace(" ", "\u2581"), None, None, fallback),
    )

    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>", "<s>", "</s>", *BYTES], limit_alphabet=90, show_progress=False)
    llama2 = train(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), trainer, pre_tokenizers.Metaspace())
    llama2_special = ["<unk>", "<s>", "</s>"]
    begin = template("<s> $A", "<s> $A <s>:1 $B:1", {"<s>": 1})
    legacy = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    specials = [AddedToken("<special>", rstrip=True), AddedToken("special", single_word=True), AddedToken("<b>", lstrip=True, rstrip=True, normalized=False)]
    add("llama-2", build(llama2, llama2_special, legacy, None, begin, fallback))
    first = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    add("llama-2-first", build(llama2, llama2_special, None, first, begin, fallback, specials))
    never = pre_tokenizers.Metaspace(prepend_scheme="never")
    add("llama-2-never", build(llama2, llama2_special, normalizers.Strip(), never, None, fallback, specials))
    no_bytes = {**llama2, "byte_fallback": False}
    add("bpe-fused-unk", build(no_bytes, llama2_special, legacy, None, None, fallback))
    add("bpe-unk", build({**no_bytes, "fuse_unk": False}, llama2_special, legacy, None, None, fallback))
    add("bpe-dropped", build({**no_bytes, "unk_token": None}, [], legacy, None, None, fallback))
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False)
    suffix = train(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), trainer, pre_tokenizers.BertPreTokenizer(), normalizers.Lowercase())
    add("clip", build(suffix, ["<unk>"], normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer(), None, decoders.BPEDecoder()))
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], continuing_subword_prefix="##", show_progress=False)
    prefix = train(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"), trainer, pre_tokenizers.Whitespace())
    add("bpe-prefix", build(prefix, ["<unk>"], None, pre_tokenizers.Whitespace(), None, decoders.WordPiece(cleanup=False)))

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model = byte_level_model(400, byte_level)
    for prefix_space in (False, True):
        roberta = {**model, "vocab": {**{"<s>": 400, "<pad>": 401, "</s>": 402, "<unk>": 403}, **model["vocab"]}}
        processor = processors.RobertaProcessing(("</s>", 402), ("<s>", 400), trim_offsets=True, add_prefix_space=prefix_space)
        tokenizer = build(
            roberta, ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)], None,
            pre_tokenizers.ByteLevel(add_prefix_space=prefix_space), processor, decoders.ByteLevel(), [AddedToken("special")],
        )
        add(f"roberta-{'prefix' if prefix_space else 'plain'}", tokenizer)
    add("gpt-2", build(model, ["<|endoftext|>"], None, byte_level, processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()))
    trimmed = processors.ByteLevel(trim_offsets=True)
    add("gpt-2-prefix", build(model, [], None, pre_tokenizers.ByteLevel(add_prefix_space=True), trimmed, decoders.ByteLevel()))
    add(
        "byte-level-normalizer",
        build(model, [], normalizers.ByteLevel(), None, None, decoders.ByteLevel(), [AddedToken("sp\u00e9cial x", normalized=True), AddedToken("special", normalized=True)]),
    )
    begin = AddedToken("<|begin_of_text|>", special=True)
    llama3 = build(byte_level_model(400, split_then_bytes(LLAMA3)) | {"ignore_merges": True}, [begin], None, split_then_bytes(LLAMA3), None, decoders.ByteLevel())
    llama3.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template("<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", {"<|begin_of_text|>": 400})]
    )
    add("llama-3", llama3)
    qwen = split_then_bytes(LLAMA3.replace("{1,3}", ""))
    add("qwen-2", build(byte_level_model(400, qwen), ["<|endoftext|>"], normalizers.NFC(), qwen, processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()))
    for name, patterns in [("tekken", [TEKKEN]), ("o200k", [O200K]), ("cl100k", [CL100K]), ("deepseek", DEEPSEEK)]:
        pre_tokenizer = split_then_bytes(*patterns)
        add(name, build(byte_level_model(380, pre_tokenizer), ["<s>"], None, pre_tokenizer, processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()))

    trainer = trainers.WordLevelTrainer(vocab_size=60, special_tokens=["<unk>"], show_progress=False)
    model = train(models.WordLevel(unk_token="<unk>"), trainer, pre_tokenizers.Whitespace())
    add("word-level", build(model, ["<unk>"], normalizers.Lowercase(), pre_tokenizers.Whitespace(), None, None, [AddedToken("Special"), AddedToken("DON'T", normalized=True)]))
    return out


def components() -> list[dict]:
    _, charsmap = sentence_piece()
    model = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]], "byte_fallback": False}
    one = pre_tokenizers.FixedLength(1)
    cases = [
        ("NFC", normalizers.NFC(), one),
        ("NFD", normalizers.NFD(), one),
        ("NFKC", normalizers.NFKC(), one),
        ("NFKD", normalizers.NFKD(), one),
        ("Lowercase", normalizers.Lowercase(), one),
        ("Strip", normalizers.Strip(), one),
        ("Strip left", normalizers.Strip(True, False), one),
        ("StripAccents", normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), one),
        ("Replace string", normalizers.Replace("e", "xyz"), one),
        ("Replace expression", normalizers.Replace(Regex(r"\s{2,}|[aeiou]+(?=[a-z])"), "_"), one),
        ("Replace start", normalizers.Replace(Regex(r"^"), "\u2581"), one),
        ("Prepend", normalizers.Prepend("\u2581\u2581"), one),
        ("Precompiled", normalizers.Precompiled(charsmap), one),
        ("Nmt", normalizers.Nmt(), one),
        ("ByteLevel", normalizers.ByteLevel(), one),
        ("Bert", normalizers.BertNormalizer(), one),
        ("Bert accents", normalizers.BertNormalizer(True, False, True, False), one),
        ("Sequence", normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(), normalizers.Lowercase(), normalizers.Replace(" ", "\u2581")]), one),
        ("BertPreTokenizer", None, pre_tokenizers.BertPreTokenizer()),
        ("ByteLevel", None, pre_tokenizers.ByteLevel(add_prefix_space=True)),
        ("ByteLevel plain", None, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)),
        ("Whitespace", None, pre_tokenizers.Whitespace()),
        ("WhitespaceSplit", None, pre_tokenizers.WhitespaceSplit()),
        ("Metaspace", None, pre_tokenizers.Metaspace()),
        ("Metaspace first", normalizers.Strip(), pre_tokenizers.Metaspace(prepend_scheme="first")),
        ("Metaspace never", None, pre_tokenizers.Metaspace(replacement="_", prepend_scheme="never", split=False)),
        ("Digits", None, pre_tokenizers.Digits(individual_digits=True)),
        ("Digits contiguous", None, pre_tokenizers.Digits(individual_digits=False)),
        ("CharDelimiterSplit", None, pre_tokenizers.CharDelimiterSplit("e")),
        ("UnicodeScripts", None, pre_tokenizers.UnicodeScripts()),
        ("FixedLength", None, pre_tokenizers.FixedLength(3)),
    ]
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        cases.append((f"Punctuation {behavior}", None, pre_tokenizers.Punctuation(behavior)))
        for invert in (False, True):
            cases.append((f"Split {behavior} {invert}", None, pre_tokenizers.Split(Regex(r"\s|[aeiou]"), behavior, invert)))
        cases.append((f"Split string {behavior}", None, pre_tokenizers.Split("  ", behavior)))
    expressions = [
        r"\d{1,3}(?=(?:\d{3})*\b)", r"(?<=\s)\w+", r"(?<!\p{L})\p{L}{2,4}?", r"\b\w", r"^\s*|\s*$", r"[[:punct:]&&[^-]]+", r"(?i)[A-F]+|h\w*",
        r"\p{Han}+|\p{Hiragana}|[\p{Cyrillic}\p{Greek}]{2}", r"\p{^L}+", r"(?>a+)b|a", r"x*", r"[\x{1F300}-\x{1FAFF}]", r"(?m:.)+", r".+$", r"\R|\h+", r"(?:ab|a)(?:c|bcd)?",
    ]
    cases += [(f"expression {expression}", None, pre_tokenizers.Split(Regex(expression), "isolated")) for expression in expressions]
    out = []
    for name, normalizer, pre_tokenizer in cases:
        tokenizer = build(model, [], normalizer, pre_tokenizer)
        results = [tokenizer.encode(text) for text in TEXTS]
        parsed = json.loads(tokenizer.to_str())
        if name == "Precompiled":
            parsed["normalizer"]["precompiled_charsmap"] = "nmt-nfkc.bin.gz"
        flat = [[encoding.tokens, [position for pair in encoding.offsets for position in pair]] for encoding in results]
        out.append({"name": name, "normalizer": parsed["normalizer"], "pre_tokenizer": parsed["pre_tokenizer"], "cases": flat})
    return out


def decoded() -> list[dict]:
    tokens = ["\u2581Hello", "\u2581wor", "##ld", "ld</w>", "</w>", "don", "'", "t", "n't", ".", "<0xE4>", "<0xBD>", "<0xA0>", "<0xFF>", "\u2581\u2581x", "a|b", "<pad>", "\u0120caf\u00c3\u00a9", "\u00c3", "\u4f60", "  y ", "do", "not", "|", ",", "<0x+A>", "<s>"]
    model = {"type": "WordLevel", "vocab": {token: index for index, token in enumerate(tokens)}, "unk_token": "<s>"}
    lists = [[], [0], [18], list(range(len(tokens))), [0, 1, 2, 9, 5, 6, 7], [10, 11, 12], [10, 11, 13, 12, 0], [10], [14, 14, 16, 16, 15, 23, 15], [17, 18], [4, 3, 4], [20, 20], [21, 22, 24], [25, 26, 19]]
    lists += [[random.randrange(len(tokens)) for _ in range(random.randint(1, 8))] for _ in range(20)]
    cases = [
        None,
        decoders.ByteLevel(), decoders.WordPiece(), decoders.WordPiece("##", False), decoders.Metaspace(), decoders.Metaspace(prepend_scheme="never"),
        decoders.BPEDecoder(), decoders.Replace("\u2581", " "), decoders.Replace(Regex("[a-c]+"), "\u00b7"), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 1), decoders.Strip("\u2581", 2, 0), decoders.CTC(), decoders.CTC("<pad>", "|", False),
        decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
    ]
    out = []
    for decoder in cases:
        tokenizer = build(model, ["<s>"], decoder=decoder)
        # BPEDecoder of the library panics on nothing.
        texts = [None if not one and isinstance(decoder, decoders.BPEDecoder) else tokenizer.decode(one) for one in lists]
        out.append({"decoder": json.loads(tokenizer.to_str())["decoder"], "model": model, "lists": lists, "texts": texts})
    return out


def rows() -> list[dict]:
    words = {token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "e", "f", "g", "h"])}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    texts = [("a b c d e f", "g h a b"), ("a b c d e f g h", None), ("a", "b c d e f g h a b c"), ("", ""), ("a b", None), ("c d e f g h", "a")]
    post_processors = [
        template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", {"[CLS]": 2, "[SEP]": 3}),
        processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
        processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2)),
        processors.Sequence([processors.ByteLevel(), template("$A:7 [SEP]", "$B:5 [SEP] $A:7", {"[SEP]": 3})]),
        None,
    ]
    truncations = [None, *(dict(max_length=length, stride=stride, strategy=strategy, direction=direction) for length, stride, strategy, direction in [
        (7, 0, "longest_first", "right"), (8, 1, "longest_first", "left"), (9, 2, "only_first", "right"), (10, 1, "only_second", "right"), (6, 0, "only_second", "left"), (3, 0, "longest_first", "right"), (12, 3, "longest_first", "right"),
    ])]
    paddings = [None, dict(), dict(length=12, direction="left", pad_id=9, pad_type_id=4, pad_token="f"), dict(pad_to_multiple_of=8)]

    def full(encoding) -> dict:
        return {**columns(encoding), "types": encoding.type_ids, "special": encoding.special_tokens_mask, "attention": encoding.attention_mask, "overflowing": [full(one) for one in encoding.overflowing]}

    out = []
    for post_processor in post_processors:
        for truncation in truncations:
            for padding in paddings if truncation is None or truncation["max_length"] == 8 else [None, {}]:
                for add_special_tokens in (True, False):
                    tokenizer = build(model, ["[PAD]", "[CLS]", "[SEP]"], None, pre_tokenizers.Whitespace(), post_processor)
                    contents = json.loads(tokenizer.to_str())
                    if truncation is not None:
                        tokenizer.enable_truncation(**truncation)
                    if padding is not None:
                        tokenizer.enable_padding(**padding)
                    # Less room than the added tokens need: the library then truncates to 2^64 and some; we refuse.
                    def impossible(pair) -> bool:
                        added = tokenizer.num_special_tokens_to_add(pair is not None) if add_special_tokens else 0
                        return truncation is not None and truncation["max_length"] < added

                    results = []
                    for text, pair in texts:
                        if impossible(pair):
                            results.append(None)
                            continue
                        try:
                            results.append(full(tokenizer.encode(text, pair, add_special_tokens=add_special_tokens)))
                        except BaseException:  # a panic of the library is none of Exception
                            results.append(None)
                    try:
                        if any(impossible(pair) for _, pair in texts):
                            raise ValueError
                        batch = [columns(one)["ids"] for one in tokenizer.encode_batch([(text, pair) if pair is not None else text for text, pair in texts], add_special_tokens=add_special_tokens)]
                    except BaseException:
                        batch = None
                    out.append({"post_processor": contents["post_processor"], "truncation": truncation, "padding": padding, "addSpecialTokens": add_special_tokens, "rows": results, "batch": batch})
    return [{"json": contents, "texts": texts, "cases": out}]


GOLDEN.mkdir(parents=True, exist_ok=True)
write("shapes.json.gz", shapes())
write("components.json.gz", {"texts": TEXTS, "components": components()})
write("decoders.json.gz", decoded())
write("rows.json.gz", rows())
