"""What the machine can do at most: convolutions in large pieces, and nothing around them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

from pawtrait.style_transfer import precision
from pawtrait.style_transfer.trunks import Conv

_CHANNELS, _SIDE, _TIMES = 256, 64, 4  # a layer that fills every kind of processor


@dataclass(frozen=True, slots=True)
class Work:
    """Something to run, and how much it is."""

    run: Callable[[], None]
    gflop: float


def work(dtype: torch.dtype, device: str = "cpu") -> Work:
    """Some large convolutions of 3×3, each forward: what a processor multiplies fastest."""
    batch = 1 if device == "cpu" else 64
    x = _random(dtype, device, batch, _CHANNELS, _SIDE, _SIDE)
    kernel = _random(dtype, device, _CHANNELS, _CHANNELS, 3, 3)

    @torch.no_grad()
    def run() -> None:
        for _ in range(_TIMES):
            F.conv2d(x, kernel, padding=1)
        wait(device)

    return Work(run, _TIMES * batch * 2 * 9 * _CHANNELS**2 * _SIDE**2 / 1e9)


def frozen(convs: Sequence[tuple[Conv, int]], dtype: torch.dtype, device: str = "cpu") -> Work:
    """Each convolution with the side of its map, once forward and once back to its input, as plain calls."""
    last = torch.channels_last
    layers = []
    for conv, side in convs:
        x = _random(dtype, device, 1, conv.ins, side, side).requires_grad_()
        slope = _random(dtype, device, 1, conv.outs, side, side)
        layers.append((x, _random(dtype, device, conv.outs, conv.ins, conv.size, conv.size), slope))

    def run() -> None:
        for x, kernel, slope in layers:
            y = F.conv2d(x, kernel, padding=kernel.shape[2] // 2)
            torch.autograd.grad(y.contiguous(memory_format=last), x, slope)
        wait(device)

    return Work(run, sum(2 * 2 * c.size**2 * c.ins * c.outs * side**2 for c, side in convs) / 1e9)


def wait(device: str) -> None:
    """Until a GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def used(device: str) -> tuple[precision.Used, torch.dtype]:
    """The precision that ours takes on a device, by its name and as torch's type."""
    name = precision.choose("auto", torch.device(device))
    return name, precision.DTYPES[name]


def remark() -> str:
    """What has to be said about figures of a processor without bfloat16."""
    return "" if precision.has_bf16("cpu") else "; no bf16 here, which ours is made for"


def _random(dtype: torch.dtype, device: str, *shape: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(1)
    values = torch.randn(shape, generator=source) / 8
    return values.to(device, dtype, memory_format=torch.channels_last)
