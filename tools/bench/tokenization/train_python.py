"""Trains byte-level BPE on a corpus with Hugging Face tokenizers, reading it document by document, and prints seconds, a hash of the merges
and peak memory as JSON.

    python train_python.py FOLDER CORPUS VOCAB_SIZE THREADS
"""

import os
import sys

folder, corpus, vocab_size, threads = sys.argv[1:]
os.environ["RAYON_NUM_THREADS"] = threads
os.environ["TOKENIZERS_PARALLELISM"] = "true"

import hashlib
import json
import resource
import time
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

lengths = json.loads((Path(folder) / f"{corpus}.json").read_text())


def documents():
    with open(Path(folder) / f"{corpus}.txt", "rb") as file:
        for length in lengths:
            yield file.read(length).decode()


started = time.perf_counter()
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
trainer = trainers.BpeTrainer(
    vocab_size=int(vocab_size), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
)
tokenizer.train_from_iterator(documents(), trainer)
seconds = time.perf_counter() - started
digest = hashlib.sha256()
for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
    digest.update(f"{left} {right}\n".encode())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "hash": digest.hexdigest(), "peakMemoryBytes": peak, "version": tokenizers.__version__}))
