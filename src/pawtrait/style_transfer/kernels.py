"""Convolution kernels out of Keras' weight files, read without Keras.

Two layouts are about. The older one, of every file in keras.applications, names layers and weights in
attributes; Keras 3's ``.weights.h5`` numbers them: ``layers/conv2d_7/vars/0`` is the eighth kernel.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pawtrait.errors import BadWeights

Kernel = tuple[NDArray[np.float32], NDArray[np.float32]]  # (height, width, in, out) and (out,)
Shape = tuple[int, int, int, int]


def read(path: Path, shapes: Mapping[str, Shape]) -> dict[str, Kernel]:
    """Read the kernel and bias of each named convolution.

    Args:
        path: an HDF5 file in either layout.
        shapes: the convolutions in the network's order, with the kernel's (height, width, in, out).

    Raises:
        BadWeights: the file is missing or no HDF5, lacks a layer, or has one of another shape or with NaN.
    """
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            find = _by_number if "layers" in root else _by_name
            named = enumerate(shapes.items())
            return {name: _checked(path, name, shape, find(root, i, name)) for i, (name, shape) in named}
    except OSError as error:
        raise BadWeights(f"{path} is no readable HDF5 file; fetch the weights again") from error
    except KeyError as error:
        raise BadWeights(f"{path} lacks {error.args[0]}; it holds another network's weights") from error


def live(kernels: Mapping[str, Kernel]) -> dict[str, Kernel]:
    """Drop the channels whose kernel and bias are zero throughout, and what the next layer makes of them.

    Only for a plain chain of convolutions, each followed by a ReLU: there such a channel is zero for ever.
    """
    kept: dict[str, Kernel] = {}
    inputs: Any = slice(None)
    for name, (kernel, bias) in kernels.items():
        outputs = np.any(kernel != 0, axis=(0, 1, 2)) | (bias != 0)
        kept[name] = (kernel[:, :, inputs][..., outputs], bias[outputs])
        inputs = outputs
    return kept


def _by_number(root: Any, number: int, name: str) -> list[Any]:
    """Keras 3: layers of a class are numbered as they come; the first has no number."""
    layer = f"layers/conv2d_{number}" if number else "layers/conv2d"
    if layer not in root:
        raise KeyError(f"{layer} ({name})")
    return [root[f"{layer}/vars"][i] for i in ("0", "1")]


def _by_name(root: Any, number: int, name: str) -> list[Any]:
    """The older layout: a group of the layer's name whose attribute names its weights, kernel first."""
    if name not in root:
        raise KeyError(f"the layer {name}")
    group = root[name]
    names = [one.decode() if isinstance(one, bytes) else str(one) for one in group.attrs["weight_names"]]
    return [group[one] for one in names]


def _checked(path: Path, name: str, shape: Shape, found: list[Any]) -> Kernel:
    shapes = [tuple(one.shape) for one in found]
    if shapes != [shape, shape[-1:]]:
        raise BadWeights(
            f"{path}: {name} has the shapes {shapes}, expected {[shape, shape[-1:]]};"
            " it holds another network's weights"
        )
    kernel, bias = (np.asarray(one[()], np.float32) for one in found)
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise BadWeights(f"{path}: {name} holds values that are no numbers; fetch the weights again")
    return kernel, bias
