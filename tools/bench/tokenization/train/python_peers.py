"""Trains with a library of Python and prints seconds, peak memory and a hash of what was learned; `count` counts tokens.

    python python_peers.py REQUEST            as train/codex.mjs
    python python_peers.py count LINES MODEL
"""

import json
import os
import sys

if sys.argv[1] != "count":
    request = json.loads(sys.argv[1])
    os.environ["RAYON_NUM_THREADS"] = str(request["threads"])
    os.environ["TOKENIZERS_PARALLELISM"] = "true"

import hashlib
import io
import resource
import time
from itertools import islice
from pathlib import Path

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def documents():
    folder, corpus = Path(request["folder"]), request["corpus"]
    total = 0
    with open(folder / f"{corpus}.txt", "rb") as file:
        for length in json.loads((folder / f"{corpus}.json").read_text()):
            if total >= request["megabytes"] * 1e6:
                return
            total += length
            yield file.read(length).decode()


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def tokens_hash(tokens):
    digest = hashlib.sha256()
    for token in tokens:
        digest.update(f"{token}\n".encode())
    return digest.hexdigest()


def byte_alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + index) for index, byte in enumerate(others)}


def huggingface_bpe():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=request["vocabSize"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(documents(), trainer)

    def result():
        content = tokenizer.to_str()
        return content.encode(), tokens_hash(left + right for left, right in json.loads(content)["model"]["merges"])

    return result


def rustbpe_bpe():
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    # Not its default, which is GPT-4's with two digits.
    tokenizer.train_from_iterator(documents(), request["vocabSize"], pattern=GPT2)

    def result():
        letters = byte_alphabet()
        ranks = sorted(tokenizer.get_mergeable_ranks(), key=lambda entry: entry[1])
        return b"", tokens_hash("".join(letters[byte] for byte in bytes(token)) for token, _ in ranks[256:])

    return result


def huggingface_wordpiece():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=request["vocabSize"], special_tokens=special, limit_alphabet=1000, show_progress=False)
    tokenizer.train_from_iterator(documents(), trainer)

    def result():
        # In the order of JavaScript, which is of UTF-16 units.
        tokens = sorted(tokenizer.get_vocab(), key=lambda token: token.encode("utf-16-be"))
        return tokenizer.to_str().encode(), tokens_hash(tokens)

    return result


def huggingface_unigram():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=request["vocabSize"], unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(lines(request["lines"]), trainer)
    return lambda: (tokenizer.to_str().encode(), None)


def sentencepiece_unigram():
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines(request["lines"]),
        model_writer=model,
        vocab_size=request["vocabSize"],
        model_type="unigram",
        character_coverage=0.9995,
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=-1,
        num_threads=request["threads"],
        max_sentence_length=1_000_000,
        # Words are all that limits a piece, as in the other trainers.
        split_by_unicode_script=False,
        split_by_number=False,
        minloglevel=2,
    )
    return lambda: (model.getvalue(), None)


TRAINERS = {
    ("train-bpe", "huggingface"): huggingface_bpe,
    ("train-bpe", "rustbpe"): rustbpe_bpe,
    ("train-wordpiece", "huggingface"): huggingface_wordpiece,
    ("train-unigram", "huggingface"): huggingface_unigram,
    ("train-unigram", "sentencepiece"): sentencepiece_unigram,
}


def count(path, model):
    first = list(islice(lines(path), 20_000))
    content = Path(model).read_bytes()
    if content.startswith(b"{"):
        from tokenizers import Tokenizer

        return sum(len(one.ids) for one in Tokenizer.from_str(content.decode()).encode_batch(first, add_special_tokens=False))
    import sentencepiece

    return sum(len(ids) for ids in sentencepiece.SentencePieceProcessor(model_proto=content).encode(first))


def train():
    trainer = TRAINERS[(request["task"], request["implementation"])]
    started = time.perf_counter()
    result = trainer()
    seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    content, digest = result()
    Path(request["result"]).write_bytes(content)
    processor = usage.ru_utime + usage.ru_stime
    print(json.dumps({"seconds": seconds, "processorSeconds": processor, "hash": digest, "peakMemoryBytes": usage.ru_maxrss * 1024}))


print(count(*sys.argv[2:])) if sys.argv[1] == "count" else train()
