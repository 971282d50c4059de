"""Writes packages/models/test/golden/: what transformers and PyTorch compute for tiny random GPT-2 and Llama models.

    python tools/parity/models/make_fixtures.py

Per model: the folder that `save_pretrained` writes, one batch with its loss, logits and every gradient, and 20 steps of AdamW with
clipping (loss, gradient norm and the parameters at the end). Everything is float32 on the CPU with one thread.
"""

import json
import math
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

GOLDEN = Path(__file__).resolve().parents[3] / "packages" / "models" / "test" / "golden"
BATCH, SEQ, STEPS = 2, 12, 20
ADAMW = dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-8)
WEIGHT_DECAY, MAX_GRAD_NORM = 0.1, 1.0


def gpt2(**changes):
    config = GPT2Config(
        vocab_size=65, n_embd=16, n_layer=2, n_head=2, n_positions=24, n_inner=40, initializer_range=0.2,
        embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0, bos_token_id=1, eos_token_id=2, **changes,
    )
    return GPT2LMHeadModel(config)


def llama(**changes):
    settings = dict(
        vocab_size=67, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.2, bos_token_id=1, eos_token_id=[2, 3],
    )
    return LlamaForCausalLM(LlamaConfig(**{**settings, **changes}))


LLAMA3 = dict(
    rope_type="llama3", rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=32,
)
# With 8 planes of rotation and this theta each band of llama3 (kept, smoothed, stretched) has frequencies.
MODELS = {
    "gpt2-tied": gpt2,
    "gpt2-untied-erf": lambda: gpt2(tie_word_embeddings=False, activation_function="gelu"),
    "llama-gqa-llama3": lambda: llama(head_dim=16, rope_parameters=LLAMA3),
    "llama-tied-linear-biases": lambda: llama(
        tie_word_embeddings=True, attention_bias=True, mlp_bias=True, head_dim=6,
        rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0),
    ),
}


def randomize(model):
    """Norms and biases start at 1 and 0 in transformers, where a mistake in them would not show."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))


def make_batches(vocab):
    ids = torch.randint(0, vocab, (STEPS, BATCH, SEQ + 1))
    labels = ids[:, :, 1:].clone()
    labels[torch.rand(labels.shape) < 0.2] = -100  # unequal target counts
    return ids[:, :, :-1].contiguous(), labels


def sum_loss(model, input_ids, labels):
    logits = model(input_ids=input_ids).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")


def train(model, inputs, labels):
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters.values() if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
        ],
        **ADAMW,
    )
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = sum_loss(model, inputs[step], labels[step]) / (labels[step] != -100).sum()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), MAX_GRAD_NORM).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


def clone(tensors):
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors}


def make_model(name, create):
    torch.manual_seed(20240 + list(MODELS).index(name))
    model = create().eval()
    randomize(model)
    folder = GOLDEN / name
    model.save_pretrained(folder)
    inputs, labels = make_batches(model.config.vocab_size)
    logits = model(input_ids=inputs[0]).logits
    loss = sum_loss(model, inputs[0], labels[0])
    loss.backward()
    tensors = {"logits": logits.detach()}
    tensors |= {f"gradient.{n}": t for n, t in clone((n, p.grad) for n, p in model.named_parameters()).items()}
    if name == "llama-gqa-llama3":
        tensors["inverse_frequencies"] = model.model.rotary_emb.inv_freq.clone()
        tensors["long_position_logits"] = long_positions(model, inputs[0])
    initial = clone(model.state_dict().items())
    losses, norms = train(model, inputs, labels)
    tensors |= {f"trained.{n}": t for n, t in clone(model.named_parameters()).items()}
    model.load_state_dict(initial)
    save_file(tensors, folder / "expected.safetensors")
    write_json(folder / "expected.json", {
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
        "tolerance": {
            "why": "float32; losses relative, the others relative to the largest absolute value of the tensor. "
            "Worst measured over cpu and wasm: losses 1.4e-6, logits 2.3e-7, gradients 1.3e-6, trained 4.1e-5",
            "losses": 1e-5, "logits": 2e-6, "gradients": 2e-5, "trained": 5e-4,
        },
        "inputIds": inputs.tolist(),
        "labels": labels.tolist(),
        "firstLossSum": loss.item(),
        "adamw": {**ADAMW, "weightDecay": WEIGHT_DECAY, "maxGradNorm": MAX_GRAD_NORM},
        "losses": losses,
        "gradientNorms": norms,
        "greedy": greedy(model, inputs[0][:1, :5]),
    })


def long_positions(model, input_ids):
    """The same tokens further on: rotary angles beyond the first few radians."""
    positions = torch.arange(SEQ)[None, :].expand(BATCH, -1) + 40
    return model(input_ids=input_ids, position_ids=positions).logits.detach()


def greedy(model, prompt):
    out = model.generate(prompt, max_new_tokens=10, do_sample=False, eos_token_id=None, pad_token_id=0)
    return {"prompt": prompt[0].tolist(), "tokenIds": out[0, prompt.shape[1]:].tolist()}


def make_half_precision():
    """The first Llama in F16 (three shards and an index) and in BF16, with the logits of those rounded weights in float32."""
    for dtype, shards in (("float16", "8KB"), ("bfloat16", "1GB")):
        model = LlamaForCausalLM.from_pretrained(GOLDEN / "llama-gqa-llama3").to(getattr(torch, dtype))
        folder = GOLDEN / f"llama-{dtype}"
        model.save_pretrained(folder, max_shard_size=shards)
        reloaded = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ids = torch.arange(0, 60, 5)[None, :]
        save_file({"logits": reloaded(input_ids=ids).logits.detach()}, folder / "expected.safetensors")


def make_sampling():
    torch.manual_seed(7)
    cases = []
    for options in (
        dict(temperature=0.7),
        dict(topK=5),
        dict(topP=0.8),
        dict(minP=0.1),
        dict(repetitionPenalty=1.3),
        dict(temperature=1.7, topK=12, topP=0.9, repetitionPenalty=0.8),
        dict(temperature=0.5, topK=20, topP=0.95, minP=0.05, repetitionPenalty=1.2),
        dict(topP=0.01),
    ):
        logits = 3 * torch.randn(1, 40)
        context = torch.randint(0, 40, (1, 15))
        scores = logits
        if "repetitionPenalty" in options:
            scores = RepetitionPenaltyLogitsProcessor(options["repetitionPenalty"])(context, scores)
        if "temperature" in options:
            scores = TemperatureLogitsWarper(options["temperature"])(context, scores)
        if "topK" in options:
            scores = TopKLogitsWarper(options["topK"])(context, scores)
        if "topP" in options:
            scores = TopPLogitsWarper(options["topP"])(context, scores)
        if "minP" in options:
            scores = MinPLogitsWarper(options["minP"])(context, scores)
        cases.append({
            "options": options,
            "logits": logits[0].tolist(),
            "context": context[0].tolist(),
            "scores": [None if math.isinf(score) else score for score in scores[0].tolist()],  # null: filtered out
        })
    write_json(GOLDEN / "sampling.json", {"transformers": transformers.__version__, "cases": cases})


def write_json(path, value):
    path.write_text(json.dumps(value) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    for name, create in MODELS.items():
        make_model(name, create)
    make_half_precision()
    make_sampling()
