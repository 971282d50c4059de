"""Values and gradients of the fused ops, and steps of the optimizers, from PyTorch.

    python tools/parity/tensor/make_fixtures.py        # writes packages/tensor/test/golden/*.json

Everything is computed in float64 from inputs that are exact in float32, so that a fixture is the true value, and the tolerance beside
it is what float32 may lose. `loss` is sum(y * dy).
"""
import json
import math
import pathlib

import torch
from torch.nn import functional as F

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "packages/tensor/test/golden"
generator = torch.Generator().manual_seed(20261120)


def normal(*shape, scale=1.0):
    return (torch.randn(shape, generator=generator) * scale).double()  # float32 values


def integers(high, *shape):
    return torch.randint(high, shape, generator=generator)


def packed(tensor, digits=9):  # nine give a float32 back exactly
    values = tensor.flatten().tolist()
    if tensor.dtype.is_floating_point:
        values = [float(f"{value:.{digits}g}") for value in values]
    return {"shape": list(tensor.shape), "dtype": "float32" if tensor.dtype.is_floating_point else "int32", "values": values}


def case(op, name, run, inputs, constants=None, attributes=None, tolerance=1e-5):
    """`tolerance` is absolute and relative: |a - b| <= tolerance * (1 + |b|)."""
    inputs = {key: value.float().double() for key, value in inputs.items()}
    leaves = {key: value.clone().requires_grad_(True) for key, value in inputs.items()}
    constants = constants or {}
    attributes = attributes or {}
    y = run(**leaves, **constants, **attributes)
    dy = normal(*y.shape)
    (y * dy).sum().backward()
    return {
        "op": op, "name": name, "tolerance": tolerance, "attributes": attributes,
        "inputs": {key: packed(value) for key, value in {**inputs, **constants}.items()},
        "y": packed(y.detach(), 7), "dy": packed(dy),
        "gradients": {key: packed(leaf.grad, 7) for key, leaf in leaves.items()},
    }


def linear(x, weight, bias=None, weightLayout="outIn"):
    return F.linear(x, weight if weightLayout == "outIn" else weight.T, bias)


def rotate_half(x):
    first, second = x.chunk(2, -1)
    return torch.cat((-second, first), -1)


def rotary(x, cos, sin):
    return x * cos[:, None] + rotate_half(x) * sin[:, None]


def angles(batch, length, head_dim):
    positions = torch.arange(length)[None] + 3 * torch.arange(batch)[:, None]
    frequencies = 10000.0 ** (-torch.arange(0, head_dim, 2).double() / head_dim)
    angle = positions[..., None] * torch.cat([frequencies, frequencies])
    return angle.cos().float().double(), angle.sin().float().double()


def attention(q, k, v, causal, scale=None, documentIds=None):
    queries, keys = q.shape[2], k.shape[2]
    visible = torch.ones(queries, keys, dtype=torch.bool)[None, None]
    if causal:
        visible = visible.tril(keys - queries)
    if documentIds is not None:
        visible = visible & (documentIds[:, None, keys - queries:, None] == documentIds[:, None, None, :])
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=scale, enable_gqa=True)


def cross_entropy(hidden, weight, labels, ignoreIndex=-100):
    return F.cross_entropy(hidden @ weight.T, labels, ignore_index=ignoreIndex, reduction="sum")


def op_cases():
    x, w = normal(2, 3, 5), normal(4, 5)
    yield case("linear", "with bias", linear, {"x": x, "weight": w, "bias": normal(4)})
    yield case("linear", "of a matrix, without bias", linear, {"x": normal(6, 5), "weight": w})
    yield case("linear", "input by output", linear, {"x": x, "weight": normal(5, 4), "bias": normal(4)}, attributes={"weightLayout": "inOut"})

    ids = torch.tensor([[1, 6, 1, 0], [3, 1, 6, 6]])
    yield case("embedding", "with repeated ids", lambda weight, ids: F.embedding(ids, weight), {"weight": normal(7, 3)}, {"ids": ids})

    x = normal(2, 3, 8, scale=2) + 1
    yield case("layerNorm", "with bias", lambda x, weight, bias, eps: F.layer_norm(x, (8,), weight, bias, eps),
               {"x": x, "weight": normal(8), "bias": normal(8)}, attributes={"eps": 1e-5})
    yield case("layerNorm", "without bias", lambda x, weight, eps: F.layer_norm(x, (8,), weight, None, eps),
               {"x": x, "weight": normal(8)}, attributes={"eps": 0.1})
    yield case("rmsNorm", "of rows", lambda x, weight, eps: F.rms_norm(x, (8,), weight, eps), {"x": x, "weight": normal(8)}, attributes={"eps": 1e-6})

    for batch, name in ((1, "one table"), (2, "a table per row")):
        cos, sin = angles(batch, 4, 6)
        yield case("rotaryEmbedding", name, rotary, {"x": normal(2, 3, 4, 6)}, {"cos": cos, "sin": sin})

    x = torch.cat([normal(20, scale=2), torch.tensor([-12.0, -5.5, -0.0, 1e-4, 5.5, 12.0]).double()])
    for approximate in ("none", "tanh"):
        # 1e-5: backends take erf from Abramowitz and Stegun 7.1.26, right to 1.5e-7, times x.
        yield case("gelu", approximate, lambda x, approximate: F.gelu(x, approximate=approximate), {"x": x}, attributes={"approximate": approximate})
    yield case("swiglu", "of a matrix", lambda gate, up: F.silu(gate) * up, {"gate": normal(4, 5, scale=3), "up": normal(4, 5)})

    q, k, v = normal(2, 4, 5, 4), normal(2, 4, 5, 4), normal(2, 4, 5, 4)
    documents = torch.tensor([[0, 0, 1, 1, 1], [4, 4, 4, 4, 2]])
    yield case("attention", "causal", attention, {"q": q, "k": k, "v": v}, attributes={"causal": True})
    yield case("attention", "in both directions, scaled", attention, {"q": q, "k": k, "v": v}, attributes={"causal": False, "scale": 0.3})
    yield case("attention", "causal within documents", attention, {"q": q, "k": k, "v": v}, {"documentIds": documents}, {"causal": True})
    yield case("attention", "within documents", attention, {"q": q, "k": k, "v": v}, {"documentIds": documents}, {"causal": False})
    k, v = normal(2, 2, 7, 4), normal(2, 2, 7, 4)
    yield case("attention", "grouped heads, more keys than queries", attention, {"q": q, "k": k, "v": v}, attributes={"causal": True})
    documents = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1]])
    yield case("attention", "all at once", attention, {"q": q, "k": k, "v": v}, {"documentIds": documents}, {"causal": True, "scale": 0.7})

    labels = integers(11, 9)
    labels[2] = labels[7] = -100
    hidden, weight = normal(9, 4), normal(11, 4, scale=2)
    yield case("linearCrossEntropy", "with ignored rows", cross_entropy, {"hidden": hidden, "weight": weight}, {"labels": labels})
    yield case("linearCrossEntropy", "another ignored label", cross_entropy, {"hidden": hidden, "weight": weight},
               {"labels": integers(11, 9)}, {"ignoreIndex": 3})
    yield case("linearCrossEntropy", "large logits", cross_entropy, {"hidden": hidden * 20, "weight": weight}, {"labels": labels})


def optimizer_case(name, make, steps=5):
    shapes, decays = [(3, 4), (5,)], [0.1, 0.0]
    parameters = [normal(*shape).requires_grad_(True) for shape in shapes]
    optimizer = make([{"params": [p], "weight_decay": decay} for p, decay in zip(parameters, decays)])
    out = {"name": name, "weightDecay": decays, "tolerance": 1e-5, "initial": [packed(p.detach()) for p in parameters], "steps": []}
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = normal(*parameter.shape)
        optimizer.step()
        out["steps"].append({"gradients": [packed(p.grad) for p in parameters], "parameters": [packed(p.detach()) for p in parameters]})
    return out


def clip_case(name, max_norm, scale):
    gradients = [normal(3, 4, scale=4), normal(5), normal(2, 2, 3)]
    leaves = [torch.zeros_like(g).requires_grad_(True) for g in gradients]
    for leaf, gradient in zip(leaves, gradients):
        leaf.grad = gradient * scale
    norm = torch.nn.utils.clip_grad_norm_(leaves, math.inf if max_norm is None else max_norm)
    if max_norm is None:
        for leaf, gradient in zip(leaves, gradients):
            leaf.grad = gradient * scale
    return {"name": name, "maxNorm": max_norm, "scale": scale, "tolerance": 1e-5, "gradients": [packed(g) for g in gradients],
            "norm": float(norm), "clipped": [packed(leaf.grad) for leaf in leaves]}


def write(name, value):
    (GOLDEN / name).write_text(json.dumps({"madeWith": f"torch {torch.__version__}", "cases": value}, separators=(",", ":")) + "\n")


GOLDEN.mkdir(parents=True, exist_ok=True)
write("ops.json", list(op_cases()))
write("optimizers.json", {
    "adamW": [optimizer_case("AdamW", lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99), eps=1e-8))],
    "sgd": [
        optimizer_case("plain", lambda groups: torch.optim.SGD(groups, lr=0.1)),
        optimizer_case("momentum", lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9)),
        optimizer_case("nesterov", lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)),
    ],
})
write("clip.json", [clip_case("clipped and scaled", 1.0, 0.25), clip_case("below the limit", 1e3, 1.0), clip_case("no limit", None, 0.5)])
