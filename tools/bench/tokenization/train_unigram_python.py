"""Trains a unigram vocabulary on the lines of a file and prints seconds and peak memory as JSON; or counts tokens.

    python train_unigram_python.py sentencepiece|huggingface FILE VOCAB_SIZE RESULT
    python train_unigram_python.py count FILE LINES RESULT
"""

import io
import json
import resource
import sys
import time

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

task, path, number, result = sys.argv[1:]


def lines():
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


if task == "count":
    first = [line for line, _ in zip(lines(), range(int(number)))]
    content = open(result, "rb").read()
    if content.startswith(b"{"):
        tokenizer = Tokenizer.from_str(content.decode())
        print(sum(len(encoding.ids) for encoding in tokenizer.encode_batch(first, add_special_tokens=False)))
    else:
        processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        print(sum(len(ids) for ids in processor.encode(first)))
    sys.exit()

started = time.perf_counter()
if task == "sentencepiece":
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines(),
        model_writer=model,
        vocab_size=int(number),
        model_type="unigram",
        character_coverage=0.9995,
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=-1,
        num_threads=2,
        max_sentence_length=1_000_000,
        # Words are all that limits a piece, as in the other trainers.
        split_by_unicode_script=False,
        split_by_number=False,
        minloglevel=2,
    )
    content = model.getvalue()
else:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=int(number), unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(lines(), trainer)
    content = tokenizer.to_str().encode()
seconds = time.perf_counter() - started
open(result, "wb").write(content)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "seconds": seconds,
            "processorSeconds": usage.ru_utime + usage.ru_stime,
            "peakMemoryBytes": usage.ru_maxrss * 1024,
        }
    )
)
