"""Networks whose feature maps say what a picture shows and how it is painted: VGG19 and SqueezeNet 1.1.

Frozen weights, no classifying top. What comes out under a layer's name is the map after its ReLU, as
``model.get_layer(name).output`` gives it in Keras (``fireN`` is ``fireN/concat`` there).
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pawtrait.errors import BadParams, BadWeights
from pawtrait.files import sha256
from pawtrait.style_transfer import kernels, trunks
from pawtrait.style_transfer.kernels import Kernel
from pawtrait.style_transfer.precision import DTYPES, Used
from pawtrait.style_transfer.trunks import Conv, Part, Pool

LEAST = 32  # px a side; the deepest maps vanish soon under it

SPREAD = 64.0  # grey levels, about the standard deviation of a picture's pixels
_MEAN = (123.68, 116.779, 103.939)  # ImageNet's, RGB in 0..255; every network here wants BGR less the mean


@dataclass(frozen=True)
class Features:
    """A network with its weights, ready to be called.

    Attributes:
        network: a key of ``trunks.NETWORKS``.
        start: "ImageNet", "compressed" or "random start": what the weights are.
        weights: kernel (out, in, h, w) and bias (out,) of each convolution, in one precision, no gradient.
    """

    network: str
    start: str
    weights: dict[str, tuple[Tensor, Tensor]]

    @property
    def device(self) -> torch.device:
        """Where the weights lie, and where pictures have to be."""
        return next(iter(self.weights.values()))[0].device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights and the maps."""
        return next(iter(self.weights.values()))[0].dtype

    def to(self, used: Used, device: str | torch.device | None = None) -> "Features":
        """The same network with weights and maps in a precision, on a device."""
        dtype, last = DTYPES[used], torch.channels_last
        weights = {
            name: (kernel.to(device, dtype, memory_format=last), bias.to(device, dtype))
            for name, (kernel, bias) in self.weights.items()
        }
        return replace(self, weights=weights)

    def __call__(self, pixels: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Feature maps of pictures, computed no deeper than asked.

        In: float32 (B, 3, H, W), RGB in 0..1, H and W at least ``LEAST``. Out: (B, C, h, w) for each layer,
        shallow to deep, not negative, in the weights' precision, channels_last.

        Raises:
            BadParams: the network has no such layer.
        """
        self.check(layers)
        maps = {trunks.PIXELS: _settle(pixels, self.dtype)} if trunks.PIXELS in layers else {}
        mean = torch.tensor(_MEAN, device=pixels.device).view(1, 3, 1, 1) / 255
        x = _settle(pixels - mean, self.dtype)
        for part in trunks.parts(self.network):
            if len(maps) == len(set(layers)):
                break
            x = self._run(part, x)
            if not isinstance(part, Pool) and part.name in layers:
                maps[part.name] = x
        return maps

    def check(self, layers: Collection[str]) -> None:
        """Raise BadParams where the network lacks one of these layers."""
        known = trunks.layers(self.network)
        unknown = ", ".join(sorted(set(layers) - set(known)))
        if unknown:
            raise BadParams(f"neural.networks.{self.network}: no layer {unknown}; it has {', '.join(known)}")

    def _run(self, part: Part, x: Tensor) -> Tensor:
        if isinstance(part, Pool):
            return F.max_pool2d(x, part.size, 2)
        if isinstance(part, Conv):
            return self._convolve(part, x)
        squeeze, *expand = part.convs
        x = self._convolve(squeeze, x)
        return torch.cat([self._convolve(one, x) for one in expand], dim=1)

    def _convolve(self, conv: Conv, x: Tensor) -> Tensor:
        kernel, bias = self.weights[conv.name]
        return F.conv2d(x, kernel, bias, conv.stride, conv.size // 2 if conv.same else 0).relu_()


def load(network: str, folder: Path | None, seed: int) -> Features:
    """A network with the weights that the stage weights brought, else with random ones; float32, on the CPU.

    Args:
        network: a key of ``trunks.NETWORKS``.
        folder: holds ``weights.json`` and the files it names; None is a random start.
        seed: of the random start.

    Raises:
        BadWeights: the folder is none of that stage, or the file is damaged or another network's.
        BadParams: there is no such network.
    """
    shapes = trunks.shapes(network)
    path = _file(network, folder) if folder else None
    if path is None:
        return _build(network, "random start", _random(network, seed))
    if network == "vgg19_16x":
        whole = trunks.shapes("vgg19")  # the file has VGG19's shapes; three in four of its channels are zero
        found = kernels.read(path, {name: whole[name] for name in shapes})
        return _build(network, "compressed", kernels.live(found))
    return _build(network, "ImageNet", kernels.read(path, shapes))


def _file(network: str, folder: Path) -> Path | None:
    """The network's file, its sum checked; None where nobody has it."""
    listed = folder / "weights.json"
    try:
        known = json.loads(listed.read_text(encoding="utf-8"))[network]
        name, digest = known["file"], known["sha256"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadWeights(
            f"{listed} does not say what {network} has; list it in style_weights.files of params.yaml"
            " and run the stage weights"
        ) from error
    if name is None:
        return None
    path = folder / str(name)
    if not path.is_file() or sha256(path) != digest:
        raise BadWeights(f"{path} is not the file that weights.json names; run the stage weights again")
    return path


def _random(network: str, seed: int) -> dict[str, Kernel]:
    """Seeded normal kernels of variance 2 / fan-in (He et al. 2015, eq. 10): maps keep their magnitude.

    The first one takes grey levels, and divides them by their spread, so that maps are of about 1.
    """
    rng = np.random.default_rng(seed)
    made: dict[str, Kernel] = {}
    for name, shape in trunks.shapes(network).items():
        spread = np.sqrt(2 / np.prod(shape[:3])) / (1 if made else SPREAD)
        made[name] = (rng.normal(0, spread, shape).astype(np.float32), np.zeros(shape[-1], np.float32))
    return made


def _build(network: str, start: str, found: dict[str, Kernel]) -> Features:
    """Kernels in torch's layout; the first takes RGB in 0..1 less the mean instead of BGR in 0..255."""
    first = next(iter(found))
    kernel, bias = found[first]
    found = found | {first: (kernel[:, :, ::-1] * 255, bias)}
    weights = {name: (_tensor(k.transpose(3, 2, 0, 1)), _tensor(b)) for name, (k, b) in found.items()}
    return Features(network, start, weights).to("fp32")


def _settle(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    return pixels.to(dtype, memory_format=torch.channels_last)


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
