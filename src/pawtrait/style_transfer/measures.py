"""How near pictures, and sets of pictures, are to each other by the features of a network.

The network is to be named beside such a figure. None can be compared with published ones, which rest on
Inception or on learned weights.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadData
from pawtrait.style_transfer import trunks
from pawtrait.style_transfer.canvas import Canvas
from pawtrait.style_transfer.features import Features

Embedding = NDArray[np.float64]  # (N, D)


def perceptual(features: Features, a: Pixels, b: Pixels) -> float:
    """How different two pictures look: LPIPS without its learned weights (Zhang et al. 2018, eq. 1, w = 1).

    The squared distance of feature vectors of unit length, a mean over places and over all layers; 0 for the
    same picture, 2 at most.

    Args:
        a: uint8 (H, W, 3), RGB; ``b`` is brought to its size.
    """
    layers = trunks.layers(features.network)[1:]
    with torch.no_grad():
        ours, theirs = (
            features(_laid(features, one), layers) for one in (a, images.stretch(b, *a.shape[:2]))
        )
        apart = [(_unit(ours[layer]) - _unit(theirs[layer])).square().sum(1).mean() for layer in layers]
    return float(torch.stack(apart).mean())


def embed(features: Features, pictures: Sequence[Pixels]) -> Embedding:
    """A vector for each picture: the deepest map's mean over all places.

    Args:
        pictures: uint8 (H, W, 3), RGB. Features depend on size: compare pictures of one size.

    Returns:
        (N, D), not negative.
    """
    layer = trunks.layers(features.network)[-1]
    with torch.no_grad():
        rows = [features(_laid(features, one), [layer])[layer].float().mean((0, 2, 3)) for one in pictures]
    return np.stack([row.cpu().numpy().astype(np.float64) for row in rows])


def identity(features: Features, photo: Pixels, portrait: Pixels) -> float:
    """How much a portrait still shows what the photo shows: the cosine of their embeddings, 1 at best.

    The photo is brought to the portrait's size, as for the losses.
    """
    a, b = embed(features, [images.stretch(photo, *portrait.shape[:2]), portrait])
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def kid(x: Embedding, y: Embedding) -> tuple[float, float]:
    """How far two sets of pictures are apart: the kernel distance of Bińkowski et al. 2018, for small sets.

    The unbiased estimate of MMD² (Gretton et al. 2012, eq. 3) with the kernel (x·y / D + 1)³. For two samples
    of one kind it is about 0, and may be negative.

    Args:
        x: embeddings (N, D) of one set, three pictures at least; ``y`` of the other.

    Returns:
        The estimate and its standard error, by the jackknife over both sets.

    Raises:
        BadData: a set has fewer than three pictures.
    """
    if min(len(x), len(y)) < 3:
        raise BadData(f"KID of {len(x)} and {len(y)} pictures; expected three at least in each set")
    own_x, own_y, across = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    np.fill_diagonal(own_x, 0)
    np.fill_diagonal(own_y, 0)
    whole = float(_mmd(own_x.sum(), own_y.sum(), across.sum(), len(x), len(y)))
    without_x = own_x.sum() - 2 * own_x.sum(1), own_y.sum(), across.sum() - across.sum(1)
    without_y = own_x.sum(), own_y.sum() - 2 * own_y.sum(1), across.sum() - across.sum(0)
    left = _mmd(*without_x, len(x) - 1, len(y)), _mmd(*without_y, len(x), len(y) - 1)
    variance = sum((len(one) - 1) * np.asarray(one).var() for one in left)
    return whole, float(np.sqrt(variance))


def _laid(features: Features, picture: Pixels) -> Tensor:
    return Canvas(picture, False, features.device).photo


def _unit(maps: Tensor) -> Tensor:
    return F.normalize(maps.float(), dim=1)


def _kernel(x: Embedding, y: Embedding) -> Embedding:
    kernel: Embedding = (x @ y.T / x.shape[1] + 1) ** 3
    return kernel


def _mmd(own_x: Embedding, own_y: Embedding, across: Embedding, m: int, n: int) -> Embedding:
    """MMD² from the sums of the kernel matrices, the own ones without their diagonals."""
    return own_x / (m * (m - 1)) + own_y / (n * (n - 1)) - 2 * across / (m * n)
