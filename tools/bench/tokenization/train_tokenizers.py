"""Trains the tokenizers that encoding is measured with, on the corpora themselves: `gpt2` (50,257 ids) and `llama3` (128,000 ids, whole
pieces first), by Hugging Face tokenizers, and writes their ranks for tiktoken as well.

    python train_tokenizers.py FOLDER CORPUS...
"""

import base64
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SHAPES = {
    "gpt2": (50_256, GPT2, pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "llama3": (
        128_000,
        LLAMA3,
        pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        ),
    ),
}


def byte_alphabet() -> dict[str, int]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + index): byte for index, byte in enumerate(others)}


def main() -> None:
    folder = Path(sys.argv[1])
    documents = []
    for name in sys.argv[2:]:
        text = (folder / f"{name}.txt").read_bytes()
        start = 0
        for length in json.loads((folder / f"{name}.json").read_text()):
            documents.append(text[start : start + length].decode())
            start += length
    alphabet = byte_alphabet()
    for name, (size, pattern, pre_tokenizer) in SHAPES.items():
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator(
            documents,
            trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(alphabet), show_progress=False, max_token_length=40),
        )
        contents = json.loads(tokenizer.to_str())
        # tiktoken takes a piece that is a token for that token, as published files of Llama 3 do; the others say so here.
        contents["model"]["ignore_merges"] = name == "llama3"
        (folder / f"{name}.tokenizer.json").write_text(json.dumps(contents))
        ranks = {
            base64.b64encode(bytes(alphabet[letter] for letter in token)).decode(): rank
            for token, rank in contents["model"]["vocab"].items()
        }
        (folder / f"{name}.tiktoken.json").write_text(json.dumps({"pattern": pattern, "ranks": ranks}))


main()
