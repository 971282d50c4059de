"""Tiny SentencePiece models and tiktoken ranks, and what SentencePiece, tiktoken and transformers make of them: run by hand, results are committed.

    python tools/parity/tokenization/make_format_fixtures.py

Writes packages/tokenization/test/golden/formats/*.model, *.tiktoken and formats.json.
"""

import base64
import io
import json
import tempfile
from pathlib import Path

import sentencepiece
import tiktoken
import tokenizers
import transformers
import transformers.convert_slow_tokenizer as convert

sentencepiece_model_pb2 = convert.import_protobuf()

OUT = Path(__file__).parents[3] / "packages/tokenization/test/golden/formats"
CORPUS = [
    "the quick brown fox jumps over the lazy dog",
    "the cat sat on the mat and the dog sat on the cat",
    "interface Array<T> { length: number; push(...items: T[]): number; }",
    "der schnelle braune Fuchs springt \u00fcber den faulen Hund",
    "\u4f60\u597d\u4e16\u754c \u4f60\u597d \u4e16\u754c",
    "aaaa aaa aa a bbbb abab ababab",
    "1234 5678 3.14159 2026",
] * 4
TEXTS = [
    "",
    " ",
    "the cat",
    "  the   cat  ",
    "The Fox! \u4f60\u597d",
    "aaaaaaaaaaa ababababab",
    "unknown \u0416\u00e9 \U0001f469\u200d\U0001f4bb",
    "tab\there",
    "a b  c   d",
    "number; push(...items)",
    "x<sep>y",
    "\uff21\uff22 \ufb01sh",
]
RULES = {"\uff21": "A", "\uff22": "B", "\ufb01": "fi", "\t": " ", "\u3000": " "}
COMMON = {"hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1, "shuffle_input_sentence": False}
MODELS = {
    "unigram": {"model_type": "unigram", "vocab_size": 110, "samples": 6, "user_defined_symbols": ["<sep>"], "control_symbols": ["<cls>"], "rules": RULES},
    "unigram-bytes": {"model_type": "unigram", "vocab_size": 340, "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "character_coverage": 0.98},
    "bpe": {"model_type": "bpe", "vocab_size": 360, "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "samples": 4, "pad_id": 3},
    "bpe-plain": {"model_type": "bpe", "vocab_size": 120, "normalization_rule_name": "identity", "add_dummy_prefix": False, "user_defined_symbols": ["<sep>"], "bos_id": -1},
}


def train(options: dict) -> tuple[bytes, list]:
    options = dict(options)
    with tempfile.TemporaryDirectory() as folder:
        rules = options.pop("rules", None)
        samples = options.pop("samples", 0)
        if rules is not None:
            table = Path(folder) / "rules.tsv"
            rows = [f"{' '.join(f'{ord(c):X}' for c in source)}\t{' '.join(f'{ord(c):X}' for c in target)}\n" for source, target in rules.items()]
            table.write_text("".join(rows))
            options["normalization_rule_tsv"] = str(table)
        writer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=writer, **COMMON, **options)
    model = sentencepiece_model_pb2.ModelProto.FromString(writer.getvalue())
    model.normalizer_spec.normalization_rule_tsv = ""  # a path of this machine
    model.ClearField("denormalizer_spec")
    # As trainers before 0.2.3 wrote them: what SentencePiece itself makes of texts.
    processor = sentencepiece.SentencePieceProcessor(model_proto=writer.getvalue())
    texts = [one for one in TEXTS if one.strip()][:samples]
    pairs = [(text, " ".join(processor.encode(text, out_type=str))) for text in texts]
    data = b"".join(field(1, field(1, text.encode()) + field(2, pieces.encode())) for text, pieces in pairs)
    return model.SerializeToString(deterministic=True) + (field(4, data) if pairs else b""), pairs


def field(number: int, data: bytes) -> bytes:
    """`self_test_data` is no longer in the message that Python has."""
    size, length = b"", len(data)
    while length >= 0x80:
        size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + data


class Slow:
    """What the converters ask a slow tokenizer for."""

    def __init__(self, path: Path, proto) -> None:
        self.vocab_file = str(path)
        self.add_prefix_space = proto.normalizer_spec.add_dummy_prefix
        self.convert_ids_to_tokens = lambda id: proto.pieces[id].piece


def state(part) -> object:
    return None if part is None else json.loads(part.__getstate__())


def converted(path: Path, proto) -> dict:
    """By the converter for the shape of the model. Its BPE extractor does not work in this version, so that merges come from generate_merges itself."""
    slow = Slow(path, proto)
    converter = (convert.SpmConverter if proto.normalizer_spec.remove_extra_whitespaces else convert.LlamaConverter)(slow)
    pieces = [(one.piece, one.score) for one in proto.pieces]
    out = {
        "normalizer": state(converter.normalizer(proto)),
        "pre_tokenizer": state(converter.pre_tokenizer("\u2581", slow.add_prefix_space)),
        "decoder": state(converter.decoder("\u2581", slow.add_prefix_space)),
        "added": [[id, one.piece, one.type == 3] for id, one in enumerate(proto.pieces) if one.type in (3, 4)],
    }
    if proto.trainer_spec.model_type == 2:
        out["merges"] = convert.generate_merges({piece: id for id, (piece, _) in enumerate(pieces)}, pieces)
    else:
        out["vocab"] = pieces
    return out


def sentencepiece_fixture(name: str, options: dict) -> dict:
    data, samples = train(options)
    path = OUT / f"{name}.model"
    path.write_bytes(data)
    proto = sentencepiece_model_pb2.ModelProto.FromString(data)
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    return {
        "pieces": [[one.piece, one.score, one.type] for one in proto.pieces],
        "samples": samples,
        "charsmap": base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode(),
        "converted": converted(path, proto),
        "cases": [{"text": text, "ids": (ids := processor.encode(text)), "decoded": processor.decode(ids)} for text in TEXTS],
    }


def tiktoken_fixture() -> dict:
    """Ranks of a BPE that Hugging Face trained; the patterns are those of tiktoken itself."""
    import tiktoken_ext.openai_public as public

    trainer = tokenizers.trainers.BpeTrainer(vocab_size=330, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.train_from_iterator(CORPUS, trainer)
    letters = {letter: byte for byte, letter in convert.bytes_to_unicode().items()}
    ranks = {bytes(letters[c] for c in token): id for token, id in trained.get_vocab().items()}
    ranks = dict(sorted(ranks.items(), key=lambda item: item[1]))
    text = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    (OUT / "tiny.tiktoken").write_text(text)
    special = {"<|endoftext|>": 340, "<|fim|>": 341}
    converter = convert.TikTokenConverter(vocab_file=str(OUT / "tiny.tiktoken"))
    _, merges = converter.extract_vocab_merges_from_model(converter.vocab_file)
    public.load_tiktoken_bpe = lambda *_, **__: ranks
    public.data_gym_to_mergeable_bpe_ranks = lambda *_, **__: ranks
    cases = {}
    for name in ["gpt2", "cl100k_base", "o200k_base"]:
        pattern = getattr(public, name)()["pat_str"]
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
        texts = TEXTS + ["It's THE'RE camelCase XMLHttp \n\n  x/\n", "<|endoftext|>a<|fim|>"]
        cases[name] = [{"text": one, "ids": encoding.encode(one, allowed_special="all")} for one in texts]
    return {"special": special, "merges": merges, "cases": cases, "default": converter.pattern}


OUT.mkdir(parents=True, exist_ok=True)
out = {
    "versions": {"sentencepiece": sentencepiece.__version__, "tiktoken": tiktoken.__version__, "transformers": transformers.__version__},
    "models": {name: sentencepiece_fixture(name, options) for name, options in MODELS.items()},
    "tiktoken": tiktoken_fixture(),
}
(OUT / "formats.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
for name, model in out["models"].items():
    print(name, (OUT / f"{name}.model").stat().st_size, len(model["pieces"]), len(model["samples"]), len(model["charsmap"]))
