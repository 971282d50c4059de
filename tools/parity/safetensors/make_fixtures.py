"""Makes packages/safetensors/test/fixtures with the reference implementation. Run from the repository root:

    python tools/parity/safetensors/make_fixtures.py

Needs torch and safetensors (made with 2.15.0 and 0.8.0). The results do not depend on the machine.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path("packages/safetensors/test/fixtures")

# Every dtype that torch and the format share, named so that the order by name differs from the order by dtype, with an
# empty tensor, a scalar and names that need escapes.
TORCH_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I16": torch.int16,
    "U16": torch.uint16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "U32": torch.uint32,
    "F32": torch.float32,
    "C64": torch.complex64,
    "F64": torch.float64,
    "I64": torch.int64,
    "U64": torch.uint64,
}


def pattern(dtype: torch.dtype, count: int, first: int) -> torch.Tensor:
    """`count` elements whose bytes are first, first + 1, ... (mod 2 for bool)."""
    size = torch.empty(0, dtype=dtype).element_size()
    modulus = 2 if dtype == torch.bool else 256
    raw = torch.tensor([(first + i) % modulus for i in range(count * size)], dtype=torch.uint8)
    return raw.view(dtype)


def all_dtypes() -> dict[str, torch.Tensor]:
    tensors = {}
    for index, (name, dtype) in enumerate(TORCH_DTYPES.items()):
        tensors[f"{'zyx'[index % 3]}.{name}"] = pattern(dtype, 6, index).reshape(2, 3)
    tensors["scalar"] = torch.tensor(1.5)
    tensors["empty"] = torch.empty(0, 4)
    tensors['quote " and \\ and \u00e4'] = pattern(torch.uint8, 3, 7)
    return tensors


def hash_of_conversion(dtype: torch.dtype) -> str:
    """SHA-256 of all 65,536 values of a 16-bit dtype as float32, NaNs replaced by 0x7fc00000 (hardware sets their quiet bit)."""
    values = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(dtype).to(torch.float32)
    bits = values.view(torch.int32).clone()
    bits[values.isnan()] = 0x7FC00000
    return hashlib.sha256(bits.numpy().astype("<i4").tobytes()).hexdigest()


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    save_file(all_dtypes(), OUT / "all-dtypes.safetensors", metadata={"format": "pt"})
    special = [0.0, -0.0, 1.0, -2.0, 65504.0, 6.103515625e-05, 5.960464477539063e-08, 6.097555160522461e-05, float("inf"), float("-inf"), float("nan"), 0.1]
    save_file(
        {
            "f16": torch.tensor(special, dtype=torch.float16),
            "bf16": torch.tensor(special + [1e-40, -3e38], dtype=torch.bfloat16),
            "f16.expected": torch.tensor(special, dtype=torch.float16).to(torch.float32),
            "bf16.expected": torch.tensor(special + [1e-40, -3e38], dtype=torch.bfloat16).to(torch.float32),
        },
        OUT / "half-floats.safetensors",
    )
    expected = {"F16": hash_of_conversion(torch.float16), "BF16": hash_of_conversion(torch.bfloat16)}
    (OUT / "conversions.json").write_text(json.dumps(expected, indent=2) + "\n")


main()
