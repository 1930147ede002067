"""Where torch multiplies, on a GPU or the CPU, and in which precision: what ``auto`` comes to in params.yaml.

bfloat16 halves the time where the processor or the GPU has instructions for it. Elsewhere it is emulated, and
one convolution takes five times as long as in float32 (measured on Intel without avx512_bf16).

And whether memory ran out there, which each library says in words of its own.
"""

import logging
import re
from functools import cache
from typing import Literal

import torch

from pawtrait.params import Precision

Used = Literal["fp32", "bf16"]
DTYPES: dict[Used, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # torch's names: two of x86, two of ARM
_LACK = re.compile(
    "out of memory|not enough memory|allocate memory|bad_alloc"  # CUDA's, torch's and onnxruntime's, C++'s
    "|alloc(ation)?_failed"  # cuBLAS', cuDNN's before 9 and since
    "|could not (create|execute) a primitive(?! descriptor)",  # oneDNN's; of a descriptor: it never could
    re.IGNORECASE,
)

log = logging.getLogger(__name__)


def device(index: int = 0) -> torch.device:
    """The GPU of this number, among those that this process may use, where torch finds any; else the CPU."""
    return torch.device("cuda", index) if torch.cuda.is_available() else torch.device("cpu")


def choose(wished: Precision, device: torch.device) -> Used:
    """Turn ``auto`` into bf16 where the device has instructions for it, else into fp32; the rest stays.

    bf16 by name on a device that emulates it is done, with a warning, once a process.
    """
    if wished == "auto":
        return "bf16" if has_bf16(device.type) else "fp32"
    if wished == "bf16" and not has_bf16(device.type):
        _warn(device.type)
    return wished


@cache
def has_bf16(kind: str) -> bool:
    """Whether devices of a kind, cpu or cuda, have instructions for bfloat16."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in _INSTRUCTIONS)


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or its cause, is a lack of memory; most libraries raise a plain RuntimeError."""
    while error is not None:
        if isinstance(error, MemoryError) or _LACK.search(str(error)):
            return True
        error = error.__cause__
    return False


@cache
def _warn(kind: str) -> None:
    log.warning("precision bf16: this %s emulates it, several times slower than fp32; auto avoids that", kind)
