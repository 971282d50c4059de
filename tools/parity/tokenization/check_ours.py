"""Opens what write_ours.ts wrote with Hugging Face tokenizers and transformers, and records what they make of it.

    python tools/parity/tokenization/check_ours.py
"""

import json
import shutil
import tempfile
from pathlib import Path

import tokenizers
import transformers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden"
inputs = json.loads((GOLDEN / "ours-texts.json").read_text(encoding="utf-8"))
out: dict = {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__, "ours": {}}

for directory in sorted((GOLDEN / "ours").iterdir()):
    plain = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    texts = inputs["texts"] + ([inputs["outside"]] if directory.name != "char" else [])
    cases = []
    for text in texts:
        plain.encode_special_tokens = True
        none = plain.encode(text).ids
        plain.encode_special_tokens = False
        found = plain.encode(text).ids
        cases.append({"text": text, "none": none, "all": found, "decoded": plain.decode(found, skip_special_tokens=False)})
    roles = None
    for model_type in [None, "llama", "gpt2"]:
        # As in a checkpoint, where the config.json of the model stands beside the tokenizer's files.
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(directory, folder, dirs_exist_ok=True)
            if model_type is not None:
                (Path(folder) / "config.json").write_text(json.dumps({"model_type": model_type}))
            loaders = [AutoTokenizer] if model_type is not None else [AutoTokenizer, PreTrainedTokenizerFast]
            for loader in loaders:
                opened = loader.from_pretrained(folder)
                for case in cases:
                    got = opened(case["text"], add_special_tokens=False)["input_ids"]
                    assert got == case["all"], (directory.name, model_type, loader, type(opened), case["text"], got, case["all"])
                    assert opened.decode(got) == case["decoded"], (directory.name, case["text"])
                roles = {
                    role: getattr(opened, f"{role}_token_id")
                    for role in ["pad", "unk", "bos", "eos"]
                    if getattr(opened, f"{role}_token") is not None
                }
                assert len(opened) == plain.get_vocab_size()
    out["ours"][directory.name] = {"vocabSize": plain.get_vocab_size(), "roles": roles, "cases": cases}

(GOLDEN / "ours.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
