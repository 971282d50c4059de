"""Encodes a corpus with Hugging Face tokenizers or tiktoken, on one thread, and prints seconds, ids and their hash as JSON.

    python encode_python.py huggingface|tiktoken FOLDER TOKENIZER CORPUS REPEATS
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import base64
import hashlib
import json
import resource
import sys
import time
from pathlib import Path

import numpy

implementation, folder, tokenizer_name, corpus, repeats = sys.argv[1:]
folder = Path(folder)
text = (folder / f"{corpus}.txt").read_bytes()
documents, start = [], 0
for length in json.loads((folder / f"{corpus}.json").read_text()):
    documents.append(text[start : start + length].decode())
    start += length

if implementation == "huggingface":
    import tokenizers

    version = tokenizers.__version__
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / f"{tokenizer_name}.tokenizer.json"))
    encode = lambda: [encoding for encoding in tokenizer.encode_batch_fast(documents, add_special_tokens=False)]
    ids_of = lambda encoding: encoding.ids
else:
    import tiktoken

    version = tiktoken.__version__
    contents = json.loads((folder / f"{tokenizer_name}.tiktoken.json").read_text())
    ranks = {base64.b64decode(token): rank for token, rank in contents["ranks"].items()}
    encoding = tiktoken.Encoding(tokenizer_name, pat_str=contents["pattern"], mergeable_ranks=ranks, special_tokens={})
    encode = lambda: [encoding.encode_ordinary(document) for document in documents]
    ids_of = lambda ids: ids

seconds = []
for _ in range(int(repeats)):
    started = time.perf_counter()
    encoded = encode()
    seconds.append(time.perf_counter() - started)
digest, count = hashlib.sha256(), 0
for one in encoded:
    ids = numpy.asarray(ids_of(one), dtype="<u4")
    digest.update(ids.tobytes())
    count += len(ids)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "ids": count, "hash": digest.hexdigest(), "peakMemoryBytes": peak, "version": version}))
