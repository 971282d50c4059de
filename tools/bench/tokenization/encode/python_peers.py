"""Libraries of Python: documents in chunks, each timed, and a hash of its ids. The same protocol as measure.mjs."""

import json
import os
import sys

request = json.loads(sys.argv[1])
threads = request["threads"]
os.environ["RAYON_NUM_THREADS"] = str(threads)
os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"

import hashlib
import resource
import time
from pathlib import Path

import numpy

CHUNK = 1_000_000  # bytes
PASSES = 3  # over a corpus of one chunk, of which the best counts

folder, corpus, name = Path(request["folder"]), request["corpus"], request["tokenizer"]


def huggingface():
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / f"{name}.tokenizer.json"))
    return lambda texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False), lambda encoding: encoding.ids


def tiktoken():
    import base64

    import tiktoken

    contents = json.loads((folder / f"{name}.ranks.json").read_text())
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in (folder / f"{name}.tiktoken").read_text().splitlines())}
    encoding = tiktoken.Encoding(name, pat_str=contents["pattern"], mergeable_ranks=ranks, special_tokens={})
    if threads > 1:
        return lambda texts: encoding.encode_ordinary_batch(texts, num_threads=threads), lambda ids: ids
    return lambda texts: [encoding.encode_ordinary(text) for text in texts], lambda ids: ids


def sentencepiece():
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
    return lambda texts: processor.encode(texts, num_threads=threads), lambda ids: ids


def chunks():
    lengths = json.loads((folder / f"{corpus}.json").read_text())
    texts, size, total = [], 0, 0
    with open(folder / f"{corpus}.txt", "rb") as file:
        for index, length in enumerate(lengths):
            texts.append(file.read(length).decode())
            size += length
            total += length
            last = index == len(lengths) - 1 or total >= request["megabytes"] * 1e6
            if size >= CHUNK or last:
                yield texts, size, last
                texts, size = [], 0
            if last:
                return


encode, ids_of = {"huggingface": huggingface, "tiktoken": tiktoken, "sentencepiece": sentencepiece}[request["implementation"]]()
measured, spent = [], 0.0
for texts, size, last in chunks():
    best = float("inf")
    for _ in range(PASSES if last and not measured else 1):
        encoded = None
        started = time.perf_counter()
        encoded = encode(texts)
        took = time.perf_counter() - started
        best = min(best, took)
        if took > request["seconds"]:
            break
    digest = hashlib.sha256()
    for one in encoded:
        digest.update(numpy.asarray(ids_of(one), dtype="<u4").tobytes())
    measured.append({"bytes": size, "seconds": best, "hash": digest.hexdigest()})
    spent += best
    if spent > request["seconds"]:
        break
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"chunks": measured, "peakMemoryBytes": peak}))
