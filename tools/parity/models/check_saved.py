"""Opens a folder that `saveModel` of @codex/models wrote and compares transformers' logits with ours.

    node --conditions=@codex/source --import ./tools/jest/register-typescript.mjs tools/parity/models/save_for_check.mjs FOLDER
    python tools/parity/models/check_saved.py FOLDER

The first command writes, beside the model, `codex-logits.json`: { "inputIds": [[...]], "logits": [[[...]]] }.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

TOLERANCE = 1e-5  # of the largest logit; float32 sums in another order


def main(folder: Path) -> None:
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    problems = {kind: names for kind, names in info.items() if names}
    if problems:
        sys.exit(f"transformers did not take the folder as it is: {problems}")
    generation = GenerationConfig.from_pretrained(folder)
    ours = json.loads((folder / "codex-logits.json").read_text())
    with torch.no_grad():
        theirs = model.eval()(input_ids=torch.tensor(ours["inputIds"])).logits
    difference = (theirs - torch.tensor(ours["logits"])).abs().max() / theirs.abs().max()
    print(f"{type(model).__name__}: largest difference {difference:.2e} of the largest logit; eos {generation.eos_token_id}")
    if difference > TOLERANCE:
        sys.exit(f"expected at most {TOLERANCE}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
