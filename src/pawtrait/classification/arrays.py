"""Packed pictures: one array a split, decoded and resized once by the one decoder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawtrait import progress
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Placed


def pack(raw: Path, placed: Sequence[Placed], side: int, largest_pixels: int, what: str) -> NDArray[np.uint8]:
    """Decode pictures below ``raw`` into uint8 (N, side, side, 3) RGB, in the order given.

    Raises:
        BadImage: a picture that the manifest called decodable is not; the raw folder has changed since.
    """
    packed = np.empty((len(placed), side, side, 3), np.uint8)
    for row, picture in enumerate(progress.track(placed, len(placed), what)):
        data = (raw / picture.path).read_bytes()
        decoded = images.decode(data, largest_pixels=largest_pixels, name=picture.path)
        packed[row] = images.resize(decoded, side)
    return packed


def classes(placed: Sequence[Placed]) -> NDArray[np.int64]:
    """The pictures' labels as indices into ``LABELS``: int64 (N,)."""
    return np.array([LABELS.index(one.label) for one in placed], np.int64)


def probes(labels: NDArray[np.int64], each: int) -> NDArray[np.int64]:
    """The rows of the fixed probe pictures: the first few of every class, class by class."""
    return np.concatenate([np.flatnonzero(labels == index)[:each] for index in range(len(LABELS))])
