"""Batches for training: an endless stream whose every pixel follows from the seed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pawtrait.classification import augment
from pawtrait.params import Augment

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


def stream(
    pixels: NDArray[np.uint8],
    targets: NDArray[np.float32],
    size: int,
    knobs: Augment | None,
    seed: int,
    skip: int = 0,
) -> Iterator[Batch]:
    """Yield batches for ever, reshuffled each epoch; the last batch of an epoch may be smaller.

    Args:
        pixels: uint8 (N, side, side, 3), RGB.
        targets: float32 (N, classes), one-hot.
        size: pictures a batch.
        knobs: the augmentation, or None for the pictures as they are.
        seed: of order and augmentation.
        skip: epochs that lie behind; the stream goes on as if it had yielded them.

    Yields:
        float32 (B, side, side, 3) in 0..255 and float32 (B, classes).
    """
    rng = np.random.default_rng(seed)
    for _ in range(skip):
        rng.permutation(len(pixels))
        if knobs is not None:
            for _ in range(len(pixels)):
                augment.draw(knobs, rng)
    while True:
        order = rng.permutation(len(pixels))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield _pictures(pixels, chosen, knobs, rng), targets[chosen]


def count(pictures: int, size: int) -> int:
    """Batches an epoch."""
    return -(-pictures // size)


def _pictures(
    pixels: NDArray[np.uint8], chosen: NDArray[np.int64], knobs: Augment | None, rng: np.random.Generator
) -> NDArray[np.float32]:
    if knobs is None:
        return pixels[chosen].astype(np.float32)
    out = np.empty((len(chosen), *pixels.shape[1:]), np.float32)
    for row, index in enumerate(chosen):
        augment.apply(pixels[index], augment.draw(knobs, rng), out[row])
    return out
