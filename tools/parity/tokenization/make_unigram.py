"""How many tokens SentencePiece needs for a text with unigram vocabularies that it trained on that text.

The text is the first 60,000 characters of tiny shakespeare, which the test reads too.

usage: make_unigram.py
needs: pip install sentencepiece
"""

import io
import json
from pathlib import Path

import sentencepiece

repository = Path(__file__).parents[3]
golden = repository / "packages" / "tokenization" / "test" / "golden"
text = (repository / "examples" / "data" / "tinyshakespeare" / "input.txt").read_text()[:60_000]
lines = text.split("\n")
cases = []
for vocab_size in (200, 500, 1500):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="unigram",
        character_coverage=1.0,
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=-1,
        # Words are all that limits a piece, as in the trainer that is compared.
        split_by_unicode_script=False,
        split_by_number=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    cases.append({"vocabSize": vocab_size, "tokens": sum(len(processor.encode(line)) for line in lines)})
(golden / "unigram.json").write_text(json.dumps({"sentencepiece": sentencepiece.__version__, "cases": cases}, indent=2) + "\n")
