"""Blocks of Philox4x32-10 from randomgen (an implementation that shares no code with ours), for packages/random.

    pip install randomgen==2.5.0
    python tools/parity/random/philox.py > packages/random/test/golden/philox4x32.json
"""

import json
import random

from randomgen import Philox

draw = random.Random(20250101)
cases = []
for _ in range(40):
    counter = [draw.getrandbits(32) for _ in range(4)]
    key = [draw.getrandbits(32) for _ in range(2)]
    # randomgen counts up before it makes a block, so it is handed the counter before ours.
    before = (sum(word << (32 * i) for i, word in enumerate(counter)) - 1) % 2**128
    generator = Philox(counter=before, key=key[0] | key[1] << 32, number=4, width=32)
    block = [int(word) for word in generator.random_raw(4)]
    cases.append({"counter": counter, "key": key, "block": block})
print("[\n" + ",\n".join("  " + json.dumps(case) for case in cases) + "\n]")
