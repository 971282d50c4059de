"""Makes the golden files of packages/training with PyTorch and transformers.

    python tools/parity/training/make_golden.py

Writes packages/training/test/golden/. Run by hand; the files are committed. Single-threaded float32 on the processor.
Versions used are in the first line of each text file.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
import transformers

OUT = pathlib.Path(__file__).parents[3] / "packages/training/test/golden"
VOCAB, WIDTH, LENGTH, SAMPLES = 17, 8, 6, 11
VERSIONS = f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"


def rows(sample_ids):
    """The same rows as tinyBatch in packages/training/test/tiny-model.ts."""
    inputs = [[(3 * s + 5 * t) % VOCAB for t in range(LENGTH)] for s in sample_ids]
    labels = [
        [-100 if (s + t) % (2 + s % 3) == 0 else (row[t] + 5) % VOCAB for t in range(LENGTH)]
        for s, row in zip(sample_ids, inputs)
    ]
    return torch.tensor(inputs), torch.tensor(labels)


class TinyModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(VOCAB, WIDTH)
        self.up = torch.nn.Linear(WIDTH, 2 * WIDTH)
        self.head = torch.nn.Linear(2 * WIDTH, VOCAB, bias=False)
        generator = torch.Generator().manual_seed(20)
        for parameter in self.parameters():
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)

    def loss_sum(self, inputs, labels):
        hidden = F.gelu(self.up(self.embed(inputs)), approximate="tanh")
        return F.cross_entropy(self.head(hidden).flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")


def windows(steps, batch_size, accumulation):
    """Sample ids of each micro-batch of each optimizer step, in order, cut off at the end of an epoch."""
    position, result = 0, []
    for _ in range(steps):
        window = []
        while len(window) < accumulation and position < SAMPLES:
            window.append(list(range(position, min(position + batch_size, SAMPLES))))
            position += len(window[-1])
        position %= SAMPLES
        result.append(window)
    return result


def nanogpt_lr(it, learning_rate, min_lr, warmup_iters, lr_decay_iters):
    """get_lr of nanoGPT's train.py, in its words."""
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return min_lr
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return min_lr + coeff * (learning_rate - min_lr)


def golden_run(name, make_optimizer, steps=20):
    model = TinyModel()
    start = weights(model)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    no_decay = [p for p in model.parameters() if p.dim() < 2]
    optimizer = make_optimizer([{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}])
    lines = [f"# {name}, {VERSIONS}: step learningRate lossNats gradientNorm"]
    for step, window in enumerate(windows(steps, batch_size=2, accumulation=2)):
        rate = nanogpt_lr(step, 0.02, 0.002, 4, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        total, targets = 0.0, 0
        for ids in window:
            inputs, labels = rows(ids)
            loss = model.loss_sum(inputs, labels)
            loss.backward()
            total += loss.item()
            targets += int((labels != -100).sum())
        for parameter in model.parameters():
            parameter.grad /= targets
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25).item()
        optimizer.step()
        lines.append(f"{step + 1} {rate!r} {total / targets!r} {norm!r}")
    (OUT / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return {"start": start, "end": weights(model)}


def weights(model):
    return {name: [float(f"{value:.9g}") for value in p.flatten().tolist()] for name, p in model.state_dict().items()}


def schedules():
    """Learning rates at steps 0 .. 24 of a run of 20, peak 0.1, warm-up 5, minimum 0.01 where there is one."""
    steps, peak, minimum, warmup, total = range(25), 0.1, 0.01, 5, 20

    def trace(make):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        scheduler = make(optimizer)
        rates = []
        for _ in steps:
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return rates

    def after_warmup(make):
        def sequence(optimizer):
            lr = torch.optim.lr_scheduler
            first = lr.LinearLR(optimizer, start_factor=1 / (warmup + 1), end_factor=1.0, total_iters=warmup)
            return lr.SequentialLR(optimizer, [first, make(optimizer, lr)], milestones=[warmup])

        return sequence

    return {
        "versions": VERSIONS,
        "nanogpt": [nanogpt_lr(step, peak, minimum, warmup, total) for step in steps],
        "torchCosine": trace(
            after_warmup(lambda o, lr: lr.CosineAnnealingLR(o, T_max=total - warmup, eta_min=minimum))
        ),
        "torchLinear": trace(
            after_warmup(lambda o, lr: lr.LinearLR(o, start_factor=1.0, end_factor=minimum / peak, total_iters=total - warmup))
        ),
        "torchConstant": trace(after_warmup(lambda o, lr: lr.ConstantLR(o, factor=1.0))),
        "hfCosine": trace(lambda o: transformers.get_cosine_schedule_with_warmup(o, warmup, total)),
        "hfCosineWithMin": trace(
            lambda o: transformers.get_cosine_with_min_lr_schedule_with_warmup(o, warmup, total, min_lr=minimum)
        ),
        "hfLinear": trace(lambda o: transformers.get_linear_schedule_with_warmup(o, warmup, total)),
        "hfConstant": trace(lambda o: transformers.get_constant_schedule_with_warmup(o, warmup)),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    runs = {
        "adamw": golden_run("adamw", lambda groups: torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), eps=1e-8)),
        "sgd": golden_run("sgd", lambda groups: torch.optim.SGD(groups, lr=1.0, momentum=0.9, nesterov=True)),
    }
    (OUT / "weights.json").write_text(json.dumps({"versions": VERSIONS, **runs}) + "\n")
    (OUT / "schedules.json").write_text(json.dumps(schedules(), indent=1) + "\n")
