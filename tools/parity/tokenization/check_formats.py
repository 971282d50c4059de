"""Opens what write_formats.ts wrote with Hugging Face tokenizers and with SentencePiece, and compares ids.

    python tools/parity/tokenization/check_formats.py FOLDER
"""

import json
import sys
from pathlib import Path

import sentencepiece
import tokenizers

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden/formats/formats.json"
folder = Path(sys.argv[1])
fixture = json.loads(GOLDEN.read_text(encoding="utf-8"))
compared = 0
differing = []
for name, model in fixture["models"].items():
    written = tokenizers.Tokenizer.from_file(str(folder / f"{name}.json"))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
    for case in model["cases"]:
        for what, got in (("tokenizer.json", written.encode(case["text"]).ids), (".model", processor.encode(case["text"]))):
            compared += 1
            if got != case["ids"]:
                differing.append((name, what, case["text"], case["ids"], got))
for pattern, cases in fixture["tiktoken"]["cases"].items():
    written = tokenizers.Tokenizer.from_file(str(folder / f"{pattern}.json"))
    for case in cases:
        compared += 1
        got = written.encode(case["text"]).ids
        if got != case["ids"]:
            differing.append((pattern, "tokenizer.json", case["text"], case["ids"], got))
for one in differing:
    print(*one, sep="\n    ")
print(compared, "encodings compared,", len(differing), "differ")
