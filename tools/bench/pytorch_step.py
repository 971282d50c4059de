#!/usr/bin/env python3
"""One training step of a GPT-2 in PyTorch, as nanoGPT writes it: forward, backward, clip at 1.0, AdamW.

usage: pytorch_step.py '{"layers":4,"heads":4,"width":128,"context":64,"batch":12,"vocabulary":65}' WARMUP STEPS [--compile] [--bf16] [--manual-attention]
--bf16: autocast. --manual-attention: products and a softmax, mostly PyTorch's faster path for bfloat16 on a processor.
Prints one JSON line: the milliseconds of each timed step, the peak resident memory, the version and the threads.
"""
import contextlib
import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


MANUAL_ATTENTION = "--manual-attention" in sys.argv


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["heads"]
        self.c_attn = nn.Linear(c["width"], 3 * c["width"])
        self.c_proj = nn.Linear(c["width"], c["width"])

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in self.c_attn(x).split(C, dim=2))
        if MANUAL_ATTENTION:
            scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(k.size(-1)))
            mask = torch.ones(T, T, dtype=torch.bool).tril()
            y = F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(c["width"]), Attention(c), nn.LayerNorm(c["width"])
        self.c_fc, self.c_proj = nn.Linear(c["width"], 4 * c["width"]), nn.Linear(4 * c["width"], c["width"])

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(c["vocabulary"], c["width"]), nn.Embedding(c["context"], c["width"])
        self.h = nn.ModuleList([Block(c) for _ in range(c["layers"])])
        self.ln_f, self.head = nn.LayerNorm(c["width"]), nn.Linear(c["width"], c["vocabulary"], bias=False)
        self.head.weight = self.wte.weight
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, 0.02 / (math.sqrt(2 * c["layers"]) if name.endswith("c_proj.weight") else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, ids, labels):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return F.cross_entropy(self.head(self.ln_f(x)).flatten(0, 1), labels.flatten())


def main():
    c, warmup, steps = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(1337)
    model = GPT(c)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
    forward = torch.compile(model) if "--compile" in sys.argv else model
    times = []
    for i in range(warmup + steps):
        ids, labels = (torch.randint(0, c["vocabulary"], (c["batch"], c["context"])) for _ in range(2))
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16) if "--bf16" in sys.argv else contextlib.nullcontext():
            loss = forward(ids, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        if i >= warmup:
            times.append((time.perf_counter() - start) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"stepTimesMs": times, "peakMemoryBytes": peak, "version": torch.__version__, "threads": torch.get_num_threads()}))


main()
