#!/usr/bin/env python3
"""Times one product with torch.mm: forward (x W), the gradient of x (dy W^T), the gradient of W (x^T dy), into memory that is there already.

usage: pytorch_matmul.py M K N THREADS
"""
import json
import math
import sys
import time

import torch

m, k, n, threads = map(int, sys.argv[1:5])
torch.set_num_threads(threads)
x, w, dy = torch.rand(m, k), torch.rand(k, n), torch.rand(m, n)
y, dx, dw = torch.empty(m, n), torch.empty(m, k), torch.empty(k, n)
products = {
    "forward": lambda: torch.mm(x, w, out=y),
    "input gradient": lambda: torch.mm(dy, w.T, out=dx),
    "weight gradient": lambda: torch.mm(x.T, dy, out=dw),
}
repetitions = max(5, min(60, math.ceil(4e11 / (2 * m * k * n))))
times = {}
for kind, product in products.items():
    times[kind] = []
    for i in range(-2, repetitions):
        start = time.perf_counter()
        product()
        if i >= 0:
            times[kind].append((time.perf_counter() - start) * 1e3)
print(json.dumps({"timesMs": times}))
