"""From trained networks to files: ONNX to paint with, and safetensors, which nothing here reads, to keep."""

import copy
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from pawtrait.errors import BadModel
from pawtrait.style_transfer.cyclegan.networks import Networks

PARITY = 0.1  # grey levels of 255 that rounding may explain
OPSET = 17
PAINTERS = {"netG_A": "photo_to_painting", "netG_B": "painting_to_photo"}


def save(nets: Networks, folder: Path, photos: NDArray[np.uint8]) -> dict[str, float]:
    """Write the weights of all networks, and both generators as ONNX; the same weights give the same bytes.

    Writes ``generators.safetensors``, ``discriminators.safetensors``, ``photo_to_painting.onnx`` and
    ``painting_to_photo.onnx``. An ONNX file takes ``pixels`` and gives ``painted``, both float32
    (B, H, W, 3), RGB in 0..255, H and W multiples of 4.

    Args:
        nets: the networks.
        folder: where the files go; it exists.
        photos: uint8 (N, S, S, 3) to compare torch and ONNX on, N at least 1.

    Returns:
        For each ONNX file, by its stem, the largest difference from torch in grey levels.

    Raises:
        BadModel: a difference above ``PARITY``; that file is not written.
    """
    named = nets.named()
    for kind, title in (("netG", "generators"), ("netD", "discriminators")):
        _save_weights({name: net for name, net in named.items() if name.startswith(kind)}, folder / title)
    return {stem: _save_onnx(named[name], folder / f"{stem}.onnx", photos) for name, stem in PAINTERS.items()}


class Painter(nn.Module):
    """A generator with its ranges inside: float32 (B, H, W, 3) RGB in 0..255 to the same."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        painted: Tensor = self.net(pixels.permute(0, 3, 1, 2) / 127.5 - 1.0)
        return ((painted + 1.0) * 127.5).permute(0, 2, 3, 1)


def _save_weights(nets: dict[str, nn.Module], path: Path) -> None:
    tensors = {
        f"{name}/{key}": tensor.detach().cpu().contiguous()
        for name, net in nets.items()
        for key, tensor in net.state_dict().items()
    }
    save_file(tensors, path.with_suffix(".safetensors"))


def _save_onnx(net: nn.Module, path: Path, photos: NDArray[np.uint8]) -> float:
    """Export, compare, and write if the two agree; the largest difference in grey levels."""
    painter = Painter(copy.deepcopy(net)).cpu()  # the network in training stays where it is
    data = _convert(painter)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    apart = [_difference(painter, session, photo[None].astype(np.float32)) for photo in photos]
    difference = float(np.max(apart))  # NaN where one is, unlike Python's own max
    if not difference <= PARITY:
        raise BadModel(
            f"{path}: ONNX and torch differ by {difference:.2g} grey levels on {len(photos)} photos,"
            f" at most {PARITY:g} is allowed; report it with the versions of torch and onnxruntime"
        )
    path.write_bytes(data)
    return difference


def _difference(painter: Painter, session: Any, pixels: NDArray[np.float32]) -> float:
    with torch.no_grad():
        expected = painter(torch.from_numpy(pixels)).numpy()
    (got,) = session.run(["painted"], {"pixels": pixels})
    return float(np.abs(expected - got).max())


def _convert(painter: Painter) -> bytes:
    """The painter as ONNX with free batch, height and width."""
    free = {0: "B", 1: "H", 2: "W"}
    stream: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter needs onnxscript, this one says it is the older
        torch.onnx.export(
            painter,
            (torch.zeros(1, 32, 32, 3),),
            stream,
            input_names=["pixels"],
            output_names=["painted"],
            dynamic_axes={"pixels": free, "painted": free},
            opset_version=OPSET,
            dynamo=False,
        )
    return bytes(stream.getvalue())
