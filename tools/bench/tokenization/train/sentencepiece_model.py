"""A Unigram model as T5 and XLM-R have it, trained on the lines of a file: python sentencepiece_model.py LINES MODEL"""

import sys

import sentencepiece

lines, model = sys.argv[1:]
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=open(lines, encoding="utf-8"),
    model_writer=open(model, "wb"),
    vocab_size=32_000,
    model_type="unigram",
    character_coverage=0.9995,
    normalization_rule_name="nmt_nfkc",
    input_sentence_size=400_000,
    shuffle_input_sentence=False,
    num_threads=2,
    max_sentence_length=100_000,
    minloglevel=2,
)
